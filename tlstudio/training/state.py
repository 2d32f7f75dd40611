"""Where a training is, apart from weights: all that it needs to go on from there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tlstudio.errors import PictureError
from tlstudio.events import Epoch


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the best epoch so far says of each validation picture that could be decoded."""

    best: Epoch
    trained: int
    """Pictures that the epoch was trained on."""
    indices: NDArray[np.int64]
    probabilities: NDArray[np.float32]


@dataclass(slots=True)
class State:
    random: np.random.Generator
    phase: int = 0
    """Index of the phase that the last epoch belongs to."""
    epochs: list[Epoch] = field(default_factory=list)
    outcome: Outcome | None = None
    lowest_loss: float = float("inf")
    """Of validation, in this phase."""
    since_change: int = 0
    """Epochs since the lowest loss or, if that is later, since the rate was reduced."""
    factor: float = 1.0
    """Of the rate, after what plateaus took off it."""
    micro: int = 0
    """Rows of a micro-batch; 0 until a step was made in this phase."""
    lost: dict[int, PictureError] = field(default_factory=dict)
    """By index, the pictures that could not be used any more."""
    extracting: float = 0.0
    elapsed: float = 0.0
    """Seconds, of extractions and in all, in the jobs that worked on the run before."""
    stopped: bool = False
    """Whether it ended before its last epoch."""

    def enter(self, phase: int) -> None:
        """Go on to a phase, which is patient anew."""
        if phase == self.phase:
            return
        self.phase = phase
        self.lowest_loss = float("inf")
        self.since_change = 0
        self.factor = 1.0
        self.micro = 0

    def take(self, epoch: Epoch, outcome: Outcome | None, reduce_after: int) -> None:
        """Add an epoch, with its outcome where it is the best. After `reduce_after` epochs
        without a lower validation loss the rate is halved; 0: never.
        """
        self.epochs.append(epoch)
        if outcome is not None:
            self.outcome = outcome
        if epoch.val_loss < self.lowest_loss:
            self.lowest_loss = epoch.val_loss
            self.since_change = 0
            return
        self.since_change += 1
        if self.since_change == reduce_after:
            self.factor /= 2
            self.since_change = 0


def epochs_since_best(epochs: Sequence[Epoch]) -> int:
    """How many came after the best of these, 0 where there are none."""
    ranks = [_rank(epoch) for epoch in epochs]
    return len(ranks) - 1 - ranks.index(max(ranks)) if ranks else 0


def is_better(epoch: Epoch, outcome: Outcome | None) -> bool:
    """Higher validation accuracy wins, and lower loss where they tie."""
    return outcome is None or _rank(epoch) > _rank(outcome.best)


def _rank(epoch: Epoch) -> tuple[float, float]:
    return epoch.val_accuracy, -epoch.val_loss

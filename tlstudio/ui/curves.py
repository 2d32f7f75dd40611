"""The curves of one training as growing arrays, collected from its events. No Qt."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from numpy.typing import NDArray

from tlstudio.events import Batch, Epoch, Event, Failed, Finished

Floats = NDArray[np.float64]

WHOLE = 0
"""In place of a step: an epoch that stands for its batches."""


class Column:
    """Floats appended one by one; `values` is a view, not a copy."""

    def __init__(self) -> None:
        self._room = np.empty(256)
        self._length = 0

    def append(self, value: float) -> None:
        if self._length == len(self._room):
            # Doubling keeps the cost of an append constant on the average.
            self._room = np.concatenate([self._room, np.empty_like(self._room)])
        self._room[self._length] = value
        self._length += 1

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> Floats:
        return self._room[: self._length]


@dataclass(slots=True)
class Metric:
    """Loss or accuracy: by batch, its running mean by batch, and by epoch for both splits."""

    batch: Column = field(default_factory=Column)
    mean: Column = field(default_factory=Column)
    train: Column = field(default_factory=Column)
    val: Column = field(default_factory=Column)


class RunningMean:
    """Exponential mean over about `span` values, without the pull of a zero start."""

    def __init__(self, span: float) -> None:
        self._keep = 1 - 2 / (span + 1)
        self._sum = 0.0
        self._weight = 0.0

    def __call__(self, value: float) -> float:
        if np.isfinite(value):
            self._sum = self._keep * self._sum + (1 - self._keep) * value
            self._weight = self._keep * self._weight + (1 - self._keep)
        return self._sum / self._weight if self._weight else value


class Curves:
    """Positions on the time axis are in epochs: step k of n in epoch e is at e - 1 + k / n."""

    def __init__(self, epochs: int = 0, steps: int = 0) -> None:
        self.epochs = epochs
        self.batch_at = Column()
        self.epoch_at = Column()
        self.loss = Metric()
        self.accuracy = Metric()
        self.best: Epoch | None = None
        self.head_until: int | None = None
        """The epoch after which more than the head is trained, once such an epoch is done."""
        self._steps: list[tuple[int, int]] = []
        self._epochs: list[Epoch] = []
        self._span = float(np.clip(steps / 2, 4, 50))
        self._begin_means()

    def add(self, events: Iterable[Event]) -> bool:
        """Take in batches, epochs and the end; says whether there was any."""
        any_new = False
        for event in events:
            if isinstance(event, Batch):
                self._add_batch(event)
                any_new = True
            elif isinstance(event, Epoch):
                self._add_epoch(event)
                any_new = True
            elif isinstance(event, Finished | Failed):
                self._end()
                any_new = True
        return any_new

    def csv(self) -> str:
        """All of it, as CSV: a row a batch, and after the batches of an epoch a row for it."""
        lines = ["epoch,step,loss,accuracy,val_loss,val_accuracy"]
        losses, accuracies = self.loss.batch.values, self.accuracy.batch.values
        waiting = iter(self._epochs)
        epoch = next(waiting, None)
        for row, (number, step) in enumerate(self._steps):
            if step == WHOLE:
                continue
            while epoch is not None and epoch.epoch < number:
                lines.append(_csv_epoch(epoch))
                epoch = next(waiting, None)
            lines.append(f"{number},{step},{losses[row]:.9g},{accuracies[row]:.9g},,")
        while epoch is not None:
            lines.append(_csv_epoch(epoch))
            epoch = next(waiting, None)
        return "\n".join(lines) + "\n"

    def _end(self) -> None:
        """No more will come: the time axis ends with what was done."""
        done = max(
            (float(at.values[-1]) for at in (self.batch_at, self.epoch_at) if len(at)), default=0
        )
        if done:
            self.epochs = ceil(done)

    def _add_batch(self, event: Batch) -> None:
        at = event.epoch - 1 + event.step / max(event.steps, 1)
        self._add_step((event.epoch, event.step), at, event.loss, event.accuracy)

    def _add_step(self, step: tuple[int, int], at: float, loss: float, accuracy: float) -> None:
        self._steps.append(step)
        self.batch_at.append(at)
        self.loss.batch.append(loss)
        self.loss.mean.append(self._mean_loss(loss))
        self.accuracy.batch.append(accuracy)
        self.accuracy.mean.append(self._mean_accuracy(accuracy))

    def _begin_means(self) -> None:
        self._mean_loss = RunningMean(self._span)
        self._mean_accuracy = RunningMean(self._span)

    def _add_epoch(self, event: Epoch) -> None:
        if not self._steps or self._steps[-1][0] != event.epoch:
            # One that was done before the run was interrupted; its batches are not kept.
            self._begin_means()
            self._add_step((event.epoch, WHOLE), event.epoch, event.loss, event.accuracy)
        if event.phase == "plan" and self._epochs and self._epochs[-1].phase == "head":
            self.head_until = self._epochs[-1].epoch
        self._epochs.append(event)
        self.epochs = max(self.epochs, event.epoch)
        self.epoch_at.append(event.epoch)
        self.loss.train.append(event.loss)
        self.loss.val.append(event.val_loss)
        self.accuracy.train.append(event.accuracy)
        self.accuracy.val.append(event.val_accuracy)
        if event.best:
            self.best = event


def _csv_epoch(event: Epoch) -> str:
    return (
        f"{event.epoch},,{event.loss:.9g},{event.accuracy:.9g},"
        f"{event.val_loss:.9g},{event.val_accuracy:.9g}"
    )


def nearest(positions: Floats, at: float) -> int:
    """The index of the sorted position nearest to `at`; -1 where there is none."""
    if len(positions) == 0:
        return -1
    right = int(np.searchsorted(positions, at))
    if right == 0:
        return 0
    if right == len(positions) or at - positions[right - 1] <= positions[right] - at:
        return right - 1
    return right


def span(values: Iterable[Floats], step: float, low: float, high: float) -> tuple[float, float]:
    """A calm axis range: all finite values, rounded outward to `step`, within low and high.

    The top of a long run of batches is cut at its 99.5th percentile, so that one exploding
    batch does not flatten all others.
    """
    finite = [part[np.isfinite(part)] for part in values]
    finite = [part for part in finite if len(part)]
    if not finite:
        return low, min(high, low + 1)
    lowest = min(float(part.min()) for part in finite)
    highest = max(float(_cut(part).max()) for part in finite)
    bottom = max(low, step * np.floor((lowest - step / 4) / step))
    top = min(high, step * np.ceil((highest + step / 4) / step))
    return float(bottom), float(max(top, bottom + step))


def _cut(values: Floats) -> Floats:
    # By hand, since NumPy's `quantile` first loads a module for longer than a plot may take.
    last = int(0.995 * (len(values) - 1))
    return np.partition(values, last)[: last + 1] if len(values) > 400 else values

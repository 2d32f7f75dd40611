"""The phases of a training: the head alone first, where that is wanted, and then the plan."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tlstudio import events
from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.spec import Schedule, Training


@dataclass(frozen=True, slots=True)
class Phase:
    name: events.Phase
    trainable: frozenset[str]
    """The backbone's trained layers."""
    epochs: int
    rate: float
    schedule: Schedule = "constant"
    warmup: int = 0
    """Epochs."""


def phases_of(
    training: Training,
    trainable: AbstractSet[str],
    trains_backbone: bool,
    pretrained: bool = True,
) -> list[Phase]:
    """A new head starts from random weights, whose large gradients would spoil what the layers
    below it know: hence its own phase before they are trained too.
    """
    suited = suited_rate(training.optimizer, trains_backbone, pretrained)
    rate = training.learning_rate or suited
    plan = Phase(
        "plan", frozenset(trainable), training.epochs, rate, training.schedule, training.warmup
    )
    if not trains_backbone or not training.head_epochs:
        return [plan]
    suited = suited_rate(training.optimizer, trains_backbone=False)
    head_rate = training.head_learning_rate or suited
    return [Phase("head", frozenset(), training.head_epochs, head_rate), plan]

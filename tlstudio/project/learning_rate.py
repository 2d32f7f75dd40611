"""The learning rate that suits a plan where nobody has chosen one."""

from tlstudio.project.spec import Optimizer

HEAD_RATES: dict[Optimizer, float] = {"adam": 2e-3, "adamw": 2e-3, "rmsprop": 1e-3, "sgd": 2e-2}
"""For a new head, which starts from random weights."""

FINE_TUNING_SHARE = 0.05
"""Pretrained weights are moved with small steps, so as not to forget what they know."""

FROM_SCRATCH_SHARE = 0.5
"""Random weights have nothing to forget."""


def suited_rate(optimizer: Optimizer, trains_backbone: bool, pretrained: bool = True) -> float:
    """The rate for a head alone, or for a head and layers of the backbone, `pretrained` or not."""
    if not trains_backbone:
        return HEAD_RATES[optimizer]
    return HEAD_RATES[optimizer] * (FINE_TUNING_SHARE if pretrained else FROM_SCRATCH_SHARE)

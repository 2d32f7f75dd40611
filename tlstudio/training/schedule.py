"""The learning rate of each step."""

import numpy as np
from numpy.typing import NDArray

from tlstudio.training.phases import Phase


def rates(phase: Phase, epoch: int, steps: int) -> NDArray[np.float64]:
    """The rate of each of the `steps` of an epoch, counted from 0 within its phase.

    It rises in a line over the phase's warm-up, its last step having the full rate, and then
    stays or falls to 0 along half a cosine (Loshchilov and Hutter 2017, SGDR, without restarts).
    """
    step = epoch * steps + np.arange(steps)
    warmup = min(phase.warmup, phase.epochs) * steps
    share = np.ones(steps)
    if phase.schedule == "cosine":
        passed = np.clip((step - warmup) / max(1, phase.epochs * steps - warmup), 0.0, 1.0)
        share = 0.5 * (1.0 + np.cos(np.pi * passed))
    rising = step < warmup
    share[rising] = (step[rising] + 1) / warmup
    return phase.rate * share

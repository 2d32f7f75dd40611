"""About how long a training will take on a CPU: arithmetic on layer rows, for the idle window."""

import os
from collections.abc import Sequence
from math import prod

from tlstudio.events import LayerRow

# EfficientNet-Lite0 at 224 px, 0.39 G multiply-adds a picture, measured on two cores: the folded
# prefix 250 pictures/s, a training step through the network about 60.
FOLDED_PER_SECOND = 0.97e11
FIT_PER_SECOND = 0.23e11
MEASURED_CORES = 2
START_SECONDS = 4.0
"""Building and tracing the model."""
CACHED_EPOCH_PER_PICTURE = 7e-5
"""Seconds for one picture in an epoch on cached features."""


def multiply_adds(layers: Sequence[LayerRow]) -> float:
    """Multiply-adds of one picture through the layers: each kernel once per output cell."""
    return sum(
        layer.trainable_params * prod(size or 1 for size in layer.output_shape[:-1])
        for layer in layers
        if "Conv" in layer.type or layer.type == "Dense"
    )


def seconds(
    layers: Sequence[LayerRow],
    trainable: frozenset[str],
    pictures: int,
    epochs: int,
    cores: int | None = None,
) -> float:
    """For `pictures` in all, on `cores` cores (0 or None: those of this machine)."""
    speedup = min(cores or os.cpu_count() or 1, 16) / MEASURED_CORES
    work = multiply_adds(layers)
    if not trainable:
        extract = pictures * work / (FOLDED_PER_SECOND * speedup)
        return START_SECONDS + extract + epochs * pictures * CACHED_EPOCH_PER_PICTURE
    return START_SECONDS + epochs * pictures * work / (FIT_PER_SECOND * speedup)


def in_words(expected: float) -> str:
    """Rounded as roughly as it is known: about 20 s, about 3 min, about 2 h."""
    if expected < 55:
        return f"about {max(5, 5 * round(expected / 5))} s"
    if expected < 55 * 60:
        return f"about {max(1, round(expected / 60))} min"
    return f"about {max(1, round(expected / 3600))} h"

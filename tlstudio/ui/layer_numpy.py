"""The weights of a layer as NumPy has them: as text to paste, and what its file is called."""

import sys
from math import prod

import numpy as np

from tlstudio.layer_events import LayerSeen, WeightValues

MOST_PASTED = 10_000
"""More values than that are a burden to an editor."""


def value_count(layer: LayerSeen) -> int:
    return sum(prod(weight.shape) for weight in layer.weights)


def as_python(weights: WeightValues) -> str:
    """Python that makes the same arrays, which needs nothing but NumPy."""
    lines = ["from numpy import array, float16, float32, float64, inf, int32, nan", ""]
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        for name, value in zip(weights.names, weights.values, strict=True):
            lines.append(f"{name} = {value!r}")
    return "\n".join(lines) + "\n"


def suffix(weights: int) -> str:
    """Of the file that holds so many."""
    return ".npy" if weights == 1 else ".npz"

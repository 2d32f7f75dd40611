"""What is kept of a picture where the frozen layers end: a row of numbers, in some precision."""

from typing import Literal

from tlstudio.project.spec import FeaturePrecision

CHEAP_VALUES = 1 << 13
"""A row of up to so many values is kept in single precision, a larger one in half, unless another
is asked for.
"""
POOLED = 2
"""Values a channel of a pooled row: the mean and the maximum, so that a head may change between."""


def precision(values: int, chosen: FeaturePrecision = "auto") -> Literal["float16", "float32"]:
    """Of a row of so many values."""
    if chosen != "auto":
        return chosen
    return "float32" if values <= CHEAP_VALUES else "float16"


def size(values: int, chosen: FeaturePrecision = "auto") -> int:
    """Bytes of a row of so many values."""
    return values * (4 if precision(values, chosen) == "float32" else 2)

"""Padding to a fixed number of rows, since each new number would be traced anew."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def padded(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """The values with zeros after them; themselves where they have as many rows already."""
    if len(values) == rows:
        return values
    result = np.zeros((rows, *values.shape[1:]), values.dtype)
    result[: len(values)] = values
    return result

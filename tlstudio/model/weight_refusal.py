"""Why the weights in a file are refused for a network, and how to mend it."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tlstudio.errors import TlstudioError
from tlstudio.model.weight_files import Group
from tlstudio.model.weight_fit import Fit, fit

FEWEST = 0.5
"""Of a network's parameters; a file that has fewer of them is refused."""

TRIES = 4
"""Widths that a file may be of, each of which takes a network to tell."""

Rescaled = Callable[[float], tuple[float, keras.Model]]
"""The alpha of a network that is wider by a factor, and its outline."""


def check_fit(
    found: Fit, groups: Sequence[Group], path: Path, label: str, rescaled: Rescaled | None
) -> None:
    """Raise TlstudioError where a file has less than half of a network's parameters.

    `label` is what the network is called for people; `rescaled` makes it anew at another width,
    where it has one.
    """
    if found.share >= FEWEST:
        return
    if not found.shapes:
        raise TlstudioError(
            f"{path.name} holds the weights of another network than {label}.",
            "Choose the backbone that the file was saved from, or another file.",
        )
    in_other_shapes = f"{path.name} holds the layers of {label} in other shapes."
    if rescaled is None:
        raise TlstudioError(
            in_other_shapes, "Choose the backbone that the file was saved from, or another file."
        )
    for factor in _factors(found)[:TRIES]:
        alpha, model = rescaled(factor)
        if fit(model, groups).share == 1:
            raise TlstudioError(
                f"{path.name} holds {label} of another width: {alpha:g}.",
                f"Set the width (alpha) to {alpha:g}, or choose another file.",
            )
    raise TlstudioError(
        in_other_shapes,
        "Choose the width and the other arguments that the file was saved with, or another file.",
    )


def _factors(found: Fit) -> list[float]:
    """How much wider the file's layers are, without repetition: that of the widest layer first,
    since rounding to whole channels, or to eights of them, matters least there.
    """
    vectors = [(ours[0], theirs[0]) for ours, theirs in found.shapes if len(ours) == 1]
    vectors.sort(reverse=True)
    return list(dict.fromkeys(theirs / ours for ours, theirs in vectors if ours != theirs))


def check_numbers(values: Iterable[NDArray[Any]], path: Path) -> None:
    """Raise TlstudioError for values that no training can begin with."""
    if not all(np.isfinite(value).all() for value in values):
        raise TlstudioError(
            f"{path.name} holds weights that are no finite numbers.",
            "They are damaged or of a training that failed; choose another file.",
        )

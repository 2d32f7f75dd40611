"""Which weights a backbone can have, the bundled ones, and how an outline gets its values."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
from keras.src.utils.naming import to_snake_case
from numpy.typing import NDArray

from tlstudio.errors import JobError, TlstudioError
from tlstudio.model import catalog, weight_files
from tlstudio.paths import resource
from tlstudio.project.spec import Backbone
from tlstudio.project.store import NAMED_WEIGHTS


def are_bundled(spec: Backbone) -> bool:
    """Whether they are the ones that come with tlstudio."""
    lite0 = catalog.facts(spec.name) is catalog.LITE0
    return lite0 and spec.weights in ("bundled", "imagenet")


def check(spec: Backbone, include_top: bool = False) -> None:
    """Raise TlstudioError for weights that there cannot be, without loading any."""
    known = catalog.facts(spec.name)
    tied = include_top and known.top_tied
    if tied and spec.weights == "imagenet" and spec.input_shape != known.input_shape:
        rows, columns = known.input_shape
        raise TlstudioError(
            f"The classifier of {known.label} flattens what it gets, so that its ImageNet weights "
            f"fit pictures of {rows} x {columns} alone.",
            f"Set the input to {rows}x{columns}, choose random weights, or leave the top out.",
        )
    if spec.weights == "bundled" and known is not catalog.LITE0:
        raise TlstudioError(
            f"No weights of {known.label} are bundled; only those of {catalog.LITE0.label} are.",
            "Choose imagenet (a download), random or a weights file.",
        )
    deeper = "depth_multiplier" in known.arguments and spec.depth_multiplier != 1
    if spec.weights == "imagenet" and deeper:
        raise TlstudioError(
            f"There are no ImageNet weights of {known.label} with a depth multiplier of "
            f"{spec.depth_multiplier}.",
            "Set the depth multiplier to 1, or choose random weights.",
        )
    alphas = catalog.published_widths(known, spec)
    narrower = "alpha" in known.arguments and spec.alpha not in alphas
    if spec.weights == "imagenet" and narrower:
        raise TlstudioError(
            f"There are no ImageNet weights of {known.label} at width {spec.alpha:g}.",
            f"Set alpha to one of {', '.join(f'{alpha:g}' for alpha in alphas)}, "
            "or choose random weights.",
        )
    if spec.weights not in NAMED_WEIGHTS:
        weight_files.check(Path(spec.weights))


@cache
def bundled_values(layers: tuple[str, ...]) -> tuple[NDArray[Any], ...]:
    """Those of an EfficientNet-Lite0 without its top, whose layers have these types, in the order
    of its weights. Raises JobError.

    Read by hand and kept, since Keras would want a network to fill, which takes longer than all
    else before a training on kept features.
    """
    values: list[NDArray[Any]] = []
    counts: Counter[str] = Counter()
    try:
        with h5py.File(resource("weights", "efficientnet_lite0.weights.h5")) as file:
            for name in map(to_snake_case, layers):
                # As Keras names them in a file: those of a type by their number.
                number, counts[name] = counts[name], counts[name] + 1
                place = f"layers/{name}_{number}/vars" if number else f"layers/{name}/vars"
                values += (file[place][str(i)][()] for i in range(len(file[place])))
    except (OSError, KeyError) as error:
        raise JobError("The bundled weights are damaged.", "Install tlstudio again.") from error
    return tuple(values)


def give_values(model: keras.Model, values: Sequence[NDArray[Any] | None] = ()) -> None:
    """Give the weights of an outline these values, in the order of `weights`, and new ones where a
    value is None; without any, some to be overwritten: none of them is a number.
    """
    given = dict(zip(map(id, model.weights), values, strict=True)) if values else {}
    weights = set(map(id, model.weights))
    for variable in model.variables:
        value = given.get(id(variable))
        if value is not None:
            variable._initializer = partial(_as_given, value)
        elif id(variable) in weights and not values and "float" in str(variable.dtype):
            variable._initializer = keras.initializers.Constant(math.nan)
        variable._deferred_initialize()


def _as_given(value: NDArray[Any], _shape: object, dtype: str) -> object:
    return value if value.dtype == dtype else keras.ops.cast(value, dtype)


def settle(model: keras.Model) -> None:
    """Let layers that compute with more than their weights (Normalization) take in new ones."""
    for layer in model.layers:
        if layer.weights and hasattr(layer, "finalize_state"):
            layer.finalize_state()

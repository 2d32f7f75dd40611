"""The inspect job, which shows a layer from within."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.decode import RGB, decode
from tlstudio.errors import PictureError
from tlstudio.events import Event, Warned
from tlstudio.inference.networks import ON_CPU, asked_about, layer_of
from tlstudio.inference.weight_values import weight_names
from tlstudio.layer_events import LayerSeen, WeightFigures
from tlstudio.model import catalog
from tlstudio.model.backbone import preprocess
from tlstudio.model.blocks import blocks_of
from tlstudio.model.boundary import inputs_of, outputs_of
from tlstudio.project.spec import Backbone

BINS = 48
MOST_CHANNELS = 64
"""Of an activation, the first so many are shown."""
MOST_FILTERS = 256
LARGEST_SIDE = 256
"""Of an activation; of a larger one every second row and column is left out, or more."""


def inspect_layer(
    backbone: Backbone,
    layer: str,
    run: Path | None,
    picture: Path | None,
    seed: int,
    control: Control,
) -> Iterator[Event]:
    """Yield what loading says, then `LayerSeen` of a backbone as a training with this `seed` begins
    with it or, with `run`, as that run left it.

    Activations are of the first 64 channels, for layers that put out rows x columns x channels,
    and asked for by a `picture`. Raises TlstudioError for an unknown layer and weights that are not
    here, and Cancelled when stopped. A picture that cannot be used is warned of.
    """
    spec, network = yield from asked_about(backbone, run, seed, control)
    found = layer_of(network, layer)
    block = blocks_of(network)[network.layers.index(found)]
    pixels = None
    try:
        pixels = decode(picture, network.input_shape[1:3]) if picture else None
    except PictureError as error:
        yield Warned(error.message, error.hint)
    control.checkpoint()
    yield LayerSeen(
        name=found.name,
        type=type(found).__name__,
        block=block,
        config=_config(found),
        input_shapes=tuple(tuple(tensor.shape[1:]) for tensor in inputs_of(found)),
        output_shapes=tuple(tuple(tensor.shape[1:]) for tensor in outputs_of(found)),
        weights=_weights(found),
        filters=_filters(found, spec.name),
        activations=None if pixels is None else _activations(network, found, pixels, spec.name),
    )


def _config(layer: keras.layers.Layer) -> dict[str, Any]:
    if isinstance(layer, keras.Model):
        # Those of all its layers would be pages.
        return {"name": layer.name, "layers": [inner.name for inner in layer.layers]}
    config: dict[str, Any] = _as_json(layer.get_config())
    return config


def _as_json(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if np.isfinite(value) else str(value)
        case dict():
            return {str(name): _as_json(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_as_json(inner) for inner in value]
        case np.ndarray() | np.generic():
            return _as_json(value.tolist())
        case _:
            return str(value)


def _weights(layer: keras.layers.Layer) -> tuple[WeightFigures, ...]:
    # The public `trainable_variables` is empty while the layer is frozen.
    trained_ones = {
        id(variable) for inner in layer._flatten_layers() for variable in inner._trainable_variables
    }
    return tuple(
        weight_figures(name, np.asarray(value), id(weight) in trained_ones)
        for name, weight, value in zip(
            weight_names(layer), layer.weights, layer.get_weights(), strict=True
        )
    )


def weight_figures(name: str, value: NDArray[Any], trainable: bool) -> WeightFigures:
    """Of the values that are finite; how many are not is said."""
    numbers = value.astype(np.float64).ravel()
    finite = numbers[np.isfinite(numbers)]
    lost = numbers.size - finite.size
    low = high = mean = deviation = float("nan")
    histogram: tuple[int, ...] = ()
    if finite.size:
        low, high = float(finite.min()), float(finite.max())
        mean, deviation = float(finite.mean()), float(finite.std())
        # All alike: one bin, which has no width.
        bins = np.histogram(finite, BINS, (low, high))[0] if low < high else [finite.size]
        histogram = tuple(int(count) for count in bins)
    return WeightFigures(
        name,
        tuple(value.shape),
        str(value.dtype),
        trainable,
        low,
        high,
        mean,
        deviation,
        histogram,
        lost,
    )


def _filters(layer: keras.layers.Layer, network: str) -> NDArray[np.uint8] | None:
    """Of a convolution, depthwise or not, whose input has three channels."""
    kernel = getattr(layer, "kernel", None)
    convolves = isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    if not convolves or kernel is None or len(kernel.shape) != 4 or kernel.shape[2] != 3:
        return None
    values = np.moveaxis(np.asarray(kernel, np.float32), -1, 0)[:MOST_FILTERS]
    if catalog.facts(network).preprocessing == "caffe":
        # Its pictures are BGR.
        values = values[..., ::-1]
    return np.stack([_stretched(one) for one in values])


def _activations(
    network: keras.Model, layer: keras.layers.Layer, picture: RGB, name: str
) -> NDArray[np.uint8] | None:
    output = outputs_of(layer)[0]
    if len(output.shape) != 4:
        return None
    with keras.device(ON_CPU):
        inputs = preprocess(keras.ops.convert_to_tensor(picture[None], "float32"), name)
        values = keras.Model(network.input, output)(inputs, training=False)
    channels = np.asarray(keras.ops.cast(values, "float32"))[0, ..., :MOST_CHANNELS]
    step = -(-max(channels.shape[:2]) // LARGEST_SIDE)
    return np.stack([_stretched(one) for one in np.moveaxis(channels[::step, ::step], -1, 0)])


def _stretched(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """From 0, the smallest, to 255, the largest; what is no number, and what is alike, is 0."""
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8)
    low, high = values[finite].min(), values[finite].max()
    clean = np.where(finite, values, low).astype(np.float64)
    scaled = (clean - low) * (255 / ((float(high) - low) or 1.0))
    return np.asarray(np.rint(scaled), np.uint8)

"""Backbones as Keras models: built, loaded with their weights, and described layer by layer."""

import math
from collections import defaultdict
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
from keras import KerasTensor, layers

from tlstudio.control import Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Event, LayerRow, Progress
from tlstudio.model import catalog, weights
from tlstudio.model.blocks import blocks_of
from tlstudio.model.efficientnet_lite import EfficientNetLite0
from tlstudio.model.imagenet import from_imagenet
from tlstudio.model.weight_filling import fill
from tlstudio.model.weight_refusal import Rescaled
from tlstudio.project.spec import Backbone


def build(spec: Backbone, include_top: bool = False) -> keras.Model:
    """The architecture with untrained weights, for inputs (rows, columns, 3).

    Its layers have the same names each time. Raises TlstudioError as `check` does.
    """
    check(spec)
    known = catalog.facts(spec.name)
    shape = (*spec.input_shape, 3)
    if known is catalog.LITE0:
        return EfficientNetLite0(include_top=include_top, weights_path=None, input_shape=shape)
    network = getattr(keras.applications, known.name)
    arguments = catalog.given_arguments(known, spec)
    model = network(include_top=include_top, weights=None, input_shape=shape, **arguments)
    _number_names_anew(model)
    return model


def outline(spec: Backbone, include_top: bool = False) -> keras.Model:
    """The architecture with no values in its weights: built in a fraction of the time, and of
    hardly any size. Raises TlstudioError as `check` does.
    """

    policy = keras.config.dtype_policy()

    def in_scope() -> keras.Model:
        keras.config.set_dtype_policy(policy)  # a setting of this thread
        with keras.StatelessScope(initialize_variables=False):
            return build(spec, include_top)

    # Keras notes such weights, and fills them when the same thread builds its next model.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(in_scope).result()


def rescaled(spec: Backbone) -> Rescaled | None:
    """What makes it at another width; None for a network of one width."""
    if "alpha" not in catalog.facts(spec.name).arguments:
        return None

    def made(factor: float) -> tuple[float, keras.Model]:
        alpha = min(max(round(spec.alpha * factor, 2), catalog.MIN_ALPHA), catalog.MAX_ALPHA)
        return alpha, outline(spec.model_copy(update={"alpha": alpha}))

    return made


def check(spec: Backbone) -> None:
    """Raise TlstudioError for an unknown name, an input that is too small or too large, and an
    argument that the network does not have, or not in this size.
    """
    known = catalog.facts(spec.name)
    if min(spec.input_shape) < known.min_input:
        raise TlstudioError(
            f"{known.label} needs pictures of at least {known.min_input} x {known.min_input} "
            f"pixels, and {spec.input_shape[0]} x {spec.input_shape[1]} is smaller.",
            f"Set a larger input; it was trained at {known.input_shape[0]} x "
            f"{known.input_shape[1]}.",
        )
    if max(spec.input_shape) > catalog.LARGEST_INPUT:
        raise TlstudioError(
            f"An input of {spec.input_shape[0]} x {spec.input_shape[1]} pixels is too large: "
            f"{catalog.LARGEST_INPUT} x {catalog.LARGEST_INPUT} is the most.",
            f"Set a smaller input; {known.label} was trained at {known.input_shape[0]} x "
            f"{known.input_shape[1]}.",
        )
    if spec.alpha != 1.0 and "alpha" not in known.arguments:
        raise TlstudioError(
            f"{known.label} has no width multiplier, so alpha cannot be {spec.alpha:g}.",
            "Set alpha to 1, or choose a MobileNet.",
        )
    if spec.depth_multiplier != 1 and "depth_multiplier" not in known.arguments:
        raise TlstudioError(
            f"{known.label} has no depth multiplier, so it cannot be {spec.depth_multiplier}.",
            "Set the depth multiplier to 1, or choose MobileNet, the first of its kind.",
        )
    if spec.minimalistic and "minimalistic" not in known.arguments:
        raise TlstudioError(
            f"{known.label} has no minimalistic variant.",
            "Leave minimalistic off, or choose a MobileNetV3.",
        )
    if spec.alpha < catalog.MIN_ALPHA:
        raise TlstudioError(
            f"At alpha {spec.alpha:g} {known.label} would have layers without a single channel.",
            f"Set alpha to {catalog.MIN_ALPHA:g} or more.",
        )


def load(
    spec: Backbone, control: Control, download: bool = True
) -> Generator[Event, None, keras.Model]:
    """Build a backbone without its top, fill it with the weights that `spec` names, return it.

    Layers that a weights file does not have are warned of and get random weights. Those are
    reproducible after `keras.utils.set_random_seed`. Without `download`, ImageNet weights must be
    here and sound. Raises TlstudioError when the weights cannot be had or are of another network,
    and Cancelled when stopped.
    """
    known = catalog.facts(spec.name)
    yield Progress("build", 0, 1, known.label)
    weights.check(spec)
    # Random values would only be overwritten, and take longer than all the rest.
    model = build(spec) if spec.weights == "random" else outline(spec)
    control.checkpoint()
    if weights.are_bundled(spec):
        types = tuple(type(layer).__name__ for layer in model.layers)
        weights.give_values(model, weights.bundled_values(types))
    elif spec.weights == "imagenet":
        weights.give_values(model)
        yield from from_imagenet(model, spec, control, download)
    elif spec.weights != "random":
        yield from fill(model, Path(spec.weights), known.label, rescaled(spec))
    weights.settle(model)
    yield Progress("build", 1, 1, known.label)
    return model


def preprocess(inputs: KerasTensor, name: str) -> KerasTensor:
    """The backbone's own preprocessing of RGB pictures with values 0 to 255.

    Plain Keras layers in float32 whatever the dtype policy, since half precision cannot hold the
    values; the identity where preprocessing is part of the network.
    """
    mode = catalog.facts(name).preprocessing
    if mode == "none":
        return inputs
    if mode == "caffe":
        inputs = keras.ops.flip(inputs, axis=-1)
    scale, offset = _SCALE_AND_OFFSET[mode]
    return layers.Rescaling(scale, offset, dtype="float32", name="preprocessing")(inputs)


def layer_rows(model: keras.Model) -> tuple[LayerRow, ...]:
    """One row a layer, from input to output."""
    blocks = blocks_of(model)
    return tuple(
        LayerRow(
            name=layer.name,
            type=type(layer).__name__,
            block=block,
            output_shape=tuple(layer.output.shape[1:]),
            params=layer.count_params(),
            trainable=layer.trainable,
            # The public `trainable_variables` is empty while the layer is frozen; some layers of
            # ConvNeXt are of several.
            trainable_params=sum(
                math.prod(variable.shape)
                for inner in layer._flatten_layers()
                for variable in inner._trainable_variables
            ),
        )
        for layer, block in zip(model.layers, blocks, strict=True)
    )


def _number_names_anew(model: keras.Model) -> None:
    """Give the layers that Keras named the names that they have in a fresh process.

    Keras counts on over all models that a process builds (conv2d_94), and freeze plans keep
    layers by name.
    """
    by_stem = defaultdict(list)
    for operation in model.operations:
        stem, _, number = operation.name.rpartition("_")
        if not number.isdecimal():
            stem, number = operation.name, "0"
        if stem.replace("_", "") == type(operation).__name__.lower():
            by_stem[stem].append((int(number), operation))
    for stem, numbered in by_stem.items():
        numbered.sort(key=lambda pair: pair[0])
        for index, (_, operation) in enumerate(numbered):
            operation.name = f"{stem}_{index}" if index else stem


# Applied as x * scale + offset to x in 0..255; caffe to BGR.
#
# EfficientNet divides by the deviation twice over. Its Normalization takes the root of what the
# weights call variance, which is the deviation, and keras.applications puts the other root into the
# network only where it loads ImageNet weights itself, which here it never does. Before the network,
# (x / 255 - mean) / root must be, hence the offset.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SCALE_AND_OFFSET = {
    "tf": (1 / 127.5, -1.0),
    "lite": (1 / 128, -127 / 128),
    "caffe": (1.0, [-103.939, -116.779, -123.68]),
    "torch": (
        [1 / (255 * deviation) for deviation in _DEVIATION],
        [-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)],
    ),
    "efficientnet": (
        [deviation**-0.5 for deviation in _DEVIATION],
        [255 * m * (1 - d**-0.5) for m, d in zip(_MEAN, _DEVIATION, strict=True)],
    ),
}

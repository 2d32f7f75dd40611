"""What a backbone says of pictures at every depth, in one pass: advice is measured on it."""

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.kept_features import limit, shrink
from tlstudio.data.lost import warnings_of
from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import Event, LayerRow, Picture, Warned
from tlstudio.model import backbone as backbones
from tlstudio.model import catalog, weights
from tlstudio.model.boundary import work_of
from tlstudio.paths import features_folder, resource
from tlstudio.project.freeze_plan import blocks_in_order
from tlstudio.project.spec import Augmentation, Backbone
from tlstudio.training.features import (
    Features,
    OverflowInHalfPrecision,
    compute_features,
)
from tlstudio.training.openvino_streams import OpenVinoFailed
from tlstudio.training.prefix import TENSORFLOW, Prefix, engine_for, key_of
from tlstudio.training.versions import Version, plain

LEFT_OUT = "The advice is given without {}."

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Depth:
    """One block. `rows` (pictures, channels) are its output's means over rows and columns."""

    block: str
    layer: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class Response:
    """What a backbone says of pictures; `used` are the numbers of those that could be decoded."""

    used: NDArray[np.int64]
    depths: tuple[Depth, ...]
    """From input to output; the last one's rows are the features of a head with average pooling."""
    maxima: Rows
    """The features of a head with max pooling, (pictures, channels)."""
    confidence: float | None
    """Mean of the largest ImageNet probability, 0 to 1; None where the top is not at hand."""
    layers: tuple[LayerRow, ...]
    """Of the backbone."""


def response(
    backbone: keras.Model,
    spec: Backbone,
    pictures: Sequence[Picture],
    device: str,
    control: Control,
    every_depth: bool = True,
) -> Generator[Event, None, Response]:
    """Run pictures through a loaded backbone, or take what was kept of an earlier pass.

    `device` is what TensorFlow calls it. Without `every_depth` the output alone is looked at.
    Raises Cancelled, and JobError where the backbone puts out what is no number.
    """
    rows = backbones.layer_rows(backbone)
    ends = _ends_of_blocks(rows, backbone)
    if not every_depth:
        ends = ends[-1:]
    top = _top_of(backbone, spec) if every_depth else None
    model = _pooled(backbone, spec, [layer for _, layer in ends], top)
    versions = [plain(picture) for picture in pictures]
    prefix, features = yield from _computed(
        model, backbone, spec, [layer for _, layer in ends], versions, device, control
    )
    found = [i for i, one in enumerate(pictures) if one.digest not in features.lost]
    used = np.array(found, np.int64)
    values = features.read([versions[i].key for i in found])
    sizes = accumulate((shape[0] for shape in prefix.shapes), initial=0)
    parts = [values[:, start:end] for start, end in pairwise(sizes)]
    depths = [Depth(block, layer, part) for (block, layer), part in zip(ends, parts, strict=False)]
    return Response(
        used=used,
        depths=tuple(depths),
        maxima=parts[len(ends)],
        confidence=float(parts[-1].mean()) if top else None,
        layers=rows,
    )


def _ends_of_blocks(rows: Sequence[LayerRow], backbone: keras.Model) -> list[tuple[str, str]]:
    """Each block that puts out maps, with its last layer; the last is the backbone's output."""
    last = {row.block: row.name for row in rows if len(row.output_shape) == 3}
    blocks = [block for block in blocks_in_order(rows) if block in last]
    # A block's layers without parameters, such as the input, have nothing to say of their own.
    weighty = {row.block for row in rows if row.params}
    ends = [(block, last[block]) for block in blocks if block in weighty]
    output = backbone.output._keras_history.operation.name
    return [*ends[:-1], (ends[-1][0], output)]


def _pooled(
    backbone: keras.Model, spec: Backbone, ends: Sequence[str], top: keras.Model | None
) -> keras.Model:
    """Decoded pictures in; out come the mean of each end, the maximum of the last one and, with
    a top, the largest probability.
    """
    picture = keras.Input(backbone.input_shape[1:], name="picture")
    network = keras.Model(backbone.input, [backbone.get_layer(name).output for name in ends])
    maps = keras.tree.flatten(network(backbones.preprocess(picture, spec.name)))
    outputs = [layers.GlobalAveragePooling2D()(one) for one in maps]
    outputs.append(layers.GlobalMaxPooling2D()(maps[-1]))
    if top is not None:
        outputs.append(keras.ops.max(top(maps[-1]), axis=-1, keepdims=True))
    return keras.Model(picture, outputs)


def _top_of(backbone: keras.Model, spec: Backbone) -> keras.Model | None:
    """The ImageNet classifier on the backbone's output; None where its weights are not on this
    machine, or it cannot be put on an output of this size.
    """
    path = _file_with_top(spec)
    if path is None:
        return None
    try:
        whole = backbones.outline(spec, include_top=True)
        weights.give_values(whole)
        whole.load_weights(path)
        last = backbone.output._keras_history.operation.name
        return keras.Model(whole.get_layer(last).output, whole.output, name="top")
    # Of another size fully connected layers are no use, and a damaged file is none at any.
    except (TlstudioError, ValueError, KeyError, OSError):
        return None


def _file_with_top(spec: Backbone) -> Path | None:
    known = catalog.facts(spec.name)
    if weights.are_bundled(spec):
        return resource("weights", "efficientnet_lite0.weights.h5")
    changed = spec.alpha != 1.0 or spec.depth_multiplier != 1 or spec.minimalistic
    if spec.weights != "imagenet" or changed:
        return None
    name = catalog.weights_file(known, spec).name
    # keras.applications calls the two files the same but for this.
    path = catalog.weights_folder() / re.sub(r"_no_?top(_v2)?", "", name)
    return path if path.is_file() else None


def _computed(
    model: keras.Model,
    backbone: keras.Model,
    spec: Backbone,
    ends: Sequence[str],
    versions: Sequence[Version],
    device: str,
    control: Control,
    engine: str = "",
) -> Generator[Event, None, tuple[Prefix, Features]]:
    """The rows of all versions, kept for the next question."""
    engine = engine or engine_for(device)
    key = key_of(model, spec, ends, "pooled at each", "float32", engine)
    prefix = Prefix(model, work_of(backbone), key, "float32", engine)
    folder, how = features_folder(), Augmentation()
    try:
        features = yield from compute_features(prefix, versions, how, folder, device, control)
    except OpenVinoFailed as failed:
        yield Warned(failed.message, failed.hint)
        return (
            yield from _computed(model, backbone, spec, ends, versions, device, control, TENSORFLOW)
        )
    except OverflowInHalfPrecision as error:
        raise JobError(
            f"{catalog.facts(spec.name).label} answers some pictures with what is no number.",
            "Its weights may be damaged: choose other ones, or another backbone.",
        ) from error
    shrink(folder, limit(), spare=features.cache.in_use())
    yield from warnings_of(list(features.lost.values()), LEFT_OUT)
    return prefix, features

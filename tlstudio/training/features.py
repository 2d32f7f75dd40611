"""The frozen prefix, run once a picture: its outputs are what the rest is trained on."""

import os
import tempfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tlstudio.control import Control
from tlstudio.data.batches import picture_batches
from tlstudio.errors import PictureError
from tlstudio.events import Event, Progress
from tlstudio.model.backbone import preprocess
from tlstudio.paths import write_error

BATCH = 32
IN_MEMORY_BYTES = 2**30

Prefix = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Features:
    """`values[i]` belongs to picture i; `lost` says which pictures could not be decoded."""

    values: NDArray[np.float32]
    lost: dict[int, PictureError]


def prefix_model(
    backbone: keras.Model, backbone_name: str, pooling: keras.layers.Layer
) -> keras.Model:
    """Pictures in, pooled features out, when the whole backbone is frozen.

    Only the pooled vector is kept where the head begins with GAP or GMP, which is rows times
    columns less to store and to train on.
    """
    picture = keras.Input(backbone.input_shape[1:], name="picture")
    return keras.Model(picture, pooling(backbone(preprocess(picture, backbone_name))))


def fold(model: keras.Model, batch: int = BATCH) -> Prefix:
    """The model as a graph whose weights are constants: TensorFlow then folds BatchNorm into the
    convolutions, which makes it more than twice as fast on a CPU, equal to 1e-5.

    Takes uint8 of shape (batch, rows, columns, 3) exactly.
    """
    signature = tf.TensorSpec((batch, *model.input_shape[1:]), tf.uint8)

    @tf.function(input_signature=[signature], jit_compile=False)  # type: ignore[untyped-decorator]
    def forward(pictures: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(pictures, tf.float32), training=False)

    folded = convert_variables_to_constants_v2(forward.get_concrete_function())

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        return folded(tf.constant(pictures))[0].numpy()  # type: ignore[no-any-return]

    return run


def extract(
    model: keras.Model, paths: Sequence[str], folder: Path, control: Control
) -> Generator[Event, None, Features]:
    """Run every picture through `model` once, decoding beside it. Returns the features.

    More than a gigabyte of them goes to a temporary file in `folder`. Raises Cancelled.
    """
    run = fold(model)
    values = empty((len(paths), *model.output_shape[1:]), folder)
    lost: dict[int, PictureError] = {}
    size = model.input_shape[1:3]
    yield Progress("extract", 0, len(paths))
    done = 0
    for batch in picture_batches([Path(path) for path in paths], size, BATCH, control):
        if batch.indices:
            values[batch.indices] = run(batch.pictures)[: len(batch.indices)]
        lost |= batch.lost
        done += len(batch.indices) + len(batch.lost)
        yield Progress("extract", done, len(paths))
    return Features(values, lost)


def empty(shape: tuple[int, ...], folder: Path) -> NDArray[np.float32]:
    """An array in memory, or, above IN_MEMORY_BYTES, in a file that vanishes with the array.

    Raises JobError when the disk has no room for it.
    """
    size = prod(shape) * 4
    if size <= IN_MEMORY_BYTES:
        return np.empty(shape, np.float32)
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            _reserve(stream, size)
            return np.memmap(stream, np.float32, "r+", shape=shape)
    except OSError as error:
        raise write_error(folder, error) from error


def _reserve(stream: IO[bytes], size: int) -> None:
    """Make the file `size` bytes long on the disk too: writing to a hole in a mapped file ends
    the process when the disk is full.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(stream.fileno(), 0, size)
        return
    block = bytes(1 << 20)
    for start in range(0, size, len(block)):
        stream.write(block[: size - start])
    stream.flush()

"""The frozen prefix as a function: decoded pictures in, one row of numbers a picture out."""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from threading import Lock
from typing import Literal, NamedTuple, Self

import keras
import numpy as np
import PIL
import tensorflow as tf
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

from tlstudio.background import awaited, in_background
from tlstudio.control import Control
from tlstudio.data.decode import DECODING
from tlstudio.model.backbone import preprocess
from tlstudio.model.boundary import Boundary, prefix_of, suffix_of
from tlstudio.model.head import put_on
from tlstudio.project import kept_row
from tlstudio.project.spec import Backbone
from tlstudio.training import openvino_streams
from tlstudio.training.folded import FoldedGraph, Rows, Run, fold
from tlstudio.training.padding import padded

FORMAT = 7
GPU_BATCH = 32
LARGEST_BATCH = 8
LARGEST_PIECE = 16
WORK_OF_A_BATCH = 2e9
"""Floating-point operations on a core: so few that what a layer puts out stays in its cache, and
that a stop is obeyed soon; two pictures of EfficientNet-Lite0.
"""
WORK_OF_A_PIECE = 8 * WORK_OF_A_BATCH
"""Of what a thread takes at once: so much that taking it costs nothing beside, so little that a
pause comes soon.
"""

POOLINGS = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)
"""Whose results a pooled row has, beside each other."""

TENSORFLOW = "tensorflow"
ON_GPU = f"{TENSORFLOW} on a GPU"

DType = Literal["float16", "float32"]


@dataclass(frozen=True, slots=True)
class Prefix:
    """`model` makes the tensors that cross the boundary; a row is all of them, flattened."""

    model: keras.Model
    work: int
    """Floating-point operations a picture."""
    key: str
    """Of all that the rows depend on but the pictures."""
    dtype: DType
    engine: str = TENSORFLOW
    """What makes the rows, and its version where that is not TensorFlow's."""
    taken: slice = field(default_factory=lambda: slice(None))
    """The values of a row that are trained on: those of one pooling, where both are kept."""

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of the tensors, without the batch axis."""
        return tuple(tuple(tensor.shape[1:]) for tensor in self.model.outputs)

    @property
    def values(self) -> int:
        return sum(map(prod, self.shapes))


def cut_off(
    backbone: keras.Model,
    spec: Backbone,
    boundary: Boundary,
    head: Sequence[keras.layers.Layer],
    dtype: DType | None = None,
    engine: str = TENSORFLOW,
) -> tuple[Prefix, keras.Model]:
    """The prefix, and what is trained after it: a model that takes rows and gives probabilities.

    `dtype` None takes what suits the size of a row.

    Where all is frozen and the head begins with a pooling to one value a channel, the pooling
    belongs to the prefix: rows times columns less to keep and to train on. Both kinds of pooling
    do, so that a head with the other one finds its features kept.
    """
    picture = keras.Input(backbone.input_shape[1:], name="picture")
    tensors = keras.tree.flatten(prefix_of(backbone, boundary)(preprocess(picture, spec.name)))
    suffix = suffix_of(backbone, boundary)
    pooled = _is_pooled(backbone, boundary, head)
    if pooled:
        tensors = _pooled(tensors[0])
    model = keras.Model(picture, tensors)
    if dtype is None:
        dtype = kept_row.precision(sum(prod(tensor.shape[1:]) for tensor in model.outputs))
    key = key_of(model, spec, boundary.layers, "pooled" if pooled else "", dtype, engine)
    prefix = Prefix(model, boundary.work, key, dtype, engine)
    if pooled:
        which, channels = POOLINGS.index(type(head[0])), prefix.values // len(POOLINGS)
        prefix = replace(prefix, taken=slice(which * channels, (which + 1) * channels))
        rows = keras.Input((channels,), dtype=dtype, name="rows")
        last, head = keras.ops.cast(rows, "float32"), head[1:]
    else:
        rows = keras.Input((prefix.values,), dtype=dtype, name="rows")
        last = suffix(_unflattened(rows, prefix.shapes))
    return prefix, keras.Model(rows, put_on(last, head), name="suffix_and_head")


def joined(
    backbone: keras.Model,
    spec: Backbone,
    boundaries: Sequence[Boundary],
    head: Sequence[keras.layers.Layer],
    engine: str = TENSORFLOW,
) -> Prefix:
    """All that is cut off at these boundaries in one pass: the rows of each beside each other, in
    single precision.
    """
    picture = keras.Input(backbone.input_shape[1:], name="picture")
    crossing = [list(boundary.tensors) for boundary in boundaries]
    network = keras.Model(backbone.input, crossing, name="prefix")
    tensors: list[keras.KerasTensor] = []
    for boundary, found in zip(boundaries, network(preprocess(picture, spec.name)), strict=True):
        tensors += _pooled(found[0]) if _is_pooled(backbone, boundary, head) else found
    work = max(boundary.work for boundary in boundaries)
    return Prefix(keras.Model(picture, tensors), work, "", "float32", engine)


def _pooled(tensor: keras.KerasTensor) -> list[keras.KerasTensor]:
    return [pooling()(tensor) for pooling in POOLINGS]


def _is_pooled(
    backbone: keras.Model, boundary: Boundary, head: Sequence[keras.layers.Layer]
) -> bool:
    """Whether the head's pooling belongs to the prefix."""
    at_the_end = boundary.tensors == tuple(backbone.outputs)
    return at_the_end and not isinstance(head[0], keras.layers.Flatten)


def _unflattened(
    rows: keras.KerasTensor, shapes: Sequence[tuple[int, ...]]
) -> list[keras.KerasTensor]:
    values = keras.ops.cast(rows, "float32")
    tensors, start = [], 0
    for shape in shapes:
        end = start + prod(shape)
        tensors.append(keras.ops.reshape(values[:, start:end], (-1, *shape)))
        start = end
    return tensors


def key_of(
    model: keras.Model,
    spec: Backbone,
    layers: Sequence[str],
    last: str,
    dtype: DType,
    engine: str,
) -> str:
    """Of all that the rows of `model` depend on but the pictures: its weights, the `layers` of the
    backbone whose outputs it takes, and what it does `last` with them.
    """
    digest = hashlib.sha256()
    described = {
        "format": FORMAT,
        "decoding": DECODING,
        "versions": [keras.__version__, tf.__version__, PIL.__version__],
        "backbone": spec.model_dump(mode="json", exclude={"weights"}),
        "boundary": layers,
        "last": last,
        "dtype": dtype,
        # Engines round differently, and a run that goes on must find the same rows.
        "engine": engine,
    }
    digest.update(json.dumps(described, sort_keys=True).encode())
    for weight in model.weights:
        digest.update(weight.numpy().tobytes())
    return digest.hexdigest()


def as_kept(rows: Rows, dtype: DType) -> Rows:
    """What is too large for half precision becomes infinite, as it does in TensorFlow."""
    with np.errstate(over="ignore"):
        return rows.astype(dtype, copy=False)


def engine_for(device: str) -> str:
    """The fastest engine that is installed, for a device as TensorFlow calls it."""
    if "GPU" in device:
        return ON_GPU
    version = openvino_streams.installed()
    return f"openvino {version}" if version else TENSORFLOW


class Runner:
    """Runs a prefix on one device, `batch` pictures at once, from any number of threads.

    On a CPU each thread that calls is a stream of its own: small batches in as many threads as
    there are cores beat large ones that are shared by all, since no core waits for another and
    what a layer puts out is still near when the next one takes it in. Holds memory: use as a
    context, which begins to build what is run.
    """

    def __init__(self, prefix: Prefix, device: str, control: Control) -> None:
        """`device` as TensorFlow calls it; `control` that of the job."""
        cores = os.cpu_count() or 1
        self._on_gpu = "GPU" in device
        if self._on_gpu:
            self.piece = self.batch = GPU_BATCH
            self.workers = min(8, cores + 1)
        else:
            self.batch = max(1, min(LARGEST_BATCH, int(WORK_OF_A_BATCH // prefix.work)))
            self.piece = max(1, min(LARGEST_PIECE, int(WORK_OF_A_PIECE // prefix.work)))
            self.workers = cores
        self.picture_size: tuple[int, int] = prefix.model.input_shape[1:3]
        self._prefix = prefix
        self._device = device
        self._control = control
        self._open = ExitStack()
        self._halving = Lock()

    @property
    def fitting(self) -> int:
        """The pictures of a batch that are run at once: fewer where the memory is not enough."""
        return self._now.pictures

    def __enter__(self) -> Self:
        self._now = self._begun(self.batch)
        return self

    def __exit__(self, *_: object) -> None:
        # Now, or when a build that was left to itself has ended.
        self._now.run.add_done_callback(lambda _: self._open.close())

    def wait(self) -> None:
        """Until all is built: a second, or several for a large network. Raises what a call does."""
        self._built()

    def __call__(self, pictures: Rows) -> Rows:
        """uint8 of shape (batch, rows, columns, 3) to rows of shape (batch, values).

        Waits until all is built. Raises Cancelled, OpenVinoFailed, and ResourceExhaustedError
        where not even one picture fits into the memory.
        """
        now = self._built()
        run, at_once = now.run.result(), now.pictures
        try:
            if at_once == len(pictures):
                return run(pictures)
            parts = [pictures[i : i + at_once] for i in range(0, len(pictures), at_once)]
            rows = [run(padded(part, at_once)) for part in parts]
            return np.concatenate(rows)[: len(pictures)]
        except tf.errors.ResourceExhaustedError as error:
            self._halve(now, error)
        return self(pictures)

    def _built(self) -> "_Building":
        now = self._now
        try:
            awaited(now.run, self._control)
        except tf.errors.ResourceExhaustedError as error:
            self._halve(now, error)
            return self._built()
        return now

    def _halve(self, failed: "_Building", error: tf.errors.ResourceExhaustedError) -> None:
        if failed.pictures == 1:
            raise error
        with self._halving:
            if self._now is failed:  # and no other thread has found it out
                self._now = self._begun(-(-failed.pictures // 2))

    def _begun(self, pictures: int) -> "_Building":
        return _Building(pictures, in_background(partial(self._build, pictures), "prefix"))

    def _build(self, pictures: int) -> Run:
        prefix = self._prefix
        if prefix.engine not in (TENSORFLOW, ON_GPU):
            return self._in_openvino(pictures)
        folded = fold(prefix.model, pictures, prefix.dtype)
        return _optimised(
            folded, _eagerly(folded, self._device) if self._on_gpu else self._in_session(folded)
        )

    def _in_openvino(self, pictures: int) -> Run:
        """In single precision, since that is what can be checked."""
        folded = fold(self._prefix.model, pictures, "float32")
        run = openvino_streams.streams(folded, self.workers)
        tensorflow = _optimised(folded, self._in_session(folded))
        checked = openvino_streams.checked(run, tensorflow)
        return lambda pictures: as_kept(checked(pictures), self._prefix.dtype)

    def _in_session(self, folded: FoldedGraph) -> Run:
        """A session computes in the thread that calls it, with no other to wait for, where eager
        calls share the threads of the process.
        """
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=1,
            inter_op_parallelism_threads=-1,
            device_count={"GPU": 0},
        )
        # Joining additions would part them from the convolutions that could do them.
        rewriting = config.graph_options.rewrite_options
        rewriting.arithmetic_optimization = RewriterConfig.OFF
        rewriting.meta_optimizer_iterations = RewriterConfig.ONE
        session = tf.compat.v1.Session(graph=folded.graph, config=config)
        self._open.callback(session.close)
        return session.make_callable(  # type: ignore[no-any-return]
            folded.rows.name, [folded.pictures.name]
        )


class _Building(NamedTuple):
    """What runs so many pictures at once, or will."""

    pictures: int
    run: Future[Run]


def _optimised(folded: FoldedGraph, run: Run) -> Run:
    """TensorFlow optimises a graph when it first runs."""
    run(np.zeros(folded.pictures.shape, np.uint8))
    return run


def _eagerly(folded: FoldedGraph, device: str) -> Run:
    definition = folded.graph.as_graph_def()
    function = tf.compat.v1.wrap_function(
        lambda pictures: tf.import_graph_def(
            definition, {folded.pictures.op.name: pictures}, [folded.rows.name]
        ),
        [tf.TensorSpec(folded.pictures.shape, tf.uint8)],
    )

    def run(pictures: Rows) -> Rows:
        with tf.device(device):  # of this thread
            return function(tf.constant(pictures))[0].numpy()  # type: ignore[no-any-return]

    return run

"""The frozen prefix as a function: decoded pictures in, one row of numbers a picture out."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from queue import SimpleQueue
from typing import Any, Literal, Self

import keras
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tlstudio.data.decode import DECODING
from tlstudio.model.backbone import preprocess
from tlstudio.model.boundary import Boundary, prefix_of, suffix_of
from tlstudio.model.head import put_on
from tlstudio.project.spec import Backbone

FORMAT = 1
GPU_BATCH = 32
LARGEST_BATCH = 8
WORK_OF_A_BATCH = 8e9
"""Floating-point operations: small enough that a stop is obeyed soon."""
WEIGHTS_OF_ALL_STREAMS = 1 << 30
"""Bytes: each stream has the weights as constants of its own."""

DType = Literal["float16", "float32"]
CHEAP_VALUES = 1 << 13
"""Rows up to this are kept in single precision, larger ones in half."""
Rows = NDArray[Any]
Run = Callable[[Rows], Rows]


@dataclass(frozen=True, slots=True)
class Prefix:
    """`model` makes the tensors that cross the boundary; a row is all of them, flattened."""

    model: keras.Model
    work: int
    """Floating-point operations a picture."""
    key: str
    """Of all that the rows depend on but the pictures."""
    dtype: DType

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
) -> tuple[Prefix, keras.Model]:
    """The prefix, and what is trained after it: a model that takes rows and gives probabilities.

    `dtype` None takes what suits the size of a row.

    Where all is frozen and the head begins with a pooling to one value a channel, the pooling
    belongs to the prefix: rows times columns less to keep and to train on.
    """
    picture = keras.Input(backbone.input_shape[1:], name="picture")
    tensors = keras.tree.flatten(prefix_of(backbone, boundary)(preprocess(picture, spec.name)))
    suffix = suffix_of(backbone, boundary)
    pooled = boundary.tensors == tuple(backbone.outputs) and not _flattens(head[0])
    if pooled:
        tensors, head = [head[0](tensors[0])], head[1:]
    model = keras.Model(picture, tensors)
    if dtype is None:
        values = sum(prod(tensor.shape[1:]) for tensor in model.outputs)
        dtype = "float32" if values <= CHEAP_VALUES else "float16"
    prefix = Prefix(model, boundary.work, _key(model, spec, boundary, pooled, dtype), dtype)
    rows = keras.Input((prefix.values,), dtype=dtype, name="rows")
    features = _unflattened(rows, prefix.shapes)
    last = features[0] if pooled else suffix(features)
    return prefix, keras.Model(rows, put_on(last, head), name="suffix_and_head")


def _flattens(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Flatten)


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


def _key(model: keras.Model, spec: Backbone, boundary: Boundary, pooled: bool, dtype: DType) -> str:
    digest = hashlib.sha256()
    described = {
        "format": FORMAT,
        "decoding": DECODING,
        "keras": keras.__version__,
        "backbone": spec.model_dump(mode="json", exclude={"weights"}),
        "boundary": boundary.layers,
        "last": type(model.layers[-1]).__name__ if pooled else "",
        "dtype": dtype,
    }
    digest.update(json.dumps(described, sort_keys=True).encode())
    for weight in model.weights:
        digest.update(weight.numpy().tobytes())
    return digest.hexdigest()


class Runner:
    """Runs a prefix on one device, `batch` pictures at once, from any number of threads.

    On a CPU several streams of one thread each beat one stream of several threads, since no core
    waits for another. Weights become constants, so that TensorFlow folds BatchNorm into the
    convolutions; equal to 1e-5 in float32. Holds memory: use as a context.
    """

    def __init__(self, prefix: Prefix, device: str) -> None:
        """`device` as TensorFlow calls it."""
        cores = os.cpu_count() or 1
        self._on_gpu = "GPU" in device
        self._streams = 1
        self.batch = GPU_BATCH
        if not self._on_gpu:
            size = sum(prod(weight.shape) * 4 for weight in prefix.model.weights)
            self._streams = max(1, min(cores, WEIGHTS_OF_ALL_STREAMS // max(1, size)))
            self.batch = max(1, min(LARGEST_BATCH, int(WORK_OF_A_BATCH // prefix.work)))
        self._threads = max(1, cores // self._streams)
        # A picture more is decoded while the others are run, where not all cores run one.
        self.workers = self._streams + (self._streams < cores)
        if self._on_gpu:
            self.workers = min(8, cores + 1)
        self.picture_size: tuple[int, int] = prefix.model.input_shape[1:3]
        self._prefix = prefix
        self._sessions = ExitStack()
        self._free: SimpleQueue[Run] = SimpleQueue()

    def __enter__(self) -> Self:
        folded = self._folded()
        for _ in range(self._streams):
            if self._on_gpu:
                self._free.put(lambda pictures: folded(tf.constant(pictures))[0].numpy())
            else:
                self._free.put(self._session(folded))
        return self

    def __exit__(self, *_: object) -> None:
        self._sessions.close()

    def __call__(self, pictures: Rows) -> Rows:
        """uint8 of shape (batch, rows, columns, 3) to rows of shape (batch, values)."""
        run = self._free.get()
        try:
            return run(pictures)
        finally:
            self._free.put(run)

    def _folded(self) -> Any:
        model, dtype = self._prefix.model, self._prefix.dtype
        signature = tf.TensorSpec((self.batch, *model.input_shape[1:]), tf.uint8)

        @tf.function(input_signature=[signature], jit_compile=False)  # type: ignore[untyped-decorator]
        def forward(pictures: tf.Tensor) -> tf.Tensor:
            tensors = keras.tree.flatten(model(tf.cast(pictures, tf.float32), training=False))
            flat = [tf.reshape(tensor, (self.batch, -1)) for tensor in tensors]
            return tf.cast(tf.concat(flat, axis=1), dtype)

        return convert_variables_to_constants_v2(forward.get_concrete_function())

    def _session(self, folded: Any) -> Run:
        """A session has threads of its own, where eager calls share those of the process."""
        graph = tf.Graph()
        with graph.as_default():
            tf.graph_util.import_graph_def(folded.graph.as_graph_def(), name="")
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=self._threads,
            inter_op_parallelism_threads=1,
            use_per_session_threads=True,
            device_count={"GPU": 0},
        )
        session = tf.compat.v1.Session(graph=graph, config=config)
        self._sessions.callback(session.close)
        pictures = graph.get_tensor_by_name(folded.inputs[0].name)
        rows = graph.get_tensor_by_name(folded.outputs[0].name)
        return session.make_callable(rows, feed_list=[pictures])  # type: ignore[no-any-return]

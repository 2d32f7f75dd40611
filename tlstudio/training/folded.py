"""A network as a graph of constants, in which each BatchNorm is part of its convolution."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Rows = NDArray[Any]
Run = Callable[[Rows], Rows]
"""Pictures in, rows out, both as a `FoldedGraph` has them; from any thread."""


@dataclass(frozen=True, slots=True)
class FoldedGraph:
    """uint8 pictures of shape (batch, rows, columns, 3) in, rows of shape (batch, values) out."""

    graph: tf.Graph
    pictures: tf.Tensor
    rows: tf.Tensor


def fold(model: keras.Model, batch: int, dtype: str) -> FoldedGraph:
    """What the model says in inference, its outputs flattened beside each other as `dtype`.

    Equal to the model to 1e-5 in float32. TensorFlow folds constants into convolutions, but not
    into depthwise ones; those are folded here.
    """
    values = {id(variable): variable.numpy() for variable in model.variables}
    for convolution, norm in _depthwise_with_norm(model):
        _fold_norm(convolution, norm, values)
    trainable, others = (
        [values[id(variable)] for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec((batch, *model.input_shape[1:]), tf.uint8)],
        autograph=False,
        jit_compile=False,
    )
    def forward(pictures: tf.Tensor) -> tf.Tensor:
        inputs = tf.cast(pictures, tf.float32)
        constants = ([tf.constant(value) for value in part] for part in (trainable, others))
        tensors, _ = model.stateless_call(*constants, inputs, training=False)
        flat = [tf.reshape(tensor, (batch, -1)) for tensor in keras.tree.flatten(tensors)]
        return tf.cast(tf.concat(flat, axis=1), dtype)

    return _as_graph(forward.get_concrete_function())


def _as_graph(traced: Any) -> FoldedGraph:
    """What was traced, with the constants that some layers hold as eager tensors inside."""
    pictures, *holding = (tensor.name for tensor in traced.inputs)
    graph = tf.Graph()
    with graph.as_default():
        held = [tf.constant(tensor.numpy()) for tensor in traced.captured_inputs]
        inputs = dict(zip(holding, held, strict=True))
        definition = traced.graph.as_graph_def()
        (rows,) = tf.import_graph_def(definition, inputs, [traced.outputs[0].name], name="")
    return FoldedGraph(graph, graph.get_tensor_by_name(pictures), rows)


def _depthwise_with_norm(
    model: keras.Model,
) -> Iterator[tuple[keras.layers.DepthwiseConv2D, keras.layers.BatchNormalization]]:
    """Depthwise convolutions whose output goes through a BatchNorm of channels and nowhere else."""
    outputs = {id(tensor) for tensor in model.outputs}
    for operation in model.operations:
        if isinstance(operation, keras.Model) and not isinstance(operation, keras.Sequential):
            yield from _depthwise_with_norm(operation)
        if not _is_norm(operation):
            continue
        before = operation.input._keras_history.operation
        if (
            isinstance(before, keras.layers.DepthwiseConv2D)
            and len(before._inbound_nodes) == len(before._outbound_nodes) == 1
            and id(before.output) not in outputs
            and before.depth_multiplier == 1
            and before.data_format == "channels_last"
            and not before.use_bias
            and before.activation is keras.activations.linear
        ):
            yield before, operation


def _is_norm(operation: keras.Operation) -> bool:
    return (
        isinstance(operation, keras.layers.BatchNormalization)
        and len(operation._inbound_nodes) == 1
        and operation.axis in (-1, 3)
    )


def _fold_norm(
    convolution: keras.layers.DepthwiseConv2D,
    norm: keras.layers.BatchNormalization,
    values: dict[int, NDArray[Any]],
) -> None:
    """Scale the kernel by what BatchNorm scales by, so that BatchNorm only adds a constant."""
    variance = values[id(norm.moving_variance)]
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale *= values[id(norm.gamma)]
        values[id(norm.gamma)] = np.ones_like(scale)
    values[id(convolution.kernel)] = values[id(convolution.kernel)] * scale[:, np.newaxis]
    values[id(norm.moving_mean)] = values[id(norm.moving_mean)] * scale
    values[id(norm.moving_variance)] = np.full_like(variance, 1 - norm.epsilon)

"""A network as a graph of constants, in which each BatchNorm is part of its convolution."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from tlstudio.training.norms import with_norms_folded

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

    Equal to the model to 1e-5 in float32.
    """
    model = with_norms_folded(model)
    trainable, others = (
        [variable.numpy() for variable in variables]
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

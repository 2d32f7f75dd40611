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

    # A `tf.function` does the same, and takes twice as long to be one.
    graph = tf.__internal__.FuncGraph("folded")
    with graph.as_default():
        pictures = tf.compat.v1.placeholder(tf.uint8, (batch, *model.input_shape[1:]))
        constants = ([tf.constant(value) for value in part] for part in (trainable, others))
        inputs = tf.cast(pictures, tf.float32)
        tensors, _ = model.stateless_call(*constants, inputs, training=False)
        flat = [tf.reshape(tensor, (batch, -1)) for tensor in keras.tree.flatten(tensors)]
        rows = tf.cast(tf.concat(flat, axis=1), dtype)
    return _with_constants(graph, pictures, rows)


def _with_constants(graph: Any, pictures: tf.Tensor, rows: tf.Tensor) -> FoldedGraph:
    """What was traced, with the constants that some layers hold as eager tensors inside."""
    if not graph.captures:
        return FoldedGraph(graph, pictures, rows)
    whole = tf.Graph()
    with whole.as_default():
        held = {inside.name: tf.constant(tensor.numpy()) for tensor, inside in graph.captures}
        (rows,) = tf.import_graph_def(graph.as_graph_def(), held, [rows.name], name="")
    return FoldedGraph(whole, whole.get_tensor_by_name(pictures.name), rows)

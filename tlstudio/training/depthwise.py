"""Gradients on a CPU with that of large depthwise filters made by TensorFlow's own kernel.

oneDNN, to which TensorFlow hands depthwise convolutions on a CPU, takes one and a half to four
times as long for the gradient of a filter of 4 x 4 or more, which is half of a step of the top of
an EfficientNet. It is not asked where the padding is given in figures instead of as SAME or VALID.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

LEAST_SIDE = 4
"""Rows or columns of a filter from which TensorFlow's own kernel is the faster one."""

_GRADIENT = "DepthwiseFilterGradientOfTensorFlow"


@contextmanager
def quick_filter_gradients() -> Iterator[None]:
    """What is traced within has these gradients, for `tf.gradients` (a tape knows of none)."""
    graph = tf.compat.v1.get_default_graph()
    with graph.gradient_override_map({"DepthwiseConv2dNative": _GRADIENT}):
        yield


@tf.RegisterGradient(_GRADIENT)  # type: ignore[untyped-decorator]
def _gradients(op: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Of the pictures and of the filter."""
    pictures, kernel = op.inputs
    alike: dict[str, Any] = {
        "out_backprop": gradient,
        "strides": op.get_attr("strides"),
        "dilations": op.get_attr("dilations"),
        "data_format": op.get_attr("data_format"),
    }
    padded = {
        "padding": op.get_attr("padding"),
        "explicit_paddings": op.get_attr("explicit_paddings"),
    }
    of_pictures = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
        input_sizes=tf.shape(pictures), filter=kernel, **alike, **padded
    )
    of_kernel = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
        input=pictures, filter_sizes=tf.shape(kernel), **alike, **(_in_figures(op) or padded)
    )
    return of_pictures, of_kernel


def _in_figures(op: tf.Operation) -> dict[str, Any] | None:
    """The padding of a convolution with a large filter and a known size; None for any other."""
    (_, *sides, _), filters = op.inputs[0].shape, op.inputs[1].shape[:2]
    plain = op.get_attr("data_format") == b"NHWC" and set(op.get_attr("dilations")) == {1}
    if None in sides or not plain or min(filters) < LEAST_SIDE:
        return None
    figures = [0, 0]
    for side, length, stride in zip(sides, filters, op.get_attr("strides")[1:3], strict=True):
        last = -(-side // stride) - 1
        lacking = max(last * stride + length - side, 0) if op.get_attr("padding") == b"SAME" else 0
        figures += [lacking // 2, lacking - lacking // 2]
    return {"padding": "EXPLICIT", "explicit_paddings": [*figures, 0, 0]}

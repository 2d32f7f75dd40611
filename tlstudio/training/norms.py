"""BatchNorm as a part of the convolution before it: a scale of its kernel, and a bias."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def with_norms_folded(model: keras.Model, trained: bool = False) -> keras.Model:
    """The same model on the same layers, in which a convolution does what the BatchNorm after it
    does, so that no pass over what it puts out is left. Equal to rounding, as are its gradients.

    For inference, or where it is `trained` with those BatchNorms that are frozen now. The model
    itself where there is nothing to fold.
    """
    pairs = [
        (convolution, norm)
        for convolution, norm in _convolutions_with_norm(model)
        if not (trained and (norm.trainable or convolution.activity_regularizer))
    ]
    if not pairs:
        return model
    kind = ConvolutionWithNorm if trained else ConstantConvolutionWithNorm
    quick = {id(convolution): kind(convolution, norm) for convolution, norm in pairs}
    passed = {id(norm) for _, norm in pairs}

    def called(layer: keras.Operation, *inputs: keras.KerasTensor, **options: object) -> object:
        return inputs[0] if id(layer) in passed else layer(*inputs, **options)

    return keras.models.clone_model(
        model,
        clone_function=lambda layer: quick.get(id(layer), layer),
        call_function=called,
        recursive=True,
    )


def _convolutions_with_norm(
    model: keras.Model,
) -> Iterator[tuple[keras.layers.Layer, keras.layers.BatchNormalization]]:
    """Convolutions, depthwise or not, whose output goes through a BatchNorm of channels and
    nowhere else in this model, models within it included; other models may share their layers.
    """
    for operation in model.operations:
        if isinstance(operation, keras.Model) and not isinstance(operation, keras.Sequential):
            yield from _convolutions_with_norm(operation)
    nodes = list(chain.from_iterable(model._nodes_by_depth.values()))
    calls = Counter(id(node.operation) for node in nodes)
    uses = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    uses.update(id(tensor) for tensor in model.outputs)
    for node in nodes:
        norm = node.operation
        if not isinstance(norm, keras.layers.BatchNormalization) or norm.axis not in (-1, 3):
            continue
        (tensor,) = node.input_tensors
        before = tensor._keras_history.operation
        if (
            isinstance(before, CONVOLUTIONS)
            and calls[id(before)] == calls[id(norm)] == uses[id(tensor)] == 1
            and getattr(before, "depth_multiplier", 1) == 1
            and before.data_format == "channels_last"
            and before.activation is keras.activations.linear
        ):
            yield before, norm


class ConvolutionWithNorm(keras.layers.Layer):  # type: ignore[misc]
    """A convolution and the BatchNorm after it, as that is in inference."""

    def __init__(
        self, convolution: keras.layers.Layer, norm: keras.layers.BatchNormalization
    ) -> None:
        super().__init__(name=convolution.name)
        self.convolution = convolution
        self.norm = norm
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return _convolved(self.convolution, *_folded(self.convolution, self.norm), inputs)

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return self.convolution.compute_output_spec(inputs)


class ConstantConvolutionWithNorm(keras.layers.Layer):  # type: ignore[misc]
    """The same with the weights that both have now, so that few operations are left to trace."""

    def __init__(
        self, convolution: keras.layers.Layer, norm: keras.layers.BatchNormalization
    ) -> None:
        super().__init__(name=convolution.name)
        kernel, shift = (tensor.numpy() for tensor in _folded(convolution, norm))
        # Keras looks for variables in layers, and finds none here.
        self._convolved = partial(_convolved, convolution, kernel, shift)
        self._output_spec = convolution.compute_output_spec
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self._convolved(inputs)

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return self._output_spec(inputs)


def _folded(
    convolution: keras.layers.Layer, norm: keras.layers.BatchNormalization
) -> tuple[tf.Tensor, tf.Tensor]:
    """The kernel, and what is added to each channel."""
    scale = tf.math.rsqrt(norm.moving_variance + norm.epsilon)
    if norm.scale:
        scale *= norm.gamma
    shift = -norm.moving_mean * scale
    if norm.center:
        shift += norm.beta
    if convolution.use_bias:
        shift += convolution.bias * scale
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    return convolution.kernel * (scale[:, tf.newaxis] if depthwise else scale), shift


def _convolved(
    convolution: keras.layers.Layer,
    kernel: tf.Tensor | NDArray[np.float32],
    shift: tf.Tensor | NDArray[np.float32],
    inputs: tf.Tensor,
) -> tf.Tensor:
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    outputs = (keras.ops.depthwise_conv if depthwise else keras.ops.conv)(
        inputs,
        kernel,
        strides=convolution.strides,
        padding=convolution.padding,
        data_format=convolution.data_format,
        dilation_rate=convolution.dilation_rate,
    )
    return tf.nn.bias_add(outputs, shift)

import keras
import numpy as np
import pytest
import tensorflow as tf

from tlstudio.training.depthwise import quick_filter_gradients


def network(filter_side: int, stride: int, padding: str, side: int | None) -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((side, side, 4))
    x = keras.layers.Conv2D(6, 1)(inputs)
    x = keras.layers.DepthwiseConv2D(filter_side, strides=stride, padding=padding)(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def loss(model: keras.Model, pictures: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(model(pictures, training=True) ** 2)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("filter_side", [3, 4, 5, 7])
@pytest.mark.parametrize("side", [11, 14])
def test_the_gradients_are_those_of_keras(
    side: int, filter_side: int, stride: int, padding: str
) -> None:
    model = network(filter_side, stride, padding, side)
    variables = [variable.value for variable in model.trainable_variables]
    pictures = tf.random.stateless_normal((3, side, side, 4), (1, 2))

    def quick(given: tf.Tensor) -> list[tf.Tensor]:
        with quick_filter_gradients():
            return tf.gradients(loss(model, given), variables)

    traced = tf.function(quick, autograph=False).get_concrete_function(pictures)
    with tf.GradientTape() as tape:
        total = loss(model, pictures)
    expected = tape.gradient(total, variables)
    for ours, theirs in zip(traced(pictures), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    (made,) = (
        operation.get_attr("padding")
        for operation in traced.graph.get_operations()
        if operation.type == "DepthwiseConv2dNativeBackpropFilter"
    )
    assert (made == b"EXPLICIT") is (filter_side > 3)


def test_pictures_of_any_size_have_the_usual_gradients() -> None:
    model = network(5, 1, "same", None)
    variables = [variable.value for variable in model.trainable_variables]
    pictures = tf.random.stateless_normal((2, 9, 12, 4), (1, 2))

    def quick(given: tf.Tensor) -> list[tf.Tensor]:
        with quick_filter_gradients():
            return tf.gradients(loss(model, given), variables)

    sizes = [tf.TensorSpec((None, None, None, 4), tf.float32)]
    ours = tf.function(quick, sizes, autograph=False)(pictures)
    with tf.GradientTape() as tape:
        total = loss(model, pictures)
    expected = tape.gradient(total, variables)
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_networks import with_trained_norms

from tlstudio.model.backbone import build
from tlstudio.project.spec import Backbone
from tlstudio.training.norms import with_norms_folded


def frozen_norms(model: keras.Model) -> keras.Model:
    """The model with its norms frozen, and without the chance of its Dropout (drop connect)."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0
    return with_trained_norms(model)


def gradients(
    model: keras.Model, inputs: np.ndarray, variables: list[keras.Variable]
) -> list[np.ndarray]:
    """Of a loss of what the model says in training."""
    values = [variable.value for variable in variables]

    def compute() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = keras.tree.flatten(model(inputs, training=True))
            loss = tf.add_n([tf.reduce_mean(output**2) for output in outputs])
        return [tf.convert_to_tensor(found) for found in tape.gradient(loss, values)]

    return [found.numpy() for found in tf.function(compute, autograph=False)()]


def assert_alike(model: keras.Model, side: int, least: int) -> None:
    """The folded model says and teaches the same, and `least` operations fewer are done."""
    quick = with_norms_folded(model, trained=True)
    inputs = np.random.default_rng(1).normal(size=(2, side, side, 3)).astype(np.float32)
    one, other = (np.ravel(m(inputs, training=True)) for m in (model, quick))
    np.testing.assert_allclose(other, one, atol=1e-5 * np.abs(one).max())
    variables = model.trainable_variables
    for a, b in zip(
        gradients(model, inputs, variables), gradients(quick, inputs, variables), strict=True
    ):
        np.testing.assert_allclose(b, a, atol=1e-4 * max(np.abs(a).max(), 1e-6))
    assert len(model.operations) - len(quick.operations) >= least


@pytest.mark.parametrize(
    ("name", "side", "least"),
    [
        ("EfficientNetLite0", 32, 40),
        ("ResNet50", 32, 50),
        ("MobileNetV3Small", 32, 30),
        pytest.param("DenseNet121", 32, 50, marks=pytest.mark.slow),
        pytest.param("InceptionV3", 75, 90, marks=pytest.mark.slow),
        pytest.param("EfficientNetB0", 32, 40, marks=pytest.mark.slow),
        pytest.param("ConvNeXtTiny", 32, 0, marks=pytest.mark.slow),
        pytest.param("NASNetMobile", 32, 0, marks=pytest.mark.slow),
    ],
)
def test_a_folded_network_trains_as_the_network_does(name: str, side: int, least: int) -> None:
    keras.utils.set_random_seed(1)
    spec = Backbone(name=name, weights="random", input_shape=(side, side))
    assert_alike(frozen_norms(build(spec)), side, least)


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("plain", 1),
        ("no scale", 1),
        ("no centre", 1),
        ("bias", 1),
        ("depthwise", 1),
        ("dilated", 1),
        ("grouped", 1),
        ("within another model", 0),
        ("activation", 0),
        ("two readers", 0),
        ("two outputs a channel", 0),
    ],
)
def test_what_can_be_folded_is(kind: str, least: int) -> None:
    keras.utils.set_random_seed(1)
    options = {"padding": "same", "use_bias": kind == "bias", "bias_initializer": "normal"}
    picture = keras.Input((8, 8, 3))
    if kind in ("depthwise", "two outputs a channel"):
        many = 2 if kind == "two outputs a channel" else 1
        x = keras.layers.DepthwiseConv2D(3, depth_multiplier=many, **options)(picture)
    else:
        x = keras.layers.Conv2D(
            6,
            3,
            dilation_rate=2 if kind == "dilated" else 1,
            groups=3 if kind == "grouped" else 1,
            activation="relu" if kind == "activation" else None,
            **options,
        )(picture)
    y = keras.layers.BatchNormalization(scale=kind != "no scale", center=kind != "no centre")(x)
    if kind == "two readers":
        y = keras.layers.Add()([x, y])
    model = keras.Model(picture, keras.layers.ReLU()(y))
    if kind == "within another model":
        outer = keras.Input((8, 8, 3))
        model = keras.Model(outer, keras.layers.Flatten()(model(outer)))
    assert_alike(frozen_norms(model), 8, least)
    assert (with_norms_folded(model, trained=True) is not model) is bool(least or "within" in kind)


def test_a_batchnorm_that_is_trained_is_left() -> None:
    picture = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(picture))
    model = keras.Model(picture, x)
    assert with_norms_folded(model, trained=True) is model

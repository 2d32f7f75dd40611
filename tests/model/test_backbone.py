"""Backbones are built the same each time, preprocess as Keras does, and describe themselves."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from loading import loaded

from tlstudio.control import Cancelled, Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Progress
from tlstudio.model import backbone, catalog
from tlstudio.model.efficientnet_lite import EfficientNetLite0
from tlstudio.paths import resource
from tlstudio.project.spec import Backbone

SMALL = Backbone(name="MobileNet", alpha=0.25, weights="random", input_shape=(32, 48))


@pytest.mark.parametrize("name", ["VGG16", "ResNet50", "MobileNetV3Small"])
def test_layers_have_the_same_names_each_time(name):
    spec = Backbone(name=name, input_shape=(96, 96))
    first, second = backbone.build(spec), backbone.build(spec)
    names = [layer.name for layer in first.layers]

    assert names == [layer.name for layer in second.layers]
    assert names[0] == "input_layer"
    assert len(names) == len(set(names))


def test_counted_names_are_those_of_a_fresh_process():
    keras.layers.Conv2D(1, 1)  # so that Keras counts on
    model = backbone.build(Backbone(name="InceptionV3", input_shape=(75, 75)))
    names = {layer.name for layer in model.layers}

    assert {"conv2d", "conv2d_1", "conv2d_93", "batch_normalization_93"} <= names
    assert "conv2d_94" not in names
    assert model.layers[1].name == "conv2d"


def test_with_its_top_the_other_layers_keep_their_names():
    spec = Backbone(name="MobileNetV3Small")
    without = [layer.name for layer in backbone.build(spec).layers]
    whole = [layer.name for layer in backbone.build(spec, include_top=True).layers]

    assert whole[: len(without)] == without
    assert whole[-1] == "predictions"


def test_a_renamed_network_saves_and_reloads(tmp_path):
    backbone.build(Backbone(name="MobileNetV3Small"))  # so that Keras counts on
    model = backbone.build(Backbone(name="MobileNetV3Small", input_shape=(32, 32)))
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")

    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    np.testing.assert_array_equal(again(pictures, training=False), model(pictures, training=False))


def test_the_input_and_the_width_are_those_asked_for():
    model = backbone.build(SMALL)

    assert model.input_shape == (None, 32, 48, 3)
    assert model.output_shape == (None, 1, 1, 256)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Backbone(name="Xception", input_shape=(70, 299)), "at least 71 x 71 pixels, and 70 x 299"),
        (Backbone(input_shape=(31, 31)), "EfficientNet-Lite0 needs .* at least 32 x 32"),
        (Backbone(input_shape=(-1, 224)), "-1 x 224 is smaller"),
        (Backbone(input_shape=(224, 4096)), "224 x 4096 pixels is too large: 2048 x 2048"),
        (Backbone(name="ResNet51"), "no backbone named 'ResNet51'"),
        (Backbone(name="VGG16", alpha=0.5), "VGG16 has no width multiplier"),
        (Backbone(alpha=0.5), "EfficientNet-Lite0 has no width multiplier"),
        (Backbone(name="MobileNet", alpha=0.01), "without a single channel"),
        (Backbone(name="MobileNetV2", depth_multiplier=2), "MobileNetV2 has no depth multiplier"),
        (Backbone(name="MobileNetV2", minimalistic=True), "MobileNetV2 has no minimalistic"),
    ],
)
def test_what_cannot_be_built_is_said(spec, message):
    with pytest.raises(TlstudioError, match=message) as error:
        backbone.build(spec)
    assert error.value.hint.endswith(".")


def test_the_smallest_width_can_be_built():
    spec = Backbone(name="MobileNet", alpha=catalog.MIN_ALPHA, input_shape=(32, 32))

    assert backbone.build(spec).output_shape == (None, 1, 1, 51)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("VGG16", keras.applications.vgg16),
        ("MobileNetV2", keras.applications.mobilenet_v2),
        ("DenseNet121", keras.applications.densenet),
        ("EfficientNetV2B0", keras.applications.efficientnet_v2),
        ("ConvNeXtTiny", keras.applications.convnext),
    ],
)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_preprocesses_as_keras_does_and_reloads(name, module, policy, tmp_path):
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 8, 6, 3)).astype(np.float32)
    expected = module.preprocess_input(pictures.copy())
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        inputs = keras.Input((8, 6, 3), dtype="float32")
        model = keras.Model(inputs, backbone.preprocess(inputs, name))
        model.save(tmp_path / "preprocessing.keras")
        again = keras.models.load_model(tmp_path / "preprocessing.keras", safe_mode=True)
    finally:
        keras.config.set_dtype_policy(before)

    np.testing.assert_allclose(model(pictures), expected, atol=1e-4)
    np.testing.assert_array_equal(again(pictures), model(pictures))


def test_the_bundled_network_gets_centred_pictures():
    inputs = keras.Input((1, 1, 3))
    model = keras.Model(inputs, backbone.preprocess(inputs, "EfficientNetLite0"))

    np.testing.assert_allclose(model(np.array([[[[0.0, 127.0, 255.0]]]])), [[[[-127 / 128, 0, 1]]]])


def test_rows_describe_each_layer():
    model = backbone.build(SMALL)
    rows = {row.name: row for row in backbone.layer_rows(model)}

    assert list(rows) == [layer.name for layer in model.layers]
    first, norm = rows["input_layer"], rows["conv1_bn"]
    assert (first.type, first.block, first.output_shape) == ("InputLayer", "stem", (32, 48, 3))
    assert (norm.type, norm.block, norm.output_shape) == ("BatchNormalization", "stem", (16, 24, 8))
    assert (norm.params, norm.trainable_params) == (32, 16)
    assert rows["conv_pw_13"].block == "block12-13"
    assert sum(row.params for row in rows.values()) == model.count_params()


def test_what_could_be_trained_does_not_depend_on_what_is():
    model = backbone.build(SMALL)
    free = backbone.layer_rows(model)
    model.trainable = False
    frozen = backbone.layer_rows(model)

    assert all(row.trainable for row in free)
    assert not any(row.trainable for row in frozen)
    assert [row.trainable_params for row in frozen] == [row.trainable_params for row in free]


def test_five_hundred_rows_are_quick():
    x = inputs = keras.Input((8,))
    for _ in range(500):
        x = keras.layers.Activation("relu")(x)
    model = keras.Model(inputs, x)
    start = time.perf_counter()
    rows = backbone.layer_rows(model)

    assert len(rows) == 501
    assert time.perf_counter() - start < 0.5


def test_random_weights_repeat_with_the_seed():
    weights = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        weights.append(loaded(SMALL)[1].get_weights()[0])

    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_loading_the_default_gives_the_bundled_weights():
    events, model = loaded(Backbone(input_shape=(32, 32)))
    _, same = loaded(Backbone(weights="imagenet", input_shape=(32, 32)))
    path = resource("weights", "efficientnet_lite0.weights.h5")
    expected = EfficientNetLite0(include_top=False, weights_path=path, input_shape=(32, 32, 3))

    assert events == [
        Progress("build", 0, 1, "EfficientNet-Lite0"),
        Progress("build", 1, 1, "EfficientNet-Lite0"),
    ]
    for other in (model, same):
        for ours, theirs in zip(other.get_weights(), expected.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_what_is_trained_does_not_change_what_is_loaded_next():
    _, trained = loaded(Backbone(input_shape=(32, 32)))
    before = [weight.copy() for weight in trained.get_weights()]
    for variable in trained.variables:
        variable.value.assign_add(tf.ones_like(variable.value))

    _, model = loaded(Backbone(input_shape=(32, 32)))
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_only_the_bundled_network_has_bundled_weights():
    with pytest.raises(TlstudioError, match="No weights of VGG16 are bundled") as error:
        loaded(Backbone(name="VGG16", weights="bundled", input_shape=(32, 32)))
    assert "imagenet" in error.value.hint


def test_a_stopped_load_ends():
    control = Control()
    control.stop()

    with pytest.raises(Cancelled):
        loaded(SMALL, control)

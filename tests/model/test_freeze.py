import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tlstudio.model.backbone import build, layer_rows
from tlstudio.model.freeze import boundary, freeze
from tlstudio.model.head import head_layers, whole_model
from tlstudio.project.freeze_plan import trainable_layers
from tlstudio.project.spec import Backbone, FreezePlan, Head


@pytest.fixture(scope="module")
def resnet() -> keras.Model:
    return build(Backbone(name="ResNet50", weights="random", input_shape=(32, 32)))


def test_with_all_frozen_the_boundary_is_the_backbones_output(resnet: keras.Model) -> None:
    assert boundary(resnet, frozenset()) == "conv5_block3_out"


def test_with_all_trained_there_is_no_boundary(resnet: keras.Model) -> None:
    everything = frozenset(layer.name for layer in resnet.layers)
    assert boundary(resnet, everything) == ""


@pytest.mark.parametrize(
    ("first", "cut"),
    [
        # A layer in a residual block: the cut is before the skip connection leaves.
        ("conv5_block3_2_conv", "conv5_block2_out"),
        ("conv5_block1_1_conv", "conv4_block6_out"),
        ("conv4_block1_0_conv", "conv3_block4_out"),
    ],
)
def test_a_skip_connection_is_never_cut(resnet: keras.Model, first: str, cut: str) -> None:
    plan = FreezePlan(strategy="top", unfreeze_from=first)
    trainable = trainable_layers(plan, layer_rows(resnet))
    assert boundary(resnet, trainable) == cut
    # What the boundary promises: the part up to it has nothing trainable in it.
    freeze(resnet, trainable)
    prefix = keras.Model(resnet.input, resnet.get_layer(cut).output)
    assert prefix.trainable_weights == []


@pytest.mark.parametrize("name", ["VGG16", "MobileNetV2", "EfficientNetLite0", "DenseNet121"])
def test_the_suffix_after_the_boundary_needs_nothing_else(name: str) -> None:
    weights = "bundled" if name == "EfficientNetLite0" else "random"
    backbone = build(Backbone(name=name, weights=weights, input_shape=(32, 32)))
    trainable = trainable_layers(FreezePlan(strategy="top"), layer_rows(backbone))
    cut = backbone.get_layer(boundary(backbone, trainable)).output
    suffix = keras.Model(cut, backbone.output)  # raises where another tensor crosses
    names = {layer.name for layer in suffix.layers}
    weighted = {layer.name for layer in backbone.layers if layer.weights}
    assert trainable & weighted <= names


def test_freezing_sets_exactly_the_named_layers(resnet: keras.Model) -> None:
    freeze(resnet, {"conv5_block3_3_conv"})
    assert [w.path for w in resnet.trainable_weights] == [
        "conv5_block3_3_conv/kernel",
        "conv5_block3_3_conv/bias",
    ]
    assert not resnet.get_layer("conv5_block3_3_bn").trainable


PICTURES = np.random.default_rng(1).uniform(0, 255, (8, 32, 32, 3)).astype(np.float32)


def agrees_in_training(model: keras.Model) -> bool:
    first, second = (np.asarray(model(PICTURES, training=True)) for _ in range(2))
    return np.array_equal(first, second)


@pytest.mark.parametrize(
    ("plan", "whole_is_frozen"),
    [
        (FreezePlan(strategy="head"), True),
        (FreezePlan(strategy="top", unfreeze_from="block6a_expand_conv"), False),
        (FreezePlan(strategy="custom", layers=("block4b_drop", "block5a_project_conv")), False),
        (FreezePlan(strategy="custom", layers=("block4b_drop",)), True),
    ],
    ids=["head", "top", "custom", "a Dropout has nothing to train"],
)
def test_what_is_frozen_says_the_same_each_time_in_training(
    plan: FreezePlan, whole_is_frozen: bool
) -> None:
    backbone = build(Backbone(name="EfficientNetB0", weights="random", input_shape=(32, 32)))
    trainable = trainable_layers(plan, layer_rows(backbone))
    freeze(backbone, trainable)
    cut = backbone.get_layer(boundary(backbone, trainable)).output
    prefix = keras.Model(backbone.input, cut)
    assert any(isinstance(layer, keras.layers.Dropout) for layer in prefix.layers)
    assert agrees_in_training(prefix)
    # What is trained, and comes after it, drops as ever.
    assert agrees_in_training(backbone) == whole_is_frozen


def test_with_the_stem_trained_every_dropout_drops() -> None:
    backbone = build(Backbone(name="EfficientNetB0", weights="random", input_shape=(32, 32)))
    before = [layer.rate for layer in backbone.layers if isinstance(layer, keras.layers.Dropout)]
    freeze(backbone, {"stem_conv"})
    after = [layer.rate for layer in backbone.layers if isinstance(layer, keras.layers.Dropout)]
    assert after == before
    assert min(before) > 0


def test_a_model_with_a_frozen_dropout_reloads_in_plain_keras(tmp_path: Path) -> None:
    spec = Backbone(name="EfficientNetB0", weights="random", input_shape=(32, 32))
    backbone = build(spec)
    trainable = trainable_layers(FreezePlan(strategy="top"), layer_rows(backbone))
    freeze(backbone, trainable)
    model = whole_model(backbone, head_layers(Head(), 3, seed=1), spec.name)
    model.save(tmp_path / "model.keras")
    script = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))\n"
    )
    np.save(tmp_path / "in.npy", PICTURES)
    files = [str(tmp_path / name) for name in ("model.keras", "in.npy", "out.npy")]
    subprocess.run([sys.executable, "-c", script, *files], check=True, cwd=tmp_path)
    plain = np.load(tmp_path / "out.npy")
    np.testing.assert_allclose(plain, model.predict(PICTURES, verbose=0), atol=1e-6)

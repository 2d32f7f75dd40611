import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tlstudio.model.backbone import build, layer_rows
from tlstudio.model.boundary import find_boundary, prefix_of
from tlstudio.model.freeze import freeze, still
from tlstudio.model.head import head_layers, whole_model
from tlstudio.project.freeze_plan import trainable_layers
from tlstudio.project.spec import Backbone, FreezePlan, Head


@pytest.fixture(scope="module")
def resnet() -> keras.Model:
    return build(Backbone(name="ResNet50", weights="random", input_shape=(32, 32)))


def test_freezing_sets_exactly_the_named_layers(resnet: keras.Model) -> None:
    freeze(resnet, {"conv5_block3_3_conv"})
    assert [w.path for w in resnet.trainable_weights] == [
        "conv5_block3_3_conv/kernel",
        "conv5_block3_3_conv/bias",
    ]
    assert not resnet.get_layer("conv5_block3_3_bn").trainable


PICTURES = np.random.default_rng(1).uniform(0, 255, (8, 32, 32, 3)).astype(np.float32)


def agrees_in_training(model: keras.Model) -> bool:
    first, second = (keras.tree.flatten(model(PICTURES, training=True)) for _ in range(2))
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


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
    cut = find_boundary(backbone, trainable)
    assert cut is not None
    prefix = prefix_of(backbone, cut)
    assert any(isinstance(layer, keras.layers.Dropout) for layer in prefix.layers)
    assert agrees_in_training(prefix)
    # What is trained, and comes after it, drops as ever.
    assert agrees_in_training(backbone) == whole_is_frozen


def test_in_a_phase_that_trains_less_than_the_plan_more_is_still() -> None:
    backbone = build(Backbone(name="EfficientNetB0", weights="random", input_shape=(32, 32)))
    freeze(backbone, {"block6a_expand_conv"})
    assert not agrees_in_training(backbone)
    with still(backbone, frozenset()):
        assert agrees_in_training(backbone)
    assert not agrees_in_training(backbone)


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

import keras
import pytest

from tlstudio.model.backbone import build, layer_rows
from tlstudio.model.freeze import boundary, freeze
from tlstudio.project.freeze_plan import trainable_layers
from tlstudio.project.spec import Backbone, FreezePlan


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

"""Every family's layers fall into the stages that its paper draws."""

from functools import cache
from itertools import groupby

import keras
import pytest
from keras import layers

from tlstudio.model import catalog
from tlstudio.model.backbone import outline
from tlstudio.model.blocks import blocks_of
from tlstudio.project.spec import Backbone

STAGES = {
    "VGG16": "block1 block2 block3 block4 block5",
    "ResNet50": "stem conv2 conv3 conv4 conv5",
    "ResNet50V2": "stem conv2 conv3 conv4 conv5",
    "DenseNet121": "stem conv2 conv3 conv4 conv5",
    "MobileNet": "stem block1 block2-3 block4-5 block6-11 block12-13",
    "MobileNetV2": "stem block0 block1-2 block3-5 block6-9 block10-12 block13-15 block16 top",
    "MobileNetV3Small": "stem block0 block1-2 block3-5 block6-7 block8-10 top",
    "MobileNetV3Large": "stem block0 block1-2 block3-5 block6-9 block10-11 block12-14 top",
    "EfficientNetLite0": "stem block1 block2 block3 block4 block5 block6 block7 top",
    "EfficientNetB0": "stem block1 block2 block3 block4 block5 block6 block7 top",
    "EfficientNetV2S": "stem block1 block2 block3 block4 block5 block6 top",
    "ConvNeXtTiny": "stem stage0 stage1 stage2 stage3",
    "Xception": "block1 block2 block3 block4-12 block13 block14",
    "InceptionV3": "stem mixed0 mixed1-2 mixed3-7 mixed8 mixed9-10",
    "InceptionResNetV2": "stem block35 block17 block8 top",
    "NASNetMobile": "stem cell0-3 reduce4 cell5-8 reduce8 cell9-12",
}


def smallest(name: str, alpha: float = 1.0) -> Backbone:
    side = catalog.facts(name).min_input
    return Backbone(name=name, weights="random", input_shape=(side, side), alpha=alpha)


@cache
def small(name: str) -> keras.Model:
    return outline(smallest(name))


def by_layer(model: keras.Model) -> dict[str, str]:
    return dict(zip((layer.name for layer in model.layers), blocks_of(model), strict=True))


def runs(model: keras.Model) -> str:
    return " ".join(block for block, _ in groupby(blocks_of(model)))


@pytest.mark.parametrize(("name", "stages"), STAGES.items(), ids=STAGES)
def test_a_stage_is_all_units_of_one_shape(name: str, stages: str) -> None:
    assert runs(small(name)) == stages


AT_THE_EDGES = {
    # The other branch of a skip connection is with what it skips.
    "ResNet50": "pool1_pool:stem conv2_block1_0_conv:conv2 conv2_block3_out:conv2"
    " conv3_block1_0_bn:conv3 conv5_block3_out:conv5",
    "Xception": "input_layer:block1"
    " block1_conv2_act:block1 conv2d:block2 batch_normalization:block2 add:block2"
    " conv2d_1:block3 block4_sepconv1_act:block4-12 conv2d_3:block13 add_11:block13",
    # What has no kernel and comes last.
    "ResNet50V2": "max_pooling2d_2:conv4 conv5_block1_preact_bn:conv5 post_bn:conv5",
    "ConvNeXtTiny": "convnext_tiny_stem:stem convnext_tiny_stage_0_block_2_identity:stage0"
    " convnext_tiny_downsampling_block_0:stage1 layer_normalization:stage3",
    # Most layers have names from Keras.
    "InceptionV3": "max_pooling2d_1:stem conv2d_5:mixed0 mixed0:mixed0 average_pooling2d_1:mixed1-2"
    " max_pooling2d_2:mixed3-7 mixed9_0:mixed9-10 concatenate:mixed9-10",
    "InceptionResNetV2": "max_pooling2d_1:stem mixed_5b:block35 custom_scale_layer:block35"
    " block35_10_ac:block35 max_pooling2d_2:block17 mixed_6a:block17 block17_20_ac:block17"
    " max_pooling2d_3:block8 custom_scale_layer_39:block8 conv_7b:top",
    "MobileNetV3Small": "activation:stem re_lu:block0 expanded_conv_2_add:block1-2"
    " expanded_conv_3_expand:block3-5 conv_1:top activation_17:top",
    "NASNetMobile": "reduction_concat_stem_2:stem adjust_conv_1_0:cell0-3 normal_concat_3:cell0-3"
    " reduction_conv_1_reduce_4:reduce4 adjust_bn_5:cell5-8 activation_187:cell9-12",
    "DenseNet121": "pool1:stem pool2_conv:conv2 pool2_pool:conv2 conv3_block1_0_bn:conv3 bn:conv5",
}


@pytest.mark.parametrize(("name", "pairs"), AT_THE_EDGES.items(), ids=AT_THE_EDGES)
def test_no_unit_is_in_two_stages(name: str, pairs: str) -> None:
    found = by_layer(small(name))
    expected = dict(pair.split(":") for pair in pairs.split())
    assert {layer: found[layer] for layer in expected} == expected


@pytest.mark.parametrize(("name", "alpha"), [("MobileNetV2", 0.35), ("EfficientNetLite0", 1.0)])
def test_neither_the_input_nor_the_width_changes_the_stages(name: str, alpha: float) -> None:
    large = Backbone(name=name, weights="random", input_shape=(225, 190))
    assert by_layer(outline(smallest(name, alpha))) == by_layer(outline(large))


def test_a_classifier_is_the_top() -> None:
    found = by_layer(outline(Backbone(name="VGG16", weights="random"), include_top=True))
    assert found["block5_pool"] == "block5"
    assert {found[name] for name in ("flatten", "fc1", "fc2", "predictions")} == {"top"}


def residual(x: keras.KerasTensor, filters: int, strides: int) -> keras.KerasTensor:
    branch = layers.Conv2D(filters, 3, strides=strides, padding="same")(x)
    branch = layers.Conv2D(filters, 3, padding="same")(layers.ReLU()(branch))
    skipped = layers.Conv2D(filters, 1, strides=strides)(x) if strides > 1 else x
    return layers.ReLU()(layers.Add()([branch, skipped]))


def test_without_names_a_stage_is_what_has_one_size() -> None:
    inputs = keras.Input((64, 64, 3))
    x = layers.ZeroPadding2D(1)(layers.Rescaling(1 / 255)(inputs))
    x = layers.MaxPooling2D(2)(layers.ReLU()(layers.Conv2D(8, 3, strides=2)(x)))  # 16
    for filters, strides in ((8, 1), (16, 2), (16, 1), (32, 2)):
        x = residual(x, filters, strides)
    x = layers.BatchNormalization()(layers.AveragePooling2D(2)(x))
    model = keras.Model(inputs, x)
    sizes = [layer.output.shape[1] for layer in model.layers]
    stages = {
        stage: [size for _, size in group]
        for stage, group in groupby(
            zip(blocks_of(model), sizes, strict=True), key=lambda pair: pair[0]
        )
    }
    assert stages == {
        "stem": [64, 64, 66, 32, 32, 16],
        "stage1": [16] * 5,
        "stage2": [8] * 11,
        "stage3": [4] * 6 + [2, 2],
    }


def test_without_a_kernel_all_is_stem() -> None:
    inputs = keras.Input((8, 8, 3))
    assert blocks_of(keras.Model(inputs, layers.ReLU()(inputs))) == ["stem", "stem"]

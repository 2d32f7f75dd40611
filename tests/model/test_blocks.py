"""Every family's layers fall into the blocks that its paper draws."""

from itertools import groupby

import pytest

from tlstudio.model import catalog
from tlstudio.model.backbone import build, layer_rows
from tlstudio.model.blocks import block_of_layers
from tlstudio.project.spec import Backbone

EXCERPTS = {
    "VGG16": "input:stem block1_conv1:block1 block1_pool:block1 block2_conv1:block2 flatten:top",
    "ResNet50": "input:stem conv1_pad:stem conv1_bn:stem pool1_pool:stem"
    " conv2_block1_1_conv:conv2 conv2_block3_out:conv2 conv3_block1_0_bn:conv3"
    " conv5_block3_out:conv5 avg_pool:top",
    "ResNet50V2": "pool1_pool:stem conv2_block3_2_relu:conv2 max_pooling2d:conv2"
    " conv2_block3_out:conv2 conv3_block1_preact_bn:conv3 post_bn:top post_relu:top",
    "DenseNet121": "zero_padding2d:stem conv1_bn:stem pool1:stem conv2_block1_0_bn:conv2"
    " pool2_conv:conv2 pool2_pool:conv2 conv3_block1_0_bn:conv3 bn:top relu:top",
    "MobileNet": "conv1_relu:stem conv_dw_1:block_1 conv_pw_1_bn:block_1 conv_pad_2:block_2"
    " conv_dw_2:block_2 conv_pw_13_relu:block_13 conv_preds:top",
    "MobileNetV2": "Conv1:stem bn_Conv1:stem expanded_conv_depthwise:block_0"
    " expanded_conv_project_BN:block_0 block_1_expand:block_1 block_16_project_BN:block_16"
    " Conv_1:top out_relu:top",
    "MobileNetV3Small": "rescaling:stem conv_bn:stem activation:stem"
    " expanded_conv_depthwise:block_0 re_lu:block_0 expanded_conv_squeeze_excite_conv_1:block_0"
    " expanded_conv_1_expand:block_1 activation_1:block_1 expanded_conv_10_add:block_10"
    " conv_1:top activation_18:top",
    "EfficientNetB0": "normalization:stem stem_conv:stem block1a_dwconv:block1"
    " block2a_expand_conv:block2 block2b_add:block2 block7a_project_bn:block7 top_conv:top",
    "ConvNeXtTiny": "convnext_tiny_stem:stem convnext_tiny_stage_0_block_0_gelu:stage_0"
    " convnext_tiny_downsampling_block_0:stage_0"
    " convnext_tiny_stage_1_block_2_identity:stage_1 layer_normalization:top",
    "Xception": "input:stem block1_conv1:block1 block2_sepconv2_bn:block2 conv2d:block2"
    " block2_pool:block2 batch_normalization:block2 add:block2 block3_sepconv1_act:block3"
    " block14_sepconv2_act:block14 avg_pool:top",
    "InceptionV3": "input:stem conv2d:stem max_pooling2d:stem conv2d_3:stem max_pooling2d_1:stem"
    " conv2d_8:mixed0 average_pooling2d:mixed0 mixed0:mixed0 conv2d_12:mixed1 mixed1:mixed1"
    " max_pooling2d_2:mixed2 mixed2:mixed2 mixed9_0:mixed9 concatenate:mixed9 mixed9:mixed9"
    " avg_pool:top",
    "InceptionResNetV2": "conv2d:stem max_pooling2d_1:stem conv2d_5:mixed_5b mixed_5b:mixed_5b"
    " conv2d_12:block35 block35_1_mixed:block35 custom_scale_layer:block35 block35_10_ac:block35"
    " conv2d_75:mixed_6a max_pooling2d_2:mixed_6a mixed_6a:mixed_6a conv2d_80:block17"
    " block17_20_ac:block17 mixed_7a:mixed_7a block8_10_conv:block8"
    " custom_scale_layer_39:block8 conv_7b:top conv_7b_ac:top",
    "NASNetMobile": "input:stem stem_conv1:stem activation:stem reduction_concat_stem_1:stem"
    " concatenate:stem reduction_concat_stem_2:stem normal_conv_1_0:cell_0 activation_9:cell_0"
    " normal_concat_0:cell_0 normal_concat_3:cell_3 reduction_concat_reduce_4:reduce_4"
    " adjust_bn_4:cell_5 normal_concat_5:cell_5 activation_187:top",
}


@pytest.mark.parametrize("excerpt", EXCERPTS.values(), ids=EXCERPTS)
def test_a_layer_is_in_its_block(excerpt):
    pairs = [pair.split(":") for pair in excerpt.split()]

    assert block_of_layers([name for name, _ in pairs]) == [block for _, block in pairs]


def test_a_network_without_known_names_is_all_stem():
    assert block_of_layers(["input", "dense", "dense_1"]) == ["stem"] * 3
    assert block_of_layers([]) == []


QUICK = {
    "EfficientNetLite0": ["stem", *(f"block{n}" for n in range(1, 8)), "top"],
    "VGG16": ["stem", *(f"block{n}" for n in range(1, 6))],
    "InceptionV3": ["stem", *(f"mixed{n}" for n in range(11))],
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(known.name, marks=() if known.name in QUICK else pytest.mark.slow)
        for known in catalog.CATALOG
    ],
)
def test_every_block_of_a_real_network_is_one_run_with_parameters(name):
    rows = layer_rows(build(Backbone(name=name)))
    runs = [block for block, _ in groupby(row.block for row in rows)]

    assert len(runs) == len(set(runs))
    assert runs == QUICK.get(name, runs)
    assert runs[0] == "stem"
    assert 5 <= len(runs) <= 25
    of_last = [row for row in rows if row.block == runs[-1]]
    assert len(of_last) < len(rows) / 2
    for block in runs[1:]:
        weighted = sum(row.params for row in rows if row.block == block)
        assert weighted or block == "top"

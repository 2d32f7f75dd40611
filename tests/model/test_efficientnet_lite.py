"""The bundled network recognises two photographs and is the file that its notice describes."""

import hashlib
import re

import numpy as np
import pytest
import skimage.data
from PIL import Image

from tlstudio.model.efficientnet_lite import EfficientNetLite0
from tlstudio.paths import resource

WEIGHTS = resource("weights", "efficientnet_lite0.weights.h5")


@pytest.fixture(scope="module")
def network():
    return EfficientNetLite0(include_top=True, weights_path=WEIGHTS, input_shape=(224, 224, 3))


@pytest.mark.parametrize(
    ("picture", "label", "probability"), [("coffee", 967, 0.90), ("chelsea", 285, 0.79)]
)
def test_recognises_a_photograph(network, picture, label, probability):
    photograph = Image.fromarray(getattr(skimage.data, picture)())
    small = np.asarray(photograph.resize((224, 224), Image.Resampling.BILINEAR), np.float32)

    scores = network((small[np.newaxis] - 127) / 128, training=False).numpy()[0]

    assert scores.argmax() == label
    assert scores[label] == pytest.approx(probability, abs=0.01)


def test_has_the_published_number_of_parameters(network):
    backbone = EfficientNetLite0(include_top=False, weights_path=None, input_shape=(224, 224, 3))

    assert network.count_params() == 4_694_024
    assert backbone.count_params() == 3_413_024
    assert backbone.output_shape == (None, 7, 7, 1280)


def test_without_its_top_it_keeps_the_weights_and_the_features(network):
    backbone = EfficientNetLite0(include_top=False, weights_path=WEIGHTS, input_shape=(64, 96, 3))
    pictures = np.random.default_rng(0).uniform(-1, 1, (1, 64, 96, 3)).astype(np.float32)

    assert backbone(pictures).shape == (1, 2, 3, 1280)
    for layer in backbone.layers:
        for ours, theirs in zip(layer.weights, network.get_layer(layer.name).weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_layers_are_named_by_block(network):
    names = [layer.name for layer in network.layers]

    assert names[1:6] == ["stem_conv", "stem_bn", "stem_relu", "block1a_dwconv", "block1a_bn"]
    assert {"block2a_expand_conv", "block6d_add", "block7a_project_bn", "top_conv"} <= set(names)
    assert names[-4:] == ["top_relu", "avg_pool", "top_dropout", "predictions"]


def test_the_weights_file_is_the_one_in_the_notice():
    notice = WEIGHTS.with_name("NOTICE").read_text(encoding="utf-8")
    of_the_file, of_the_source = re.findall(r"^SHA-256:\s+([0-9a-f]{64})$", notice, re.M)

    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == of_the_file
    assert of_the_source in WEIGHTS.with_name("convert_efficientnet_lite0.py").read_text("utf-8")

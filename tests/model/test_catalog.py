"""The catalogue agrees with Keras and is there without TensorFlow."""

import subprocess
import sys
from dataclasses import fields

import keras
import pytest
from keras.src.utils import file_utils

from tlstudio.errors import TlstudioError
from tlstudio.model import catalog
from tlstudio.model.backbone import build
from tlstudio.project.spec import Backbone

OF_KERAS = [known for known in catalog.CATALOG if known is not catalog.LITE0]
QUICK = ("VGG16", "MobileNetV2", "EfficientNetLite0")
ALL = [
    pytest.param(known, marks=() if known.name in QUICK else pytest.mark.slow, id=known.name)
    for known in catalog.CATALOG
]


def test_has_every_network_of_keras_and_the_bundled_one_first():
    networks = {name for name in dir(keras.applications) if name[0].isupper()}

    assert catalog.CATALOG[0].name == "EfficientNetLite0"
    assert sorted(known.name for known in OF_KERAS) == sorted(networks)


def test_needs_no_tensorflow():
    code = "import sys, tlstudio.model.catalog; sys.exit('tensorflow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("known", ALL)
def test_parameters_sizes_and_limits_are_those_of_keras(known):
    smallest = Backbone(name=known.name, input_shape=(known.min_input, known.min_input))
    default = Backbone(name=known.name, input_shape=known.input_shape)

    assert build(smallest).count_params() == known.params
    assert build(default, include_top=True).count_params() == known.params_with_top
    with pytest.raises(TlstudioError, match=f"at least {known.min_input} x {known.min_input}"):
        build(Backbone(name=known.name, input_shape=(known.min_input - 1, 224)))


def test_the_best_known_parameter_counts():
    vgg = catalog.facts("VGG16")

    assert (vgg.params, vgg.params_with_top) == (14_714_688, 138_357_544)
    assert (catalog.LITE0.params, catalog.LITE0.params_with_top) == (3_413_024, 4_694_024)


class Asked(Exception):
    """Carries the name of the file that Keras asked for."""


@pytest.mark.parametrize("known", [param for param in ALL if param.id != "EfficientNetLite0"])
def test_the_weights_file_is_the_one_that_keras_asks_for(known, monkeypatch):
    def get_file(name, *_args, **_options):
        raise Asked(name)

    monkeypatch.setattr(file_utils, "get_file", get_file)
    network = getattr(keras.applications, known.name)

    with pytest.raises(Asked) as asked:
        network(include_top=False, weights="imagenet", input_shape=(*known.input_shape, 3))
    assert asked.value.args == (known.weights_file,)


@pytest.mark.parametrize("known", catalog.CATALOG, ids=lambda known: known.name)
def test_each_row_is_plausible(known):
    assert all(getattr(known, field.name) is not None for field in fields(known))
    assert known.params < known.params_with_top
    assert 0.6 < known.top1 < 0.9
    # The published size is that of a file of float32.
    assert known.size_mb == pytest.approx(known.params_with_top * 4 / 2**20, rel=0.45)
    assert known.preprocessing in {"tf", "caffe", "torch", "lite", "none"}
    assert known.min_input <= min(known.input_shape)


def test_finds_a_backbone_in_whatever_case():
    assert catalog.facts("resnet50v2").name == "ResNet50V2"


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("ResNet5O", "ResNet50"), ("EfficientNet-Lite0", "EfficientNetLite0"), ("?", "VGG16")],
)
def test_an_unknown_name_gets_a_suggestion(wrong, near):
    with pytest.raises(TlstudioError, match="no backbone named") as error:
        catalog.facts(wrong)
    assert near in error.value.hint


def test_cached_is_what_lies_in_the_folder_of_keras(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    vgg = catalog.facts("VGG16")

    assert catalog.is_cached(catalog.LITE0)
    assert not catalog.is_cached(vgg)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5").touch()
    assert catalog.is_cached(vgg)


def test_the_folder_of_keras_is_in_the_home_by_default(monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)

    assert catalog.weights_folder().parts[-2:] == (".keras", "models")

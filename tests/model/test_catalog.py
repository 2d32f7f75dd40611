"""The catalogue agrees with Keras and is there without TensorFlow."""

import inspect
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import keras
import pytest
from keras.src.utils import file_utils

from tlstudio.errors import TlstudioError
from tlstudio.model import catalog
from tlstudio.model.backbone import build, outline
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


@pytest.mark.parametrize("known", OF_KERAS, ids=lambda known: known.name)
def test_arguments_are_those_that_its_constructor_has(known):
    has = inspect.signature(getattr(keras.applications, known.name)).parameters
    chosen = Backbone.model_fields.keys() - {"name", "weights", "input_shape"}

    assert set(known.arguments) == chosen & has.keys()
    assert all(getattr(Backbone(), name) == has[name].default for name in known.arguments)


@pytest.mark.parametrize("known", OF_KERAS, ids=lambda known: known.name)
@pytest.mark.parametrize("less", [(1, 0), (0, 1)], ids=["rows", "columns"])
def test_keras_itself_refuses_less_than_the_minimum(known, less):
    network = getattr(keras.applications, known.name)
    shape = (known.min_input - less[0], known.min_input - less[1], 3)

    with pytest.raises(ValueError, match=f"at least {known.min_input}"):
        network(include_top=False, weights=None, input_shape=shape)


@pytest.mark.parametrize("known", ALL)
def test_the_top_of_vgg_alone_depends_on_the_size_of_the_input(known):
    smallest = Backbone(name=known.name, input_shape=(known.min_input, known.min_input))
    params = outline(smallest, include_top=True).count_params()

    assert (params != known.params_with_top) == known.top_tied == (known.family == "VGG")


def test_the_best_known_parameter_counts():
    vgg = catalog.facts("VGG16")

    assert (vgg.params, vgg.params_with_top) == (14_714_688, 138_357_544)
    assert (catalog.LITE0.params, catalog.LITE0.params_with_top) == (3_413_024, 4_694_024)


class Asked(Exception):
    """Carries the name and address of the file that Keras asks for."""


def asked_for(monkeypatch, name, shape, **width):
    def get_file(name, address, **_options):
        raise Asked(name, address)

    monkeypatch.setattr(file_utils, "get_file", get_file)
    network = getattr(keras.applications, name)

    def construct():
        with keras.StatelessScope(initialize_variables=False):
            network(include_top=False, weights="imagenet", input_shape=(*shape, 3), **width)

    # Keras notes such weights, and fills them when the same thread builds its next model.
    with ThreadPoolExecutor(1) as thread, pytest.raises(Asked) as asked:
        thread.submit(construct).result()
    return asked.value.args


@pytest.mark.parametrize("known", [param for param in ALL if param.id != "EfficientNetLite0"])
def test_the_weights_file_is_the_one_that_keras_asks_for(known, monkeypatch):
    spec = Backbone(name=known.name, input_shape=known.input_shape)
    name, address = asked_for(monkeypatch, known.name, known.input_shape)

    assert name == known.weights_file
    assert catalog.weights_file(known, spec) == catalog.weights_folder() / name
    assert catalog.weights_address(known, spec) == address


@pytest.mark.parametrize(
    ("name", "alpha", "side"),
    [
        *[("MobileNet", alpha, side) for alpha, side in ((0.25, 128), (0.5, 160), (0.75, 192))],
        ("MobileNet", 1.0, 224),
        *[("MobileNetV2", alpha, 96) for alpha in (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)],
        ("MobileNetV2", 0.35, 192),
        ("MobileNetV3Small", 0.75, 224),
        ("MobileNetV3Large", 0.75, 224),
    ],
)
def test_so_it_is_for_each_width_and_size(name, alpha, side, monkeypatch):
    known = catalog.facts(name)
    spec = Backbone(name=name, alpha=alpha, input_shape=(side, side))
    asked, address = asked_for(monkeypatch, name, (side, side), alpha=alpha)

    assert catalog.weights_file(known, spec).name == asked
    assert catalog.weights_address(known, spec) == address


def test_so_it_is_for_the_minimalistic_variant(monkeypatch):
    known = catalog.facts("MobileNetV3Large")
    spec = Backbone(name=known.name, minimalistic=True)
    asked, address = asked_for(monkeypatch, known.name, (224, 224), minimalistic=True)

    assert catalog.weights_file(known, spec).name == asked
    assert catalog.weights_address(known, spec) == address
    assert catalog.published_widths(known, spec) == (1.0,)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "MobileNetV3Large"])
def test_a_minimalistic_network_has_weights_of_its_own(name, monkeypatch):
    known, spec = catalog.facts(name), Backbone(name=name, minimalistic=True)
    asked, address = asked_for(monkeypatch, name, known.input_shape, minimalistic=True)

    assert catalog.weights_file(known, spec).name == asked
    assert catalog.weights_address(known, spec) == address
    assert catalog.published_widths(known, spec) == (1.0,)


@pytest.mark.parametrize("shape", [(200, 200), (96, 128), (224, 224)])
def test_other_sizes_take_the_weights_of_the_usual_one(shape):
    known = catalog.facts("MobileNetV2")
    spec = Backbone(name=known.name, input_shape=shape)

    assert catalog.weights_file(known, spec).name == known.weights_file
    assert catalog.weights_shape(known, spec) == (224, 224)


def test_what_is_bundled_is_where_it_was_installed():
    assert catalog.weights_file(catalog.LITE0, Backbone()).is_file()
    assert catalog.weights_address(catalog.LITE0, Backbone()) == ""


@pytest.mark.parametrize("known", catalog.CATALOG, ids=lambda known: known.name)
def test_each_row_is_plausible(known):
    assert all(getattr(known, field.name) is not None for field in fields(known))
    assert known.params < known.params_with_top
    assert 0.6 < known.top1 < 0.9
    # The published size is that of a file of float32.
    assert known.size_mb == pytest.approx(known.params_with_top * 4 / 2**20, rel=0.45)
    assert known.preprocessing in {"tf", "caffe", "torch", "lite", "efficientnet", "none"}
    assert known.min_input <= min(known.input_shape)


def test_finds_a_backbone_in_whatever_case():
    assert catalog.facts("resnet50v2").name == "ResNet50V2"


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("ResNet5O", "ResNet50"),
        ("EfficientNet-Lite0", "EfficientNetLite0"),
        ("?", "lists all of them"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(wrong, near):
    with pytest.raises(TlstudioError, match="no backbone named") as error:
        catalog.facts(wrong)
    assert near in error.value.hint
    assert ("Did you mean" in error.value.hint) == (wrong != "?")


def test_cached_is_what_lies_in_the_folder_of_keras(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    vgg = catalog.facts("VGG16")

    assert catalog.is_cached(catalog.LITE0)
    assert not catalog.is_cached(vgg)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5").touch()
    assert catalog.is_cached(vgg)


def test_cached_at_one_width_is_not_cached_at_another(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    known = catalog.facts("MobileNetV3Small")
    narrow = Backbone(name=known.name, alpha=0.75)
    catalog.weights_folder().mkdir()
    catalog.weights_file(known, narrow).touch()

    assert catalog.is_cached(known, narrow)
    assert not catalog.is_cached(known)


def test_the_folder_of_keras_is_in_the_home_by_default(monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)

    assert catalog.weights_folder().parts[-2:] == (".keras", "models")


def test_the_folder_is_a_temporary_one_where_keras_may_not_write(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    known, spec = catalog.facts("VGG16"), Backbone(name="VGG16")

    assert tmp_path not in catalog.weights_file(known, spec).parents
    monkeypatch.setattr(file_utils, "urlretrieve", lambda _, target, __: Path(target).touch())
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    assert Path(file_utils.get_file("x", "x", cache_subdir="models")).parent == (
        catalog.weights_folder()
    )

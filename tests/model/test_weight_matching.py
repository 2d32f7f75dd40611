"""Weights from files: each format, whole models with a nested backbone, and files that have only
a part, which is never loaded silently."""

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from loading import loaded

from tlstudio.backbone_events import WeightsMatched
from tlstudio.control import Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Warned
from tlstudio.model import backbone, catalog
from tlstudio.model.head import head_layers, whole_model
from tlstudio.model.weight_files import opened
from tlstudio.model.weight_filling import fill
from tlstudio.model.weight_fit import fit
from tlstudio.model.weight_matching import match_file
from tlstudio.project.spec import Backbone, DenseLayer, Head

SMALL = Backbone(name="MobileNet", alpha=0.25, weights="random", input_shape=(32, 32))
LAYERS = 54
"""Of it that have weights."""


def from_file(path, spec=SMALL):
    return loaded(spec.model_copy(update={"weights": str(path)}))[1]


def warnings_of(path, spec=SMALL):
    events, _ = loaded(spec.model_copy(update={"weights": str(path)}))
    return [event for event in events if isinstance(event, Warned)]


def report(path, spec=SMALL):
    last = list(match_file(spec.model_copy(update={"weights": str(path)}), Control()))[-1]
    assert isinstance(last, WeightsMatched)
    return last


def filled(spec=SMALL, include_top=False):
    """A network whose weights, BatchNorm's statistics included, are like no fresh network's."""
    model = backbone.build(spec, include_top)
    numbers = np.random.default_rng(7)
    for layer in model.layers:
        layer.set_weights(
            [numbers.uniform(0.5, 1.5, w.shape).astype(w.dtype) for w in layer.get_weights()]
        )
    return model


@pytest.fixture(scope="module", params=[False, True], ids=["no_top", "with_top"])
def trained(request):
    return filled(SMALL, include_top=request.param)


@pytest.fixture(scope="module")
def small():
    return filled()


@pytest.fixture(scope="module")
def wider():
    return backbone.build(SMALL.model_copy(update={"alpha": 0.5}))


def save_legacy_weights(model, path):
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


SAVE = {
    "a.weights.h5": lambda model, path: model.save_weights(path),
    "a.keras": lambda model, path: model.save(path),
    "whole.h5": lambda model, path: model.save(path),
    "weights.h5": save_legacy_weights,
}


def assert_same_weights(model, source):
    for layer in model.layers:
        for ours, theirs in zip(
            layer.get_weights(), source.get_layer(layer.name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", SAVE)
def test_loads_each_format_with_and_without_the_top(trained, name, tmp_path):
    SAVE[name](trained, tmp_path / name)

    assert_same_weights(from_file(tmp_path / name), trained)
    assert not warnings_of(tmp_path / name)
    found = report(tmp_path / name)
    assert len(found.matched) == LAYERS
    assert (found.missing, found.different) == ((), ())
    assert found.unused == (("conv_preds",) if trained.layers[-1].name == "predictions" else ())


@pytest.mark.parametrize("name", SAVE)
def test_finds_the_backbone_that_lies_in_a_whole_model(small, name, tmp_path):
    small.get_layer("conv_pw_3_bn").trainable = False  # the older formats then mix their order
    small.get_layer("conv1").trainable = False
    try:
        head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, name="mine")]
        model = keras.Sequential([keras.Input((32, 32, 3)), small, *head])
        SAVE[name](model, tmp_path / name)
    finally:
        small.trainable = True

    assert_same_weights(from_file(tmp_path / name), small)
    assert report(tmp_path / name).unused == ("mine",)


def test_a_run_of_tlstudio_gives_its_backbone_on(small, tmp_path):
    head = head_layers(Head(dense=(DenseLayer(units=4),)), classes=3, seed=0)
    whole_model(small, head, "MobileNet").save(tmp_path / "model.keras")

    assert_same_weights(from_file(tmp_path / "model.keras"), small)
    assert set(report(tmp_path / "model.keras").unused) == {"dense_1", "predictions"}


@pytest.mark.slow
@pytest.mark.parametrize("name", SAVE)
@pytest.mark.parametrize(
    "network",
    [
        "MobileNetV2",
        "MobileNetV3Small",
        "ResNet50",
        "DenseNet121",
        "NASNetMobile",
        "EfficientNetB0",
        "EfficientNetV2B0",
        "ConvNeXtTiny",
        "InceptionV3",
        "InceptionResNetV2",
        "Xception",
    ],
)
def test_each_family_is_found_in_a_model_of_plain_keras(network, name, tmp_path):
    side = catalog.facts(network).min_input
    shape = (side, side, 3)
    spec = Backbone(name=network, weights="random", input_shape=shape[:2])
    # Its layers have numbers that go on from other networks.
    base = getattr(keras.applications, network)(include_top=False, weights=None, input_shape=shape)
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    SAVE[name](keras.Sequential([keras.Input(shape), base, *head]), tmp_path / name)

    model = from_file(tmp_path / name, spec)
    assert not warnings_of(tmp_path / name, spec)
    for ours, theirs in zip(model.get_weights(), base.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_finds_it_two_models_deep(small, tmp_path):
    inner = keras.Sequential([keras.Input((32, 32, 3)), small])
    outer = keras.Sequential([keras.Input((32, 32, 3)), inner, keras.layers.Flatten()])
    outer.save_weights(tmp_path / "deep.weights.h5")

    assert_same_weights(from_file(tmp_path / "deep.weights.h5"), small)


def test_a_file_is_read_as_what_it_is_whatever_its_ending(small, tmp_path):
    save_legacy_weights(small, tmp_path / "old.weights.h5")
    small.save_weights(tmp_path / "a.weights.h5")
    (tmp_path / "a.weights.h5").rename(tmp_path / "new.h5")
    small.save(tmp_path / "a.keras")
    (tmp_path / "a.keras").rename(tmp_path / "zip.h5")

    for name in ("old.weights.h5", "new.h5", "zip.h5"):
        assert_same_weights(from_file(tmp_path / name), small)


def without_names(path):
    """As Keras wrote files before 3.10."""
    with h5py.File(path, "a") as file:
        for layer in file["layers"].values():
            del layer["vars"].attrs["name"]


def test_layers_without_names_are_known_by_type_and_number(trained, tmp_path):
    path = tmp_path / "a.weights.h5"
    trained.save_weights(path)
    without_names(path)

    assert_same_weights(from_file(path), trained)


def test_the_configuration_of_a_keras_file_tells_names_that_the_weights_lack(small, tmp_path):
    small.save(tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras") as good:
        (tmp_path / "inside.h5").write_bytes(good.read("model.weights.h5"))
        config = good.read("config.json")
    without_names(tmp_path / "inside.h5")
    with h5py.File(tmp_path / "inside.h5", "a") as file:
        del file["layers/depthwise_conv2d_4"]
    with zipfile.ZipFile(tmp_path / "old.keras", "w", zipfile.ZIP_DEFLATED) as old:
        old.write(tmp_path / "inside.h5", "model.weights.h5")
        old.writestr("config.json", config)

    assert report(tmp_path / "old.keras").missing == ("conv_dw_5",)
    assert "conv_dw_4" in report(tmp_path / "old.keras").matched


@pytest.mark.parametrize(
    "config", ['{"module": "os", "class_name": "system", "config": "ls"}', "{"]
)
def test_nothing_in_a_keras_file_is_run(trained, config, tmp_path):
    trained.save(tmp_path / "good.keras")
    evil = tmp_path / "evil.keras"
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(evil, "w") as target:
        target.writestr("config.json", config)
        target.writestr("metadata.json", good.read("metadata.json"))
        target.writestr("model.weights.h5", good.read("model.weights.h5"))

    assert_same_weights(from_file(evil), trained)


def test_a_lambda_in_a_whole_model_is_not_run(small, tmp_path):
    def never(_):
        raise AssertionError

    shaped = keras.layers.Lambda(never, output_shape=(1, 1, 256))
    keras.Sequential([keras.Input((32, 32, 3)), small, shaped]).save(tmp_path / "lambda.keras")
    with zipfile.ZipFile(tmp_path / "lambda.keras") as archive:
        assert "Lambda" in json.dumps(json.loads(archive.read("config.json")))

    assert_same_weights(from_file(tmp_path / "lambda.keras"), small)


def refusal(path, spec=SMALL):
    """What a training says of a file, which the report says too."""
    with pytest.raises(TlstudioError) as error:
        from_file(path, spec)
    found = report(path, spec)
    assert (found.refused, found.hint) == (error.value.message, error.value.hint)
    return error.value


@pytest.mark.parametrize("name", SAVE)
def test_a_file_of_another_width_is_refused_and_its_width_named(wider, name, tmp_path):
    SAVE[name](wider, tmp_path / name)

    refused = refusal(tmp_path / name)
    assert refused.message == f"{name} holds MobileNet of another width: 0.5."
    assert refused.hint == "Set the width (alpha) to 0.5, or choose another file."
    found = report(tmp_path / name)
    assert len(found.different) == LAYERS
    assert "conv1: kernel is 3 x 3 x 3 x 16 in the file and 3 x 3 x 3 x 8 here." in found.different


@pytest.mark.parametrize(
    ("network", "saved", "chosen"),
    [("MobileNetV2", 0.35, 1.4), ("MobileNetV2", 1.4, 0.35), ("MobileNetV3Small", 0.75, 1.0)],
)
def test_the_width_of_a_file_is_known_however_channels_are_rounded(
    network, saved, chosen, tmp_path
):
    spec = Backbone(name=network, weights="random", input_shape=(32, 32), alpha=saved)
    backbone.build(spec, include_top=True).save_weights(tmp_path / "a.weights.h5")

    refused = refusal(tmp_path / "a.weights.h5", spec.model_copy(update={"alpha": chosen}))
    assert f"alpha) to {saved:g}," in refused.hint


def test_other_arguments_than_the_width_are_no_other_network(tmp_path):
    deeper = SMALL.model_copy(update={"depth_multiplier": 2})
    backbone.build(deeper).save_weights(tmp_path / "a.weights.h5")

    refused = refusal(tmp_path / "a.weights.h5")
    assert refused.message == "a.weights.h5 holds the layers of MobileNet in other shapes."
    assert "arguments" in refused.hint


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        ("EfficientNetB2", "holds the layers of EfficientNet-B1 in other shapes"),
        ("MobileNet", "holds the weights of another network than EfficientNet-B1"),
    ],
)
def test_a_file_of_another_network_is_refused(saved, words, tmp_path):
    spec = Backbone(name=saved, weights="random", input_shape=(32, 32))
    backbone.build(spec).save_weights(tmp_path / "a.weights.h5")

    refused = refusal(tmp_path / "a.weights.h5", spec.model_copy(update={"name": "EfficientNetB1"}))
    assert words in refused.message
    assert refused.hint == "Choose the backbone that the file was saved from, or another file."


@pytest.mark.parametrize("name", SAVE)
def test_layers_that_a_file_lacks_are_told_and_start_anew(small, name, tmp_path):
    cut = keras.Model(small.inputs, small.get_layer("conv_pw_12_relu").output)
    SAVE[name](cut, tmp_path / name)

    found = report(tmp_path / name)
    assert found.missing == ("conv_dw_13", "conv_dw_13_bn", "conv_pw_13", "conv_pw_13_bn")
    assert len(found.matched) == LAYERS - 4
    assert not found.refused
    (warned,) = warnings_of(tmp_path / name)
    assert f"4 of {LAYERS} layers of MobileNet are not in {name}" in warned.message
    assert "conv_dw_13, conv_dw_13_bn, conv_pw_13, …" in warned.message

    keras.utils.set_random_seed(3)
    model = from_file(tmp_path / name)
    np.testing.assert_array_equal(
        model.get_layer("conv1").get_weights()[0], small.get_layer("conv1").get_weights()[0]
    )
    fresh = model.get_layer("conv_pw_13").get_weights()[0]
    assert 0 < np.abs(fresh).max() < 0.2
    np.testing.assert_array_equal(
        model.get_layer("conv_pw_13_bn").get_weights()[3], np.ones(256, np.float32)
    )
    keras.utils.set_random_seed(3)
    again = from_file(tmp_path / name).get_layer("conv_pw_13").get_weights()[0]
    np.testing.assert_array_equal(again, fresh)


def test_a_layer_of_another_shape_starts_anew_and_is_told(small, tmp_path):
    path = tmp_path / "a.weights.h5"
    small.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars/0"] = np.ones((3, 3, 1, 8), np.float32)

    (warned,) = warnings_of(path)
    assert "start untrained: conv1." in warned.message
    assert report(path).different == (
        "conv1: kernel is 3 x 3 x 1 x 8 in the file and 3 x 3 x 3 x 8 here.",
    )
    assert "conv1" not in report(path).missing


def numbered():
    """Its layers are alike and have the numbers that Keras gives them, on and on."""
    inputs = keras.Input((4, 4, 2))
    first, second = keras.layers.Conv2D(2, 1), keras.layers.Conv2D(2, 1)
    return keras.Model(inputs, second(first(inputs)))


@pytest.mark.parametrize("name", SAVE)
def test_names_that_keras_numbered_on_are_understood(name, tmp_path):
    model, other = numbered(), numbered()
    SAVE[name](other, tmp_path / name)
    assert not {layer.name for layer in model.layers} & {layer.name for layer in other.layers}

    list(fill(unfilled := outline_of(numbered), tmp_path / name, "it"))
    for ours, theirs in zip(unfilled.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def outline_of(build):
    def in_scope():
        with keras.StatelessScope(initialize_variables=False):
            return build()

    # Keras notes such weights, and would fail to fill them in this thread's next model.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(in_scope).result()


def test_weights_of_a_layer_are_told_apart_by_their_names(tmp_path):
    """In the order of a layer of which a part was frozen, and named as TensorFlow 2 did."""
    values = {"moving_mean": 1.0, "moving_variance": 2.0, "beta": 3.0, "gamma": 4.0}
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = ["norm"]
        file.create_group("norm").attrs["weight_names"] = [f"norm/{name}:0" for name in values]
        for name, value in values.items():
            file[f"norm/norm/{name}:0"] = np.full(2, value, np.float32)
    norm = keras.layers.BatchNormalization(name="norm")
    model = outline_of(lambda: keras.Sequential([keras.Input((4, 2)), norm]))
    list(fill(model, tmp_path / "old.h5", "it"))

    assert {weight.name: float(weight.numpy()[0]) for weight in norm.weights} == values


@pytest.mark.parametrize("name", SAVE)
def test_other_names_do_where_every_layer_fits_at_its_place(name, tmp_path):
    other = numbered()
    for layer, called in zip(other.layers[1:], ("left", "right"), strict=True):
        layer.name = called
    SAVE[name](other, tmp_path / name)

    list(fill(unfilled := outline_of(numbered), tmp_path / name, "it"))
    for ours, theirs in zip(unfilled.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_layers_that_are_several_count_as_one(tmp_path):
    def build():
        inputs = keras.Input((4, 4, 2))
        stem = keras.Sequential(
            [keras.layers.Conv2D(2, 1, name="a"), keras.layers.BatchNormalization(name="b")],
            name="stem",
        )
        return keras.Model(inputs, keras.layers.Conv2D(2, 1, name="c")(stem(inputs)))

    model = build()
    for name, save in SAVE.items():
        save(model, tmp_path / name)
        with opened(tmp_path / name) as groups:
            found = fit(build(), groups).report
        assert (found.matched, found.missing, found.unused) == (("stem", "c"), (), ())
    with h5py.File(tmp_path / "a.weights.h5", "a") as file:
        del file["layers/sequential/layers/batch_normalization"]
    with opened(tmp_path / "a.weights.h5") as groups:
        found = fit(build(), groups).report
    assert (found.matched, found.missing) == (("c",), ("stem",))


def test_weights_that_are_no_numbers_are_refused(small, tmp_path):
    path = tmp_path / "a.weights.h5"
    small.save_weights(path)
    with h5py.File(path, "a") as file:
        file["layers/conv2d/vars/0"][...] = np.nan

    assert "no finite numbers" in refusal(path).message


def test_half_precision_weights_are_read(small, tmp_path):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        half = backbone.build(SMALL)
    finally:
        keras.config.set_dtype_policy(policy)
    half.set_weights(small.get_weights())
    half.save_weights(tmp_path / "half.weights.h5")

    kernel = from_file(tmp_path / "half.weights.h5").get_layer("conv1").get_weights()[0]
    np.testing.assert_allclose(kernel, small.get_layer("conv1").get_weights()[0], rtol=1e-2)
    assert kernel.dtype == np.float32


def test_named_weights_are_no_file_to_look_into():
    with pytest.raises(TlstudioError, match="Random weights of MobileNet are no file"):
        list(match_file(SMALL, Control()))

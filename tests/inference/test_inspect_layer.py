import gc
import weakref
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_training import train
from tensorflow.python.eager import context

from tlstudio.control import Control
from tlstudio.events import Event, Failed, Warned
from tlstudio.host import jobs
from tlstudio.inference import inspect_layer, networks
from tlstudio.inference.inspect_layer import weight_figures
from tlstudio.layer_events import LayerSeen, LayersMoved, WeightValues
from tlstudio.model import backbone as backbones
from tlstudio.model import catalog
from tlstudio.project import runs
from tlstudio.project.spec import Backbone, FreezePlan, Pictures, Project, Training

SMALL = Backbone(input_shape=(32, 32))
RANDOM = Backbone(name="MobileNetV2", weights="random", input_shape=(32, 32), alpha=0.1)


@pytest.fixture(scope="module")
def run(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    project = Project(
        pictures=Pictures(source=shapes),
        backbone=SMALL,
        freeze=FreezePlan(strategy="top", unfreeze_from="top_conv"),
        training=Training(epochs=2, batch_size=8, learning_rate=0.01, device="cpu"),
    )
    train(project, out)
    return out


def ask(request: jobs.Request) -> Event:
    return list(jobs.run(request, Control()))[-1]


def seen(layer: str, backbone: Backbone = SMALL, **asked: Path) -> LayerSeen:
    answer = ask(jobs.InspectRequest(backbone, layer, **asked))
    assert isinstance(answer, LayerSeen), answer
    return answer


def test_a_layer_is_seen_with_its_shapes_configuration_and_weights() -> None:
    layer = seen("stem_bn")
    assert (layer.type, layer.block) == ("BatchNormalization", "stem")
    assert layer.input_shapes == layer.output_shapes == ((16, 16, 32),)
    assert layer.config["epsilon"] == 1e-3
    assert [weight.name for weight in layer.weights] == [
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
    ]
    assert [weight.trainable for weight in layer.weights] == [True, True, False, False]
    assert all(sum(weight.histogram) == 32 for weight in layer.weights)
    assert layer.filters is layer.activations is None


def test_figures_are_those_of_the_values_that_are_handed_out() -> None:
    answer = ask(jobs.WeightValuesRequest(SMALL, "top_conv"))
    assert isinstance(answer, WeightValues)
    assert answer.names == ("kernel",)
    (kernel,), (figures,) = answer.values, seen("top_conv").weights
    assert figures.shape == kernel.shape == (1, 1, 320, 1280)
    assert figures.mean == pytest.approx(kernel.mean(dtype=float))
    assert figures.deviation == pytest.approx(kernel.std(dtype=float))
    assert (figures.minimum, figures.maximum) == (kernel.min(), kernel.max())


def test_filters_of_the_first_convolution_are_pictures() -> None:
    filters = seen("stem_conv").filters
    assert filters is not None
    assert filters.shape == (32, 3, 3, 3)
    assert {(one.min(), one.max()) for one in filters} == {(0, 255)}
    assert seen("top_conv").filters is None


def test_activations_are_of_the_picture_that_is_asked_about(shapes: Path) -> None:
    disc, bars = (shapes / name / f"{name} 1.png" for name in ("disc", "bars"))
    first = seen("stem_relu", picture=disc).activations
    other = seen("stem_relu", picture=bars).activations
    assert first is not None
    assert other is not None
    assert first.shape == (32, 16, 16)
    assert not np.array_equal(first, other)
    assert seen("top_relu", picture=disc).activations.shape == (64, 1, 1)  # type: ignore[union-attr]


def test_a_layer_without_weights_has_none_to_hand_out() -> None:
    assert seen("stem_relu").weights == ()
    answer = ask(jobs.WeightValuesRequest(SMALL, "stem_relu"))
    assert isinstance(answer, Failed)
    assert "has no weights" in answer.message


def test_what_cannot_be_looked_into_says_why(tmp_path: Path) -> None:
    for request, words in [
        (jobs.InspectRequest(SMALL, "nothing"), "no layer called"),
        (jobs.InspectRequest(SMALL, "stem_conv", run=tmp_path), "is not a run"),
    ]:
        answer = ask(request)
        assert isinstance(answer, Failed)
        assert words in answer.message
        assert answer.status == 2


def test_a_layer_is_shown_without_a_picture_that_is_none(tmp_path: Path) -> None:
    no_picture = tmp_path / "notes.png"
    no_picture.write_text("not a picture", encoding="utf-8")
    request = jobs.InspectRequest(SMALL, "stem_conv", picture=no_picture)
    *events, layer = jobs.run(request, Control())
    assert "notes.png" in events[-1].message  # type: ignore[attr-defined]
    assert isinstance(layer, LayerSeen)
    assert layer.activations is None


def test_weights_that_are_not_here_are_not_downloaded(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    answer = ask(jobs.InspectRequest(Backbone(name="VGG16", weights="imagenet"), "block1_conv1"))
    assert isinstance(answer, Failed)
    assert "not on this machine" in answer.message
    assert not list(tmp_path.rglob("*.h5"))


def test_damaged_weights_are_neither_deleted_nor_downloaded_anew(monkeypatch, tmp_path) -> None:
    spec = Backbone(name="VGG16", weights="imagenet", input_shape=(32, 32))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = catalog.weights_file(catalog.facts(spec.name), spec)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"brought by hand")
    answer = ask(jobs.InspectRequest(spec, "block1_conv1"))
    assert isinstance(answer, Failed)
    assert "are damaged" in answer.message
    assert path.read_bytes() == b"brought by hand"


def test_random_weights_are_those_that_the_seed_draws() -> None:
    spec = Backbone(name="MobileNetV2", weights="random", alpha=0.35, input_shape=(32, 32))
    drawn = [
        ask(jobs.WeightValuesRequest(spec, "Conv1", seed=seed)).values[0]  # type: ignore[attr-defined]
        for seed in (1, 7, 1)
    ]
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert np.abs(drawn[0] - drawn[1]).max() > 0


def test_what_a_weights_file_lacks_is_said_of_each_layer(tmp_path: Path) -> None:
    spec = Backbone(name="MobileNetV2", weights="random", alpha=0.35, input_shape=(32, 32))
    path = tmp_path / "part.weights.h5"
    backbones.build(spec).save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/conv2d"]
    partly = spec.model_copy(update={"weights": str(path)})
    for layer in ("Conv1", "Conv_1"):
        *events, found = jobs.run(jobs.InspectRequest(partly, layer), Control())
        assert isinstance(found, LayerSeen)
        (warned,) = (event for event in events if isinstance(event, Warned))
        assert "1 of " in warned.message


def test_a_layer_of_layers_tells_the_weights_within_it_apart() -> None:
    convnext = Backbone(name="ConvNeXtTiny", weights="random", input_shape=(32, 32))
    layer = seen("convnext_tiny_downsampling_block_0", convnext)
    names = [weight.name for weight in layer.weights]
    assert len(names) == len(set(names)) == 4
    assert len(layer.config["layers"]) == 2


def test_a_network_that_was_looked_at_is_let_go_when_another_is() -> None:
    """Weights of a gigabyte may not stay of each."""
    ask(jobs.InspectRequest(RANDOM, "Conv1"))
    ((network, _),) = networks._last.values()
    older = weakref.ref(network)
    del network
    ask(jobs.WeightValuesRequest(RANDOM.model_copy(update={"alpha": 0.2}), "Conv1"))
    gc.collect()
    assert older() is None
    assert len(networks._last) == 1


def placed() -> str:
    """The device of this thread's scope as TensorFlow calls it; empty where it chooses."""
    return context.context().device_name or ""


def test_what_is_looked_into_is_on_the_cpu_and_what_is_told_is_told_outside(
    shapes: Path, monkeypatch
) -> None:
    places: list[str] = []
    load, preprocess = backbones.load, inspect_layer.preprocess

    def loading(*arguments, **named):
        places.append(placed())
        return (yield from load(*arguments, **named))

    def preprocessing(*arguments):
        places.append(placed())
        return preprocess(*arguments)

    monkeypatch.setattr(networks.backbones, "load", loading)
    monkeypatch.setattr(inspect_layer, "preprocess", preprocessing)
    networks._last.clear()
    picture = shapes / "disc" / "disc 1.png"
    for event in jobs.run(jobs.InspectRequest(SMALL, "stem_relu", picture=picture), Control()):
        assert not placed(), event
    assert len(places) == 2
    assert all(place.endswith("CPU:0") for place in places)


def test_values_that_are_no_numbers_are_counted_and_left_out() -> None:
    figures = weight_figures("kernel", np.array([1, 3, np.nan, np.inf], np.float32), True)
    assert (figures.minimum, figures.maximum, figures.mean) == (1, 3, 2)
    assert figures.not_finite == 2
    assert sum(figures.histogram) == 2
    lost = weight_figures("kernel", np.array([np.nan]), True)
    assert np.isnan(lost.mean)
    assert lost.histogram == ()
    assert weight_figures("bias", np.zeros(4), True).histogram == (4,)


def moved(run: Path) -> dict[str, float]:
    answer = ask(jobs.MovedRequest(run))
    assert isinstance(answer, LayersMoved), answer
    return answer.layers


def test_what_was_frozen_did_not_move_and_what_was_trained_did(run: Path) -> None:
    changes = moved(run)
    assert 0 < changes.pop("top_conv") < 2
    assert set(changes.values()) == {0.0}
    assert "stem_relu" not in changes


def test_the_change_is_that_of_the_weights_before_and_after(run: Path) -> None:
    before, after = (
        ask(jobs.WeightValuesRequest(SMALL, "top_conv", run=of)).values[0]  # type: ignore[attr-defined]
        for of in (None, run)
    )
    wanted = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert moved(run)["top_conv"] == pytest.approx(wanted, rel=1e-4)


def test_random_weights_are_compared_with_those_that_the_seed_draws(
    shapes: Path, tmp_path: Path
) -> None:
    project = Project(
        pictures=Pictures(source=shapes),
        backbone=RANDOM,
        training=Training(epochs=1, batch_size=8, seed=7, device="cpu"),
    )
    train(project, tmp_path / "run")
    assert set(moved(tmp_path / "run").values()) == {0.0}


def test_a_run_whose_weights_are_gone_says_so(run: Path, tmp_path: Path) -> None:
    text = (run / runs.RUN).read_text(encoding="utf-8")
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    gone = text.replace('"bundled"', '"/nowhere/gone.weights.h5"')
    (tmp_path / runs.RUN).write_text(gone, encoding="utf-8")
    answer = ask(jobs.MovedRequest(tmp_path))
    assert isinstance(answer, Failed)
    assert "gone.weights.h5" in answer.message
    assert answer.status == 2

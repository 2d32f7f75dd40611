import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from PIL import Image

from tlstudio.advice_events import Advice, BackboneScore, DepthProbe
from tlstudio.backbone_events import Measured
from tlstudio.control import Control
from tlstudio.data.decode import decode
from tlstudio.errors import TlstudioError
from tlstudio.events import CANCELLED, Event, Failed, Picture, Progress, Warned
from tlstudio.host import jobs
from tlstudio.model import backbone as backbones
from tlstudio.model import catalog
from tlstudio.project.spec import Backbone, Pictures, Project, Training
from tlstudio.training import advise as job
from tlstudio.training import speed
from tlstudio.training.advice_features import Response, response
from tlstudio.training.transferability import logme

BLOCKS = ["stem", *(f"block{i}" for i in range(1, 8)), "top"]
Make = Callable[..., Project]


def advise(project: Project, rank: bool = False, control: Control | None = None) -> list[Event]:
    return list(jobs.run(jobs.AdviseRequest(project, rank), control or Control()))


def ended(generator: Generator[Event, None, Any]) -> Any:
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def respond(spec: Backbone, paths: list[Path], network: keras.Model | None = None) -> Response:
    network = network or ended(backbones.load(spec, Control()))
    pictures = [Picture(str(path), "", digest=path.name) for path in paths]
    return ended(response(network, spec, pictures, "CPU:0", Control()))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def told(shapes: Path) -> list[Event]:
    training = Training(device="cpu")
    backbone = Backbone(input_shape=(32, 32))
    return advise(Project(pictures=Pictures(source=shapes), backbone=backbone, training=training))


def test_a_probe_a_block_and_then_the_advice(told: list[Event]) -> None:
    probes = [event for event in told if isinstance(event, DepthProbe)]
    assert [probe.block for probe in probes] == BLOCKS
    assert [probe.channels for probe in probes][-2:] == [320, 1280]
    assert probes[-1].layer == "top_relu"
    assert all(0 <= probe.accuracy <= 1 for probe in probes)
    advice = told[-1]
    assert isinstance(advice, Advice)
    assert advice.similarity.probes == tuple(probes)
    assert (advice.size.pictures, advice.size.classes, advice.size.smallest_class) == (24, 3, 8)
    assert advice.similarity.confidence is not None
    assert 0.001 < advice.similarity.confidence < 1
    (score,) = advice.backbones
    assert (score.name, score.params) == ("EfficientNetLite0", 3_413_024)
    assert score.size_mb == pytest.approx(13.7, abs=0.1)
    assert score.score == advice.similarity.logme
    assert 0 < score.seconds_per_picture < 10
    assert advice.reasons[1].startswith("With 24 training pictures in 3 classes")


def test_a_second_question_computes_nothing_anew_and_gets_the_same_answer(
    told: list[Event], project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlstudio.training.features.rows_ahead", None)
    again = advise(project(training=Training(device="cpu")))
    first, second = told[-1], again[-1]
    assert isinstance(first, Advice)
    assert isinstance(second, Advice)
    assert second.similarity == first.similarity
    assert second.reasons == first.reasons


def test_pictures_for_validation_and_copies_are_not_looked_at(
    shapes: Path, tmp_path: Path, project: Make
) -> None:
    for part in ("train", "val"):
        shutil.copytree(shapes, tmp_path / part)
    for path in (tmp_path / "val").rglob("*.png"):
        Image.effect_noise((40, 40), 90).save(path)
    copied = next((tmp_path / "train" / "disc").glob("*.png"))
    shutil.copy(copied, copied.with_name("copy.png"))
    said = advise(project(pictures=Pictures(source=tmp_path)))
    extracted = [e for e in said if isinstance(e, Progress) and e.stage == "extract"]
    assert extracted[-1].total == 30
    advice = said[-1]
    assert isinstance(advice, Advice)
    assert advice.size.pictures == 31


def test_of_many_pictures_a_share_of_each_class_is_measured_on(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "MOST_PICTURES", 18)
    said = advise(project())
    extracted = [e for e in said if isinstance(e, Progress) and e.stage == "extract"]
    assert extracted[-1].total == 18
    advice = said[-1]
    assert isinstance(advice, Advice)
    assert advice.size.pictures == 24
    assert "of 18 wrong" in " ".join(advice.reasons)
    assert "steps of 8 pictures" in " ".join(advice.reasons)


def test_rows_are_the_pooled_outputs_of_the_blocks_and_the_tops_probabilities(
    shapes: Path,
) -> None:
    spec = Backbone(input_shape=(32, 32))
    network = ended(backbones.load(spec, Control()))
    paths = sorted(shapes.rglob("*.png"))[:5]
    seen = respond(spec, paths, network)
    decoded = np.stack([decode(path, (32, 32)) for path in paths]).astype(np.float32)
    scaled = (decoded - 127) / 128
    for depth in seen.depths:
        maps = keras.Model(network.input, network.get_layer(depth.layer).output)(scaled)
        np.testing.assert_allclose(depth.rows, np.mean(maps, (1, 2)), atol=1e-4)
    np.testing.assert_allclose(seen.maxima, np.max(network(scaled), (1, 2)), atol=1e-4)
    whole = backbones.EfficientNetLite0(
        include_top=True,
        weights_path=backbones.weights.resource("weights", "efficientnet_lite0.weights.h5"),
        input_shape=(32, 32, 3),
    )
    assert seen.confidence == pytest.approx(np.max(whole(scaled), 1).mean(), abs=1e-4)


@pytest.mark.parametrize(("side", "trained"), [(32, 224), (96, 96)])
def test_the_top_of_a_network_of_keras_is_taken_where_its_file_is_there(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int, trained: int
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    spec = Backbone(name="MobileNetV2", weights="imagenet", input_shape=(side, side))
    whole = backbones.build(spec, include_top=True)
    network = backbones.build(spec)
    for layer in network.layers:
        layer.set_weights(whole.get_layer(layer.name).get_weights())
    paths = sorted(shapes.rglob("*.png"))[:3]
    assert respond(spec, paths, network).confidence is None

    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{trained}.h5"
    path = tmp_path / "models" / name
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, whole)
    decoded = np.stack([decode(path, (side, side)) for path in paths]).astype(np.float32)
    wanted = np.max(whole(decoded / 127.5 - 1), 1).mean()
    assert respond(spec, paths, network).confidence == pytest.approx(wanted, rel=1e-4)


def test_what_cannot_be_decoded_is_told_of_and_left_out(shapes: Path, tmp_path: Path) -> None:
    paths = sorted(shapes.rglob("*.png"))[:4]
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(paths[0].read_bytes()[:60])
    seen = respond(Backbone(input_shape=(32, 32)), [paths[0], damaged, *paths[1:]])
    assert seen.used.tolist() == [0, 2, 3, 4]
    assert len(seen.depths[0].rows) == 4


def test_a_network_has_the_same_time_in_the_advice_as_in_the_catalogue(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Backbone(weights="random", input_shape=(40, 40))
    times = iter([0.02, 0.01, 0.03])
    monkeypatch.setattr(speed, "_measured", lambda *_: next(times))
    seen = []
    for _ in range(2):  # the second time all features are kept, and the time is measured anew
        advice = advise(project(backbone=spec))[-1]
        assert isinstance(advice, Advice)
        seen.append(advice.backbones[0].seconds_per_picture)
    (measured,) = [e for e in speed.measure([spec], "cpu", Control()) if isinstance(e, Measured)]
    assert [*seen, measured.seconds_per_picture] == [0.02, 0.01, 0.01]


def test_random_weights_are_advised_to_be_trained_all(project: Make) -> None:
    backbone = Backbone(name="MobileNetV2", weights="random", alpha=0.35, input_shape=(32, 32))
    advice = advise(project(backbone=backbone))[-1]
    assert isinstance(advice, Advice)
    assert advice.strategy == "all"
    assert advice.batchnorm
    assert not advice.similarity.similar
    assert advice.similarity.confidence is None


def test_too_few_pictures_are_refused(shapes: Path, tmp_path: Path, project: Make) -> None:
    for label in ("disc", "bars"):
        for number in range(2):
            source = shapes / label / f"{label} {number}.png"
            (tmp_path / label).mkdir(exist_ok=True)
            shutil.copy(source, tmp_path / label / source.name)
    failed = advise(project(pictures=Pictures(source=tmp_path)))[-1]
    assert isinstance(failed, Failed)
    assert failed.status == 2
    assert "too few" in failed.message


def test_a_stop_between_two_probes_is_obeyed(project: Make) -> None:
    control = Control()
    said = []
    for event in jobs.run(jobs.AdviseRequest(project()), control):
        said.append(event)
        if isinstance(event, DepthProbe):
            control.stop()
    assert len([event for event in said if isinstance(event, DepthProbe)]) == 1
    assert isinstance(said[-1], Failed)
    assert said[-1].status == CANCELLED


@pytest.fixture
def three_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled backbone, one that can be loaded and one that cannot."""
    there = {"EfficientNetLite0", "MobileNetV3Small", "VGG16"}
    load = backbones.load

    def offline(spec: Backbone, control: Control, download: bool = True) -> Iterator[Event]:
        if spec.name == "VGG16":
            raise TlstudioError("The weights are damaged.", "Load them again.")
        if spec.name == "MobileNetV3Small":
            spec = spec.model_copy(update={"weights": "random"})
        return load(spec, control, download)

    monkeypatch.setattr(catalog, "is_cached", lambda known: known.name in there)
    monkeypatch.setattr(backbones, "load", offline)


@pytest.mark.usefixtures("three_at_hand")
def test_backbones_at_hand_are_ranked_on_the_same_pictures(project: Make) -> None:
    said = advise(project(), rank=True)
    scores = [event for event in said if isinstance(event, BackboneScore)]
    assert [score.name for score in scores] == ["EfficientNetLite0", "MobileNetV3Small"]
    advice = said[-1]
    assert isinstance(advice, Advice)
    assert advice.backbones == tuple(sorted(scores, key=lambda score: -score.score))
    assert scores[1].params == catalog.facts("MobileNetV3Small").params
    (warned,) = [event for event in said if isinstance(event, Warned)]
    assert "VGG16" in warned.message
    assert "damaged" in warned.hint


@pytest.mark.usefixtures("three_at_hand")
def test_a_network_is_ranked_as_it_was_published_however_it_was_asked_about(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "is_cached", lambda known: known.name == "MobileNetV3Small")
    odd = Backbone(name="MobileNetV3Small", weights="random", alpha=0.5, input_shape=(32, 32))
    said = advise(project(backbone=odd), rank=True)
    (score,) = [event for event in said if isinstance(event, BackboneScore)]
    assert score.params == catalog.facts("MobileNetV3Small").params
    advice = said[-1]
    assert isinstance(advice, Advice)
    assert advice.backbones == (score,)
    assert advice.similarity.logme != score.score


def test_as_published_it_is_not_run_twice(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "is_cached", lambda known: known is catalog.LITE0)
    said = advise(project(backbone=Backbone(weights="bundled", input_shape=(224, 224))), rank=True)
    (score,) = [event for event in said if isinstance(event, BackboneScore)]
    advice = said[-1]
    assert isinstance(advice, Advice)
    assert advice.backbones == (score,)
    assert advice.similarity.logme == score.score


def test_what_memory_is_too_small_for_is_left_out_before_it_is_loaded(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(spec: Backbone, control: Control, **others: bool) -> Iterator[Event]:
        assert spec.name != "ConvNeXtXLarge"
        return load(spec, control, **others)

    load = backbones.load
    free = SimpleNamespace(available=2**30)
    monkeypatch.setattr(speed.psutil, "virtual_memory", lambda: free)
    monkeypatch.setattr(catalog, "is_cached", lambda known: known.name == "ConvNeXtXLarge")
    monkeypatch.setattr(backbones, "load", loaded)
    said = advise(project(), rank=True)
    (warned,) = [event for event in said if isinstance(event, Warned)]
    assert "ConvNeXt XLarge is left out" in warned.message
    assert "1.0 GB are free" in warned.hint
    assert isinstance(said[-1], Advice)


def test_a_damaged_file_is_left_out_of_the_ranking_and_left_where_it_is(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    known = catalog.facts("MobileNetV3Small")  # whose hash Keras compares
    path = catalog.weights_file(known, Backbone(name=known.name))
    path.parent.mkdir()
    path.write_bytes(b"brought by hand, cut short")
    monkeypatch.setattr(catalog, "is_cached", lambda one: one is known)
    said = advise(project(), rank=True)
    (warned,) = [event for event in said if isinstance(event, Warned)]
    assert warned.message == "MobileNetV3 Small is left out of the ranking."
    assert "are damaged" in warned.hint
    assert isinstance(said[-1], Advice)
    assert path.read_bytes() == b"brought by hand, cut short"


def test_the_score_is_of_the_features_that_a_head_gets(shapes: Path, told: list[Event]) -> None:
    advice = told[-1]
    assert isinstance(advice, Advice)
    assert np.isfinite(advice.similarity.logme)
    paths = sorted(shapes.rglob("*.png"))
    seen = respond(Backbone(input_shape=(32, 32)), paths)
    labels = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    assert logme(seen.depths[-1].rows, labels) > logme(seen.depths[-1].rows, np.arange(30) % 3)

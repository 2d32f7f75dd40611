from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_training import train

from tlstudio.control import Control
from tlstudio.events import Event, Failed, Predicted, Prediction, Scan
from tlstudio.host import jobs
from tlstudio.inference.evaluate import judge
from tlstudio.project.spec import Pictures, Project, Training


@pytest.fixture(scope="module")
def run(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    project = Project(
        pictures=Pictures(source=shapes),
        backbone={"input_shape": (32, 32)},
        training=Training(epochs=30, batch_size=8, learning_rate=0.01),
    )
    train(project, out)
    return out


def predict(run: Path, *pictures: Path, top: int = 3) -> list[Event]:
    return list(jobs.run(jobs.PredictRequest(run, pictures, top), Control()))


def test_answers_come_in_the_order_given_with_errors_in_place(
    run: Path, shapes: Path, tmp_path: Path
) -> None:
    fake = tmp_path / "notes 메모.jpg"
    fake.write_text("not a picture", encoding="utf-8")
    paths = [shapes / "disc" / "disc 1.png", fake, shapes / "half" / "half 2.png"]
    *answers, last = predict(run, *paths, tmp_path / "missing.png", top=2)
    assert [a.path for a in answers] == [*map(str, paths), str(tmp_path / "missing.png")]  # type: ignore[attr-defined]
    assert answers[0].top[0].label == "disc"  # type: ignore[attr-defined]
    assert answers[2].top[0].label == "half"  # type: ignore[attr-defined]
    assert len(answers[0].top) == 2  # type: ignore[attr-defined]
    assert fake.name in answers[1].error  # type: ignore[attr-defined]
    assert answers[3].error  # type: ignore[attr-defined]
    assert last == Predicted(4)


def test_a_folder_stands_for_its_pictures_and_many_say_the_same_as_one(
    run: Path, shapes: Path
) -> None:
    *together, last = predict(run, shapes)
    assert last == Predicted(30)
    for answer in together[:3]:
        assert isinstance(answer, Prediction)
        alone = predict(run, Path(answer.path))[0]
        assert isinstance(alone, Prediction)
        for one, other in zip(answer.top, alone.top, strict=True):
            assert one.label == other.label
            assert one.probability == pytest.approx(other.probability, abs=1e-5)
        assert sum(score.probability for score in answer.top) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "P", "RGBA", "LA", "1"])
def test_pictures_of_every_mode_are_answered(run: Path, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "picture.tif"
    Image.new(mode, (1, 1)).save(path)
    answer = predict(run, path)[0]
    assert isinstance(answer, Prediction)
    assert not answer.error
    assert len(answer.top) == 3


def test_below_one_half_a_picture_is_unknown(run: Path, shapes: Path) -> None:
    for answer in predict(run, shapes)[:-1]:
        assert isinstance(answer, Prediction)
        assert answer.unknown == (answer.top[0].probability < 0.5)


def test_nothing_to_predict_and_no_run_say_so(run: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder, picture, words in [(run, empty, "no picture"), (empty, empty, "is not a run")]:
        last = predict(folder, picture)[-1]
        assert isinstance(last, Failed)
        assert words in last.message
        assert last.status == 2


@pytest.mark.parametrize("content", [b"", b"rubbish", None])
def test_a_damaged_model_says_so(
    run: Path, shapes: Path, tmp_path: Path, content: bytes | None
) -> None:
    broken = tmp_path / "run"
    broken.mkdir()
    for path in run.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    if content is None:
        (broken / "model.keras").unlink()
    else:
        (broken / "model.keras").write_bytes(content)
    last = predict(broken, shapes)[-1]
    assert isinstance(last, Failed)
    assert "model.keras" in last.message
    assert last.status == 2


def test_a_model_that_carries_code_is_refused(run: Path, shapes: Path, tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs))
    unsafe = tmp_path / "run"
    unsafe.mkdir()
    for name in ("run.json", "labels.txt"):
        (unsafe / name).write_bytes((run / name).read_bytes())
    model.save(unsafe / "model.keras")
    last = predict(unsafe, shapes)[-1]
    assert isinstance(last, Failed)
    assert last.status == 2


def evaluate(run: Path, data: Path) -> Event:
    return list(jobs.run(jobs.EvaluateRequest(run, data), Control()))[-1]


def test_a_run_is_evaluated_on_another_folder(run: Path, shapes: Path) -> None:
    evaluation = evaluate(run, shapes)
    assert np.sum(evaluation.confusion) == 30  # type: ignore[attr-defined]
    assert evaluation.accuracy > 0.8  # type: ignore[attr-defined]


def test_a_class_that_the_run_does_not_know_is_named(
    run: Path, project: Callable[..., Project], tmp_path: Path, shapes: Path
) -> None:
    for name in ("disc", "stars"):
        (tmp_path / name).mkdir()
        for picture in (shapes / "disc").iterdir():
            (tmp_path / name / picture.name).write_bytes(picture.read_bytes())
    last = evaluate(run, tmp_path)
    assert isinstance(last, Failed)
    assert "stars" in last.message
    assert "disc" in last.hint


def test_figures_of_known_probabilities() -> None:
    """Three of four right; figures worked out by hand."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], np.float32)
    evaluation = judge(probabilities, np.array([0, 0, 1, 1]), list("abcd"), ["cat", "dog"])
    assert evaluation.accuracy == 0.75
    assert evaluation.confusion == ((2, 0), (1, 1))
    assert evaluation.per_class["cat"].precision == pytest.approx(2 / 3)
    assert evaluation.per_class["dog"].recall == 0.5
    assert evaluation.loss == pytest.approx(-np.log([0.9, 0.8, 0.7, 0.4]).mean(), rel=1e-5)
    # Four bins of one picture each: |1 - .9|, |1 - .8|, |1 - .7|, |0 - .6|, each of weight 1/4.
    assert evaluation.calibration.ece == pytest.approx(0.3, abs=1e-6)
    assert evaluation.pictures[3].predicted == "cat"


def test_overconfidence_shows_in_the_temperature() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 2000)
    right = random.random(2000) < 0.7
    sure = np.where(right == (labels == 1), 0.99, 0.01)
    probabilities = np.stack([1 - sure, sure], axis=1).astype(np.float32)
    calibration = judge(probabilities, labels, [""] * 2000, ["a", "b"]).calibration
    assert calibration.ece == pytest.approx(0.29, abs=0.03)
    assert calibration.temperature > 3


def test_scan_is_a_job_too(shapes: Path) -> None:
    assert isinstance(list(jobs.run(jobs.ScanRequest(shapes), Control()))[-1], Scan)

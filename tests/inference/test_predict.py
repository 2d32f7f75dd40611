from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import keras
import numpy as np
import pytest
from PIL import Image
from small_training import train

from tlstudio.control import Control
from tlstudio.events import Evaluation, Event, Failed, Predicted, Prediction, Scan, Warned
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


def test_in_a_folder_what_a_scan_leaves_out_is_left_out(
    run: Path, shapes: Path, tmp_path: Path
) -> None:
    content = (shapes / "disc" / "disc 1.png").read_bytes()
    for name in ("b/2.png", "a.png", "b/._2.png", ".hidden/a.png", "__MACOSX/a.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    *answers, last = predict(run, tmp_path)
    assert [a.path for a in answers] == [str(tmp_path / n) for n in ("a.png", "b/2.png")]  # type: ignore[attr-defined]
    assert last == Predicted(2)


def test_a_name_that_cannot_be_read_is_shown_all_the_same(
    run: Path, shapes: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "caf\udce9.png"
    try:
        odd.write_bytes((shapes / "disc" / "disc 1.png").read_bytes())
    except OSError:
        pytest.skip("this system has no such names")
    alone, in_folder, last = predict(run, odd, tmp_path)
    assert isinstance(alone, Prediction)
    assert isinstance(in_folder, Prediction)
    assert alone.path == in_folder.path == str(tmp_path / r"caf\udce9.png")
    assert alone.top[0].label == "disc"
    assert "Rename it" in in_folder.error
    assert last == Predicted(2)


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


def copy_of(run: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in run.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def said_of_damage(run: Path, shapes: Path) -> None:
    last = predict(run, shapes / "disc" / "disc 1.png")[-1]
    assert isinstance(last, Failed), last
    assert "model.keras" in last.message
    assert "unexpectedly" not in last.message
    assert last.status == 2


@pytest.mark.parametrize("content", [b"", b"rubbish", None])
def test_a_damaged_model_says_so(
    run: Path, shapes: Path, tmp_path: Path, content: bytes | None
) -> None:
    broken = copy_of(run, tmp_path / "run")
    if content is None:
        (broken / "model.keras").unlink()
    else:
        (broken / "model.keras").write_bytes(content)
    said_of_damage(broken, shapes)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_model_that_is_cut_off_says_so(
    run: Path, shapes: Path, tmp_path: Path, share: float
) -> None:
    broken = copy_of(run, tmp_path / "run")
    whole = (run / "model.keras").read_bytes()
    (broken / "model.keras").write_bytes(whole[: int(share * len(whole))])
    said_of_damage(broken, shapes)


@pytest.mark.parametrize("place", [0, 30, 0.001, 0.01, 0.3, 0.6, 0.99, -8, -20, -60])
def test_a_model_with_a_flipped_byte_says_so(
    run: Path, shapes: Path, tmp_path: Path, place: float
) -> None:
    broken = copy_of(run, tmp_path / "run")
    content = bytearray((run / "model.keras").read_bytes())
    content[place if isinstance(place, int) else int(place * len(content))] ^= 0xFF
    (broken / "model.keras").write_bytes(content)
    said_of_damage(broken, shapes)


@pytest.mark.parametrize("labels", ["bars\ndisc\n", "bars\ndisc\nhalf\nstars\n"])
def test_a_model_of_other_classes_says_so(
    run: Path, shapes: Path, tmp_path: Path, labels: str
) -> None:
    broken = copy_of(run, tmp_path / "run")
    (broken / "labels.txt").write_text(labels, encoding="utf-8")
    said_of_damage(broken, shapes)


def test_a_model_that_takes_no_pictures_says_so(run: Path, shapes: Path, tmp_path: Path) -> None:
    broken = copy_of(run, tmp_path / "run")
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    other.save(broken / "model.keras")
    said_of_damage(broken, shapes)


def test_a_model_that_carries_code_is_refused(run: Path, shapes: Path, tmp_path: Path) -> None:
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2, (32, 32, 3))(inputs))
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


def test_a_run_is_evaluated_on_pictures_of_one_class(
    run: Path, shapes: Path, tmp_path: Path
) -> None:
    (tmp_path / "disc").mkdir()
    for picture in (shapes / "disc").iterdir():
        (tmp_path / "disc" / picture.name).write_bytes(picture.read_bytes())
    evaluation = evaluate(run, tmp_path)
    assert isinstance(evaluation, Evaluation), evaluation
    assert evaluation.classes == ("bars", "disc", "half")
    assert evaluation.per_class["disc"].support == 10
    assert evaluation.per_class["bars"].support == 0


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


def test_what_an_evaluation_leaves_out_is_said(run: Path, shapes: Path, tmp_path: Path) -> None:
    for part in ("train", "val"):
        copytree(shapes, tmp_path / "split" / part)
    (tmp_path / "split" / "val" / "disc" / "broken.png").write_text("no picture", encoding="utf-8")
    request = jobs.EvaluateRequest(run, tmp_path / "split")
    *events, last = jobs.run(request, Control())
    assert isinstance(last, Evaluation)
    assert {Path(judged.path).parts[-3] for judged in last.pictures} == {"val"}
    said = " ".join(event.message for event in events if isinstance(event, Warned))
    assert "without 1 of the files" in said
    assert "Only the 30 pictures of the validation part" in said


def test_a_name_that_no_file_can_have_is_answered_in_its_place(run: Path, shapes: Path) -> None:
    answers = predict(run, Path("x" * 300 + ".png"), shapes / "disc" / "disc 1.png")
    assert isinstance(answers[0], Prediction)
    assert answers[0].error
    assert isinstance(answers[1], Prediction)
    assert answers[1].top


def test_a_picture_that_the_model_hardly_knows_is_unknown(
    project: Callable[..., Project], shapes: Path, tmp_path: Path
) -> None:
    made = project(training=Training(epochs=1, batch_size=8, learning_rate=1e-9))
    train(made, tmp_path / "run")
    answers = predict(tmp_path / "run", shapes)[:-1]
    assert any(isinstance(answer, Prediction) and answer.unknown for answer in answers)

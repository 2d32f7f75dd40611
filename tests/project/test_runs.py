import errno
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import Calibration, ClassFigures, Epoch, Evaluation, Judged, Picture, Warned
from tlstudio.project import runs
from tlstudio.project.spec import Pictures, Project

EPOCHS = [Epoch(n, 2, 0.5, 0.7, 0.6, 0.6 + n / 10, 1.5, n == 2) for n in (1, 2)]
EVALUATION = Evaluation(
    0.5,
    0.7,
    ("a b", "고양이"),
    ((1, 0), (1, 0)),
    {"a b": ClassFigures(0.5, 1.0, 0.67, 1), "고양이": ClassFigures(0.0, 0.0, 0.0, 1)},
    Calibration(0.1, 1.2),
    (Judged("/p/x.png", "a b", "a b", 0.9),),
)


def written(folder: Path) -> Path:
    writer = runs.RunWriter(folder)
    pictures = [Picture("/p/x.png", "a b"), Picture("/p/ü, 'y'.png", "고양이")]
    project = Project(pictures=Pictures(source=Path("/p")))
    writer.start(project, ["a b", "고양이"], pictures[:1], pictures[1:], {"tlstudio": "0"})
    for epoch in EPOCHS:
        writer.record(epoch)
    writer.finish(EVALUATION, best_epoch=2)
    return folder


def test_a_run_comes_back_as_it_was_written(tmp_path: Path) -> None:
    folder = written(tmp_path / "run")
    run = runs.read_run(folder)
    assert run.classes == ("a b", "고양이")
    assert run.project.pictures.source == Path("/p")
    assert runs.read_evaluation(folder) == EVALUATION
    assert runs.read_history(folder) == EPOCHS
    assert runs.read_pictures(folder, "val") == [Picture("/p/ü, 'y'.png", "고양이", "val")]
    history = (folder / "history.csv").read_text(encoding="utf-8").splitlines()
    assert history[0].split(",")[:5] == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert len(history) == 3


def test_a_folder_with_something_in_it_is_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(TlstudioError, match="not empty"):
        runs.RunWriter(tmp_path)
    with pytest.raises(TlstudioError, match="is a file"):
        runs.RunWriter(tmp_path / "mine.txt")


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("labels.txt", runs.read_run),
        ("metrics.json", runs.read_evaluation),
        ("events.jsonl", runs.read_history),
        ("pictures.csv", lambda folder: runs.read_pictures(folder, "val")),
        ("run.json", runs.read_run),
    ],
)
@pytest.mark.parametrize("content", [None, b"\xff\xfe{\n", b'{"a": 1}\n'])
def test_a_damaged_run_says_which_file_and_how_to_mend_it(
    tmp_path: Path, name: str, read: object, content: bytes | None
) -> None:
    folder = written(tmp_path / "run")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    assert callable(read)
    with pytest.raises(TlstudioError) as caught:
        read(folder)
    assert name in caught.value.message
    assert caught.value.hint


def test_a_run_of_a_newer_version_says_so(tmp_path: Path) -> None:
    folder = written(tmp_path / "run")
    document = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    document["version"] = 2
    (folder / "run.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(TlstudioError, match="newer tlstudio"):
        runs.read_run(folder)


def test_what_a_full_disk_refused_is_written_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = runs.RunWriter(tmp_path / "run")
    opened = Path.open

    def full(self: Path, *args: object, **kwargs: object) -> object:
        if self.suffix == ".jsonl":
            raise OSError(28, "No space left on device")
        return opened(self, *args, **kwargs)  # type: ignore[arg-type, call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(JobError) as caught:
            writer.record(EPOCHS[0])
    assert "disk is full" in caught.value.message
    assert caught.value.exit_status == 1
    writer.record(EPOCHS[1])
    assert runs.read_history(tmp_path / "run") == EPOCHS


def test_a_line_that_a_full_disk_cut_off_is_written_whole_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    writer = runs.RunWriter(folder)
    writer.record(EPOCHS[0])
    opened = Path.open

    class Full(io.BufferedWriter):
        def write(self, data: Any) -> int:
            super().write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(self: Path, mode: str = "r", **options: Any) -> Any:
        return Full(io.FileIO(self, mode)) if "b" in mode else opened(self, mode, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(JobError, match="disk is full"):
            writer.record(EPOCHS[1])
    assert runs.read_history(folder) == EPOCHS[:1]
    writer.record(Warned("The disk was full."))
    assert runs.read_history(folder) == EPOCHS


def test_what_can_be_read_of_damaged_events_is_what_a_run_goes_on_with(tmp_path: Path) -> None:
    folder = written(tmp_path / "run")
    assert runs.read_warnings(folder) == []
    events = folder / "events.jsonl"
    epochs = events.read_bytes()
    writer = runs.RunWriter(tmp_path / "other")
    writer.record(Warned("Before."), Warned("After."))
    before, after = (tmp_path / "other" / "events.jsonl").read_bytes().splitlines(keepends=True)
    damages = [b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"{}\n[]\n3\n", b'{"event": "warned"}\n']
    for damage in damages:
        events.write_bytes(before + damage + epochs + after)
        assert runs.read_warnings(folder) == [Warned("Before."), Warned("After.")]
        assert runs.read_last_epoch(folder) == EPOCHS[1]
    events.unlink()
    assert runs.read_warnings(folder) == []
    assert runs.read_last_epoch(folder) is None


def test_a_resume_that_cannot_write_keeps_the_events_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "run")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = runs.RunWriter(folder, resumed=True)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(JobError, match="disk is full"):
            writer.record(EPOCHS[0])
    assert runs.read_history(folder) == EPOCHS
    writer.record(Warned("The disk was full."))
    assert runs.read_history(folder) == EPOCHS[:1]


def test_a_kill_in_the_middle_of_a_line_loses_that_line_alone(tmp_path: Path) -> None:
    folder = written(tmp_path / "run")
    events = folder / "events.jsonl"
    message = Warned("“사진 \u2028.png” is not there.")
    writer = runs.RunWriter(tmp_path / "other")
    writer.record(message)
    line = (tmp_path / "other" / "events.jsonl").read_bytes()
    whole = events.read_bytes()
    for cut in range(len(line)):
        events.write_bytes(whole + line[:cut])
        assert runs.read_history(folder) == EPOCHS
    events.write_bytes(line + whole)
    assert runs.read_history(folder) == EPOCHS


def test_class_names_come_back_whatever_their_characters(tmp_path: Path) -> None:
    names = ["a\u2028b", "c\u2029", " d ", "e\x1c"]
    writer = runs.RunWriter(tmp_path / "run")
    writer.start(Project(pictures=Pictures(source=tmp_path)), names, [], [], {})
    assert runs.read_run(tmp_path / "run").classes == tuple(names)


@pytest.mark.parametrize("own", [False, True])
def test_a_failure_takes_away_its_own_empty_folder_alone(tmp_path: Path, own: bool) -> None:
    folder = tmp_path / "run"
    if not own:
        folder.mkdir()
    writer = runs.RunWriter(folder)
    with pytest.raises(ZeroDivisionError), writer.discarded_if_unused():
        raise ZeroDivisionError
    assert folder.exists() != own


@pytest.mark.parametrize("gone", [False, True])
def test_a_failure_is_told_though_its_folder_is_in_use_or_gone(tmp_path: Path, gone: bool) -> None:
    writer = runs.RunWriter(tmp_path / "run")

    def fail() -> None:
        with writer.discarded_if_unused():
            if gone:
                writer.folder.rmdir()
            else:
                (writer.folder / "notes.txt").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert gone or (writer.folder / "notes.txt").exists()


def test_a_folder_whose_name_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for name in ("caf\udce9", "a\nb"):
        with pytest.raises(TlstudioError, match="cannot be read") as caught:
            runs.RunWriter(tmp_path / name)
        assert str(caught.value).isprintable()


def test_new_run_folders_have_a_readable_name_and_never_collide(tmp_path: Path) -> None:
    first = runs.new_run_folder(tmp_path, "my/pictures: 고양이")
    assert "my_pictures_ 고양이" in first.name
    first.mkdir()
    assert runs.new_run_folder(tmp_path, "my/pictures: 고양이") != first


def test_a_history_that_could_not_be_written_is_written_with_the_next_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = runs.RunWriter(tmp_path / "run")
    writer.record(EPOCHS[0])
    with monkeypatch.context() as patch:

        def full(path: Path, _: object) -> None:
            raise JobError(f"The disk is full: {path} could not be saved.", "Free some space.")

        patch.setattr(runs, "write_whole", full)
        with pytest.raises(JobError):
            writer.record(EPOCHS[1])
    writer.record(Warned("The disk was full."))
    history = (tmp_path / "run" / "history.csv").read_text(encoding="utf-8")
    assert len(history.splitlines()) == 1 + len(EPOCHS)


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_failure_before_the_first_epoch_takes_away_what_was_written(
    tmp_path: Path, epochs: int
) -> None:
    folder = tmp_path / "run"
    writer = runs.RunWriter(folder)
    with pytest.raises(KeyError), writer.discarded_if_unused():  # noqa: PT012
        writer.start(Project(pictures=Pictures(source=tmp_path)), ("a", "b"), (), (), {})
        for epoch in EPOCHS[:epochs]:
            writer.record(epoch)
        raise KeyError
    assert folder.exists() == bool(epochs)

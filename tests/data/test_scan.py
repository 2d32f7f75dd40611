import errno
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from tlstudio.control import Cancelled, Control
from tlstudio.data import scan as scan_module
from tlstudio.data.scan import list_pictures, natural, scan
from tlstudio.errors import TlstudioError
from tlstudio.events import Event, Problem, Progress, Scan, Warned
from tlstudio.paths import resource


def picture(path: Path, colour: int = 0) -> Path:
    """A small picture; the same colour gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (colour, 255 - colour, 9)).save(path, "PNG")
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes of three different pictures each."""
    folder = tmp_path / "pets"
    for i in range(3):
        picture(folder / "cats" / f"{i}.png", i)
        picture(folder / "dogs" / f"{i}.png", 100 + i)
    return folder


def events_of(source: Path) -> list[Event]:
    return list(scan(source, Control()))


def scanned(source: Path) -> Scan:
    result = events_of(source)[-1]
    assert isinstance(result, Scan)
    return result


def only_problem(result: Scan) -> Problem:
    (problem,) = result.problems
    return problem


def refusal(source: Path) -> TlstudioError:
    with pytest.raises(TlstudioError) as caught:
        events_of(source)
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value


def test_the_sample_pictures() -> None:
    started = time.perf_counter()
    result = scanned(resource("samples", "emoji"))
    assert time.perf_counter() - started < 5
    assert result.classes == {
        "animals": 114,
        "buildings": 33,
        "clothing": 47,
        "food": 104,
        "vehicles": 72,
    }
    assert len(result.pictures) == 370
    assert result.problems == ()
    assert resource("samples", "NOTICE").is_file()


def test_one_scan_at_the_end_after_progress(pets: Path) -> None:
    *before, last = events_of(pets)
    assert before == [Progress("scan", 0, 6), Progress("scan", 6, 6)]
    assert isinstance(last, Scan)
    assert last.source == str(pets)


def test_paths_are_absolute(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pets.parent)
    result = scanned(Path("pets"))
    assert [p.path for p in result.pictures] == [p.path for p in scanned(pets).pictures]
    assert all(Path(p.path).is_absolute() for p in result.pictures)


def test_progress_is_told_while_it_goes(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(100))
    monkeypatch.setattr("tlstudio.data.scan.time.monotonic", lambda: next(ticks) * 0.06)
    done = [e.done for e in events_of(pets) if isinstance(e, Progress)]
    assert done == sorted(done)
    assert len(done) > 2


def test_order_is_natural() -> None:
    names = ["class10", "Class2", "class1", "b", "10", "9"]
    assert sorted(names, key=natural) == ["9", "10", "b", "class1", "Class2", "class10"]


def test_classes_and_pictures_come_in_natural_order(tmp_path: Path) -> None:
    for colour, name in enumerate(["class10/a.png", "class2/10.png", "class2/9.png"]):
        picture(tmp_path / name, colour)
    result = scanned(tmp_path)
    assert list(result.classes) == ["class2", "class10"]
    assert [Path(p.path).name for p in result.pictures] == ["9.png", "10.png", "a.png"]


def test_deeper_folders_count_to_their_class(pets: Path) -> None:
    picture(pets / "cats" / "indoor" / "sofa" / "a.png", 50)
    assert scanned(pets).classes == {"cats": 4, "dogs": 3}


def test_spaces_around_a_folder_name_are_none_of_the_class(pets: Path) -> None:
    picture(pets / " cats\u00a0" / "a.png", 50)
    assert scanned(pets).classes == {"cats": 4, "dogs": 3}
    picture(pets / "\u3000" / "a.png", 51)
    with pytest.raises(TlstudioError, match="spaces alone") as caught:
        scanned(pets)
    assert "Rename it" in caught.value.hint


def test_what_systems_leave_behind_is_ignored(pets: Path) -> None:
    picture(pets / "__MACOSX" / "cats" / "a.png", 50)
    picture(pets / ".hidden" / "a.png", 51)
    picture(pets / "cats" / "._0.png", 52)
    for name in ("Thumbs.db", ".DS_Store", "notes.txt", "labels.csv"):
        (pets / "cats" / name).write_text("x")
    result = scanned(pets)
    assert result.classes == {"cats": 3, "dogs": 3}
    assert result.problems == ()


@pytest.mark.parametrize("name", ["with space", "고양이", "🐈‍⬛", "it's “quoted”"])
def test_names_of_all_kinds(pets: Path, name: str) -> None:
    path = picture(pets / name / f"{name}.png", 50)
    result = scanned(pets)
    assert result.classes[name] == 1
    assert str(path) in {p.path for p in result.pictures}


def illegible(path: Path) -> Path:
    """A picture with a name that is no text; some systems refuse such names."""
    try:
        return picture(path, 50)
    except OSError:
        pytest.skip("this system has no such names")


@pytest.mark.parametrize(
    "name", ["cats/caf\udce9.png", "cats/a\nb.png", "cats/caf\udce9/a.png", "caf\udce9.png"]
)
def test_a_name_that_cannot_be_read_is_a_problem_that_can_be_shown(pets: Path, name: str) -> None:
    illegible(pets / name)
    result = scanned(pets)
    assert result.classes == {"cats": 3, "dogs": 3}
    problem = only_problem(result)
    assert problem.kind == "unreadable"
    assert problem.path.isprintable()
    assert problem.path.startswith(str(pets))
    assert problem.detail.isprintable()
    assert "Rename it" in problem.detail


@pytest.mark.parametrize("name", ["caf\udce9", "two\nlines", "bell\x07", "next\x85line"])
def test_a_class_whose_name_cannot_be_read_is_refused(pets: Path, name: str) -> None:
    illegible(pets / name / "a.png")
    error = refusal(pets)
    assert "class name" in error.message
    assert "pets" in error.hint
    assert str(error).isprintable()


def test_a_folder_whose_name_cannot_be_read_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "caf\udce9"
    illegible(source / "a" / "a.png")
    picture(source / "b" / "a.png")
    error = refusal(source)
    assert "cannot be read" in error.message
    assert "Rename" in error.hint
    assert str(error).isprintable()


def test_a_class_written_on_another_system_is_the_same_class(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    picture(tmp_path / "train" / composed / "a.png", 1)
    picture(tmp_path / "train" / "bar" / "a.png", 2)
    picture(tmp_path / "val" / decomposed / "a.png", 3)
    picture(tmp_path / "val" / "bar" / "a.png", 4)
    assert scanned(tmp_path).classes == {"bar": 2, composed: 2}


def test_train_and_val_folders(tmp_path: Path) -> None:
    for colour, (part, label) in enumerate(
        (part, label) for part in ("Training", "valid", "test") for label in ("cats", "dogs")
    ):
        picture(tmp_path / part / label / "a.png", colour)
    result = scanned(tmp_path)
    assert result.classes == {"cats": 2, "dogs": 2}
    assert sorted((p.label, p.split) for p in result.pictures) == [
        ("cats", "train"),
        ("cats", "val"),
        ("dogs", "train"),
        ("dogs", "val"),
    ]


def test_a_train_folder_without_val_is_split_later(tmp_path: Path) -> None:
    for colour, name in enumerate(["train/cats/a.png", "train/dogs/a.png", "test/1.png"]):
        picture(tmp_path / name, colour)
    result = scanned(tmp_path)
    assert result.classes == {"cats": 1, "dogs": 1}
    assert {p.split for p in result.pictures} == {"train"}


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for colour, name in enumerate(["train/a.png", "plane/a.png", "train/steam/b.png"]):
        picture(tmp_path / name, colour)
    assert scanned(tmp_path).classes == {"plane": 1, "train": 2}


def test_pictures_that_cannot_be_used_are_left_out_and_named(pets: Path) -> None:
    text = pets / "cats" / "text.jpg"
    text.write_text("no picture")
    whole = picture(pets / "dogs" / "cut.png", 77).read_bytes()
    (pets / "dogs" / "cut.png").write_bytes(whole[:-40])
    result = scanned(pets)
    assert result.classes == {"cats": 3, "dogs": 3}
    assert len(result.pictures) == 6
    assert [(Path(p.path).name, p.kind) for p in result.problems] == [
        ("text.jpg", "not_a_picture"),
        ("cut.png", "truncated"),
    ]
    for problem in result.problems:
        assert Path(problem.path).name in problem.detail
        assert "emove it" in problem.detail


def test_a_bomb_is_left_out(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    Image.new("1", (90, 90)).save(pets / "cats" / "bomb.png")
    result = scanned(pets)
    assert only_problem(result).kind == "too_large"
    assert result.classes == {"cats": 3, "dogs": 3}


def test_the_same_bytes_in_a_class_are_reported_and_stay(pets: Path) -> None:
    shutil.copy(pets / "cats" / "0.png", pets / "cats" / "copy.png")
    result = scanned(pets)
    problem = only_problem(result)
    assert (problem.kind, problem.path) == ("duplicate", str(pets / "cats" / "copy.png"))
    assert str(pets / "cats" / "0.png") in problem.detail
    assert result.classes == {"cats": 4, "dogs": 3}


def test_the_same_bytes_in_two_classes_conflict(pets: Path) -> None:
    shutil.copy(pets / "cats" / "0.png", pets / "dogs" / "copy.png")
    result = scanned(pets)
    problem = only_problem(result)
    assert (problem.kind, problem.path) == ("conflicting_label", str(pets / "dogs" / "copy.png"))
    assert "“cats”" in problem.detail
    assert "“dogs”" in problem.detail
    assert result.classes == {"cats": 3, "dogs": 4}


def test_the_same_bytes_in_train_and_val_are_told_apart(tmp_path: Path) -> None:
    for part in ("train", "val"):
        picture(tmp_path / part / "cats" / "a.png", 1)
        picture(tmp_path / part / "dogs" / "a.png", 2 if part == "train" else 3)
    problem = only_problem(scanned(tmp_path))
    assert problem.kind == "duplicate"
    assert "both train and val" in problem.detail


def test_an_empty_class_is_reported_and_no_class(pets: Path) -> None:
    (pets / "birds").mkdir()
    result = scanned(pets)
    problem = only_problem(result)
    assert (problem.kind, problem.path) == ("empty_class", str(pets / "birds"))
    assert "“birds”" in problem.detail
    assert list(result.classes) == ["cats", "dogs"]


def test_a_class_of_bad_pictures_is_empty_too(pets: Path) -> None:
    (pets / "birds").mkdir()
    (pets / "birds" / "a.jpg").write_text("no picture")
    result = scanned(pets)
    assert [p.kind for p in result.problems] == ["not_a_picture", "empty_class"]
    assert list(result.classes) == ["cats", "dogs"]


def test_loose_pictures_beside_classes_are_warned_of(pets: Path) -> None:
    picture(pets / "loose.png", 50)
    warned, result = events_of(pets)[-2:]
    assert isinstance(warned, Warned)
    assert "left out: 1." in warned.message
    assert isinstance(result, Scan)
    assert len(result.pictures) == 6


def test_no_such_folder(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nowhere")
    assert "nowhere" in error.message
    assert "Check its name" in error.hint


def test_an_empty_folder(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert "no pictures" in error.message
    assert "one subfolder a class" in error.hint


def test_a_folder_of_other_files(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "notes.txt").write_text("x")
    assert "no pictures" in refusal(tmp_path).message


def test_pictures_without_classes(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    error = refusal(tmp_path)
    assert "classes are not known" in error.message
    assert "one subfolder a class" in error.hint


def test_one_class(tmp_path: Path) -> None:
    picture(tmp_path / "cats" / "a.png")
    (tmp_path / "dogs").mkdir()
    error = refusal(tmp_path)
    assert "“cats”" in error.message
    assert "two" in error.message
    assert "second subfolder" in error.hint


def test_one_class_is_enough_where_nothing_is_trained(tmp_path: Path) -> None:
    picture(tmp_path / "cats" / "a.png")
    (tmp_path / "dogs").mkdir()
    assert list_pictures(tmp_path, fewest_classes=1).classes.keys() == {"cats", "dogs"}
    (tmp_path / "cats" / "a.png").write_text("no picture")
    with pytest.raises(TlstudioError) as caught:
        list(scan_module.scanned(tmp_path, Control(), fewest_classes=1))
    assert "0 have pictures that can be used." in caught.value.message


def test_one_class_left_after_the_check(tmp_path: Path) -> None:
    picture(tmp_path / "cats" / "a.png")
    (tmp_path / "dogs").mkdir()
    (tmp_path / "dogs" / "a.jpg").write_text("no picture")
    error = refusal(tmp_path)
    assert "two" in error.message
    assert "a.jpg" in error.hint


def test_a_class_with_one_picture_is_a_class(pets: Path) -> None:
    picture(pets / "birds" / "a.png", 50)
    assert scanned(pets).classes == {"birds": 1, "cats": 3, "dogs": 3}


def test_a_file_that_is_no_csv(tmp_path: Path) -> None:
    error = refusal(picture(tmp_path / "a.png"))
    assert "neither a folder nor a CSV" in error.message
    assert "subfolder" in error.hint


def forbid(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Tests may run as root, whom no permission stops: fail as the system would."""
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)


def test_a_folder_that_may_not_be_read(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch, pets)
    error = refusal(pets)
    assert "“pets” could not be read" in error.message
    assert "allowed" in error.hint


def test_a_class_folder_that_may_not_be_read(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(pets / "birds" / "a.png", 50)
    forbid(monkeypatch, pets / "birds")
    result = scanned(pets)
    assert [(p.kind, p.path) for p in result.problems] == [
        ("unreadable", str(pets / "birds")),
        ("empty_class", str(pets / "birds")),
    ]
    assert "allowed" in result.problems[0].detail
    assert result.classes == {"cats": 3, "dogs": 3}


def test_where_one_class_is_left_it_says_why_the_other_is_not(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, pets / "cats")
    error = refusal(pets)
    assert "one class only, “dogs”" in error.message
    assert "“cats” could not be read" in error.hint


def test_links_that_lead_back_end(pets: Path) -> None:
    (pets / "cats" / "again").symlink_to(pets / "cats", target_is_directory=True)
    (pets / "cats" / "up").symlink_to(pets / "cats" / "up")
    assert scanned(pets).classes == {"cats": 3, "dogs": 3}


def test_a_broken_link_is_unreadable(pets: Path) -> None:
    (pets / "cats" / "gone.png").symlink_to(pets / "nothing.png")
    (pets / "cats" / "self.png").symlink_to(pets / "cats" / "self.png")
    result = scanned(pets)
    assert [(p.kind, Path(p.path).name) for p in result.problems] == [
        ("unreadable", "gone.png"),
        ("unreadable", "self.png"),
    ]


def test_a_pipe_does_not_hang(pets: Path) -> None:
    os.mkfifo(pets / "cats" / "pipe.png")
    assert scanned(pets).classes == {"cats": 3, "dogs": 3}


def test_a_second_scan_reads_no_picture_and_says_the_same(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(pets / "cats" / "0.png", pets / "dogs" / "copy.png")
    (pets / "cats" / "text.jpg").write_text("no picture")
    for path in pets.glob("*/*"):
        os.utime(path, (0, 0))
    first = scanned(pets)
    assert len(first.problems) == 2
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("opened"))
    assert scanned(pets) == first


def test_stopping_ends_the_scan_and_its_threads(pets: Path) -> None:
    before = set(threading.enumerate())
    control = Control()
    events = scan(pets, control)
    next(events)
    control.stop()
    with pytest.raises(Cancelled):
        list(events)
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=20)
        assert not thread.is_alive()


def test_listing_opens_no_picture(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("opened"))
    listing = list_pictures(pets)
    assert len(listing.pictures) == 6
    assert listing.classes == {"cats": str(pets / "cats"), "dogs": str(pets / "dogs")}


def labels(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_csv_of_labels(pets: Path, encoding: str) -> None:
    source = labels(
        pets,
        "Path, Label,split\ncats/0.png,고양이,train\n\n"
        f"{pets / 'cats' / '1.png'},고양이,val\n"
        'dogs/0.png,"dog, big",\ndogs/1.png,"dog, big",test\n',
        encoding,
    )
    result = scanned(source)
    assert result.classes == {"dog, big": 1, "고양이": 2}
    assert [(Path(p.path).relative_to(pets).as_posix(), p.split) for p in result.pictures] == [
        ("dogs/0.png", ""),
        ("cats/0.png", "train"),
        ("cats/1.png", "val"),
    ]
    assert result.problems == ()


def test_a_csv_with_semicolons(pets: Path) -> None:
    source = labels(pets, "path;label\ncats/0.png;a\ndogs/0.png;b\n")
    assert scanned(source).classes == {"a": 1, "b": 1}


def test_a_csv_names_a_picture_that_is_gone(pets: Path) -> None:
    source = labels(pets, "path,label\ncats/0.png,a\ndogs/0.png,b\ngone.png,b\n")
    problem = only_problem(scanned(source))
    assert (problem.kind, problem.path) == ("unreadable", str(pets / "gone.png"))
    assert "not there" in problem.detail


def test_a_csv_names_a_picture_whose_name_cannot_be_read(pets: Path) -> None:
    source = labels(pets, 'path,label\ncats/0.png,a\ndogs/0.png,b\n"two\nlines.png",b\n')
    result = scanned(source)
    assert result.classes == {"a": 1, "b": 1}
    assert only_problem(result).detail.isprintable()


def test_a_csv_that_names_a_picture_twice(pets: Path) -> None:
    source = labels(pets, "path,label\ncats/0.png,a\ndogs/0.png,b\ncats/0.png,a\n")
    result = scanned(source)
    assert only_problem(result).kind == "duplicate"
    assert "Line 4" in result.problems[0].detail
    assert result.classes == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "columns path and label", "first line"),
        ("file,class\na.png,b\n", "columns path and label", "first line"),
        ("path,label\n", "no pictures", "path,label"),
        ("path,label\na.png,\n", "Line 2 of “labels.csv” has no label", "Fill it in"),
        ("path,label\na\0.png,cats\n", "has no path", "Fill it in"),
        ('path,label\na.png,"two\nlines"\n', r"label “two\nlines”", "control characters"),
        ("path,label\n,cats\n", "Line 2 of “labels.csv” has no path", "Fill it in"),
        ("path,label,split\na.png,b,later\n", "unknown split “later”", "train, val or test"),
        ("path,label\na.png,b\nc.png,b\n", "one class only", "one more class"),
        ("path,label\n" + "x" * 200_000 + ",b\n", "cannot be read as a CSV", "UTF-8"),
    ],
)
def test_a_csv_that_cannot_be_used(tmp_path: Path, text: str, message: str, hint: str) -> None:
    error = refusal(labels(tmp_path, text))
    assert message in error.message
    assert hint in error.hint


def test_a_csv_in_another_encoding(tmp_path: Path) -> None:
    error = refusal(labels(tmp_path, "path,label\na.png,caf\u00e9\n", "latin-1"))
    assert "cannot be read as a CSV" in error.message
    assert "UTF-8" in error.hint


def test_a_csv_that_names_a_pipe_does_not_hang(pets: Path) -> None:
    os.mkfifo(pets / "pipe.png")
    text = "path,label\ncats/1.png,cats\ndogs/1.png,dogs\npipe.png,dogs\n"
    problem = only_problem(scanned(labels(pets, text)))
    assert problem.kind == "not_a_picture"
    assert "device or a pipe" in problem.detail


def test_folders_beside_a_split_are_warned_of(tmp_path: Path) -> None:
    for colour, name in enumerate(["train/a/1.png", "train/b/1.png", "val/a/2.png", "dogs/1.png"]):
        picture(tmp_path / name, colour)
    (warned,) = [event for event in events_of(tmp_path) if isinstance(event, Warned)]
    assert warned.message == "Folders beside train and val were left out: dogs."
    assert warned.hint


def test_numbers_of_any_length_are_sorted() -> None:
    long = "9" * 5000
    assert sorted([long, "10", "9", "0009a", "1" + "0" * 5000], key=natural) == [
        "9",
        "0009a",
        "10",
        long,
        "1" + "0" * 5000,
    ]

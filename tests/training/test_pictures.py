from pathlib import Path
from shutil import copytree

from tlstudio.control import Control
from tlstudio.events import Picture, Warned
from tlstudio.project import runs
from tlstudio.project.spec import Pictures, Project
from tlstudio.training.pictures import Labelled, labelled, labelled_again


def result(job: object) -> Labelled:
    try:
        while True:
            next(job)  # type: ignore[call-overload]
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def begun(folder: Path, project: Project, found: Labelled) -> Path:
    runs.RunWriter(folder).start(project, found.classes, found.train, found.val, {})
    return folder


def known(pictures: tuple[Picture, ...]) -> list[tuple[str, str, str]]:
    return [(picture.path, picture.label, picture.digest) for picture in pictures]


def test_pictures_are_known_again_whatever_their_class_is_called(
    shapes: Path, tmp_path: Path
) -> None:
    source = copytree(shapes, tmp_path / "pictures")
    (source / "disc").rename(source / " disc\u3000")
    project = Project(pictures=Pictures(source=source))
    found = result(labelled(project, Control()))
    again = result(labelled_again(begun(tmp_path / "run", project, found), Control()))
    assert known(again.pictures) == known(found.pictures)
    assert again.classes == found.classes == ("bars", "disc", "half")


def test_a_run_keeps_class_names_with_spaces_that_it_was_begun_with(
    shapes: Path, tmp_path: Path
) -> None:
    project = Project(pictures=Pictures(source=shapes))
    found = result(labelled(project, Control()))
    spaced = Labelled(
        tuple(Picture(p.path, f"{p.label} ", p.split, p.digest) for p in found.train),
        tuple(Picture(p.path, f"{p.label} ", p.split, p.digest) for p in found.val),
        tuple(f"{name} " for name in found.classes),
        found.labels,
        found.skipped,
    )
    again = result(labelled_again(begun(tmp_path / "run", project, spaced), Control()))
    assert known(again.pictures) == known(spaced.pictures)


def test_a_class_that_is_left_out_is_named(shapes: Path, tmp_path: Path) -> None:
    source = copytree(shapes, tmp_path / "pictures")
    (source / "empty").mkdir()
    events = list(labelled(Project(pictures=Pictures(source=source)), Control()))
    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert warned.message == "Class “empty” has no usable picture and is left out."

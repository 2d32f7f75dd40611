"""The labelled pictures of a training: split anew, or as they were when its run began."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.scan import scanned
from tlstudio.data.split import split
from tlstudio.errors import TlstudioError
from tlstudio.events import Event, Picture, Scan, Warned
from tlstudio.project import runs
from tlstudio.project.spec import Project


@dataclass(frozen=True, slots=True)
class Labelled:
    """`labels` are indices into `classes`, of the training pictures and then the others."""

    train: tuple[Picture, ...]
    val: tuple[Picture, ...]
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    skipped: int
    """Files that were meant as pictures and cannot be used."""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return self.train + self.val


def labelled(project: Project, control: Control) -> Generator[Event, None, Labelled]:
    """Scan and split a project's pictures. Raises TlstudioError where a part has none."""
    found = yield from scanned(project.pictures.source, control)
    parts = split(found, project.pictures.validation, project.training.seed)
    if not parts.train:
        raise TlstudioError(
            "No pictures are left to train on, because all of them are for validation.",
            "Move most of them to the training part.",
        )
    if not parts.val:
        raise TlstudioError(
            "No pictures are left for validation, because each class has only one.",
            "Add more pictures, at least a second one to a class.",
        )
    if left_out := [p.detail for p in found.problems if p.kind == "empty_class"]:
        others = f" So are {len(left_out) - 1} others." if len(left_out) > 1 else ""
        yield Warned(left_out[0] + others, "A scan of the pictures says why.")
    for note in parts.notes:
        yield Warned(note)
    return _labelled(parts.train, parts.val, tuple(found.classes), _skipped(found))


def labelled_again(folder: Path, control: Control) -> Generator[Event, None, Labelled]:
    """The pictures of a run that goes on: the same ones in the same order, whatever was added or
    taken away meanwhile. Raises TlstudioError where the run or too many of them are gone.
    """
    found = yield from scanned(folder / runs.PICTURES, control)
    digests = {picture.path: picture.digest for picture in found.pictures}
    train, val = (
        # One that cannot be read now has no digest, and must not be taken for another such one.
        tuple(
            replace(then, digest=digests.get(then.path, then.path))
            for then in runs.read_pictures(folder, part)
        )
        for part in ("train", "val")
    )
    return _labelled(train, val, runs.read_run(folder).classes, runs.read_skipped(folder))


def _labelled(
    train: tuple[Picture, ...], val: tuple[Picture, ...], classes: tuple[str, ...], skipped: int
) -> Labelled:
    index = {label: i for i, label in enumerate(classes)}
    labels = np.array([index[picture.label] for picture in train + val], np.int64)
    return Labelled(train, val, classes, labels, skipped)


def _skipped(found: Scan) -> int:
    usable = {picture.path for picture in found.pictures}
    return sum(p.path not in usable and p.kind != "empty_class" for p in found.problems)

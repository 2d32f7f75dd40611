"""Runs that were begun and not finished: killed, or ended by a power cut or a full disk."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import BinaryIO

from tlstudio.errors import TlstudioError
from tlstudio.paths import write_error
from tlstudio.project import lock, runs
from tlstudio.project.spec import Project

RUNNING = "running.lock"
"""Held by the process that works on the run; left behind where that was killed."""

PATIENCE = 1.0
"""Seconds: who only looks whether a run is worked on has its file for a moment."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that `resume` can go on with."""

    folder: Path
    project: Project
    epochs_done: int
    epochs: int
    """Of all phases together; 0 where none is done."""


def unfinished_runs(parent: Path) -> list[Unfinished]:
    """The unfinished runs right below `parent` that no process works on, the latest first."""
    found = []
    for document in parent.glob(f"*/{runs.RUN}"):
        folder = document.parent
        # One that is damaged, or from a newer version, is not for this program to go on with.
        with suppress(TlstudioError, OSError):
            if is_unfinished(folder):
                found.append((document.stat().st_mtime, read_unfinished(folder)))
    return [run for _, run in sorted(found, key=lambda pair: pair[0], reverse=True)]


def read_unfinished(folder: Path) -> Unfinished:
    """How far an unfinished run came. Raises TlstudioError where that cannot be read."""
    project = runs.read_project(folder)
    last = runs.read_last_epoch(folder)
    if last is None:
        return Unfinished(folder, project, 0, 0)
    return Unfinished(folder, project, last.epoch, last.epochs)


def is_unfinished(folder: Path) -> bool:
    """Whether it is a run that was begun, not finished, and that no process works on."""
    if not (folder / runs.RUN).is_file() or is_running(folder):
        return False
    return not is_finished(folder) or _was_killed_again(folder)


def _was_killed_again(folder: Path) -> bool:
    """Whether it was stopped, which saves what there is, then gone on with and killed."""
    return (folder / RUNNING).is_file() and (folder / runs.CHECKPOINT).is_file()


def is_finished(folder: Path) -> bool:
    return (folder / runs.METRICS).is_file()


def is_running(folder: Path) -> bool:
    """Whether a process works on the run now."""
    return lock.is_taken(folder / RUNNING)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Within, the run counts as running in this process, until that ends if it is killed.

    Raises TlstudioError where it runs already, and JobError where its folder cannot be written.
    """
    path = folder / RUNNING
    claim = _claim(path)
    try:
        yield
    finally:
        lock.release(claim, path)


def _claim(path: Path) -> BinaryIO:
    patient_until = time.monotonic() + PATIENCE
    try:
        while (claim := lock.take(path)) is None:
            if time.monotonic() > patient_until:
                raise TlstudioError(
                    f"The run {path.parent} is being trained now.",
                    "Wait for its end, or stop it first.",
                )
            time.sleep(0.01)
    except OSError as error:
        raise write_error(path, error) from error
    return claim


def discard(folder: Path) -> None:
    """Delete an unfinished run. Raises TlstudioError where it is none, and JobError."""
    if not is_unfinished(folder):
        raise TlstudioError(
            f"{folder} is not an unfinished run.", "Choose one that was not finished."
        )
    try:
        rmtree(folder)
    except OSError as error:
        raise write_error(folder, error) from error

"""Runs that were begun and not finished: killed, or ended by a power cut or a full disk."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import psutil

from tlstudio.errors import TlstudioError
from tlstudio.paths import write_error, write_whole
from tlstudio.project import runs
from tlstudio.project.spec import Project

RUNNING = "running.json"


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
    done = runs.read_history(folder) if (folder / runs.EVENTS).is_file() else []
    epochs = done[-1].epochs if done else 0
    return Unfinished(folder, runs.read_project(folder), len(done), epochs)


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
    try:
        claim = json.loads((folder / RUNNING).read_text(encoding="utf-8"))
        return bool(psutil.Process(claim["pid"]).create_time() == claim["began"])
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return False


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Within, the run counts as running in this process."""
    process = psutil.Process(os.getpid())
    write_whole(folder / RUNNING, json.dumps({"pid": process.pid, "began": process.create_time()}))
    try:
        yield
    finally:
        with suppress(OSError):  # a folder that is gone with its disk
            (folder / RUNNING).unlink(missing_ok=True)


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

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import Epoch
from tlstudio.project import runs, unfinished
from tlstudio.project.spec import Pictures, Project


def begun(folder: Path, done: int) -> Path:
    writer = runs.RunWriter(folder)
    writer.begin(Project(pictures=Pictures(source=Path("/p"))), {})
    for number in range(1, done + 1):
        writer.record(Epoch(number, 9, 0.5, 0.7, 0.6, 0.6, 1.5, True))
    return folder


def finished(folder: Path) -> Path:
    begun(folder, 1)
    (folder / runs.METRICS).write_text("{}", encoding="utf-8")
    return folder


def claim_and_die(folder: Path) -> None:
    with unfinished.claimed(folder):
        os._exit(0)


def killed(folder: Path) -> Path:
    """With the claim of a process that is gone."""
    process = multiprocessing.get_context("spawn").Process(target=claim_and_die, args=(folder,))
    process.start()
    process.join()
    assert (folder / unfinished.RUNNING).is_file()
    return folder


def test_runs_that_were_cut_off_are_found_the_latest_first(tmp_path: Path) -> None:
    for age, done in enumerate((0, 3)):
        folder = begun(tmp_path / f"run {done}", done)
        os.utime(folder / runs.RUN, (age, age))
    finished(tmp_path / "finished")
    (tmp_path / "other").mkdir()
    damaged = begun(tmp_path / "damaged", 1)
    (damaged / runs.RUN).write_text("{", encoding="utf-8")
    found = unfinished.unfinished_runs(tmp_path)
    assert [(run.folder.name, run.epochs_done, run.epochs) for run in found] == [
        ("run 3", 3, 9),
        ("run 0", 0, 0),
    ]
    assert unfinished.unfinished_runs(tmp_path / "nowhere") == []


@pytest.mark.parametrize("content", [None, b"", b"\xff\n"])
def test_a_run_whose_events_are_damaged_is_unfinished(
    tmp_path: Path, content: bytes | None
) -> None:
    folder = begun(tmp_path / "run", 2)
    events = folder / runs.EVENTS
    if content is None:
        events.unlink()
    else:
        events.write_bytes(content + events.read_bytes()[:-1])
    (run,) = unfinished.unfinished_runs(tmp_path)
    assert run.folder == folder
    assert run.epochs_done == (0 if content is None else 1)


def test_a_run_that_a_process_works_on_is_not_unfinished(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", 1)
    with unfinished.claimed(folder):
        assert unfinished.unfinished_runs(tmp_path) == []
        with pytest.raises(TlstudioError):
            unfinished.discard(folder)
    assert len(unfinished.unfinished_runs(tmp_path)) == 1


def claim_until_killed(folder: Path, connection: Connection) -> None:
    with unfinished.claimed(folder):
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        connection.send(sleeper.pid)
        connection.recv()


@contextmanager
def elsewhere(folder: Path) -> Iterator[BaseProcess]:
    """Another process that has claimed the run, and that has a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=claim_until_killed, args=(folder, there))
    process.start()
    sleeper = psutil.Process(here.recv())
    try:
        yield process
        assert sleeper.status() != psutil.STATUS_ZOMBIE
    finally:
        process.kill()
        process.join()
        with suppress(psutil.NoSuchProcess):
            sleeper.kill()


def test_one_process_at_a_time_works_on_a_run_and_a_kill_frees_it(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", 1)
    with elsewhere(folder) as process:
        assert unfinished.is_running(folder)
        with pytest.raises(TlstudioError, match="being trained now"), unfinished.claimed(folder):
            pass
        assert unfinished.is_running(folder)
        process.kill()
        process.join()
        assert unfinished.is_unfinished(folder)
        with unfinished.claimed(folder):
            assert unfinished.is_running(folder)
    assert not (folder / unfinished.RUNNING).exists()


def test_to_look_whether_a_run_is_worked_on_keeps_nobody_from_it(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", 1)
    enough = Event()

    def look() -> None:
        while not enough.is_set():
            unfinished.is_running(folder)

    looking = [Thread(target=look) for _ in range(2)]
    for thread in looking:
        thread.start()
    try:
        for _ in range(50):
            with unfinished.claimed(folder):
                assert unfinished.is_running(folder)
    finally:
        enough.set()
        for thread in looking:
            thread.join()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="could not be written"), unfinished.claimed(tmp_path / "no"):
        pass


def test_a_run_whose_process_is_gone_is_unfinished(tmp_path: Path) -> None:
    killed(begun(tmp_path / "run", 1))
    assert len(unfinished.unfinished_runs(tmp_path)) == 1


def test_a_stopped_run_is_unfinished_once_it_was_gone_on_with_and_killed(tmp_path: Path) -> None:
    folder = finished(tmp_path / "run")
    (folder / runs.CHECKPOINT).write_bytes(b"")
    assert not unfinished.is_unfinished(folder)
    killed(folder)
    assert unfinished.is_unfinished(folder)


def test_only_an_unfinished_run_can_be_discarded(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", 1)
    unfinished.discard(folder)
    assert not folder.exists()
    for other in (finished(tmp_path / "finished"), tmp_path):
        with pytest.raises(TlstudioError, match="not an unfinished run"):
            unfinished.discard(other)
        assert other.is_dir()

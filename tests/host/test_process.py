import errno
import multiprocessing.process
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from tlstudio.control import Control
from tlstudio.events import (
    DevicesFound,
    Epoch,
    Failed,
    Finished,
    PictureCounts,
    Progress,
    Started,
)
from tlstudio.host import process
from tlstudio.host.jobs import DescribeRequest, DevicesRequest, ScanRequest, TrainRequest
from tlstudio.host.process import EngineProcess
from tlstudio.paths import log_file
from tlstudio.project.spec import Backbone, Project, Training


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    host = EngineProcess()
    yield host
    host.close()


def engine_pids() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_one_process_answers_one_request_after_another(engine: EngineProcess) -> None:
    first = list(engine.run(DevicesRequest(), Control()))
    assert isinstance(first[-1], DevicesFound)
    assert first[-1].devices[-1].name == "cpu"
    pids = engine_pids()
    failed = list(engine.run(DescribeRequest(Backbone(name="nonsense")), Control()))[-1]
    assert isinstance(failed, Failed)
    assert failed.status == 2
    assert isinstance(list(engine.run(DevicesRequest(), Control()))[-1], DevicesFound)
    assert engine_pids() == pids


def test_a_training_in_the_engine_is_paused_resumed_and_stopped(
    engine: EngineProcess, project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project(training=Training(epochs=10_000, batch_size=8))
    control = Control()
    events = []
    stopped_at = 0.0
    for event in engine.run(TrainRequest(made, tmp_path / "run"), control):
        events.append(event)
        if isinstance(event, Epoch) and event.epoch == 2:
            control.pause()
            threading.Timer(1.0, control.resume).start()
        if isinstance(event, Epoch) and event.epoch == 30 and not stopped_at:
            control.stop()
            stopped_at = time.monotonic()
        if isinstance(event, Progress) and event.stage == "save":
            obeyed_at = time.monotonic()
    assert obeyed_at - stopped_at < 0.3
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.stopped
    assert 30 <= last.epochs < 10_000
    assert last.seconds.train > 1.0  # the pause was a pause


def test_a_stop_before_the_start_is_obeyed(
    engine: EngineProcess, project: Callable[..., Project], tmp_path: Path
) -> None:
    control = Control()
    control.stop()
    made = project(training=Training(epochs=10_000, batch_size=8))
    last = list(engine.run(TrainRequest(made, tmp_path / "run"), control))[-1]
    assert isinstance(last, Failed)
    assert last.status == 130
    # It was meant for that request alone.
    assert isinstance(list(engine.run(DevicesRequest(), Control()))[-1], DevicesFound)


def test_a_process_that_cannot_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_process: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", fail)
    host = EngineProcess()
    host.warm()
    (failed,) = host.run(DevicesRequest(), Control())
    assert isinstance(failed, Failed)
    assert "could not be started" in failed.message
    assert failed.status == 1


def test_a_process_that_dies_is_reported_and_replaced(
    engine: EngineProcess, project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project(training=Training(epochs=10_000, batch_size=8))
    last = None
    for event in engine.run(TrainRequest(made, tmp_path / "run"), Control()):
        last = event
        if isinstance(event, Epoch) and event.epoch == 1:
            for child in psutil.Process().children(recursive=True):
                if "spawn_main" in " ".join(child.cmdline()):
                    child.kill()
    assert isinstance(last, Failed)
    assert "ended unexpectedly" in last.message
    assert str(log_file()) in last.hint
    assert "the engine ended with exit status" in log_file().read_text().splitlines()[-1]
    assert isinstance(list(engine.run(DevicesRequest(), Control()))[-1], DevicesFound)


def test_closing_ends_a_running_job_and_the_process(tmp_path: Path) -> None:
    before = engine_pids()
    host = EngineProcess()
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(host.run(DevicesRequest(), Control())))
    thread.start()
    while not engine_pids() - before:
        time.sleep(0.01)
    host.close()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert isinstance(answers[-1], Failed)
    assert answers[-1].status == 130
    assert {pid for pid in engine_pids() - before if _is_engine(pid)} == set()


def _is_engine(pid: int) -> bool:
    try:
        return "spawn_main" in " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return False


WINDOW = """
import sys, time
from pathlib import Path
from tlstudio.control import Control
from tlstudio.host.jobs import ScanRequest
from tlstudio.host.process import EngineProcess
if __name__ == "__main__":
    host = EngineProcess()
    list(host.run(ScanRequest(Path(sys.argv[1])), Control()))
    print(host._process.pid, flush=True)
    time.sleep(60)
"""


def test_no_engine_outlives_a_window_that_was_killed(shapes: Path, tmp_path: Path) -> None:
    script = tmp_path / "window.py"
    script.write_text(WINDOW, encoding="utf-8")
    window = subprocess.Popen(
        [sys.executable, script, str(shapes)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert window.stdout is not None
    engine = psutil.Process(int(window.stdout.readline()))
    window.kill()
    window.wait()
    window.stdout.close()
    assert psutil.wait_procs([engine], timeout=5)[1] == []


def test_a_scan_needs_no_engine_of_its_own(engine: EngineProcess, shapes: Path) -> None:
    last = list(engine.run(ScanRequest(shapes), Control()))[-1]
    assert last.classes == {"bars": 10, "disc": 10, "half": 10}  # type: ignore[attr-defined]


def serve_as_if_on(connection: Connection, device: str) -> None:
    """An engine that says of each request that it was a training."""
    counts = PictureCounts(2, 1, 0)
    started = Started("run", "VGG16", "head", "", ("a", "b"), counts, 1, 1, 1, 1, device, 0.1)
    while True:
        connection.recv()
        connection.send(started)
        connection.send(None)


def serve_on_a_gpu(connection: Connection, _log: Path) -> None:
    serve_as_if_on(connection, "GPU:0")


def serve_on_the_cpu(connection: Connection, _log: Path) -> None:
    serve_as_if_on(connection, "CPU:0")


@pytest.mark.parametrize(("serve", "stays"), [(serve_on_a_gpu, False), (serve_on_the_cpu, True)])
def test_the_end_of_a_training_gives_the_memory_of_a_gpu_back(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[..., None], stays: bool
) -> None:
    """Which only the end of the process does."""
    monkeypatch.setattr(process, "serve", serve)
    before = engine_pids()
    host = EngineProcess()
    try:
        host.warm()
        (first,) = engine_pids() - before
        assert isinstance(list(host.run(DevicesRequest(), Control()))[-1], Started)
        assert psutil.pid_exists(first) == stays
        assert isinstance(list(host.run(DevicesRequest(), Control()))[-1], Started)
    finally:
        host.close()

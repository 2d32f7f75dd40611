"""The app as a process of its own: what it imports, and what it leaves behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

WATCHED = """
import sys
from pathlib import Path
from PySide6.QtCore import QObject, QTimerEvent
from PySide6.QtWidgets import QApplication
from tlstudio.ui import app

class Watcher(QObject):
    def timerEvent(self, event: QTimerEvent) -> None:
        for widget in QApplication.topLevelWidgets():
            tree = getattr(getattr(widget, "backbone", None), "tree", None)
            if tree is not None and tree.model().rowCount():
                heavy = ("tensorflow", "keras", "sklearn", "scipy")
                print("loaded", [name for name in heavy if name in sys.modules], flush=True)
                self.killTimer(event.timerId())
                widget.close()

if __name__ == "__main__":
    application = QApplication.__init__
    def watched(self, *arguments):
        application(self, *arguments)
        self.watcher = Watcher(self)
        self.watcher.startTimer(100)
    QApplication.__init__ = watched
    sys.exit(app.run([Path(sys.argv[1])]))
"""


def environment(home: Path) -> dict[str, str]:
    return os.environ | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def test_the_windows_process_never_imports_tensorflow(shapes: Path, tmp_path: Path) -> None:
    """Not at the start, and not when it shows a folder and a backbone's layers either."""
    script = tmp_path / "watched.py"
    script.write_text(WATCHED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, str(shapes)],
        capture_output=True,
        encoding="utf-8",
        env=environment(tmp_path),
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "loaded []", done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("end", [subprocess.Popen.kill, subprocess.Popen.terminate])
def test_no_process_outlives_a_killed_demo(
    tmp_path: Path, end: "Callable[[subprocess.Popen[bytes]], None]"
) -> None:
    command = [sys.executable, "-m", "tlstudio", "demo", "--epochs", "10000"]
    window = subprocess.Popen(
        command, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    process = psutil.Process(window.pid)
    runs = tmp_path / "data" / "tlstudio" / "runs"
    try:
        deadline = time.monotonic() + 90
        while not list(runs.glob("*/history.csv")):
            assert time.monotonic() < deadline, "the demo did not begin to train"
            assert window.poll() is None, "the demo ended by itself"
            time.sleep(0.1)
        children = process.children(recursive=True)
        assert children
    finally:
        end(window)
    status = window.wait(timeout=30)
    assert psutil.wait_procs(children, timeout=10)[1] == []
    if end is subprocess.Popen.terminate and os.name == "posix":  # the best epoch is saved
        assert status == 0
        assert list(runs.glob("*/model.keras"))

import subprocess
import sys

SHOW = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from tlstudio.ui import app
QApplication.exec = lambda *_: 0
assert app.run([]) == 0
heavy = {"tensorflow", "keras", "sklearn", "scipy", "pyqtgraph"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_window_shows_without_tensorflow(tmp_path) -> None:
    """In a fresh interpreter: nothing else may have imported it."""
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    environment = {"PATH": "", "PYTHONPATH": ":".join(sys.path), **home}
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr

"""How long after launch the window is shown: the median of several starts.

    QT_QPA_PLATFORM=offscreen python tests/benchmarks/window_start.py [--runs 5]

Measured from before the interpreter starts to the first paint of the main window.
"""

import argparse
import statistics
import subprocess
import sys
import time

SHOWN = """
import sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
from tlstudio.ui import app

class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and watched.inherits("QMainWindow"):
            print(time.time(), "tensorflow" in sys.modules, flush=True)
            QTimer.singleShot(0, QApplication.quit)
            QApplication.instance().removeEventFilter(self)
        return False

execute = QApplication.exec
def run():
    return execute()
made = QApplication.__init__
def watched(self, *arguments):
    made(self, *arguments)
    self.filter = FirstPaint(self)
    self.installEventFilter(self.filter)
QApplication.__init__ = watched
sys.exit(app.run([]))
"""


def seconds(runs: int) -> dict[str, float]:
    """Median, least and most seconds over some starts, after one that fills the disk cache.

    Raises AssertionError where TensorFlow is imported in the window's process.
    """
    counted = []
    for _ in range(runs + 1):
        began = time.time()
        done = subprocess.run(
            [sys.executable, "-c", SHOWN], capture_output=True, encoding="utf-8", check=False
        )
        shown, tensorflow = done.stdout.split()[:2]
        assert tensorflow == "False", "TensorFlow was imported in the window's process"
        counted.append(float(shown) - began)
    del counted[0]
    return {"median": statistics.median(counted), "min": min(counted), "max": max(counted)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    found = seconds(parser.parse_args().runs)
    print(
        f"window shown after {found['median']:.2f} s "
        f"(from {found['min']:.2f} to {found['max']:.2f} s)"
    )


if __name__ == "__main__":
    main()

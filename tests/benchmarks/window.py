"""The real window with its real engine processes: how it reacts, and how fast it answers.

The window is shown by the platform that QT_QPA_PLATFORM names; a benchmark takes offscreen.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QEvent, QEventLoop, QMimeData, QObject, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from tlstudio.host.process import EngineProcess
from tlstudio.ui.app import make_ready
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.session import Session
from tlstudio.ui.settings import open_settings
from tlstudio.ui.theme import Theme
from tlstudio.ui.trainer import State

TICK = 0.001
"""Seconds from one beat of the heart to the next."""
PATIENCE = 600.0


def delays(pictures: str, epochs: int) -> dict[str, float]:
    """Milliseconds by which the event loop was late, from the start of a training with a cold
    cache to its end.
    """
    with _window() as (window, session):
        window.open_pictures(Path(pictures))
        session.decide(training=session.decisions.training.model_copy(update={"epochs": epochs}))
        _wait_for(lambda: session.scan is not None and not session.missing())
        late: list[float] = []
        last = time.perf_counter()

        def beat() -> None:
            nonlocal last
            now = time.perf_counter()
            late.append(max(0.0, now - last - TICK))
            last = now

        heart = QTimer(interval=round(TICK * 1000), timerType=Qt.TimerType.PreciseTimer)
        heart.timeout.connect(beat)
        session.train()
        heart.start()
        _wait_for(lambda: session.state == State.IDLE)
        heart.stop()
        assert session.model is not None
    late.sort()
    return {
        "beats": len(late),
        "p99": 1000 * late[int(0.99 * len(late))],
        "max": 1000 * late[-1],
    }


def drop_to_prediction(training_pictures: str, camera_pictures: str) -> dict[str, float]:
    """Seconds from the drop of one picture of 12 megapixels to its painted answer."""
    with _window() as (window, session):
        window.open_pictures(Path(training_pictures))
        session.decide(training=session.decisions.training.model_copy(update={"epochs": 1}))
        _wait_for(lambda: session.scan is not None and not session.missing())
        session.train()
        _wait_for(lambda: session.model is not None and session.state == State.IDLE)
        strip = window.centre.predict.strip
        seconds = []
        for number, path in enumerate(sorted(Path(camera_pictures).rglob("*.jpg")), start=1):
            began = time.perf_counter()
            _drop(window, path)
            _wait_for(lambda number=number: len(strip.answers.predictions) == number)
            _wait_for_paint(strip.viewport())
            seconds.append(time.perf_counter() - began)
        errors = [answer.error for answer in strip.answers.predictions if answer.error]
        assert not errors, errors
    warm = seconds[1:]
    return {"first": seconds[0], "median": statistics.median(warm), "max": max(warm)}


@contextmanager
def _window() -> Iterator[tuple[MainWindow, Session]]:
    application = QApplication.instance() or QApplication([])
    if application.findChild(Theme) is None:
        Theme(application)
    with tempfile.TemporaryDirectory() as folder:
        session = Session(EngineProcess, Path(folder) / "runs")
        window = MainWindow(session, open_settings(Path(folder) / "settings.ini"))
        window.show()
        make_ready(session, window)
        try:
            _wait_for(lambda: session.description is not None and session.devices is not None)
            yield window, session
        finally:
            window.close_without_asking()
            _wait_for(lambda: not window.isVisible())


def _wait_for(condition: Callable[[], bool]) -> None:
    """Run the event loop until the condition holds; it is looked at every 5 ms."""
    loop = QEventLoop()
    give_up = time.monotonic() + PATIENCE

    def look() -> None:
        if condition() or time.monotonic() > give_up:
            loop.quit()

    timer = QTimer(interval=5)
    timer.timeout.connect(look)
    timer.start()
    loop.exec()
    if not condition():
        raise TimeoutError("the window did not get there")


def _wait_for_paint(widget: QObject) -> None:
    class Painted(QObject):
        seen = False

        def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
            self.seen = self.seen or event.type() == QEvent.Type.Paint
            return False

    painted = Painted()
    widget.installEventFilter(painted)
    widget.update()
    _wait_for(lambda: painted.seen)
    widget.removeEventFilter(painted)


def _drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    position, action = window.rect().center(), Qt.DropAction.CopyAction
    held = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(position, action, data, *held))
    QApplication.sendEvent(window, QDropEvent(QPointF(position), action, data, *held))

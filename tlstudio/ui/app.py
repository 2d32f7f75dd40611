"""Starting the window: quickly, with nothing heavy imported before it shows."""

import gc
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, TracebackType

from PySide6.QtCore import QObject, QSocketNotifier, QTimer
from PySide6.QtGui import QFont, QFontDatabase, QIcon
from PySide6.QtWidgets import QApplication

from tlstudio import __version__
from tlstudio.host.native_output import open_log
from tlstudio.paths import log_file, resource, runs_folder, settings_file
from tlstudio.project.spec import Training
from tlstudio.ui.demo import Demo
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.session import EngineHost, Session
from tlstudio.ui.settings import open_settings
from tlstudio.ui.theme import Theme

NO_CHOICE = ("DejaVu Sans", "Sans Serif", "Sans", "")
"""What fontconfig falls back to."""
PLAIN_FONTS = ("Inter", "Cantarell", "Noto Sans", "Liberation Sans")
SHOWN_FIRST_MS = 50
"""The engine starts and the plots are made when the window has been painted."""


def run(argv_paths: Sequence[Path], demo: Training | None = None) -> int:
    """Show the window and open what was named, or train the demo; returns the exit status when
    the window has closed.
    """
    application = QApplication([sys.argv[0] if sys.argv else "tlstudio"])
    application.setApplicationName("tlstudio")
    application.setApplicationDisplayName("tlstudio")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("tlstudio")
    application.setWindowIcon(_icon())
    application.setFont(_font(application.font()))
    Theme(application)
    session = Session(_engine_process, runs_folder())
    window = MainWindow(session, open_settings(settings_file()))
    _show_errors_in(window)
    signals = _Signals(window)
    window.show()

    def begin() -> None:
        make_ready(session, window)
        if demo:
            Demo(session, window.centre, demo)
        window.open_paths(argv_paths)

    QTimer.singleShot(SHOWN_FIRST_MS, begin)
    status = application.exec()
    signals.close()
    return status


def make_ready(session: Session, window: MainWindow) -> None:
    """What the window needs before it is worked with, but not in order to show."""
    session.start()
    _ = window.centre.plots.page
    # What is there now stays, and looking at it all would stop the curves for as long as a person
    # can see.
    gc.freeze()


def _engine_process() -> EngineHost:
    from tlstudio.host.process import EngineProcess

    return EngineProcess()


def _font(default: QFont) -> QFont:
    """The system's font, or a plainer one where no desktop has chosen any."""
    if default.family() not in NO_CHOICE:
        return default
    installed = QFontDatabase.families()
    family = next((name for name in PLAIN_FONTS if name in installed), default.family())
    return QFont(family, default.pointSize())


def _icon() -> QIcon:
    icon = QIcon()
    for size in (16, 32, 48, 64, 128, 256):
        picture = resource("icons", f"tlstudio-{size}.png")
        if picture.is_file():
            icon.addFile(str(picture))
    return icon


def _show_errors_in(window: MainWindow) -> None:
    """An error in a slot is logged and said in the window, which goes on."""
    path = log_file().with_name("window.log")
    handler = logging.StreamHandler(open_log(path))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log = logging.getLogger("tlstudio")
    log.addHandler(handler)

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            window.close_without_asking()
            return
        log.critical("unexpected error", exc_info=(kind, error, trace))
        window.notice.tell(
            f"Something unexpected happened ({kind.__name__}: {error}).",
            f"You can go on; please report it with {path}.",
        )

    sys.excepthook = hook


class _Signals(QObject):
    """Closes the window cleanly on SIGINT and SIGTERM.

    Python runs its handlers only between two bytecodes, and Qt's loop may sleep: a byte that the
    interpreter writes to a socket wakes it.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno())
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._received)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._notifier.setEnabled(False)
        self._read.close()
        self._write.close()

    def _woken(self) -> None:
        self._read.recv(64)

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        # Python may run this between any two bytecodes of a slot, which must end first.
        QTimer.singleShot(0, self._window.close_without_asking)

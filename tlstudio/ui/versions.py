"""Random versions of a few pictures, made in a thread of their own."""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QThreadPool, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from tlstudio.data.augment import augmented
from tlstudio.data.decode import RGB, decode
from tlstudio.errors import PictureError
from tlstudio.project.spec import Augmentation


@dataclass(frozen=True, slots=True)
class Wanted:
    """`count` versions of each picture at `size` (rows, columns); another `shuffle`, others."""

    paths: tuple[str, ...]
    size: tuple[int, int]
    how: Augmentation
    count: int
    shuffle: int


Row = tuple[QImage, ...]
"""A picture as it is and then its versions; empty for a file that is no picture."""


class Versions(QObject):
    """Call everything from the GUI thread. While one request is worked on, only the newest of
    those that follow is remembered.
    """

    made = Signal(object, list)
    """(what was wanted, a Row for each of its pictures)."""
    _worked = Signal(object, list)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._working = False
        self._closed = False
        self._next: Wanted | None = None
        self._originals: dict[tuple[str, tuple[int, int]], RGB] = {}
        """Of the last request; only the thread touches it."""
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        # Emitted in the pool, taken here: the connection crosses the threads as a queued one.
        self._worked.connect(self._take)
        if application := QApplication.instance():
            application.aboutToQuit.connect(self.close)

    def ask(self, wanted: Wanted) -> None:
        self._next = wanted
        if not self._working and not self._closed:
            self._start()

    def close(self) -> None:
        """Return when the thread does nothing any more; nothing is made afterwards."""
        self._closed = True
        self._next = None
        self._pool.waitForDone()

    def _start(self) -> None:
        wanted, self._next = self._next, None
        if wanted:
            self._working = True
            self._pool.start(lambda: self._work(wanted))

    def _work(self, wanted: Wanted) -> None:
        kept, self._originals = self._originals, {}
        rows: list[Row] = []
        for path in wanted.paths:
            if self._closed:
                return
            try:
                original = kept.get((path, wanted.size))
                if original is None:
                    original = decode(Path(path), wanted.size)
            except PictureError:
                rows.append(())
                continue
            self._originals[path, wanted.size] = original
            pictures = [original]
            for version in range(wanted.count):
                seed = (wanted.shuffle, path, version)
                off = wanted.how.mode == "off"
                pictures.append(original if off else augmented(original, wanted.how, *seed))
            rows.append(tuple(_image(picture) for picture in pictures))
        self._worked.emit(wanted, rows)

    def _take(self, wanted: Wanted, rows: list[Row]) -> None:
        self._working = False
        if not self._closed:
            self._start()
            self.made.emit(wanted, rows)


def _image(picture: RGB) -> QImage:
    rows, columns, _ = picture.shape
    view = QImage(picture.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    return view.copy()

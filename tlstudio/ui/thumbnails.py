"""Thumbnails: decoded off the GUI thread, kept in a bounded cache, painted with round corners."""

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, QThreadPool, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QApplication

from tlstudio.data.decode import thumbnail
from tlstudio.errors import TlstudioError
from tlstudio.ui.theme import Colors

Key = tuple[str, int]
RADIUS = 6.0


class Thumbnails(QObject):
    """Call everything from the GUI thread. `loaded` says that a path's thumbnail can be had now."""

    loaded = Signal(str)
    _decoded = Signal(str, int, object)

    def __init__(self, parent: QObject | None = None, capacity: int = 1000) -> None:
        super().__init__(parent)
        self._capacity = capacity
        self._cache: OrderedDict[Key, QPixmap] = OrderedDict()
        self._waiting: set[Key] = set()
        self._closed = False
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(2)
        # Emitted in the pool, kept here: the connection crosses the threads as a queued one.
        self._decoded.connect(self._keep)

    def get(self, path: str | Path, side: int, ratio: float = 1.0) -> QPixmap | None:
        """The picture within `side` x `side` logical pixels on a screen of device pixel `ratio`.

        None while it is still being decoded; a null pixmap for a file that is no picture.
        """
        key = (str(path), round(side * ratio))
        if key in self._cache:
            self._cache.move_to_end(key)
            pixmap = self._cache[key]
            if not pixmap.isNull():
                pixmap.setDevicePixelRatio(ratio)
            return pixmap
        if key not in self._waiting and not self._closed:
            self._waiting.add(key)
            self._pool.start(lambda: self._decode(key))
        return None

    def close(self) -> None:
        """Forget what waits and return when no thread is decoding any more."""
        self._closed = True
        self._pool.clear()
        self._pool.waitForDone()

    def _decode(self, key: Key) -> None:
        path, pixels = key
        try:
            array = thumbnail(Path(path), pixels)
        except (TlstudioError, OSError):
            image = None
        else:
            rows, columns = array.shape[:2]
            view = QImage(array.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888)
            image = view.copy()
        self._decoded.emit(path, pixels, image)

    def _keep(self, path: str, pixels: int, image: QImage | None) -> None:
        key = (path, pixels)
        self._waiting.discard(key)
        self._cache[key] = QPixmap() if image is None else QPixmap.fromImage(image)
        if len(self._cache) > self._capacity:
            self._cache.popitem(last=False)
        self.loaded.emit(path)


def current() -> Thumbnails:
    """The application's thumbnails, made at the first call and drained when it quits."""
    application = QApplication.instance()
    if application is None:
        raise RuntimeError("thumbnails need the application")
    thumbnails = application.findChild(Thumbnails)
    if thumbnails is None:
        thumbnails = Thumbnails(application)
        application.aboutToQuit.connect(thumbnails.close)
    return thumbnails


def paint(painter: QPainter, rect: QRectF, pixmap: QPixmap | None, colors: Colors) -> None:
    """Draw what `Thumbnails.get` gave, centred in `rect`: the picture, or a tile in its place."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    if pixmap is None or pixmap.isNull():
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.track))
        painter.drawRoundedRect(rect, RADIUS, RADIUS)
        if pixmap is not None:
            _paint_broken(painter, rect, QColor(colors.muted))
    else:
        size = pixmap.deviceIndependentSize().scaled(
            rect.size(), Qt.AspectRatioMode.KeepAspectRatio
        )
        target = QRectF(QPointF(0, 0), size)
        target.moveCenter(rect.center())
        clip = QPainterPath()
        clip.addRoundedRect(target, RADIUS, RADIUS)
        painter.setClipPath(clip)
        painter.drawPixmap(target, pixmap, QRectF(pixmap.rect()))
    painter.restore()


def _paint_broken(painter: QPainter, rect: QRectF, color: QColor) -> None:
    side = min(rect.width(), rect.height()) * 0.4
    frame = QRectF(0, 0, side * 1.2, side)
    frame.moveCenter(rect.center())
    painter.setPen(QPen(color, 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(frame, 2, 2)
    painter.drawLine(frame.bottomLeft(), frame.topRight())

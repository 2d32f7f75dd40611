"""What a drop means: pictures to train on, a project, a run, or pictures to predict."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QFont,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from tlstudio.data.decode import PICTURE_SUFFIXES
from tlstudio.project import runs, store
from tlstudio.ui import theme

Meaning = Literal["pictures", "project", "run", "predict"]


def meaning(paths: Sequence[Path]) -> Meaning:
    """What the person wants who drops or opens these (at least one).

    One folder is a set of labelled pictures, unless the pictures lie in it without subfolders.
    """
    if len(paths) > 1:
        return "predict"
    path = paths[0]
    if path.suffix.lower() == store.SUFFIX:
        return "project"
    if path.suffix.lower() == ".csv":
        return "pictures"
    if not path.is_dir():
        return "predict"
    if (path / runs.RUN).is_file():
        return "run"
    return "predict" if _has_pictures(path) and not _has_classes(path) else "pictures"


def _has_pictures(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(Path(entry.name).suffix.lower() in PICTURE_SUFFIXES for entry in entries)
    except OSError:
        return False


def _has_classes(folder: Path) -> bool:
    """Whether a subfolder, or one below it (train/cats), holds pictures."""
    try:
        subfolders = [entry for entry in folder.iterdir() if entry.is_dir()]
        return any(
            _has_pictures(inner)
            for subfolder in subfolders
            for inner in [subfolder, *(entry for entry in subfolder.iterdir() if entry.is_dir())]
        )
    except OSError:
        return True


class DropZone(QObject):
    """Takes drops on the whole window and highlights it while something hovers over it."""

    dropped = Signal(list)
    """The paths, as `Path`."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._overlay = _Overlay(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDragEnterEvent):
            if not _paths(event):
                return False
            event.acceptProposedAction()
            self._overlay.cover()
            return True
        if event.type() == QEvent.Type.DragLeave:
            self._overlay.hide()
        if isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            self._overlay.hide()
            event.acceptProposedAction()
            self.dropped.emit(_paths(event))
            return True
        return super().eventFilter(watched, event)


def _paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]


class _Overlay(QWidget):
    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def cover(self) -> None:
        self.setGeometry(self._window.rect())
        self.raise_()
        self.show()

    def paintEvent(self, _event: QPaintEvent) -> None:
        colors = theme.current().colors
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shade = QColor(colors.background)
        shade.setAlpha(215)
        painter.fillRect(self.rect(), shade)
        painter.setPen(QPen(QColor(colors.accent), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(14, 14, -14, -14), 12, 12)
        font = QFont(self.font())
        font.setPointSizeF(15)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(colors.text))
        area = self.rect()
        painter.drawText(
            area.adjusted(0, 0, 0, -28), Qt.AlignmentFlag.AlignCenter, "Drop it anywhere"
        )
        painter.setFont(self.font())
        painter.setPen(QColor(colors.muted))
        painter.drawText(
            area.adjusted(0, 28, 0, 0),
            Qt.AlignmentFlag.AlignCenter,
            "A folder with one subfolder a class is opened, pictures are predicted",
        )
        painter.end()

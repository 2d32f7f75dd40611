"""Filters or activations as a grid of small pictures, as many in a row as there is room for."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF
from PySide6.QtGui import QColor, QHelpEvent, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from tlstudio.ui import theme

GAP = 5


class LayerPictures(QWidget):
    """As high as its pictures need at its width. `side` is how large one is, in pixels, about."""

    def __init__(self, name: str, noun: str, side: int) -> None:
        super().__init__()
        self._name, self._noun, self._side = name, noun, side
        self._images: list[QImage] = []
        self._cell = (side, side)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.update)

    @property
    def count(self) -> int:
        return len(self._images)

    def show_pictures(self, pictures: NDArray[np.uint8]) -> None:
        """(pictures, rows, columns) in grey, or (pictures, rows, columns, 3) in RGB."""
        self._images = [_image(one) for one in pictures]
        rows, columns = pictures.shape[1:3]
        # Small ones grow by a whole factor, so that each value is a square.
        factor = max(1, self._side // max(rows, columns))
        shrink = min(1.0, self._side / max(rows, columns))
        self._cell = tuple(max(1, round(length * factor * shrink)) for length in (columns, rows))
        self.setAccessibleDescription(f"{len(self._images)} pictures of {rows} × {columns} values")
        self._fit()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            for number in range(len(self._images)):
                if self._place(number).contains(event.pos()):
                    QToolTip.showText(event.globalPos(), f"{self._noun} {number}", self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(QColor(theme.current().colors.border), 1))
        for number, image in enumerate(self._images):
            place = self._place(number)
            smooth = image.width() > place.width()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
            painter.drawImage(place, image)
            painter.drawRect(place.adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.end()

    def _in_row(self) -> int:
        return max(1, (self.width() - 1 + GAP) // (self._cell[0] + GAP))

    def _fit(self) -> None:
        rows = -(-len(self._images) // self._in_row())
        self.setFixedHeight(max(1, rows * (self._cell[1] + GAP) - GAP + 2))

    def _place(self, number: int) -> QRectF:
        row, column = divmod(number, self._in_row())
        width, height = self._cell
        return QRectF(column * (width + GAP) + 1, row * (height + GAP) + 1, width, height)


def _image(values: NDArray[np.uint8]) -> QImage:
    rows, columns = values.shape[:2]
    in_colour = values.ndim == 3
    kind = QImage.Format.Format_RGB888 if in_colour else QImage.Format.Format_Grayscale8
    data = np.ascontiguousarray(values).tobytes()
    # A copy, since the other refers to bytes that go.
    return QImage(data, columns, rows, columns * (3 if in_colour else 1), kind).copy()

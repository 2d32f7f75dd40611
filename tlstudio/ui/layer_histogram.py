"""The values of a weight as a small histogram."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from tlstudio.ui import theme

WIDTH, HEIGHT = 168, 44


class LayerHistogram(QWidget):
    """Bars from the smallest value to the largest, and a line where zero is among them."""

    def __init__(self, counts: Sequence[int], low: float, high: float) -> None:
        super().__init__()
        self._counts, self._low, self._high = counts, low, high
        self.setFixedSize(WIDTH, HEIGHT)
        theme.current().changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        colors = theme.current().colors
        painter = QPainter(self)
        base = self.height() - 1.5
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.drawLine(0, round(base), self.width(), round(base))
        if self._low < 0 < self._high:
            zero = round(self.width() * -self._low / (self._high - self._low))
            painter.setPen(QPen(QColor(colors.muted), 1, Qt.PenStyle.DotLine))
            painter.drawLine(zero, 0, zero, round(base))
        most = max(self._counts, default=0)
        # All alike stand as one bar in the middle.
        alone = len(self._counts) == 1
        width = self.width() / (9 if alone else max(1, len(self._counts)))
        left = 4 * width if alone else 0.0
        for number, count in enumerate(self._counts):
            if count:
                # What is there at all shows.
                height = max(1.0, (base - 2) * count / most)
                bar = QRectF(left + number * width, base - height, max(1.0, width - 0.5), height)
                painter.fillRect(bar, QColor(colors.accent))
        painter.end()

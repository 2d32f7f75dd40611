"""What a linear classifier makes of the features after each block: a bar for each."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from tlstudio.advice_events import DepthProbe, percent
from tlstudio.ui import theme
from tlstudio.ui.fonts import bold

ROW = 22
GAP = 10
BAR = 6
LEAST_BAR = 90
LINE_ROW = 18
"""Pixels for the line where training begins."""


class AdviceProbes(QWidget):
    """From input to output; the best is in bold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._probes: Sequence[DepthProbe] = ()
        self._from_block = ""
        self.setAccessibleName("Accuracy of a linear classifier after each block")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.update)

    def show_probes(self, probes: Sequence[DepthProbe], from_block: str) -> None:
        """`from_block` is the one that training begins with, as advised; empty draws no line."""
        self._probes, self._from_block = probes, from_block
        self.setAccessibleDescription(
            ", ".join(f"{probe.block} {percent(probe.accuracy)}" for probe in probes)
        )
        self.setToolTip(
            "\n".join(
                f"{probe.block}, {probe.channels} channels: {probe.words}" for probe in probes
            )
        )
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        names, figures = self._columns()
        line = LINE_ROW if self._line_before() is not None else 0
        return QSize(names + GAP + LEAST_BAR + GAP + figures, len(self._probes) * ROW + line)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        colors = theme.current().colors
        names, figures = self._columns()
        left, right = names + GAP, self.width() - figures - GAP
        best = max(self._probes, key=lambda probe: probe.accuracy, default=None)
        line = self._line_before()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = 0
        for row, probe in enumerate(self._probes):
            if row == line:
                self._paint_line(painter, top)
                top += LINE_ROW
            middle = top + ROW / 2
            painter.setFont(bold(self.font()) if probe is best else self.font())
            painter.setPen(QColor(colors.text))
            centre = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, names, ROW), centre, probe.block)
            painter.drawText(
                QRectF(right + GAP, top, figures, ROW),
                centre | Qt.AlignmentFlag.AlignRight,
                percent(probe.accuracy),
            )
            self._paint_bar(painter, probe, left, right, middle)
            top += ROW
        painter.end()

    def _paint_bar(
        self, painter: QPainter, probe: DepthProbe, left: float, right: float, middle: float
    ) -> None:
        colors = theme.current().colors
        room = right - left
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.track))
        painter.drawRoundedRect(QRectF(left, middle - BAR / 2, room, BAR), 3, 3)
        painter.setBrush(QColor(colors.accent))
        painter.drawRoundedRect(QRectF(left, middle - BAR / 2, room * probe.accuracy, BAR), 3, 3)
        low = left + room * max(0.0, probe.accuracy - probe.deviation)
        high = left + room * min(1.0, probe.accuracy + probe.deviation)
        painter.setPen(QPen(QColor(colors.text), 1))
        painter.drawLine(round(low), round(middle), round(high), round(middle))
        for end in (low, high):
            painter.drawLine(round(end), round(middle - 3), round(end), round(middle + 3))

    def _paint_line(self, painter: QPainter, top: float) -> None:
        """As the line in the layer tree."""
        painter.setFont(self.font())
        painter.setPen(QPen(QColor(theme.current().colors.accent), 1))
        words = "frozen above, trained below"
        width = self.fontMetrics().horizontalAdvance(words)
        middle = round(top + LINE_ROW / 2)
        painter.drawLine(0, middle, 14, middle)
        painter.drawText(QRectF(20, top, width + 2, LINE_ROW), Qt.AlignmentFlag.AlignVCenter, words)
        painter.drawLine(26 + width, middle, self.width(), middle)

    def _line_before(self) -> int | None:
        """The row above which the line stands."""
        blocks = [probe.block for probe in self._probes]
        return blocks.index(self._from_block) if self._from_block in blocks else None

    def _columns(self) -> tuple[int, int]:
        """Pixels for the names and for the figures."""
        metrics = self.fontMetrics()
        bold = [metrics.horizontalAdvance(f"{probe.block}mm") for probe in self._probes]
        return max(bold, default=0), metrics.horizontalAdvance("100 %m")

"""A backbone as bars from input to output, one a block: frozen ones, then trained ones."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from tlstudio.project.spec import Strategy
from tlstudio.ui import theme

BARS = 9
"""Of a backbone that is not known yet, or of any."""
WIDTH = 47.25
GAP = 1.25
TRAINED: dict[Strategy, int] = {"all": BARS, "top": BARS // 3, "head": 0}
"""How many bars stand for a strategy; of the top layers, for as many as are usual."""


def paint(
    painter: QPainter, left: float, top: float, height: float, trained: int, bars: int = BARS
) -> None:
    """Draw the bars, of which the last `trained` ones are; however many, they are as wide."""
    colors = theme.current().colors
    painter.setPen(Qt.PenStyle.NoPen)
    pitch = WIDTH / bars
    for bar in range(bars):
        color = colors.trained if bar >= bars - trained else colors.frozen
        painter.setBrush(QColor(color))
        painter.drawRoundedRect(QRectF(left + bar * pitch, top, pitch - GAP, height), 1.5, 1.5)

"""The table of four that says which strategy suits which pictures, with the project's own place."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from tlstudio.project.spec import Strategy
from tlstudio.project.strategy_table import STRATEGIES
from tlstudio.ui import strategy_bars, theme
from tlstudio.ui.fonts import bold

TITLES: dict[Strategy, str] = {"all": "Everything", "top": "Top layers", "head": "Head only"}
COLUMNS = {False: "Little data", True: "Much data"}
ROWS = {True: "Like ImageNet", False: "Unlike ImageNet"}
HEAD = 24
"""Pixels for the words above the columns."""
GAP = 6
CELL_HEIGHT = 66


class AdviceGrid(QWidget):
    """Show the place with `show_place`; what is not known yet is None."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._large: bool | None = None
        self._similar: bool | None = None
        self.setAccessibleName("Which strategy suits which pictures")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.update)
        self._describe()

    def show_place(self, large: bool | None, similar: bool | None) -> None:
        self._large, self._similar = large, similar
        self._describe()
        self.update()

    @property
    def marked(self) -> tuple[tuple[bool, bool], ...]:
        """The cells that the project may be in, as (large, similar): one where both are known."""
        if self._large is None and self._similar is None:
            return ()
        return tuple(
            (large, similar)
            for large, similar in STRATEGIES
            if self._large in (None, large) and self._similar in (None, similar)
        )

    def sizeHint(self) -> QSize:
        return QSize(self._row_words() + 2 * 132 + GAP, HEAD + 2 * CELL_HEIGHT + GAP)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for large, words in COLUMNS.items():
            cell = self._cell(large, similar=True)
            place = QRectF(cell.left(), 0, cell.width(), HEAD - 4)
            self._write(painter, place, words, self._large == large, Qt.AlignmentFlag.AlignHCenter)
        for similar, words in ROWS.items():
            cell = self._cell(large=False, similar=similar)
            place = QRectF(0, cell.top(), cell.left() - 2 * GAP, cell.height())
            self._write(painter, place, words, self._similar == similar, Qt.AlignmentFlag.AlignLeft)
        marked = self.marked
        for large, similar in STRATEGIES:
            self._paint_cell(painter, large, similar, (large, similar) in marked, len(marked) == 1)
        painter.end()

    def _paint_cell(
        self, painter: QPainter, large: bool, similar: bool, marked: bool, sure: bool
    ) -> None:
        colors = theme.current().colors
        cell = self._cell(large, similar)
        here = marked and sure
        width = 2.0 if here else 1.0
        line = Qt.PenStyle.DashLine if marked and not sure else Qt.PenStyle.SolidLine
        painter.setPen(QPen(QColor(colors.accent if marked else colors.border), width, line))
        painter.setBrush(QColor(colors.accent_soft if here else colors.field))
        edge = width / 2
        painter.drawRoundedRect(cell.adjusted(edge, edge, -edge, -edge), 7, 7)
        strategy = STRATEGIES[large, similar]
        content = self.fontMetrics().height() + (self.fontMetrics().height() if here else 0) + 22
        top = cell.top() + (cell.height() - content) / 2
        left = cell.center().x() - strategy_bars.WIDTH / 2
        strategy_bars.paint(painter, left, top, 18, strategy_bars.TRAINED[strategy])
        middle = Qt.AlignmentFlag.AlignHCenter
        line_height = self.fontMetrics().height()
        title = QRectF(cell.left(), top + 22, cell.width(), line_height)
        self._write(painter, title, TITLES[strategy], strong=True, side=middle, plain=True)
        if here:
            painter.setFont(self.font())
            painter.setPen(QColor(colors.accent))
            painter.drawText(title.translated(0, line_height), middle, "your pictures")

    def _write(
        self,
        painter: QPainter,
        place: QRectF,
        words: str,
        strong: bool,
        side: Qt.AlignmentFlag,
        plain: bool = False,
    ) -> None:
        colors = theme.current().colors
        painter.setFont(bold(self.font()) if strong else self.font())
        color = colors.text if plain else colors.accent if strong else colors.muted
        painter.setPen(QColor(color))
        painter.drawText(place, side | Qt.AlignmentFlag.AlignVCenter, words)

    def _cell(self, large: bool, similar: bool) -> QRectF:
        left = self._row_words()
        width = (self.width() - left - GAP) / 2
        return QRectF(
            left + large * (width + GAP),
            HEAD + (not similar) * (CELL_HEIGHT + GAP),
            width,
            CELL_HEIGHT,
        )

    def _row_words(self) -> int:
        """Pixels for the words before the rows."""
        metrics = QFontMetrics(bold(self.font()))
        return max(metrics.horizontalAdvance(words) for words in ROWS.values()) + 3 * GAP

    def _describe(self) -> None:
        table = ", ".join(
            f"{COLUMNS[large]}, {_inner(ROWS[similar])}: {TITLES[strategy].lower()}"
            for (large, similar), strategy in STRATEGIES.items()
        )
        known = [] if self._large is None else [_inner(COLUMNS[self._large])]
        known += [] if self._similar is None else [_inner(ROWS[self._similar])]
        place = f" Your pictures: {', '.join(known)}." if known else ""
        self.setAccessibleDescription(f"{table}.{place}")


def _inner(words: str) -> str:
    """As within a sentence."""
    return words[0].lower() + words[1:]

"""The confusion matrix, painted: true classes by row, what the model said by column."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from tlstudio.ui import theme, tooltip
from tlstudio.ui.fonts import small
from tlstudio.ui.theme import Colors

Cell = tuple[int, int]
GAP = 3.0
READABLE = 4.5
"""The contrast that text needs, after WCAG 2 AA."""
LONGEST_NAME = 110.0
STEPS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


@dataclass(frozen=True, slots=True)
class _Metrics:
    """Where things are, in pixels, before scrolling."""

    names: float
    heads: float
    cell: QSize
    upright: bool
    """Column names stand upright, since they do not fit lying."""


class ConfusionView(QAbstractScrollArea):
    """From 2 classes to hundreds: the cells shrink, then scroll, while the names stay in sight.

    `chosen` carries (true, predicted) of the cell a person chose, or None when it was let go.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Confusion matrix")
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self.setMinimumSize(180, 100)
        self._classes: tuple[str, ...] = ()
        self._counts: tuple[tuple[int, ...], ...] = ()
        self._current: Cell = (0, 0)
        self._chosen: Cell | None = None

    def show_matrix(self, classes: tuple[str, ...], counts: tuple[tuple[int, ...], ...]) -> None:
        """`counts[i][j]`: pictures of class i that were called class j."""
        self._classes, self._counts = classes, counts
        self._current, self._chosen = (0, 0), None
        self._lay_out()

    @property
    def chosen_cell(self) -> Cell | None:
        return self._chosen

    def choose(self, cell: Cell | None) -> None:
        """Choose a cell; the chosen one or None lets go."""
        self._chosen = None if cell == self._chosen else cell
        if cell is not None:
            self._current = cell
        self.viewport().update()
        self.chosen.emit(self._chosen)

    def words(self, cell: Cell) -> str:
        """A cell in one sentence, with exact figures."""
        row, column = cell
        count, support = self._counts[row][column], sum(self._counts[row])
        share = f" ({count / support * 100:.1f} %)" if support else ""
        return f"{count} of {support} {self._classes[row]} called {self._classes[column]}{share}"

    def cell_at(self, point: QPoint) -> Cell | None:
        """The cell under a point of the viewport."""
        row, column = self._row_and_column_at(point)
        return None if row is None or column is None else (row, column)

    def words_at(self, point: QPoint) -> str:
        """What is under a point of the viewport: a cell in words, or the whole name of a class."""
        row, column = self._row_and_column_at(point)
        if row is not None and column is not None:
            return self.words((row, column))
        name = column if row is None else row
        return "" if name is None else self._classes[name]

    def rect_of(self, cell: Cell) -> QRectF:
        """Where a cell is in the viewport."""
        return self._rect_of(cell, self._metrics())

    def sizeHint(self) -> QSize:
        return QSize(230, 140)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._classes:
            return
        metrics = self._metrics()
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(small(self.font()))
        area = QRectF(self.viewport().rect()).adjusted(metrics.names, metrics.heads, 0, 0)
        painter.setClipRect(area)
        for row, column in self._in_sight(QRectF(event.rect()), metrics):
            self._paint_cell(painter, (row, column), metrics)
        painter.setClipping(False)
        self._paint_names(painter, metrics)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._lay_out()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            # An empty text hides it.
            QToolTip.showText(event.globalPos(), tooltip.plain(self.words_at(event.pos())), self)
            return True
        return super().viewportEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            cell = self.cell_at(event.position().toPoint())
            if cell is not None or self._chosen is not None:
                self.choose(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if not self._classes:
            super().keyPressEvent(event)
        elif key in STEPS:
            down, right = STEPS[Qt.Key(key)]
            last = len(self._classes) - 1
            row, column = self._current
            self._current = (min(max(row + down, 0), last), min(max(column + right, 0), last))
            self._show_current()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.choose(self._current)
        elif key == Qt.Key.Key_Escape and self._chosen is not None:
            self.choose(None)
        else:
            super().keyPressEvent(event)

    def _show_current(self) -> None:
        rect, metrics = self.rect_of(self._current), self._metrics()
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        if rect.left() < metrics.names:
            across.setValue(across.value() - int(metrics.names - rect.left()))
        elif rect.right() > self.viewport().width():
            across.setValue(across.value() + int(rect.right() - self.viewport().width()) + 1)
        if rect.top() < metrics.heads:
            down.setValue(down.value() - int(metrics.heads - rect.top()))
        elif rect.bottom() > self.viewport().height():
            down.setValue(down.value() + int(rect.bottom() - self.viewport().height()) + 1)
        self.setAccessibleDescription(self.words(self._current))
        self.viewport().update()

    def _metrics(self) -> _Metrics:
        """Cells as large as the room allows, within limits that keep them readable and calm."""
        fonts = QFontMetricsF(small(self.font()))
        size = len(self._classes)
        longest = max(fonts.horizontalAdvance(name) for name in self._classes)
        names = min(longest, LONGEST_NAME) + 8
        most = max(max(row) for row in self._counts)
        least_width = max(20.0, fonts.horizontalAdvance(str(most)) + 8)
        room = self.viewport().width() - names
        width = min(max(room / size, least_width), 76.0)
        upright = longest + 8 > width
        # Upright names may take some of the height, the counts need the rest.
        tallest = min(64.0, 0.4 * self.viewport().height())
        heads = (min(longest, tallest) + 8) if upright else fonts.height() + 6
        height = min(max((self.viewport().height() - heads) / size, fonts.height() + 3), 34.0)
        return _Metrics(names, heads, QSize(int(width), int(height)), upright)

    def _lay_out(self) -> None:
        if self._classes:
            metrics, size = self._metrics(), len(self._classes)
            seen = self.viewport().size()
            across = int(metrics.names) + size * metrics.cell.width() - seen.width()
            down = int(metrics.heads) + size * metrics.cell.height() - seen.height()
            self.horizontalScrollBar().setRange(0, max(across, 0))
            self.horizontalScrollBar().setPageStep(seen.width())
            self.verticalScrollBar().setRange(0, max(down, 0))
            self.verticalScrollBar().setPageStep(seen.height())
            self.horizontalScrollBar().setSingleStep(metrics.cell.width())
            self.verticalScrollBar().setSingleStep(metrics.cell.height())
        self.viewport().update()

    def _rect_of(self, cell: Cell, metrics: _Metrics) -> QRectF:
        row, column = cell
        width, height = metrics.cell.width(), metrics.cell.height()
        x = metrics.names + column * width - self.horizontalScrollBar().value()
        y = metrics.heads + row * height - self.verticalScrollBar().value()
        return QRectF(x, y, width - GAP, height - GAP)

    def _row_and_column_at(self, point: QPoint) -> tuple[int | None, int | None]:
        """None beside the cells: the names of rows are in no column, those of columns in no row."""
        if not self._classes:
            return None, None
        metrics = self._metrics()
        row = column = None
        if point.y() >= metrics.heads:
            y = point.y() - metrics.heads + self.verticalScrollBar().value()
            row = int(y // metrics.cell.height())
        if point.x() >= metrics.names:
            x = point.x() - metrics.names + self.horizontalScrollBar().value()
            column = int(x // metrics.cell.width())
        if max(row or 0, column or 0) >= len(self._classes):
            return None, None
        return row, column

    def _in_sight(self, area: QRectF, metrics: _Metrics) -> list[Cell]:
        size = len(self._classes)
        width, height = metrics.cell.width(), metrics.cell.height()
        x = area.left() - metrics.names + self.horizontalScrollBar().value()
        y = area.top() - metrics.heads + self.verticalScrollBar().value()
        columns = range(max(int(x // width), 0), min(int((x + area.width()) // width) + 1, size))
        rows = range(max(int(y // height), 0), min(int((y + area.height()) // height) + 1, size))
        return [(row, column) for row in rows for column in columns]

    def _paint_cell(self, painter: QPainter, cell: Cell, metrics: _Metrics) -> None:
        colors = theme.current().colors
        row, column = cell
        count, support = self._counts[row][column], sum(self._counts[row])
        share = count / support if support else 0.0
        fill, ink = cell_colors(colors, share, right=row == column)
        if not count:
            fill = QColor(colors.track)
            fill.setAlphaF(0.55)
        rect = self._rect_of(cell, metrics)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRoundedRect(rect, 4, 4)
        marked = cell == self._chosen or (cell == self._current and self.hasFocus())
        if marked:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colors.text), 2 if cell == self._chosen else 1))
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 4, 4)
        if count:
            painter.setPen(ink)
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, str(count))

    def _paint_names(self, painter: QPainter, metrics: _Metrics) -> None:
        fonts = QFontMetricsF(painter.font())
        painter.setPen(QColor(theme.current().colors.muted))
        elided = Qt.TextElideMode.ElideRight
        view = QRectF(self.viewport().rect())
        for index, name in enumerate(self._classes):
            row = self._rect_of((index, 0), metrics)
            if row.bottom() > metrics.heads and row.top() < view.bottom():
                painter.setClipRect(QRectF(0, metrics.heads, metrics.names, view.height()))
                place = QRectF(0, row.top(), metrics.names - 8, row.height())
                painter.drawText(
                    place,
                    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                    fonts.elidedText(name, elided, place.width()),
                )
            column = self._rect_of((0, index), metrics)
            if column.right() <= metrics.names or column.left() >= view.right():
                continue
            painter.setClipRect(QRectF(metrics.names, 0, view.width(), metrics.heads))
            if metrics.upright:
                painter.save()
                painter.translate(column.center().x(), metrics.heads - 5)
                painter.rotate(-90)
                place = QRectF(0, -fonts.height() / 2, metrics.heads - 5, fonts.height())
                text = fonts.elidedText(name, elided, place.width())
                painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)
                painter.restore()
            else:
                place = QRectF(column.left(), 0, column.width(), metrics.heads - 4)
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, name)
        painter.setClipping(False)


def cell_colors(colors: Colors, share: float, right: bool) -> tuple[QColor, QColor]:
    """(fill, ink) of a cell with this share (0 to 1) of its row, as they look on a card.

    The ink is whichever of black, white and the theme's text can be read best.
    """
    strength = (0.12 + 0.88 * share) if right else (0.14 + 0.7 * share)
    over, under = QColor(colors.accent if right else colors.amber), QColor(colors.card)
    fill = QColor(
        *(
            round(strength * above + (1 - strength) * below)
            for above, below in zip(_rgb(over), _rgb(under), strict=True)
        )
    )
    inks = [QColor(colors.text), QColor("#000000"), QColor("#ffffff")]
    if contrast(fill, inks[0]) >= READABLE:
        return fill, inks[0]
    return fill, max(inks, key=lambda ink: contrast(fill, ink))


def contrast(one: QColor, other: QColor) -> float:
    """The contrast ratio of WCAG 2, 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: QColor) -> float:
    red, green, blue = map(_linear, _rgb(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: int) -> float:
    share = part / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def _rgb(color: QColor) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()

"""Paints the cells of the layer tree: squares that say trained, frozen or partly; names; bars."""

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from tlstudio.ui import layer_words, theme
from tlstudio.ui.index import Index
from tlstudio.ui.layer_model import BAR_ROLE, FROZEN_NORM_ROLE, NAME_ROLE, Column, LayerModel

ROW_HEIGHT = 22
BOX = 14
LIGHT = 0.28
"""Opacity of a bar that a figure stands on."""
AROUND_BOX = (-5, -4, 5, 4)
"""A click so near to a square is on it."""


class LayerDelegate(QStyledItemDelegate):
    def __init__(self, tree: QTreeView) -> None:
        super().__init__(tree)
        self._tree = tree

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(super().sizeHint(option, index).width(), ROW_HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> None:
        colors = theme.current().colors
        self._tree.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, self._tree
        )
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRect(option.rect)
        is_block = not index.parent().isValid()
        color = colors.text
        if index.column() == Column.LAYER:
            state = index.data(Qt.ItemDataRole.CheckStateRole)
            if state is not None:
                _paint_box(painter, box_rect(rect), Qt.CheckState(state))
            rect.setLeft(box_rect(rect).right() + 8)
            if state is None and not (is_block and index.data(NAME_ROLE)):
                color = colors.muted
            beside = self._column_beside()
            if beside and self._yields(index.sibling(index.row(), beside)):
                rect.setWidth(rect.width() + self._tree.columnWidth(beside))
        elif index.column() == self._column_beside() and self._yields(index):
            painter.restore()
            return
        else:
            color = colors.muted
            rect.adjust(2, 0, -4, 0)
            share = index.data(BAR_ROLE)
            if share is not None:
                _paint_bar(painter, rect, share, Column(index.column()))
                color = colors.text
                rect.adjust(0, 0, -4, 0)
        painter.setFont(option.font)
        painter.setPen(QColor(color))
        text = fitting(str(index.data() or ""), option.fontMetrics, rect.width())
        alignment = index.data(Qt.ItemDataRole.TextAlignmentRole)
        painter.drawText(rect, int(alignment), text)
        painter.restore()

    def _column_beside(self) -> Column | None:
        """What stands beside the names and may yield to them."""
        shown = (column for column in list(Column)[1:] if not self._tree.isColumnHidden(column))
        beside = next(shown)
        return beside if beside < Column.PARAMS else None

    def _yields(self, beside: Index) -> bool:
        """Whether the cell beside a name gives its room to it: it is empty, or the name says also
        that it stays frozen.
        """
        return not beside.data() or bool(beside.data(FROZEN_NORM_ROLE))

    def editorEvent(
        self,
        event: QEvent,
        model: LayerModel,  # type: ignore[override]
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        """Toggle by a click on the square or by Space."""
        state = index.data(Qt.ItemDataRole.CheckStateRole)
        if state is None or not index.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            return False
        if isinstance(event, QMouseEvent):
            hit = event.type() in (
                QEvent.Type.MouseButtonRelease,
                QEvent.Type.MouseButtonDblClick,
            ) and is_on_box(option.rect, event.position().toPoint())
            if not hit or event.button() != Qt.MouseButton.LeftButton:
                return False
            if event.type() == QEvent.Type.MouseButtonDblClick:
                return True
        elif not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_Space:
            return False
        checked = Qt.CheckState(state) == Qt.CheckState.Checked
        wanted = Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked
        return model.setData(index, wanted.value, Qt.ItemDataRole.CheckStateRole)


def fitting(text: str, metrics: QFontMetrics, width: int) -> str:
    """As much as there is room for. Words after a name are the first to go; a tooltip has them."""
    if metrics.horizontalAdvance(text) > width:
        text = text.removesuffix(layer_words.STAYS_FROZEN)
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)


def box_rect(cell: QRect) -> QRect:
    """Where the square of a cell in the first column is."""
    return QRect(cell.left() + 4, cell.center().y() - BOX // 2 + 1, BOX, BOX)


def is_on_box(cell: QRect, point: QPoint) -> bool:
    """Whether a click at a point is meant for the square of a cell in the first column."""
    return box_rect(cell).adjusted(*AROUND_BOX).contains(point)


def _paint_bar(painter: QPainter, cell: QRect, share: float, column: Column) -> None:
    """Light and behind the figure."""
    colors = theme.current().colors
    height = cell.height() - 5
    whole = QRectF(cell.left(), cell.center().y() - height / 2 + 1, cell.width(), height)
    color = QColor(colors.accent if column == Column.PROBE else colors.trained)
    color.setAlphaF(LIGHT)
    painter.setPen(Qt.PenStyle.NoPen)
    if share > 0:
        # What moved at all shows.
        whole.setWidth(max(2.0, whole.width() * min(share, 1.0)))
        painter.setBrush(color)
        painter.drawRoundedRect(whole, 3, 3)


def _paint_box(painter: QPainter, box: QRect, state: Qt.CheckState) -> None:
    colors = theme.current().colors
    if state == Qt.CheckState.Unchecked:
        painter.setPen(QPen(QColor(colors.muted), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 3, 3)
        return
    partly = state == Qt.CheckState.PartiallyChecked
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colors.amber if partly else colors.trained))
    painter.drawRoundedRect(box, 3.5, 3.5)
    painter.setPen(
        QPen(
            QColor(colors.card),
            1.8,
            Qt.PenStyle.SolidLine,
            Qt.PenCapStyle.RoundCap,
            Qt.PenJoinStyle.RoundJoin,
        )
    )
    left, top = box.left(), box.top()
    if partly:
        painter.drawLine(QPoint(left + 4, top + 7), QPoint(left + 10, top + 7))
    else:
        painter.drawPolyline(
            [QPoint(left + 3, top + 7), QPoint(left + 6, top + 10), QPoint(left + 11, top + 4)]
        )

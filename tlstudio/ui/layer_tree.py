"""The layer tree: a view on `LayerModel` whose squares say trained, frozen or partly."""

from PySide6.QtCore import (
    QEvent,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QWidget,
)

from tlstudio.ui import theme
from tlstudio.ui.index import Index
from tlstudio.ui.layer_model import (
    BOUNDARY_ROLE,
    FROZEN_NORM_ROLE,
    HEADINGS,
    NAME_ROLE,
    OUTDATED_ROLE,
    Column,
    LayerModel,
)

ROW_HEIGHT = 22
BOX = 14
INDENT = 14
TYPE_FROM_WIDTH = 420
"""Pixels of width from which the Type column is shown; below, the tooltip has it."""


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
            if not is_block and state is None:
                color = colors.muted
            if index.data(FROZEN_NORM_ROLE):
                # What it says is longer than a name, and takes the room of the next column.
                rect.setWidth(rect.width() + self._tree.columnWidth(self._second_column()))
        elif index.column() == self._second_column() and index.data(FROZEN_NORM_ROLE):
            painter.restore()
            return
        else:
            color = colors.muted
            rect.adjust(2, 0, -4, 0)
        painter.setFont(option.font)
        painter.setPen(QColor(color))
        text = option.fontMetrics.elidedText(
            str(index.data() or ""), Qt.TextElideMode.ElideRight, rect.width()
        )
        alignment = index.data(Qt.ItemDataRole.TextAlignmentRole)
        painter.drawText(rect, int(alignment), text)
        painter.restore()

    def _second_column(self) -> Column:
        return Column.OUTPUT if self._tree.isColumnHidden(Column.TYPE) else Column.TYPE

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
            ) and box_rect(option.rect).adjusted(-5, -4, 5, 4).contains(event.position().toPoint())
            if not hit or event.button() != Qt.MouseButton.LeftButton:
                return False
            if event.type() == QEvent.Type.MouseButtonDblClick:
                return True
        elif not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_Space:
            return False
        checked = Qt.CheckState(state) == Qt.CheckState.Checked
        wanted = Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked
        return model.setData(index, wanted.value, Qt.ItemDataRole.CheckStateRole)


def box_rect(cell: QRect) -> QRect:
    """Where the square of a cell in the first column is."""
    return QRect(cell.left() + 4, cell.center().y() - BOX // 2 + 1, BOX, BOX)


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


class LayerTree(QTreeView):
    unfreeze_from = Signal(str)
    """The name of the layer from which on everything is to be trained."""

    def __init__(self, model: LayerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("layers")
        self.setAccessibleName("Layers of the backbone")
        self.setModel(model)
        self.setItemDelegate(LayerDelegate(self))
        self.setUniformRowHeights(True)
        self.setIndentation(INDENT)
        self.setMouseTracking(True)
        self.setAllColumnsShowFocus(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMinimumHeight(4 * ROW_HEIGHT)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setSectionsClickable(False)
        header.setMinimumSectionSize(48)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.LAYER, QHeaderView.ResizeMode.Stretch)
        theme.current().changed.connect(self.viewport().update)
        model.modelReset.connect(self._fit_columns)
        self.expanded.connect(model.open_block)
        self.collapsed.connect(model.close_block)
        self._fit_columns()

    def current_layer(self) -> str:
        """The layer that the keyboard is on (a block's first), empty where there is none."""
        return str(self.currentIndex().data(NAME_ROLE) or "")

    def drawRow(
        self,
        painter: QPainter,
        options: QStyleOptionViewItem,
        index: Index,
    ) -> None:
        text = index.data(BOUNDARY_ROLE)
        if text is None:
            super().drawRow(painter, options, index)
            return
        colors = theme.current().colors
        color = QColor(colors.muted if index.data(OUTDATED_ROLE) else colors.accent)
        rect = QRect(options.rect)
        rect.setLeft(0)
        rect.setRight(self.viewport().width() - 4)
        font = self.font()
        font.setPointSizeF(font.pointSizeF() - 1)
        metrics = QFontMetrics(font)
        middle = rect.center().y()
        start = rect.left() + 18
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.right() - start)
        width = metrics.horizontalAdvance(text)
        painter.save()
        painter.setFont(font)
        painter.setPen(QPen(color, 1))
        painter.drawLine(rect.left() + 4, middle, start - 5, middle)
        if start + width + 6 < rect.right():
            painter.drawLine(start + width + 6, middle, rect.right(), middle)
        painter.drawText(
            rect.adjusted(start - rect.left(), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text
        )
        painter.restore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setColumnHidden(Column.TYPE, self.viewport().width() < TYPE_FROM_WIDTH)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.indexAt(event.pos())
        name = index.data(NAME_ROLE) if index.isValid() else None
        if not name:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Unfreeze from here", lambda: self.unfreeze_from.emit(name))
        menu.addSeparator()
        menu.addAction("Expand all", lambda: self.show_layers(True))
        menu.addAction("Collapse all", lambda: self.show_layers(False))
        menu.popup(event.globalPos())

    def show_layers(self, shown: bool) -> None:
        """Expand or collapse all blocks, telling of each: Qt's `expandAll` tells of none."""
        # From below, since the boundary line may move among those that follow.
        for row in reversed(range(self.model().rowCount())):
            self.setExpanded(self.model().index(row, 0), shown)

    def _fit_columns(self) -> None:
        for column in (Column.TYPE, Column.OUTPUT, Column.PARAMS):
            self.setColumnWidth(column, self._width_of(column))

    def _width_of(self, column: Column) -> int:
        """Pixels that the longest text of a column takes, in one of its blocks or layers."""
        model, metrics = self.model(), self.fontMetrics()
        longest = metrics.horizontalAdvance(HEADINGS[column])
        for block in range(model.rowCount()):
            parent = model.index(block, 0)
            rows = [model.index(block, column)]
            rows += [model.index(row, column, parent) for row in range(model.rowCount(parent))]
            for index in rows:
                width = metrics.horizontalAdvance(str(index.data() or ""))
                longest = max(longest, width)
        return longest + 14

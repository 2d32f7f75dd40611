"""The layer tree: a view on `LayerModel` whose squares say trained, frozen or partly."""

from PySide6.QtCore import (
    QModelIndex,
    QRect,
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
    QStyleOptionViewItem,
    QTreeView,
    QWidget,
)

from tlstudio.ui import theme
from tlstudio.ui.index import Index
from tlstudio.ui.layer_delegate import ROW_HEIGHT, LayerDelegate, is_on_box
from tlstudio.ui.layer_model import (
    BOUNDARY_ROLE,
    HEADINGS,
    NAME_ROLE,
    OUTDATED_ROLE,
    Column,
    LayerModel,
)

INDENT = 14
TYPE_FROM_WIDTH = 420
"""Pixels of width from which the Type column is shown; below, the tooltip has it."""
OUTPUT_FROM_WIDTH = 380
"""As wide the tree must be for the Output column beside a column of probes or of what moved."""
BAR_WIDTH = 46
"""Pixels of the columns that show bars, where their headings need no more."""


class LayerTree(QTreeView):
    unfreeze_from = Signal(str)
    """The name of the layer from which on everything is to be trained."""
    look_inside = Signal(str)
    """The name of a layer that a person wants to see from within."""

    def __init__(self, model: LayerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("layers")
        self.setAccessibleName("Layers of the backbone")
        self._layers = model
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
        model.figures_changed.connect(self._choose_columns)
        self._fit_columns()

    @property
    def layers(self) -> LayerModel:
        return self._layers

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
        self._choose_columns()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        on_box = index.column() == Column.LAYER and is_on_box(
            self.visualRect(index), event.position().toPoint()
        )
        if event.button() == Qt.MouseButton.LeftButton and not on_box and self._look(index):
            event.accept()
            return
        super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and self._look(self.currentIndex()):
            event.accept()
            return
        super().keyPressEvent(event)

    def _look(self, index: QModelIndex) -> bool:
        """Look inside a layer; a block opens and closes instead."""
        name = index.data(NAME_ROLE) if index.isValid() else None
        if not name or self.model().hasChildren(index.siblingAtColumn(Column.LAYER)):
            return False
        self.look_inside.emit(name)
        return True

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.indexAt(event.pos())
        name = index.data(NAME_ROLE) if index.isValid() else None
        if not name:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Look inside…", lambda: self.look_inside.emit(name))
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
        for column, longest in ((Column.PROBE, "100 %"), (Column.MOVED, "<0.01 %")):
            needed = self.fontMetrics().horizontalAdvance(longest) + 14
            self.setColumnWidth(column, max(BAR_WIDTH, needed))
        self._choose_columns()

    def _choose_columns(self) -> None:
        """Probes and what moved are shown while there are any; for them others yield."""
        model, width = self._layers, self.viewport().width()
        moved = any(model.moved.values())
        extra = bool(model.probes) + moved
        self.setColumnHidden(Column.PROBE, not model.probes)
        self.setColumnHidden(Column.MOVED, not moved)
        room = BAR_WIDTH * extra
        self.setColumnHidden(Column.TYPE, width < TYPE_FROM_WIDTH + room)
        self.setColumnHidden(Column.OUTPUT, extra > 0 and width < OUTPUT_FROM_WIDTH + room)

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

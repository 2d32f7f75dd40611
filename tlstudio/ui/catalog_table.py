"""The view of the catalogue's table: rows are networks, of which several can be selected."""

from collections.abc import Sequence

from PySide6.QtCore import QItemSelectionModel, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from tlstudio.ui.catalog_model import HEADS, NAME_ROLE, CatalogFilter, Column

SAMPLES = {Column.TIME: "12.3 ms", Column.WEIGHTS: "download"}
"""What may come to stand there, as wide as it gets."""
BESIDE = 12
"""Pixels around the text of a cell."""
ARROW = 14
"""Pixels for the arrow of the sorted column."""


class CatalogTable(QTableView):
    """`changed` tells of each other selection, and `used` of a row that is to be taken.

    Each column is as wide as what is in it, and the networks' has what room is left; where there is
    not enough for that, the table scrolls.
    """

    changed = Signal()
    used = Signal(str)

    def __init__(self, filtered: CatalogFilter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filtered = filtered
        self._picked: list[str] = []
        self.setModel(filtered)
        self.setAccessibleName("Networks")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(23)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self._widths = self._widths_needed()
        for column, width in self._widths.items():
            self.setColumnWidth(column, width)
        self.selectionModel().selectionChanged.connect(self._pick)
        self.doubleClicked.connect(lambda index: self.used.emit(index.data(NAME_ROLE)))

    @property
    def selected(self) -> list[str]:
        """The names of the selected networks, in the order shown."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self._filtered.index(row, 0).data(NAME_ROLE) for row in rows]

    @property
    def picked(self) -> Sequence[str]:
        """The names of the selected networks, in the order in which they were selected."""
        selected = self.selected
        return [name for name in self._picked if name in selected]

    @property
    def current(self) -> str:
        """The network that the keyboard is at, if it is selected; else the first selected."""
        selected = self.selected
        name = self.currentIndex().data(NAME_ROLE)
        return name if name in selected else selected[0] if selected else ""

    def select(self, name: str, more: bool = False) -> None:
        """Select a network alone, or `more` than those that are; one that is not listed, not."""
        names = self._filtered.names
        if name not in names:
            return
        index = self._filtered.index(names.index(name), 0)
        flags = QItemSelectionModel.SelectionFlag
        how = flags.Toggle if more else flags.ClearAndSelect
        self.selectionModel().setCurrentIndex(index, how | flags.Rows)
        self.scrollTo(index)

    def sizeHint(self) -> QSize:
        width = sum(self._widths.values())
        return QSize(width + self.verticalScrollBar().sizeHint().width(), 300)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and self.current:
            self.used.emit(self.current)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        spare = max(0, self.viewport().width() - sum(self._widths.values()))
        self.setColumnWidth(Column.NETWORK, self._widths[Column.NETWORK] + spare)

    def _pick(self) -> None:
        """Note what is selected now; of several at once, those nearest to the click come last."""
        selected, at = self.selected, self.currentIndex().row()
        rows = {name: row for row, name in enumerate(self._filtered.names)}
        kept = [name for name in self._picked if name in selected]
        new = [name for name in selected if name not in kept]
        self._picked = kept + sorted(new, key=lambda name: -abs(rows[name] - at))
        self.changed.emit()

    def _widths_needed(self) -> dict[Column, int]:
        header = self.horizontalHeader()
        # The style sheet's fonts are not theirs before.
        self.ensurePolished()
        header.ensurePolished()
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        heads, cells = header.fontMetrics(), self.fontMetrics()
        rows = range(self._filtered.rowCount())
        needed = {}
        for column in Column:
            texts = [self._filtered.index(row, column).data() for row in rows]
            widest = max(map(cells.horizontalAdvance, (*texts, SAMPLES.get(column, ""))))
            needed[column] = max(heads.horizontalAdvance(HEADS[column]) + ARROW, widest) + BESIDE
        return needed

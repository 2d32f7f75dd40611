"""Precision, recall and F1 of each class, as a table that sorts."""

from collections.abc import Iterable

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QSize,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from tlstudio.events import ClassFigures
from tlstudio.ui import theme, tooltip
from tlstudio.ui.index import Index

HEADS = ("Class", "Precision", "Recall", "F1", "Pictures")
F1 = HEADS.index("F1")
LEAST_NAME, MOST_NAME = 70, 150
TIPS = (
    "The class, in the model's order",
    "Of the pictures given this name, how many have it",
    "Of the pictures of this class, how many were found",
    "The harmonic mean of precision and recall",
    "Validation pictures of this class",
)
WEAK = 0.7
"""Figures below this are amber."""


class ClassFiguresModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, ClassFigures]] = []

    def show_figures(self, per_class: dict[str, ClassFigures]) -> None:
        self.beginResetModel()
        self._rows = list(per_class.items())
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return TIPS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        name, figures = self._rows[index.row()]
        unjudged = not figures.support and index.column() in (1, 2, 3)
        if unjudged and role == Qt.ItemDataRole.DisplayRole:
            return "–"
        if unjudged and role == Qt.ItemDataRole.ToolTipRole:
            return "No validation picture of this class"
        if unjudged and role == Qt.ItemDataRole.ForegroundRole:
            return None
        value: str | float | int = (
            name,
            figures.precision,
            figures.recall,
            figures.f1,
            figures.support,
        )[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                shown: object = f"{value * 100:.0f} %" if isinstance(value, float) else str(value)
            case Qt.ItemDataRole.ToolTipRole:
                shown = f"{value:.4f}" if isinstance(value, float) else tooltip.plain(str(value))
            case Qt.ItemDataRole.TextAlignmentRole:
                shown = _alignment(index.column())
            case Qt.ItemDataRole.ForegroundRole if isinstance(value, float) and value < WEAK:
                shown = QColor(theme.current().colors.amber)
            case Qt.ItemDataRole.UserRole:
                shown = index.row() if index.column() == 0 else value
            case _:
                shown = None
        return shown


class ClassTable(QTableView):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full_width = 0
        self._figures = ClassFiguresModel(self)
        proxy = QSortFilterProxyModel(self)
        proxy.setSortRole(Qt.ItemDataRole.UserRole)
        proxy.setSourceModel(self._figures)
        self.setModel(proxy)
        self.setAccessibleName("Figures by class")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(21)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header.setSortIndicatorClearable(True)

    def show_figures(self, per_class: dict[str, ClassFigures]) -> None:
        self._figures.show_figures(per_class)
        self._fit_columns(per_class)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)

    def sizeHint(self) -> QSize:
        return QSize(self._full_width + self.verticalScrollBar().sizeHint().width(), 140)

    def resizeEvent(self, event: QResizeEvent) -> None:
        # F1 follows from the other two, so it goes first where there is little room.
        self.setColumnHidden(F1, self.viewport().width() < self._full_width)
        super().resizeEvent(event)

    def _fit_columns(self, names: Iterable[str]) -> None:
        """Just wide enough for the words and figures, in whatever font there is."""
        heads, cells = self.horizontalHeader().fontMetrics(), self.fontMetrics()
        widest = cells.horizontalAdvance("100 %")
        widths = [max(heads.horizontalAdvance(head), widest) + 10 for head in HEADS]
        for column, width in enumerate(widths[1:], 1):
            self.horizontalHeader().resizeSection(column, width)
        figures = sum(widths[1:])
        longest = max((cells.horizontalAdvance(name) for name in names), default=0) + 10
        self._full_width = figures + min(max(longest, LEAST_NAME), MOST_NAME)
        self.setMinimumWidth(figures - widths[F1] + LEAST_NAME)
        self.setColumnHidden(F1, self.viewport().width() < self._full_width)
        self.updateGeometry()


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter

"""The table of the backbones that were scored on the person's pictures."""

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from tlstudio.advice_events import BackboneScore
from tlstudio.backbone_events import milliseconds
from tlstudio.model import catalog
from tlstudio.ui import numbers
from tlstudio.ui.index import Index

ROOT = QModelIndex()
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
NAME_ROLE = Qt.ItemDataRole.UserRole + 2
"""Of the backbone, as the catalogue has it."""


class Column(IntEnum):
    NETWORK = 0
    SCORE = 1
    TIME = 2
    SIZE = 3
    PARAMS = 4


SAMPLES = {
    Column.SCORE: "-0.000",
    Column.TIME: "1,250 ms",
    Column.SIZE: "1,310 MB",
    Column.PARAMS: "00.0 M",
}
"""As wide as entries are."""
BESIDE = 14
"""Pixels around the text of a cell."""
ARROW = 14
"""Pixels for the arrow of the sorted column."""
HEADS = {
    Column.NETWORK: ("Network", "The backbone, with the weights that are on this machine"),
    Column.SCORE: ("LogME", "How well its features tell your classes apart: higher is better"),
    Column.TIME: ("Time", "For one picture on this machine"),
    Column.SIZE: ("Size", "Of its weights, without its ImageNet classifier"),
    Column.PARAMS: ("Params", "Without its ImageNet classifier"),
}


class RankingModel(QAbstractTableModel):
    """One row a backbone."""

    def __init__(self) -> None:
        super().__init__()
        self._scores: Sequence[BackboneScore] = ()

    def set_scores(self, scores: Sequence[BackboneScore]) -> None:
        if scores != self._scores:
            self.beginResetModel()
            self._scores = scores
            self.endResetModel()

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._scores)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        words, tip = HEADS[Column(section)]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return words
            case Qt.ItemDataRole.ToolTipRole:
                return tip
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        score = self._scores[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _words(score, Column(index.column()))
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(index.column())
            case _ if role == SORT_ROLE:
                return _sorted_by(score, Column(index.column()))
            case _ if role == NAME_ROLE:
                return score.name
        return None


class RankingTable(QTableView):
    """Best score first, until a person sorts otherwise."""

    chosen = Signal(str)
    """Another backbone is selected; empty where none is."""
    used = Signal(str)
    """A backbone is to be taken."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = RankingModel()
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSortRole(SORT_ROLE)
        self._sorted.setSourceModel(self._model)
        self.setModel(self._sorted)
        self.setAccessibleName("Scored backbones")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSortingEnabled(True)
        self.sortByColumn(Column.SCORE, Qt.SortOrder.DescendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(23)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.NETWORK, QHeaderView.ResizeMode.Stretch)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen.emit(self.selected))
        self.doubleClicked.connect(lambda index: self.used.emit(index.data(NAME_ROLE)))

        self.ensurePolished()
        metrics = self.fontMetrics()
        for column, sample in SAMPLES.items():
            head = metrics.horizontalAdvance(HEADS[column][0]) + ARROW
            self.setColumnWidth(column, max(head, metrics.horizontalAdvance(sample)) + BESIDE)
        names = [metrics.horizontalAdvance(facts.label) for facts in catalog.CATALOG]
        self._width = max(names) + BESIDE + sum(map(self.columnWidth, SAMPLES))

    def sizeHint(self) -> QSize:
        """So wide that every name is seen whole, also beside a scroll bar."""
        return QSize(self._width + self.verticalScrollBar().sizeHint().width(), 300)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.sizeHint().width(), super().minimumSizeHint().height())

    @property
    def selected(self) -> str:
        """The name of the selected backbone; empty where there is none."""
        rows = self.selectionModel().selectedRows()
        return str(rows[0].data(NAME_ROLE)) if rows else ""

    def show_scores(self, scores: Sequence[BackboneScore]) -> None:
        """Show these, and keep selected what was."""
        name = self.selected
        self._model.set_scores(scores)
        self.select(name)

    def select(self, name: str) -> None:
        """Select the row of a backbone, if it has one."""
        if name == self.selected:
            return
        for row in range(self._sorted.rowCount()):
            if self._sorted.index(row, 0).data(NAME_ROLE) == name:
                self.selectRow(row)


def _words(score: BackboneScore, column: Column) -> str:
    match column:
        case Column.NETWORK:
            return catalog.facts(score.name).label
        case Column.SCORE:
            return f"{score.score:.3f}"
        case Column.TIME:
            return milliseconds(score.seconds_per_picture)
        case Column.SIZE:
            return f"{score.size_mb:,.0f} MB"
        case Column.PARAMS:
            return numbers.short(score.params)


def _sorted_by(score: BackboneScore, column: Column) -> str | float:
    match column:
        case Column.NETWORK:
            return catalog.facts(score.name).label.lower()
        case Column.SCORE:
            return score.score
        case Column.TIME:
            return score.seconds_per_picture
        case Column.SIZE:
            return score.size_mb
        case Column.PARAMS:
            return score.params


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column == Column.NETWORK else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter

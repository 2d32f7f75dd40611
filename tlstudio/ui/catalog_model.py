"""The table of all networks: facts, the time measured here, and where the weights are."""

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QSortFilterProxyModel, Qt

from tlstudio.model import catalog
from tlstudio.model.catalog import BackboneFacts
from tlstudio.model.families import family_of
from tlstudio.ui import catalog_words, numbers
from tlstudio.ui.catalog_times import CatalogTimes
from tlstudio.ui.index import Index

ROOT = QModelIndex()
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
NAME_ROLE = Qt.ItemDataRole.UserRole + 2
"""Of the network, as the catalogue has it."""


class Column(IntEnum):
    NETWORK = 0
    FAMILY = 1
    YEAR = 2
    PARAMS = 3
    SIZE = 4
    TOP1 = 5
    INPUT = 6
    TIME = 7
    WEIGHTS = 8


HEADS = {
    Column.NETWORK: "Network",
    Column.FAMILY: "Family",
    Column.YEAR: "Year",
    Column.PARAMS: "Params",
    Column.SIZE: "Size",
    Column.TOP1: "Top-1",
    Column.INPUT: "Input",
    Column.TIME: "Time here",
    Column.WEIGHTS: "Weights",
}
TIPS = {
    Column.NETWORK: "The network",
    Column.FAMILY: "Networks of one family differ in size alone",
    Column.YEAR: "When its paper appeared",
    Column.PARAMS: "Parameters without its ImageNet classifier, which your head replaces",
    Column.SIZE: "Of its weights without the classifier: what is downloaded",
    Column.TOP1: "Share of ImageNet's validation pictures that the published network names right",
    Column.INPUT: "Rows and columns in pixels that it was trained at",
    Column.TIME: "For one picture on this machine, once it has been measured",
    Column.WEIGHTS: "Whether its ImageNet weights come with tlstudio, are here, or are downloaded",
}
AT_LEFT = (Column.NETWORK, Column.FAMILY)


class CatalogModel(QAbstractTableModel):
    """One row a network, in the catalogue's order."""

    def __init__(self, times: CatalogTimes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.networks: Sequence[BackboneFacts] = catalog.CATALOG
        self._times = times
        self._here: dict[str, bool] = {}
        self.look_for_weights()
        times.changed.connect(self._times_changed)

    def look_for_weights(self) -> None:
        """See again which weights are on this machine."""
        self._here = {facts.name: catalog.is_cached(facts) for facts in self.networks}
        self._announce(Column.WEIGHTS)

    def is_here(self, name: str) -> bool:
        return self._here[name]

    def row_of(self, name: str) -> int:
        """-1 where there is no such network."""
        names = [facts.name for facts in self.networks]
        return names.index(name) if name in names else -1

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.networks)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return HEADS[Column(section)]
            case Qt.ItemDataRole.ToolTipRole:
                return TIPS[Column(section)]
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
            case Qt.ItemDataRole.InitialSortOrderRole if section == Column.TOP1:
                return Qt.SortOrder.DescendingOrder  # the best, at the first click
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        facts, column = self.networks[index.row()], Column(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                shown: object = self._words(facts, column)
            case Qt.ItemDataRole.ToolTipRole:
                shown = self._exact(facts, column)
            case Qt.ItemDataRole.TextAlignmentRole:
                shown = _alignment(column)
            case _ if role == SORT_ROLE:
                shown = self._sorted_by(facts, column)
            case _ if role == NAME_ROLE:
                shown = facts.name
            case _:
                shown = None
        return shown

    def _words(self, facts: BackboneFacts, column: Column) -> str:
        match column:
            case Column.NETWORK:
                shown = facts.label
            case Column.FAMILY:
                shown = facts.family
            case Column.YEAR:
                shown = str(family_of(facts).year)
            case Column.PARAMS:
                shown = numbers.short(facts.params)
            case Column.SIZE:
                shown = numbers.size(catalog_words.download_bytes(facts))
            case Column.TOP1:
                shown = catalog_words.top1(facts)
            case Column.INPUT:
                shown = catalog_words.square(facts.input_shape[0])
            case Column.TIME:
                shown = catalog_words.time(self._times.of(facts.name))
            case Column.WEIGHTS:
                shown = catalog_words.place(facts, self._here[facts.name])
        return shown

    def _exact(self, facts: BackboneFacts, column: Column) -> str | None:
        measured = self._times.of(facts.name)
        if column == Column.PARAMS:
            return f"{facts.params:,}"
        if column == Column.TIME and measured:
            return f"Measured on {catalog_words.device(measured)}"
        return None

    def _sorted_by(self, facts: BackboneFacts, column: Column) -> str | float | None:
        """Numbers by their size, and words without regard to capitals; None where unknown."""
        match column:
            case Column.YEAR:
                return family_of(facts).year
            case Column.PARAMS | Column.SIZE:
                return facts.params
            case Column.TOP1:
                return facts.top1
            case Column.INPUT:
                return facts.input_shape[0]
            case Column.TIME:
                measured = self._times.of(facts.name)
                return measured.seconds_per_picture if measured else None
            case _:
                return self._words(facts, column).lower()

    def _times_changed(self) -> None:
        self._announce(Column.TIME)

    def _announce(self, column: Column) -> None:
        self.dataChanged.emit(self.index(0, column), self.index(self.rowCount() - 1, column))


class CatalogFilter(QSortFilterProxyModel):
    """Lists the networks that pass all limits; each limit changes through its setter. Whichever
    way they are sorted, those come last of which nothing is known.
    """

    def __init__(self, model: CatalogModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._catalog = model
        self._text: tuple[str, ...] = ()
        self._family = ""
        self._most_params = 0
        self._at_hand = False
        self.setSortRole(SORT_ROLE)
        self.setSourceModel(model)

    def set_text(self, text: str) -> None:
        """Every word must be in the network's name or its family's; hyphens part words."""
        self._text = tuple(text.lower().replace("-", " ").split())
        self.invalidate()

    def set_family(self, family: str) -> None:
        """Empty: all."""
        self._family = family
        self.invalidate()

    def set_most_params(self, params: int) -> None:
        """Without the classifier; 0: any number."""
        self._most_params = params
        self.invalidate()

    def set_at_hand(self, at_hand: bool) -> None:
        """Only networks whose weights need no download."""
        self._at_hand = at_hand
        self.invalidate()

    @property
    def names(self) -> list[str]:
        """Of the networks listed, in the order shown."""
        return [self.index(row, 0).data(NAME_ROLE) for row in range(self.rowCount())]

    def lessThan(self, left: Index, right: Index) -> bool:
        first, second = left.data(SORT_ROLE), right.data(SORT_ROLE)
        if first is None or second is None:
            # From great to small, Qt asks whether the right one comes before the left.
            descending = self.sortOrder() == Qt.SortOrder.DescendingOrder
            after = first if descending else second
            return after is None and first is not second
        return bool(first < second)

    def filterAcceptsRow(self, row: int, _parent: Index) -> bool:
        facts = self._catalog.networks[row]
        words = f"{facts.name} {facts.label} {facts.family}".lower()
        return (
            all(word in words for word in self._text)
            and self._family in ("", facts.family)
            and (not self._most_params or facts.params <= self._most_params)
            and (not self._at_hand or self._catalog.is_here(facts.name))
        )


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column in AT_LEFT else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter

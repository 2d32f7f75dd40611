"""The catalogue: all networks in a table and a plot, to filter, compare, measure and take."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from tlstudio.model import catalog
from tlstudio.project.spec import Backbone
from tlstudio.ui.card import Card, label
from tlstudio.ui.catalog_comparison import MOST, CatalogComparison, Compared
from tlstudio.ui.catalog_detail import CatalogDetail
from tlstudio.ui.catalog_limits import CatalogLimits
from tlstudio.ui.catalog_measuring import CatalogMeasuring
from tlstudio.ui.catalog_model import CatalogFilter, CatalogModel
from tlstudio.ui.catalog_scatter import CatalogScatter
from tlstudio.ui.catalog_table import CatalogTable
from tlstudio.ui.catalog_times import CatalogTimes
from tlstudio.ui.empty_state import empty_state
from tlstudio.ui.session import Session
from tlstudio.ui.theme import SPACING
from tlstudio.ui.vertical_scroll import VerticalScroll
from tlstudio.ui.weights_by_hand import WeightsByHand

SIZE = (1250, 744)
SIDE_LEAST, SIDE_MOST = 412, 430
"""Width of the plot and the facts, in pixels."""
PLOT_HEIGHT = 266


class CatalogWindow(QDialog):
    """`use` is called with the name of the network that a person takes; then it closes."""

    def __init__(
        self,
        session: Session,
        times: CatalogTimes,
        use: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Networks")
        self.resize(*SIZE)
        self._times = times
        self._use = use
        self.model = CatalogModel(times, self)
        self.filtered = CatalogFilter(self.model, self)
        self.table = CatalogTable(self.filtered)
        self.limits = CatalogLimits(self.filtered)
        self.scatter = CatalogScatter(self.model.networks, times)
        self.detail = CatalogDetail()
        self.comparison = CatalogComparison()
        self.nothing = label("", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setWordWrap(True)
        self.page: QWidget = self.nothing
        """The one of these three that is shown."""
        self.listing = QStackedLayout()
        self.list_all = QPushButton("List all")
        self.list_all.setObjectName("link")
        self.list_all.setAutoDefault(False)
        self.list_all.setToolTip("Clears the filter")
        policy = self.list_all.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.list_all.setSizePolicy(policy)
        self.list_all.clicked.connect(self.limits.clear)
        self.measuring = CatalogMeasuring(session, times, self.table, self.filtered)
        self.use_button = QPushButton()
        self.use_button.setObjectName("primary")
        # Enter in a field is not meant for it; in the table it is.
        self.use_button.setAutoDefault(False)
        self.use_button.clicked.connect(lambda: self._take(self.table.current))
        self.close_button = QPushButton("Close")
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.reject)
        self._lay_out()

        self.table.changed.connect(self._selected)
        self.table.used.connect(self._take)
        self.scatter.chosen.connect(self.table.select)
        self.limits.changed.connect(self._listed)
        self.limits.text.returnPressed.connect(self._go_to_first)
        self.filtered.layoutChanged.connect(self._mark)
        self.detail.by_hand_asked.connect(self._show_by_hand)
        times.changed.connect(self._selected)
        # A person who closes it waits for no more figures.
        self.finished.connect(times.stop)
        self.table.select(session.decisions.backbone.name)
        self._listed()
        self.table.setFocus()

    def _lay_out(self) -> None:
        networks = Card("Networks")
        networks.body.addWidget(self.limits)
        self.listing.addWidget(self.table)
        self.listing.addWidget(
            empty_state("No network passes these limits", "Clear the filter to see all")
        )
        networks.body.addLayout(self.listing, 1)
        networks.header.insertWidget(networks.header.count() - 1, self.list_all)
        networks.body.addWidget(self.measuring)
        self.count = networks.note
        self.facts = Card("")
        pages = QWidget()
        stacked = QVBoxLayout(pages)
        stacked.setContentsMargins(0, 0, 4, 0)
        for page in (self.detail, self.comparison, self.nothing):
            stacked.addWidget(page)
        self.facts_scroll = VerticalScroll(pages)
        self.facts.body.addWidget(self.facts_scroll, 1)
        self.hint = label("", "muted")
        self.facts.body.addWidget(self.hint)
        self.scatter.setFixedHeight(PLOT_HEIGHT)
        side = QWidget()
        side.setMinimumWidth(SIDE_LEAST)
        side.setMaximumWidth(SIDE_MOST)
        right = QVBoxLayout(side)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(SPACING)
        right.addWidget(self.scatter)
        right.addWidget(self.facts, 1)
        columns = QHBoxLayout()
        columns.setSpacing(SPACING)
        columns.addWidget(networks, 2)
        columns.addWidget(side, 1)
        end = QHBoxLayout()
        end.addStretch(1)
        end.addWidget(self.close_button)
        end.addWidget(self.use_button)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 12)
        box.setSpacing(SPACING)
        box.addLayout(columns, 1)
        box.addLayout(end)

    def _listed(self) -> None:
        """Other networks pass the limits."""
        shown, whole = self.filtered.rowCount(), len(self.model.networks)
        self.count.setText(f"{shown} of {whole}" if shown < whole else f"{whole} networks")
        self.list_all.setVisible(shown < whole)
        self.listing.setCurrentIndex(0 if shown else 1)
        self._selected()

    def _go_to_first(self) -> None:
        """From the filter into the table."""
        if self.filtered.names:
            self.table.select(self.filtered.names[0])
            self.table.setFocus()

    def _selected(self) -> None:
        selected = self.table.picked
        known = [catalog.facts(name) for name in selected[-MOST:]]
        if not known:
            self.nothing.setText(
                "Select a network to read about it."
                if self.filtered.rowCount()
                else "No network is listed."
            )
        elif len(known) == 1:
            self.detail.show_network(known[0], self._times.of(known[0].name))
        else:
            self.comparison.show_networks(
                [Compared(facts, self._times.of(facts.name)) for facts in known]
            )
        page = self.nothing if not known else self.detail if len(known) == 1 else self.comparison
        self._show_page(page)
        self.hint.setText(
            f"Of the {len(selected)} selected, the last {MOST} are compared."
            if len(selected) > MOST
            else "Ctrl and a click select more, to compare them."
        )
        self.hint.setVisible(bool(known) and len(selected) != MOST)
        current = self.table.current
        self.use_button.setEnabled(bool(current))
        self.use_button.setText(
            f"Use {catalog.facts(current).label}" if current else "Use this network"
        )
        self._mark()

    def _show_page(self, page: QWidget) -> None:
        """Alone, so that it scrolls no further than itself."""
        if page is not self.page:
            self.facts_scroll.verticalScrollBar().setValue(0)
        self.page = page
        for each in (self.detail, self.comparison, self.nothing):
            each.setVisible(each is page)

    def _mark(self) -> None:
        self.scatter.mark(self.filtered.names, self.table.picked)

    def _take(self, name: str) -> None:
        self._use(name)
        self.accept()

    def _show_by_hand(self) -> None:
        facts = catalog.facts(self.table.selected[0])
        spec = Backbone(name=facts.name, weights="imagenet", input_shape=facts.input_shape)
        dialog = WeightsByHand(facts, spec, self)
        dialog.finished.connect(self.model.look_for_weights)
        dialog.finished.connect(self._selected)
        dialog.open()

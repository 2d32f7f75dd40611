"""The line below the table that measures times: of what is selected, or of all that is listed."""

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from tlstudio.model import catalog
from tlstudio.ui.catalog_model import CatalogFilter
from tlstudio.ui.catalog_table import CatalogTable
from tlstudio.ui.catalog_times import CatalogTimes
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.session import Session
from tlstudio.ui.tooltip import explain
from tlstudio.ui.trainer import State

WHAT = (
    "Computes some batches of pictures at the network's own input size, a few seconds a network "
    "and longer for large ones"
)
TRAINING = "A training is running, beside which no true time can be measured"


class CatalogMeasuring(QWidget):
    def __init__(
        self,
        session: Session,
        times: CatalogTimes,
        table: CatalogTable,
        filtered: CatalogFilter,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._times = times
        self._table = table
        self._filtered = filtered
        self.words = ElidedLabel("muted")
        self.selected = _button("Measure selected")
        self.selected.clicked.connect(lambda: times.measure(table.selected))
        self.listed = _button("Measure all listed")
        self.listed.clicked.connect(lambda: times.measure(filtered.names))
        self.stop = _button("Stop")
        self.stop.setToolTip("What has been measured stays")
        self.stop.clicked.connect(times.stop)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.words, 1)
        for button in (self.selected, self.listed, self.stop):
            row.addWidget(button)
        table.changed.connect(self.refresh)
        times.changed.connect(self.refresh)
        session.state_changed.connect(self.refresh)
        filtered.layoutChanged.connect(self.refresh)
        filtered.rowsInserted.connect(self.refresh)
        filtered.rowsRemoved.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what can be measured now, and how far it is."""
        running = self._times.running
        idle = self._session.state == State.IDLE
        for button, names in (
            (self.selected, self._table.selected),
            (self.listed, self._filtered.names),
        ):
            button.setVisible(not running)
            button.setEnabled(idle and bool(names))
            explain(button, WHAT if idle else TRAINING)
        self.stop.setVisible(bool(running))
        self.words.setText(self._in_words(running))
        self.words.setObjectName("error" if self._times.problem and not running else "muted")
        self.words.style().polish(self.words)

    def _in_words(self, running: str) -> str:
        if not running:
            return self._times.problem or "Time a picture on this machine"
        number, of = self._times.progress
        return f"Measuring {catalog.facts(running).label}, {number} of {of}"


def _button(text: str) -> QPushButton:
    made = QPushButton(text)
    made.setAutoDefault(False)
    return made

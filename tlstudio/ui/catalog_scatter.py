"""The card with the catalogue's plot, and the choice of what its horizontal axis is."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QStackedLayout, QWidget

from tlstudio.model.catalog import BackboneFacts
from tlstudio.ui import catalog_words, numbers
from tlstudio.ui.card import Card
from tlstudio.ui.catalog_plot import CatalogPlot, Dot
from tlstudio.ui.catalog_times import CatalogTimes
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.empty_state import empty_state
from tlstudio.ui.segment import segment

TITLE = "Accuracy and cost"
PARAMETER_TICKS = {scale * 1e6: f"{scale} M" for scale in (1, 3, 10, 30, 100, 300)}
TIME_TICKS = {scale / 1000: f"{scale} ms" for scale in (0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)} | {
    float(scale): f"{scale} s" for scale in (1, 3, 10, 30, 100)
}


class CatalogScatter(Card):
    """Networks that are not listed are faint, and cannot be clicked."""

    chosen = Signal(str, bool)
    """A network's name, and whether it is one more (Ctrl) or the only one."""

    def __init__(
        self,
        networks: Sequence[BackboneFacts],
        times: CatalogTimes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(TITLE, parent)
        self._networks = networks
        self._times = times
        self.plot = CatalogPlot()
        self.plot.chosen.connect(self.chosen)
        self.plot.pointed.connect(self._point)
        self.words = ElidedLabel("muted")
        self.by_parameters = segment("Parameters", "Top-1 against the parameters")
        self.by_time = segment("Time here", "Top-1 against the time that was measured here")
        self.by_parameters.setChecked(True)
        group = QButtonGroup(self)
        group.addButton(self.by_parameters)
        group.addButton(self.by_time)
        group.buttonToggled.connect(self._show)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.plot)
        self._stack.addWidget(
            empty_state("No times yet", "Measure some networks, and they are drawn here")
        )
        self._lay_out()
        times.changed.connect(self._show)
        self._show()

    def mark(self, listed: Sequence[str], selected: Sequence[str]) -> None:
        """Which networks pass the filter, and which of them are selected."""
        self.plot.mark(frozenset(listed), selected)

    def _lay_out(self) -> None:
        self.header.addWidget(self.by_parameters)
        self.header.addWidget(self.by_time)
        self.header.setSpacing(0)
        holder = QWidget()
        holder.setLayout(self._stack)
        self.body.addWidget(holder, 1)
        self.body.addWidget(self.words)

    def _show(self) -> None:
        by_time = self.by_time.isChecked()
        dots = self._by_time() if by_time else self._by_parameters()
        ticks: Mapping[float, str] = TIME_TICKS if by_time else PARAMETER_TICKS
        self.plot.show_dots(dots, ticks)
        self._stack.setCurrentIndex(0 if dots else 1)
        self._point("")

    def _by_parameters(self) -> list[Dot]:
        return [
            _dot(facts, facts.params, f"{numbers.short(facts.params)} parameters")
            for facts in self._networks
        ]

    def _by_time(self) -> list[Dot]:
        measured = [(facts, self._times.of(facts.name)) for facts in self._networks]
        return [
            _dot(facts, time.seconds_per_picture, f"{catalog_words.time(time)} a picture")
            for facts, time in measured
            if time
        ]

    def _point(self, words: str) -> None:
        self.words.setText(words or "Point at a dot for its name, click to select it.")


def _dot(facts: BackboneFacts, across: float, cost: str) -> Dot:
    words = f"{facts.label}: {catalog_words.top1(facts)} top-1, {cost}"
    return Dot(facts.name, facts.label, across, facts.top1 or 0.0, words)

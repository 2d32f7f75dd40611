"""The page of the ranking: which backbone's features know the person's classes best."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from tlstudio.model import catalog
from tlstudio.ui import decisions, numbers
from tlstudio.ui.advisor import Advisor
from tlstudio.ui.card import Card, label
from tlstudio.ui.empty_state import empty_state
from tlstudio.ui.ranking_plot import RankingPlot
from tlstudio.ui.ranking_table import RankingTable
from tlstudio.ui.segment import segment
from tlstudio.ui.session import Session
from tlstudio.ui.tooltip import explain

TO_COME = (
    "Each backbone looks at your training pictures once, and nothing is trained.\n"
    "LogME then says how well its features tell your classes apart: the higher, the better."
)


class RankingPage(QWidget):
    def __init__(self, session: Session, advisor: Advisor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._advisor = advisor
        self.table = RankingTable()
        self.plot = RankingPlot()
        self.costs: dict[str, QPushButton] = {}
        group = QButtonGroup(self)
        for cost, text, tip in (
            ("time", "Time", "The score against the time that a picture takes here"),
            ("size", "Size", "The score against the size of the weights"),
        ):
            button = segment(text, tip)
            group.addButton(button)
            self.costs[cost] = button
        self.costs["time"].setChecked(True)
        self.message = label("", "amber")
        self.message.setWordWrap(True)
        self.here = label("", "muted")
        self.here.setWordWrap(True)
        self.use = QPushButton("Use this network")
        self.use.setAutoDefault(False)
        self.use.clicked.connect(lambda: self._use(self.table.selected))
        self._lay_out()
        group.buttonToggled.connect(self._show_plot)
        self.table.chosen.connect(self._chosen)
        self.table.used.connect(self._use)
        self.plot.chosen.connect(self.table.select)
        advisor.changed.connect(self._refresh)
        session.decided.connect(self._refresh)
        self._refresh()

    def _lay_out(self) -> None:
        table = Card("Score on your pictures")
        table.body.addWidget(self.table, 1)
        table.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        plot = Card("Score against cost")
        plot.header.setSpacing(0)
        for button in self.costs.values():
            plot.header.addWidget(button)
        plot.body.addWidget(self.plot, 1)
        plot.body.addWidget(label("The line joins those that no other one beats.", "muted"))
        scored = QWidget()
        columns = QHBoxLayout(scored)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(10)
        columns.addWidget(table)
        columns.addWidget(plot, 1)
        nothing = Card("")
        nothing.body.addWidget(empty_state("No scores yet", TO_COME))
        self._stack = QStackedLayout()
        self._stack.addWidget(nothing)
        self._stack.addWidget(scored)
        end = QHBoxLayout()
        end.setSpacing(10)
        end.addWidget(self.here, 1)
        end.addWidget(self.use, 0, Qt.AlignmentFlag.AlignBottom)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(10)
        box.addWidget(self.message)
        box.addLayout(self._stack, 1)
        box.addLayout(end)

    def showEvent(self, event: QShowEvent) -> None:
        # Weights may have been downloaded meanwhile.
        self._refresh()
        super().showEvent(event)

    def _refresh(self) -> None:
        advisor = self._advisor
        self.table.show_scores(advisor.scores)
        self._stack.setCurrentIndex(1 if advisor.scores else 0)
        here = [facts for facts in catalog.CATALOG if catalog.is_cached(facts)]
        rest = len(catalog.CATALOG) - len(here)
        self.here.setText(
            f"{numbers.count(len(here), 'network has its', 'networks have their')} weights on this "
            f"machine and can be scored. Those of {rest} others can be downloaded in the Backbone "
            "card."
        )
        message, role = self._message()
        self.message.setText(message)
        self.message.setObjectName(role)
        self.message.style().polish(self.message)
        self.message.setVisible(bool(message))
        self._show_plot()
        self._show_use()

    def _message(self) -> tuple[str, str]:
        """What keeps the scores from being those of these pictures, with the role of its label."""
        advisor = self._advisor
        if advisor.failed and advisor.ranks and not advisor.ranking_is_outdated:
            return f"{advisor.failed.message} {advisor.failed.hint}", "error"
        if advisor.scores and advisor.ranking_is_outdated:
            return "These are scores on other pictures. Score again to know about these.", "amber"
        if advisor.ranks and advisor.interrupted:
            return f"{advisor.interrupted} Score again when you like.", "amber"
        return "", "amber"

    def _chosen(self, _name: str) -> None:
        self._show_plot()
        self._show_use()

    def _show_plot(self) -> None:
        cost = next(cost for cost, button in self.costs.items() if button.isChecked())
        self.plot.show_scores(self._advisor.scores, cost, self.table.selected)

    def _show_use(self) -> None:
        name = self.table.selected
        decided = self._session.decisions.backbone.name
        if not name:
            why = "Select a network in the table or the plot first"
        elif name == decided:
            why = "This is the network that is decided"
        else:
            why = ""
        self.use.setEnabled(not why)
        explain(self.use, why or "Decides this network, with the weights that were scored")

    def _use(self, name: str) -> None:
        """Decide a backbone with its pretrained weights, which are those that were scored."""
        facts = catalog.facts(name)
        old = self._session.decisions.backbone
        if name != old.name:
            self._session.decide(backbone=decisions.other_network(old, facts))

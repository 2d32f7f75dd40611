"""Two or three networks side by side: what is alike is grey, and the best figure is green. Below,
the idea and the paper of each of their families.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import inf

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from tlstudio.backbone_events import Measured
from tlstudio.model import catalog
from tlstudio.model.catalog import BackboneFacts
from tlstudio.model.families import family_of, preprocessing_words
from tlstudio.ui import catalog_words, numbers
from tlstudio.ui.card import label
from tlstudio.ui.catalog_idea import CatalogIdea
from tlstudio.ui.catalog_words import UNKNOWN

MOST = 3
"""Networks beside one another."""
MAY_BREAK = "\u200b"
"""Takes no room, and lets a long name go on in the next line."""
WITHIN_A_NAME = re.compile("(?<=[a-z])(?=[A-Z])|(?<=_)")


@dataclass(frozen=True, slots=True)
class Compared:
    facts: BackboneFacts
    measured: Measured | None = None

    @property
    def seconds(self) -> float:
        return self.measured.seconds_per_picture if self.measured else inf


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    words: Callable[[Compared], str]
    cost: Callable[[Compared], float] | None = None
    """The less, the better; None where nothing is."""


LINES = (
    Line("Family", lambda one: _breakable(one.facts.family)),
    Line("Year", lambda one: str(family_of(one.facts).year)),
    Line("Top-1", lambda one: catalog_words.top1(one.facts), lambda one: -(one.facts.top1 or 0)),
    Line("Parameters", lambda one: numbers.short(one.facts.params), lambda one: one.facts.params),
    Line("  with classifier", lambda one: numbers.short(one.facts.params_with_top)),
    Line("Size", lambda one: numbers.size(catalog_words.download_bytes(one.facts))),
    Line("Time here", lambda one: catalog_words.time(one.measured), lambda one: one.seconds),
    Line("Input", lambda one: catalog_words.square(one.facts.input_shape[0])),
    Line("  at least", lambda one: catalog_words.square(one.facts.min_input)),
    Line("Weights", lambda one: catalog_words.place(one.facts, catalog.is_cached(one.facts))),
    Line("Arguments", lambda one: _breakable(", ".join(one.facts.arguments)) or UNKNOWN),
    Line("Preprocessing", lambda one: preprocessing_words(one.facts)),
)


class CatalogComparison(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(3)
        self.heads = self._row(0)
        self.cells: dict[str, list[QLabel]] = {}
        """By the name of a line: a cell a network."""
        for row, line in enumerate(LINES, 1):
            top = Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(label(line.name, "muted"), row, 0, top)
            self.cells[line.name] = self._row(row)
        self.ideas = [(label("", "title"), CatalogIdea()) for _ in range(MOST)]
        """A family each, with the names of its networks above."""
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addLayout(self._grid)
        for names, idea in self.ideas:
            names.setWordWrap(True)
            box.addSpacing(4)
            box.addWidget(names)
            box.addWidget(idea)
        box.addStretch(1)

    def show_networks(self, networks: Sequence[Compared]) -> None:
        """At most `MOST`."""
        for column in range(MOST):
            self._grid.setColumnStretch(column + 1, 1 if column < len(networks) else 0)
        for cell, one in zip(self.heads, networks, strict=False):
            _show(cell, _breakable(one.facts.label), "title")
        for line in LINES:
            words = [line.words(one) for one in networks]
            costs = [line.cost(one) for one in networks] if line.cost else []
            alike = len(set(words)) == 1
            # The only one that was measured is not the best.
            known = sum(cost < inf for cost in costs)
            for column, (cell, text) in enumerate(zip(self.cells[line.name], words, strict=False)):
                best = known > 1 and not alike and costs[column] == min(costs)
                _show(cell, text, "muted" if alike else "trained" if best else "")
        for cells in (self.heads, *self.cells.values()):
            for cell in cells[len(networks) :]:
                _show(cell, "", "")
        self._show_ideas(networks)

    def _show_ideas(self, networks: Sequence[Compared]) -> None:
        families: dict[str, list[BackboneFacts]] = {}
        for one in networks:
            families.setdefault(one.facts.family, []).append(one.facts)
        for (names, idea), members in zip_longest(self.ideas, families.values()):
            names.setVisible(bool(members))
            idea.setVisible(bool(members))
            if members:
                names.setText(", ".join(facts.label for facts in members))
                idea.show_family(family_of(members[0]))

    def _row(self, row: int) -> list[QLabel]:
        cells = [label() for _ in range(MOST)]
        for column, cell in enumerate(cells, 1):
            cell.setWordWrap(True)
            self._grid.addWidget(cell, row, column, Qt.AlignmentFlag.AlignTop)
        return cells


def _breakable(name: str) -> str:
    return WITHIN_A_NAME.sub(MAY_BREAK, name)


def _show(cell: QLabel, text: str, role: str) -> None:
    cell.setText(text)
    if cell.objectName() != role:
        cell.setObjectName(role)
        cell.style().polish(cell)

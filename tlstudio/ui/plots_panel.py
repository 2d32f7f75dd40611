"""The card of the curves, whose plots are made when they are first needed."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QStackedWidget, QWidget

from tlstudio.events import Event
from tlstudio.ui.card import Card
from tlstudio.ui.empty_state import empty_state

if TYPE_CHECKING:
    from tlstudio.ui.plots_page import PlotsPage


class PlotsPanel(Card):
    """Says what comes until a training begins, and then shows its `page`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setAccessibleName("Curves")
        self._stack = QStackedWidget()
        self._stack.addWidget(empty_state("No curves yet", "Loss and accuracy are drawn live here"))
        self.body.addWidget(self._stack, 1)

    @cached_property
    def page(self) -> "PlotsPage":
        """To import pyqtgraph takes a third as long as all else that a window needs to show."""
        from tlstudio.ui.plots_page import PlotsPage

        page = PlotsPage()
        self._stack.addWidget(page)
        return page

    def clear(self, epochs: int, steps: int) -> None:
        """Begin a training of `epochs` epochs of `steps` batches; 0 epochs is the empty state."""
        if epochs or self._stack.currentIndex():
            self.page.clear(epochs, steps)
        self._stack.setCurrentIndex(1 if epochs else 0)

    def add(self, events: Sequence[Event]) -> None:
        """Draw what came since the last call."""
        self.page.add(events)

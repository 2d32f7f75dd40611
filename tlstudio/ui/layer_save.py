"""Saving the weights of a layer, which the engine writes to a file."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from tlstudio.events import Event, Failed
from tlstudio.host.jobs import SaveWeightsRequest
from tlstudio.layer_events import WeightsSaved
from tlstudio.ui.session import Session


class LayerSave(QObject):
    """Goes on whatever is looked at next, and when the window that asked for it has closed: a
    child of the session. `heard` is told each event.
    """

    ended = Signal(bool)
    """Whether the weights were saved."""

    def __init__(
        self, session: Session, request: SaveWeightsRequest, heard: Callable[[Event], None]
    ) -> None:
        super().__init__(session)
        self.layer = request.layer
        self.has_ended = False
        self._heard = heard
        session.ask(request, self._told)

    def _told(self, event: Event) -> None:
        self._heard(event)
        if isinstance(event, WeightsSaved | Failed):
            self.has_ended = True
            self.ended.emit(isinstance(event, WeightsSaved))
            self.deleteLater()


def saves_of(session: Session) -> list[LayerSave]:
    """Those that have not ended, the oldest first."""
    return [save for save in session.findChildren(LayerSave) if not save.has_ended]

"""Asks the engine how far a training moved each layer, and keeps the bars in the layer tree.

While another training runs there are none: they would seem to be its own.
"""

from pathlib import Path

from PySide6.QtCore import QObject

from tlstudio.events import Event, Failed
from tlstudio.host.jobs import MovedRequest
from tlstudio.layer_events import LayersMoved
from tlstudio.ui.layer_model import LayerModel
from tlstudio.ui.session import Session
from tlstudio.ui.trained_run import trained_run
from tlstudio.ui.trainer import State


class MovedQuestion(QObject):
    def __init__(self, session: Session, model: LayerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._model = model
        self._ticket = 0
        self._run: Path | None = None
        """What was asked about."""
        session.model_changed.connect(self._model_changed)
        session.description_changed.connect(self._look)
        session.decided.connect(self._decided)
        session.state_changed.connect(self._look)

    def _model_changed(self) -> None:
        """A run that was resumed has another model in the same folder."""
        self._session.withdraw(self._ticket)
        self._run = None
        self._model.set_moved({})
        self._look()

    def _decided(self, part: str) -> None:
        if part == "backbone":
            self._look()

    def _look(self) -> None:
        idle = self._session.state == State.IDLE
        run = trained_run(self._session) if idle else None
        if run == self._run:
            return
        self._session.withdraw(self._ticket)
        self._run = run
        self._model.set_moved({})
        if run:
            self._ticket = self._session.ask(MovedRequest(run), self._told)

    def _told(self, event: Event) -> None:
        match event:
            case LayersMoved():
                self._model.set_moved(event.layers)
            case Failed():
                self._session.told.emit(event.message, event.hint)

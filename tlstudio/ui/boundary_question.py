"""Asks the engine where the freeze plan cuts the backbone, anew after each change, and keeps the
line in the layer tree there.
"""

from PySide6.QtCore import QObject, QTimer

from tlstudio.events import BoundaryFound, Event, Failed
from tlstudio.host.jobs import BoundaryRequest
from tlstudio.ui.boundary_line import boundary_line
from tlstudio.ui.layer_model import LayerModel
from tlstudio.ui.session import Session

ASK_AFTER_MS = 80
"""Several changes in a row are one question."""
LATE_AFTER_MS = 400
"""The engine answers in less, where it is not busy."""


class BoundaryQuestion(QObject):
    def __init__(self, session: Session, model: LayerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._model = model
        self._ticket = 0
        self._found: BoundaryFound | None = None
        """None while the answer about the present plan is on its way."""
        self._soon = QTimer(self, singleShot=True, interval=ASK_AFTER_MS)
        self._soon.timeout.connect(self._ask)
        self._late = QTimer(self, singleShot=True, interval=LATE_AFTER_MS)
        self._late.timeout.connect(model.outdate_boundary)
        session.decided.connect(self._decided)
        session.description_changed.connect(self._plan_changed)

    def _decided(self, part: str) -> None:
        if part == "freeze":
            self._plan_changed()
        elif part == "training":
            self._show()

    def _plan_changed(self) -> None:
        self._session.withdraw(self._ticket)
        self._found = None
        self._soon.stop()
        if self._session.description is None:
            self._late.stop()
            return
        self._soon.start()
        if not self._late.isActive():
            self._late.start()

    def _ask(self) -> None:
        decided = self._session.decisions
        request = BoundaryRequest(decided.backbone, decided.freeze)
        self._ticket = self._session.ask(request, self._told)

    def _told(self, event: Event) -> None:
        match event:
            case BoundaryFound():
                self._late.stop()
                self._found = event
                self._show()
            case Failed():
                self._session.told.emit(event.message, event.hint)

    def _show(self) -> None:
        if self._found:
            live = self._session.decisions.training.augmentation.mode == "live"
            layers, trainable = self._model.layers, self._session.trainable
            self._model.set_boundary(boundary_line(self._found, layers, trainable, live))

"""The demo: trains on the sample pictures and asks about four that were held out."""

from pathlib import Path

from PySide6.QtCore import QObject

from tlstudio.paths import resource
from tlstudio.project.spec import Pictures, Training
from tlstudio.ui.centre import Centre
from tlstudio.ui.decisions import Decisions
from tlstudio.ui.session import Session

SHOWN = 4


class Demo(QObject):
    """Drives a session through the main job once."""

    def __init__(self, session: Session, centre: Centre, training: Training) -> None:
        super().__init__(session)
        self._session = session
        self._centre = centre
        self._trained = False
        session.scan_changed.connect(self._train_when_ready)
        session.model_changed.connect(self._ask)
        fresh = Decisions()
        session.decide(
            backbone=fresh.backbone,
            freeze=fresh.freeze,
            head=fresh.head,
            training=training,
            pictures=Pictures(source=resource("samples", "emoji")),
        )
        session.rescan()

    def _train_when_ready(self) -> None:
        if not self._trained and not self._session.missing():
            self._trained = True
            self._session.train()

    def _ask(self) -> None:
        """One held-out picture a class: those from which the model never learned."""
        evaluation = self._session.evaluation
        if evaluation is None:
            return
        by_class: dict[str, Path] = {}
        for judged in evaluation.pictures:
            by_class.setdefault(judged.true, Path(judged.path))
        self._centre.ask(list(by_class.values())[:SHOWN])
        self._session.model_changed.disconnect(self._ask)

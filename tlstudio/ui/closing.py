"""Closing the window: what is asked first, and how long what is being saved has for it."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from tlstudio.ui import questions
from tlstudio.ui.layer_save import LayerSave, saves_of
from tlstudio.ui.session import Session
from tlstudio.ui.trainer import State

STOP_PATIENCE_MS = 10_000
"""How long a training may be silent before its engine is ended, when the window must go."""


class Closing(QObject):
    """Says when a window may close; where it must wait, closes it itself later.

    `save` saves the project and then calls what it is given.
    """

    def __init__(
        self, window: QWidget, session: Session, save: Callable[[Callable[[], object]], None]
    ) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        self._save = save
        self._after_training = False
        """Whether the window closes when the training has ended."""
        self._must = False
        """Whether it closes without another question."""
        self._waits_for_saves = False
        """Whether it closes when no weights are being saved any more."""
        self._heard: list[LayerSave] = []
        """The saves whose end is heard of."""
        self._patience = QTimer(self, singleShot=True)
        self._patience.timeout.connect(session.end_training_engine)
        session.state_changed.connect(self._state_changed)

    def allowed(self) -> bool:
        """Whether the window may close now. Where not, a question about it is open."""
        if self._session.state != State.IDLE:
            if not self._after_training:
                questions.ask_to_stop(self._window, self._stop_training)
            elif not self._must and not self._session.train_in_window:
                questions.ask_to_end_at_once(self._window, self._session.end_training_engine)
            return False
        if not self._must and self._session.unsaved:
            self._after_training = False
            questions.ask_to_save(
                self._window, lambda: self._save(self._window.close), self.without_asking
            )
            return False
        return not self._must_wait_for_saves()

    def without_asking(self) -> None:
        """End cleanly: a training stops first, and keeps its best epoch."""
        self._must = True
        # Who sent a signal waits for nobody for long, but a training that goes on has its time.
        self._session.trained.connect(self._be_patient)
        self._be_patient()
        self._stop_training()

    def _must_wait_for_saves(self) -> bool:
        """Whoever closes the window once more waits no longer."""
        saves = saves_of(self._session)
        if not saves or self._waits_for_saves:
            return False
        self._waits_for_saves = True
        self._hear_of(saves)
        if self._must:
            QTimer.singleShot(STOP_PATIENCE_MS, self._window.close)
        self._session.told.emit(
            f"The weights of {saves[0].layer} are still being saved.",
            "The window closes when they are; close it again to lose them.",
        )
        return True

    def _hear_of(self, saves: list[LayerSave]) -> None:
        for save in saves:
            if save not in self._heard:
                save.ended.connect(self._save_ended)
                self._heard.append(save)

    def _save_ended(self, saved: bool) -> None:
        # Others may have begun after the window was closed.
        waiting = saves_of(self._session)
        self._hear_of(waiting)
        if not saved and not self._must:
            # The window stays, to tell why.
            self._waits_for_saves = False
        elif self._waits_for_saves and not waiting:
            # A question may still keep the window open, for another save to begin.
            self._waits_for_saves = False
            self._window.close()

    def _be_patient(self) -> None:
        self._patience.start(STOP_PATIENCE_MS)

    def _stop_training(self) -> None:
        self._after_training = True
        if self._session.state == State.IDLE:
            self._window.close()
        else:
            self._session.stop()

    def _state_changed(self, state: str) -> None:
        if state == State.IDLE and self._after_training:
            # After the slots that still show the end of the training.
            QTimer.singleShot(0, self._window.close)

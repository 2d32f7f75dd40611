"""Going on with trainings that were interrupted: offered when the window opens, and when asked."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from tlstudio.errors import TlstudioError
from tlstudio.project import runs
from tlstudio.project.unfinished import Unfinished
from tlstudio.ui import questions
from tlstudio.ui.notice import Notice
from tlstudio.ui.resume_offer import ResumeOffer
from tlstudio.ui.session import Session
from tlstudio.ui.trainer import State


class Resuming(QObject):
    """Fills `offer` and does what its buttons say.

    `when_replaceable` calls what it is given once what is open may be replaced.
    """

    def __init__(
        self,
        window: QWidget,
        session: Session,
        notice: Notice,
        when_replaceable: Callable[[Callable[[], None]], None],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        self._notice = notice
        self._when_replaceable = when_replaceable
        self._first_look = True
        self.offer = ResumeOffer()
        self.offer.resumeAsked.connect(lambda run: self.resume(run.folder))
        self.offer.discardAsked.connect(self._ask_to_discard)
        session.unfinished.changed.connect(self._found)
        session.state_changed.connect(self._state_changed)

    def propose(self, run: Unfinished) -> None:
        """Show the offer to go on with this run."""
        self.offer.offer(run)

    def resume(self, folder: Path) -> None:
        """Go on with a run; what is open and would be lost is asked about first."""
        try:
            same = self._session.decides(runs.read_project(folder))
        except TlstudioError as error:
            self._notice.tell(error.message, error.hint)
            return
        if same and self._session.state == State.IDLE:
            self._resume(folder)
        else:
            self._when_replaceable(lambda: self._resume(folder))

    def resume_last(self) -> None:
        """Go on with the run that has just been interrupted."""
        if self._session.run:
            self.resume(self._session.run)

    def _resume(self, folder: Path) -> None:
        self._notice.hide()
        try:
            self._session.resume_run(folder)
        except TlstudioError as error:
            self._notice.tell(error.message, error.hint)

    def _found(self) -> None:
        """Offer the latest of the runs that the window finds when it opens."""
        found = self._session.unfinished.runs
        if self._first_look and found and self._session.state == State.IDLE:
            self.offer.offer(found[0], len(found) - 1)
        self._first_look = False

    def _state_changed(self, state: str) -> None:
        if state == State.TRAINING:
            self.offer.hide()

    def _ask_to_discard(self, run: Unfinished) -> None:
        name = run.project.pictures.source.stem
        questions.ask_to_discard(self._window, name, lambda: self._discard(run))

    def _discard(self, run: Unfinished) -> None:
        self.offer.hide()
        try:
            self._session.unfinished.discard(run)
        except TlstudioError as error:
            self._notice.tell(error.message, error.hint)
            return
        self._notice.say(f"The unfinished training of {run.project.pictures.source.stem} is gone.")
        if others := self._session.unfinished.runs:
            self.offer.offer(others[0], len(others) - 1)

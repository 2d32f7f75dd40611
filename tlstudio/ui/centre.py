"""The middle of the window: the welcome, then progress, curves, results and predictions."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from tlstudio.errors import TlstudioError
from tlstudio.events import CANCELLED, Event, Failed, Predicted, Prediction, Started
from tlstudio.model import catalog
from tlstudio.project import runs
from tlstudio.project.freeze_plan import strategy_of
from tlstudio.project.unfinished import is_unfinished
from tlstudio.ui import expected_time, numbers
from tlstudio.ui.card import Card
from tlstudio.ui.plots_panel import PlotsPanel
from tlstudio.ui.predict_panel import PredictPanel
from tlstudio.ui.progress_panel import ProgressPanel
from tlstudio.ui.results_panel import ResultsPanel
from tlstudio.ui.session import Session
from tlstudio.ui.theme import SPACING
from tlstudio.ui.totals import totals
from tlstudio.ui.trainer import State
from tlstudio.ui.vertical_scroll import VerticalScroll
from tlstudio.ui.welcome import WelcomePanel

WHAT = {
    "head": "Ready to train the head",
    "top": "Ready to train the top layers",
    "all": "Ready to train everything",
    "custom": "Ready to train the chosen layers",
}


class Centre(QStackedWidget):
    """Shows what happens: draws the session's events and passes on what a person asks for."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shown_state = State.IDLE
        self._shown_source: Path | None = None
        self._asked: dict[int, tuple[Path, ...]] = {}
        """What the requests that are not answered in full are about, by ticket."""
        self.welcome = WelcomePanel()
        self.progress = ProgressPanel()
        self.plots = PlotsPanel()
        self.results = ResultsPanel()
        self.predict = PredictPanel()
        self.plots.setMinimumHeight(198)
        self._fit_results()
        split = QSplitter(Qt.Orientation.Vertical)
        split.setObjectName("centre")
        split.setChildrenCollapsible(False)
        split.setHandleWidth(SPACING)
        split.addWidget(self.plots)
        split.addWidget(self.results)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        # Shared out thus, since the plots that are not yet made ask for hardly any room.
        split.setSizes([300, 200])
        self.split = split
        column = QWidget()
        column.setObjectName("scrolled")
        box = QVBoxLayout(column)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(SPACING)
        box.addWidget(self.progress)
        box.addWidget(split, 1)
        box.addWidget(self.predict)
        scroll = VerticalScroll(column)
        empty = Card("")
        empty.setAccessibleName("Welcome")
        empty.body.addWidget(self.welcome)
        self.addWidget(empty)
        self.addWidget(scroll)

        self.progress.pauseRequested.connect(session.pause)
        self.progress.resumeRequested.connect(session.resume)
        self.progress.stopRequested.connect(session.stop)
        self.predict.predictRequested.connect(self.ask)
        self.predict.cleared.connect(self._withdraw)
        session.trained.connect(self._draw)
        session.state_changed.connect(self._state_changed)
        session.model_changed.connect(self._model_changed)
        session.predicted.connect(self._predicted)
        session.decided.connect(self._decided)
        for signal in (session.decided, session.scan_changed, session.description_changed):
            signal.connect(self._refresh)
        for signal in (session.devices_changed, session.weights.changed):
            signal.connect(self._refresh)
        self._refresh()

    def ask(self, paths: Sequence[Path]) -> None:
        """Ask the model about pictures, and show them at once."""
        if ticket := self._session.predict(paths):
            self._asked[ticket] = tuple(paths)
            self.predict.add_pending(paths)

    def _fit_results(self) -> None:
        """Five classes fit, and nothing needs less room: a training that runs has figures."""
        self.results.setMinimumHeight(160 if self.results.is_empty else 205)

    def _refresh(self) -> None:
        self.setCurrentIndex(0 if self._session.decisions.pictures is None else 1)
        missing = self._session.missing()
        if self._session.state == State.IDLE:
            if missing:
                self.progress.set_plan("Not ready yet", missing)
            else:
                self.progress.set_plan(*plan(self._session))

    def _decided(self, part: str) -> None:
        self.progress.forget_failure()
        session = self._session
        self.progress.set_next_differs(session.decisions != session.started_with)
        pictures = self._session.decisions.pictures
        source = pictures.source if pictures else None
        if part == "pictures" and source != self._shown_source:
            # Curves and figures of other pictures would seem to be of these.
            self._shown_source = source
            self.plots.clear(0, 0)
            self.results.clear()
            self._fit_results()

    def _draw(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Started):
                self.plots.clear(event.epochs, event.steps)
            self.progress.handle(event)
            if isinstance(event, Failed):
                self._offer_remedies(event)
        self.plots.add(events)

    def _offer_remedies(self, failed: Failed) -> None:
        run = self._session.run
        if run and failed.status != CANCELLED and is_unfinished(run):
            self.progress.offer_resume()
        if self._lacks_weights():
            self.progress.offer_weights_file()

    def _lacks_weights(self) -> bool:
        """Whether the chosen weights have still to be downloaded."""
        backbone = self._session.decisions.backbone
        return backbone.weights == "imagenet" and not catalog.is_cached(
            catalog.facts(backbone.name), backbone
        )

    def _state_changed(self, state: str) -> None:
        before, self._shown_state = self._shown_state, State(state)
        match self._shown_state:
            case State.TRAINING if before == State.IDLE:
                training = self._session.decisions.training
                self.progress.start(training.epochs, training.augmentation.mode == "live")
                self.plots.clear(0, 0)
                if self._session.run != self._session.model:
                    # The judgement of a run that goes on holds until its next one.
                    self.results.clear()
                    self._fit_results()
            case State.TRAINING:
                self.progress.set_paused(False)
            case State.PAUSED:
                self.progress.set_paused(True)
            case State.STOPPING:
                self.progress.set_stopping()
            case State.IDLE:
                self._refresh()

    def _model_changed(self) -> None:
        session = self._session
        if session.evaluation:
            self.results.show_evaluation(session.evaluation)
        else:
            self.results.clear()
        self._fit_results()
        if session.model is None:
            self.predict.set_enabled_with("Train a model first", enabled=False)
            return
        self.predict.set_enabled_with(f"Answers from {session.model.name}")
        self._ask_again()
        if session.state == State.IDLE:
            self._show_history(session.model)

    def _ask_again(self) -> None:
        """All pictures in the row, and the folders not read to their end, are asked about anew:
        what another model said is no longer so, or would not be when it comes.
        """
        folders = [path for asked in self._asked.values() for path in asked if path.is_dir()]
        pictures = [
            path
            for path in map(Path, self.predict.strip.answers.paths)
            if not any(path.is_relative_to(folder) for folder in folders)
        ]
        self._withdraw()
        self.predict.clear()
        if pictures or folders:
            self.ask([*pictures, *folders])

    def _withdraw(self) -> None:
        """No answer to what was asked so far is wanted any more."""
        for ticket in self._asked:
            self._session.withdraw(ticket)
        self._asked.clear()

    def _show_history(self, run: Path) -> None:
        """The curves of a run that was opened, as far as they were kept."""
        try:
            history = runs.read_history(run)
        except TlstudioError as error:
            self._session.told.emit(error.message, error.hint)
            return
        self.plots.clear(len(history), 1)
        self.plots.add(history)
        # A run keeps its epochs, not its batches.
        self.plots.page.by_epoch.click()

    def _predicted(self, ticket: int, event: Event) -> None:
        match event:
            case Prediction():
                self.predict.show_prediction(event)
            case Predicted():
                self._asked.pop(ticket, None)
            case Failed():
                self._session.told.emit(event.message, event.hint)
                waiting = self.predict.strip.answers.waiting
                for path in map(str, self._asked.pop(ticket, ())):
                    if path in waiting:
                        self.predict.show_prediction(Prediction(path, error=event.message))


def plan(session: Session) -> tuple[str, str]:
    """What Train will do and what it will take, as (headline, detail)."""
    split, description = session.split, session.description
    if split is None or session.scan is None or description is None:
        return "Ready to train", ""
    counted = totals(session)
    trained = counted.trained if counted else 0
    training = session.decisions.training
    epochs = numbers.count(training.epochs, "epoch")
    if training.head_epochs and session.trainable:
        epochs = f"{training.head_epochs} + {epochs}"
    time = expected_time.of(session, training)
    taking = "" if time is None else f", {expected_time.in_words(time)}"
    pictures = numbers.count(len(split.train), "picture")
    # In two lines, since one is too long for a small window.
    detail = f"{epochs}{taking}\n{numbers.short(trained)} parameters on {pictures}"
    return WHAT[strategy_of(session.trainable, description.layers)], detail

"""What happens now: the stage or epoch, the time left, and the buttons that pause and stop."""

import time
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from tlstudio.events import (
    CANCELLED,
    STAGES,
    Batch,
    CacheUse,
    Epoch,
    Event,
    Failed,
    Figures,
    Finished,
    Progress,
    Started,
    Warned,
)
from tlstudio.ui import progress_words, tooltip
from tlstudio.ui.card import Card, label
from tlstudio.ui.live_figures import LiveFigures
from tlstudio.ui.numbers import count
from tlstudio.ui.time_left import EpochClock, Speed
from tlstudio.ui.training_run import TrainingRun

BAR_STEPS = 1000
NEXT = "What you change now is for the next training; this one goes on as it began."
WARNINGS_SHOWN = 3


class ProgressPanel(Card):
    """Draws the events of one training; idle, it says what Train will do."""

    pauseRequested = Signal()
    resumeRequested = Signal()
    """To go on after a pause."""
    stopRequested = Signal()
    resumeRunRequested = Signal()
    """To go on with a run that was interrupted."""
    weightsFileAsked = Signal()

    def __init__(
        self, parent: QWidget | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__("", parent)
        self.setAccessibleName("Progress")
        self._clock = clock
        self.headline = label("", "headline")
        self.detail = label("", "muted")
        self.detail.setWordWrap(True)
        self.figures = LiveFigures()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the training")
        self.message = label("", "error")
        self.hint = label("", "muted")
        self.warnings = label("", "amber")
        for text in (self.message, self.hint, self.warnings):
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.hide()
        self.choose_weights = QPushButton("Choose a weights file…")
        self.choose_weights.clicked.connect(self.weightsFileAsked)
        self.choose_weights.hide()
        self.resume_run = QPushButton("Resume")
        self.resume_run.setToolTip("Go on with the epoch after the last one that is done")
        self.resume_run.clicked.connect(self.resumeRunRequested)
        self.resume_run.hide()
        self.pause_button = QPushButton("Pause")
        self.pause_button.clicked.connect(self._pause_or_resume)
        self.stop_button = QPushButton("Stop")
        self.stop_button.setToolTip("End at the next batch and keep the best epoch")
        self.stop_button.clicked.connect(self._stop)
        self._lay_out()

        self._plan_epochs = 0
        self._live = False
        self._plan: tuple[str, str] | None = None
        self._running = False
        self._result_is_new = False
        self._forget_run()
        self._show_buttons()

    def _lay_out(self) -> None:
        # The row keeps its height when the buttons go, and when a line more is said.
        two_lines = 2 * self.detail.fontMetrics().lineSpacing()
        self.headline.setMinimumHeight(max(self.stop_button.sizeHint().height(), two_lines))
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.headline)
        top.addWidget(self.detail, 1)
        top.addWidget(self.resume_run)
        top.addWidget(self.pause_button)
        top.addWidget(self.stop_button)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        for text in (self.message, self.hint, self.warnings):
            texts.addWidget(text)
        texts.addWidget(self.choose_weights, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addLayout(top)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.figures)
        self.body.addLayout(texts)

    @property
    def running(self) -> bool:
        return self._running

    def set_plan(self, text: str, detail: str) -> None:
        """What Train will do, and what it will take; shown unless a training runs.

        The result of the last training stays until the plan becomes another one than it was
        when that training had ended.
        """
        before, self._plan = self._plan, (text, detail)
        if self._running or before == self._plan:
            return
        if self._result_is_new:
            self._result_is_new = False
            return
        self._forget_run()
        self._show(text, detail)

    def forget_failure(self) -> None:
        """Show the plan again where a failure stands: its cause may be mended."""
        if self._plan and not self._running and not self.message.isHidden():
            self._forget_run()
            self._show(*self._plan)

    def offer_weights_file(self) -> None:
        """Beside the failure: it came for want of weights, and a file may have them."""
        self.choose_weights.show()

    def offer_resume(self) -> None:
        """Beside the failure: the run can be gone on with."""
        done = self._run.done
        after = f" after {done:,} of {count(self._run.epochs, 'epoch')}" if done else ""
        self._show(f"Interrupted{after}", f"nothing up to epoch {done:,} is lost" if done else "")
        self._set_bar(done / max(self._run.epochs, 1))
        self.resume_run.show()

    def start(self, plan_epochs: int, live: bool = False) -> None:
        """A training was asked for, `plan_epochs` of it with the freeze plan; nothing has come
        from it yet. With `live` augmentation nothing is said of the cache: only validation
        pictures are in it.
        """
        self._live = live
        self._result_is_new = False
        self._forget_run()
        self._plan_epochs = plan_epochs
        self._running = True
        self._show("Starting", "the engine is getting ready")
        self._show_buttons()

    def set_next_differs(self, differs: bool) -> None:
        """Whether the decisions are no longer those of the training that runs."""
        if self._running:
            self._say(self.hint, NEXT if differs else "")

    def set_paused(self, paused: bool) -> None:
        if paused == (self._run.paused_at is not None):
            return
        if paused:
            self._run.paused_at = self._clock()
            self._run.speed_has_pause = True
            self.detail.setText("paused")
            self.figures.stand_still()
        elif self._run.paused_at is not None:
            self._run.paused += self._clock() - self._run.paused_at
            self._run.paused_at = None
            self._run.speed = Speed()
            self.detail.setText("")
        self._show_buttons()

    def set_stopping(self) -> None:
        """Say at once that the end is near, whatever still comes from the engine."""
        self._run.stopping = True
        keeping = (
            f"keeping epoch {self._run.best_epoch}" if self._run.best_epoch else "after this step"
        )
        self._show("Stopping…", keeping)
        self._show_buttons()

    def handle(self, event: Event) -> None:
        """Draw one event. Others than those of a training are left alone."""
        match event:
            case Started():
                self._started(event)
            case Progress():
                self._progress(event)
            case Batch():
                self._batch(event)
            case Epoch():
                self._epoch(event)
            case Figures():
                self._figures(replace(event, cache=self._cache(event.cache)))
            case Warned():
                self._warned(event)
            case Failed():
                self._failed(event)
            case Finished():
                self._finished(replace(event, cache=self._cache(event.cache)))

    def _cache(self, use: CacheUse) -> CacheUse:
        return CacheUse(0, 0) if self._live else use

    def _started(self, event: Started) -> None:
        self._run.epochs = event.epochs
        self._run.head_epochs = max(event.epochs - self._plan_epochs, 0)
        self._show("Starting", count(event.pictures.train, "training picture"))
        self.figures.show_device(event.device)
        self._set_bar(0.0)

    def _progress(self, event: Progress) -> None:
        if event.stage == "validate" and self._run.in_training:
            return  # the headline stays with the epoch
        now = self._run.now(self._clock())
        if event.stage != self._run.stage:
            # What goes on between two phases is no part of an epoch.
            self._run.in_training = False
            self._run.stage = event.stage
            self._run.speed = Speed()
        self._run.speed.mark(now, event.done)
        run = self._run
        if event.stage == "extract" and event.done == event.total and run.done < run.epochs:
            # What comes until the first batch has no stage of its own.
            if self._run.may_speak:
                self._show(f"Starting epoch {run.done + 1:,} of {run.epochs:,}", "")
            self._set_bar(run.done / run.epochs)
            return
        if self._run.may_speak:
            words = progress_words.stage(event, self._run.speed.per_second)
            self._show(STAGES[event.stage], words)
        if event.total:
            self._set_bar(event.done / event.total)
        else:
            self.bar.setRange(0, 0)
        if event.stage == "save":
            self.figures.stand_still()
            for button in (self.pause_button, self.stop_button):
                button.setEnabled(False)

    def _batch(self, event: Batch) -> None:
        now = self._run.now(self._clock())
        run = self._run
        last = run.head_epochs if event.epoch <= run.head_epochs else run.epochs
        if run.clock.last != last:
            # Epochs of another phase, or before an interruption, tell nothing of these.
            run.clock = EpochClock(last)
            run.in_training = False
        done = event.epoch - 1 + event.step / max(event.steps, 1)
        if not run.in_training:
            run.in_training = True
            run.stage = "train"
            run.clock.start(now, done)
        run.clock.batch(done)
        self._set_bar(done / max(run.epochs, 1))
        if run.may_speak and (run.may_refresh(now) or event.step == 1):
            self._show_epoch(event.epoch, now)

    def _epoch(self, event: Epoch) -> None:
        run = self._run
        run.epochs = event.epochs
        run.done = event.epoch
        if event.phase == "plan":
            # The head may have stopped early.
            run.head_epochs = min(run.head_epochs, event.epoch - 1)
        if run.in_training:
            run.clock.epoch(run.now(self._clock()), event.epoch)
        if event.best:
            run.best_epoch = event.epoch
        self._set_bar(event.epoch / max(event.epochs, 1))
        if run.stopping:
            self.set_stopping()

    def _figures(self, event: Figures) -> None:
        if self._run.paused_at is not None:
            return
        if self._run.speed_has_pause:
            self._run.speed_has_pause = False
            return
        self.figures.show_figures(event)

    def _show_epoch(self, epoch: int, now: float) -> None:
        run = self._run
        self._show(*progress_words.epoch(epoch, run.epochs, run.head_epochs, run.clock.left(now)))

    def _warned(self, event: Warned) -> None:
        self._run.warnings.append(f"{event.message} {event.hint}".strip())
        shown = self._run.warnings[-WARNINGS_SHOWN:]
        earlier = len(self._run.warnings) - len(shown)
        if earlier:
            shown = [f"{count(earlier, 'earlier warning')}, in the tooltip", *shown]
        self._say(self.warnings, "\n".join(shown))
        self.warnings.setToolTip(tooltip.plain("\n".join(self._run.warnings)))

    def _finished(self, event: Finished) -> None:
        headline = f"{event.val_accuracy * 100:.1f} % on {count(event.pictures.val, 'picture')}"
        run = self._run
        planned = max(run.epochs, event.epochs)
        # Where only the head ended early, the epochs of the plan are all there.
        early = not event.stopped and event.epochs < run.head_epochs + self._plan_epochs
        worked = max(0.0, event.seconds.total - self._run.paused_until(self._clock()))
        self._end(headline, progress_words.end(event, planned, early, worked))
        self._set_bar(event.epochs / planned if event.stopped else 1.0)
        # A stop is no end: the epochs that are left can still be trained.
        self.resume_run.setVisible(event.stopped)

    def _failed(self, event: Failed) -> None:
        if event.status == CANCELLED:
            self._end("Stopped", event.message)
            return
        self._end("Training failed", "")
        self._say(self.message, event.message)
        self._say(self.hint, event.hint)

    def _end(self, headline: str, detail: str) -> None:
        self._running = False
        self._result_is_new = True
        self._plan = None
        self._run.stopping = False
        self._run.paused_at = None
        self._show(headline, detail)
        self._say(self.hint, "")
        self.figures.clear()
        self.bar.setRange(0, BAR_STEPS)
        self._show_buttons()

    def _forget_run(self) -> None:
        self._run = TrainingRun()
        self.figures.clear()
        self.bar.setRange(0, BAR_STEPS)
        self.bar.setValue(0)
        for part in (self.message, self.hint, self.warnings, self.resume_run, self.choose_weights):
            part.hide()

    def _pause_or_resume(self) -> None:
        if self._run.paused_at is None:
            self.set_paused(True)
            self.pauseRequested.emit()
        else:
            self.set_paused(False)
            self.resumeRequested.emit()

    def _stop(self) -> None:
        self.set_stopping()
        self.stopRequested.emit()

    def _show(self, headline: str, detail: str) -> None:
        self.headline.setText(headline)
        self.detail.setText(detail)

    def _show_buttons(self) -> None:
        self.pause_button.setVisible(self._running)
        self.stop_button.setVisible(self._running)
        self.pause_button.setEnabled(not self._run.stopping)
        self.stop_button.setEnabled(not self._run.stopping)
        self.pause_button.setText("Pause" if self._run.paused_at is None else "Resume")

    def _set_bar(self, share: float) -> None:
        self.bar.setRange(0, BAR_STEPS)
        self.bar.setValue(round(share * BAR_STEPS))

    @staticmethod
    def _say(where: QLabel, text: str) -> None:
        where.setText(text)
        where.setVisible(bool(text))

"""Between the window and the jobs: the decisions, what the jobs said of them, and the threads."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from tlstudio.data.split import Split, split
from tlstudio.errors import TlstudioError
from tlstudio.events import (
    Description,
    DevicesFound,
    Evaluation,
    Event,
    Failed,
    Finished,
    Progress,
    Scan,
    Warned,
)
from tlstudio.host.jobs import (
    DescribeRequest,
    DevicesRequest,
    PredictRequest,
    Request,
    ResumeRequest,
    ScanRequest,
    TrainRequest,
)
from tlstudio.host.thread import Host, InThreadHost
from tlstudio.project import runs, store
from tlstudio.project.spec import Backbone, FreezePlan, Pictures, Project
from tlstudio.project.unfinished import is_unfinished
from tlstudio.ui import decisions, freeze_edit, run_folders
from tlstudio.ui.decisions import Decisions
from tlstudio.ui.kept_plans import KeptPlans
from tlstudio.ui.requests import Requests
from tlstudio.ui.trainer import State, Trainer
from tlstudio.ui.unfinished_runs import UnfinishedRuns
from tlstudio.ui.weights_check import WeightsCheck

EVERY_CLASS = sys.maxsize
"""The table of predictions has a column for each."""


class EngineHost(Host, Protocol):
    def warm(self) -> None:
        """Begin to start the engine, if it is not running; returns at once."""


class Session(QObject):
    """The single source of truth for the panels: they show its attributes and call its methods.

    `close` must be called before it goes; it waits for the threads.
    """

    decided = Signal(str)
    """The name of a decision that changed: pictures, backbone, freeze, head or training."""
    taken_over = Signal()
    """What is decided next comes from a project or a run."""
    scan_changed = Signal()
    description_changed = Signal()
    devices_changed = Signal()
    model_changed = Signal()
    """Another run predicts now, or none."""
    state_changed = Signal(str)
    project_changed = Signal()
    """The file name or the unsaved mark."""
    trained = Signal(list)
    """The events of the running training since the last tick."""
    predicted = Signal(int, object)
    """(ticket, event) of a `predict`."""
    told = Signal(str, str)
    """(message, hint) of something that went wrong or wants saying."""

    def __init__(
        self,
        make_host: Callable[[], EngineHost],
        runs_folder: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.runs_folder = runs_folder
        self.train_in_window = False
        """Whether training runs in this process instead of its own."""
        self.decisions = Decisions()
        self.project_path: Path | None = None
        self.unsaved = False
        self.scan: Scan | None = None
        self.scanning: Progress | None = None
        self.scan_failed: Failed | None = None
        self.split: Split | None = None
        self.description: Description | None = None
        self.describe_failed: Failed | None = None
        self.trainable: frozenset[str] = frozenset()
        self._plans = KeptPlans()
        self.devices: DevicesFound | None = None
        self.model: Path | None = None
        self.evaluation: Evaluation | None = None
        self.started_with: Decisions | None = None
        """Of the training that runs or ran last."""
        self.trained_with: Decisions | None = None
        """Of the last training that ended well: what it kept is there for the next one."""
        self.unfinished = UnfinishedRuns(self)
        self._training_host = make_host()
        self._trainer = Trainer(self._training_host, self)
        self._trainer.heard.connect(self._heard)
        self._trainer.state_changed.connect(self._training_changed)
        self._engine_host = make_host()
        self._engine = Requests(self._engine_host, self)
        self.weights = WeightsCheck(self.ask, self.withdraw, self)
        self._scanner = Requests(InThreadHost(), self)
        self._scan_ticket = 0
        self._describe_ticket = 0

    def start(self) -> None:
        """Start the engine and ask it what every window needs."""
        self._engine_host.warm()
        self._engine.start()
        self._scanner.start()
        self.unfinished.look(self.runs_folder)
        self._describe()
        self.ask(DevicesRequest(), self._found_devices)

    # Decisions

    def decide(self, **parts: object) -> None:
        """Change decisions by name. Panels follow through `decided`."""
        if "backbone" in parts and "freeze" not in parts:
            new, old = parts["backbone"], self.decisions
            assert isinstance(new, Backbone)
            parts["freeze"] = self._plans.after_change(old.freeze, old.backbone, new)
        if self._replace(replace(self.decisions, **parts)):  # type: ignore[arg-type]
            self._mark(unsaved=True)

    def set_trainable(self, trainable: frozenset[str], batchnorm: bool) -> None:
        """Train exactly these layers of the backbone that is described."""
        if self.description:
            plan = freeze_edit.plan_of(trainable, self.description.layers, batchnorm)
            self.decide(freeze=plan)

    def missing(self) -> str:
        """Why training cannot start now, as a sentence; empty where it can."""
        if self.state != State.IDLE:
            return "A training is running."
        if self.decisions.pictures is None:
            return "Open a folder of pictures first."
        if failed := self.scan_failed or self.describe_failed:
            return failed.message
        if self.scan is None:
            return "The pictures are still being read."
        return self.weights.problem

    # Pictures, projects and runs

    def open_pictures(self, source: Path) -> None:
        """Begin anew with another folder or CSV, keeping the other decisions."""
        pictures = self.decisions.pictures or Pictures(source=source)
        self._begin(None)
        chosen = pictures.model_copy(update={"source": source})
        self._replace(replace(self.decisions, pictures=chosen))
        self.rescan()

    def rescan(self) -> None:
        """Read the pictures again."""
        if self.decisions.pictures is None:
            return
        self._forget_scan()
        self.scanning = Progress("scan", 0, 0)
        request = ScanRequest(self.decisions.pictures.source)
        self._scan_ticket = self._scanner.ask(request, self._scanned)
        self._training_host.warm()
        self.scan_changed.emit()

    def open_project(self, path: Path) -> None:
        """Raises TlstudioError when the file cannot be read."""
        self._take_over(store.load(path), path)

    def save_project(self, path: Path) -> None:
        """Raises TlstudioError when there are no pictures or the file cannot be written."""
        project = self.decisions.project()
        if project is None:
            raise TlstudioError("There is nothing to save yet.", "Open a folder of pictures first.")
        store.save(project, path)
        self.project_path = path
        self._mark(unsaved=False)

    def open_run(self, folder: Path) -> None:
        """Take over a run's decisions and predict with its model. Raises TlstudioError."""
        # One that was killed early may have nothing but its decisions.
        whole = not is_unfinished(folder)
        project = runs.read_run(folder).project if whole else runs.read_project(folder)
        self._take_over(project, None)
        self._use_model(folder)

    # Jobs

    def train(self) -> None:
        """Start a training, if nothing is missing."""
        project = self.decisions.project()
        if project is None or self.missing():
            return
        folder = runs.new_run_folder(self.runs_folder, project.pictures.source.stem)
        self._start(TrainRequest(project, folder))

    def resume_run(self, folder: Path) -> None:
        """Take over an unfinished run's decisions and go on with it, if no training runs. Raises
        TlstudioError.
        """
        project = runs.read_project(folder)
        if self.state != State.IDLE:
            return
        if not self.decides(project):
            self._take_over(project, None)
        self._start(ResumeRequest(folder))

    def decides(self, project: Project) -> bool:
        """Whether the decisions are those of this project."""
        return decisions.of(project) == self.decisions

    @property
    def state(self) -> State:
        return self._trainer.state

    @property
    def run(self) -> Path | None:
        """The folder of the training that runs or ran last."""
        return self._trainer.run

    def pause(self) -> None:
        self._trainer.pause()

    def resume(self) -> None:
        self._trainer.resume()

    def stop(self) -> None:
        """End the training at the next batch; its best epoch is kept."""
        self._trainer.stop()

    def end_training_engine(self) -> None:
        """End the training's process, for a training that does not answer."""
        self._trainer.end_engine()

    def predict(self, paths: Sequence[Path]) -> int:
        """Ask the model about pictures and folders; the ticket, 0 where there is no model yet."""
        if self.model is None:
            self.told.emit(
                "There is no trained model to ask yet.",
                "Press Train first, or open a run; then drop the pictures again.",
            )
            return 0
        request = PredictRequest(self.model, tuple(paths), EVERY_CLASS)
        ticket = self.ask(request, lambda event: self.predicted.emit(ticket, event))
        return ticket

    def ask(self, request: Request, handler: Callable[[Event], None]) -> int:
        """Put a small question to the engine; `handler` hears its events. The ticket is for
        `withdraw`.
        """
        return self._engine.ask(request, handler)

    def withdraw(self, ticket: int) -> None:
        """End a question that runs or waits; nothing more comes of it."""
        self._engine.withdraw(ticket)

    def forget_kept(self) -> None:
        """Nothing is kept of any training now."""
        self.trained_with = None
        self.decided.emit("training")

    def close(self) -> None:
        """End the engines and threads and wait for them; a training must have ended before."""
        self.unfinished.close()
        self._engine.close()
        self._scanner.close()
        self._trainer.close()

    # What the jobs say

    def _describe(self) -> None:
        """Ask for the layers; an older question that still waits is withdrawn."""
        self.withdraw(self._describe_ticket)
        self.description, self.describe_failed = None, None
        # Weights change no layer, so none need be there for the tree.
        backbone = self.decisions.backbone.model_copy(update={"weights": "random"})
        self._describe_ticket = self.ask(DescribeRequest(backbone), self._described)
        self._update_trainable()
        self.description_changed.emit()

    def _described(self, event: Event) -> None:
        match event:
            case Description():
                self.description = event
            case Failed():
                self.describe_failed = event
            case _:
                return
        self._update_trainable()
        self.description_changed.emit()

    def _found_devices(self, event: Event) -> None:
        match event:
            case DevicesFound():
                self.devices = event
                self.devices_changed.emit()
            case Failed():
                self.told.emit(event.message, event.hint)

    def _scanned(self, event: Event) -> None:
        match event:
            case Progress():
                self.scanning = event
            case Warned():
                self.told.emit(event.message, event.hint)
            case Scan():
                self.scanning, self.scan = None, event
                self._update_split()
            case Failed():
                self.scanning, self.scan_failed = None, event
        self.scan_changed.emit()

    def _start(self, request: TrainRequest | ResumeRequest) -> None:
        self.started_with = self.decisions
        self._trainer.start(request, self.train_in_window)
        if self.project_path is None:
            # The run keeps the decisions as they are.
            self._mark(unsaved=False)

    def _heard(self, events: list[Event]) -> None:
        self.trained.emit(events)
        for event in events:
            if isinstance(event, Finished):
                self.trained_with = self.started_with
                self._use_model(Path(event.run))

    def _training_changed(self, state: str) -> None:
        self.state_changed.emit(state)
        if state == State.IDLE:
            self.unfinished.look(self.runs_folder)

    # Bookkeeping

    def _take_over(self, project: Project, path: Path | None) -> None:
        """Decide all as a project or run does; `path` is the project's file."""
        self._begin(path)
        self.taken_over.emit()
        self._replace(decisions.of(project))
        self.rescan()

    def _begin(self, project: Path | None) -> None:
        """What follows is another project, or a new one that has no file yet."""
        self.project_path = project
        self._plans.clear()
        self._forget_scan()
        self._mark(unsaved=False)

    def _replace(self, new: Decisions) -> bool:
        """Take these decisions and tell of each that differs; whether any does."""
        changed = decisions.differing(self.decisions, new)
        other_layers = decisions.layers_of(self.decisions) != decisions.layers_of(new)
        other_split = decisions.drawn_from(self.decisions) != decisions.drawn_from(new)
        self.decisions = new
        if other_layers:
            # The new freeze plan is about layers that are still to be described.
            self.description = None
        if "freeze" in changed:
            self._update_trainable()
        if "backbone" in changed:
            self.weights.look(new.backbone)
        for part in changed:
            self.decided.emit(part)
        if other_layers:
            self._describe()
        if self.scan and other_split:
            self._update_split()
            self.scan_changed.emit()
        return bool(changed)

    def _update_trainable(self) -> None:
        self.trainable = frozenset()
        if self.description:
            try:
                layers = self.description.layers
                self.trainable = freeze_edit.trained(self.decisions.freeze, layers)
            except TlstudioError as error:
                self.told.emit(error.message, "Everything is frozen now; choose layers anew.")
                self.decide(freeze=FreezePlan())

    def _update_split(self) -> None:
        pictures = self.decisions.pictures
        if self.scan and pictures:
            self.split = split(self.scan, pictures.validation, self.decisions.training.seed)

    def _forget_scan(self) -> None:
        self._scanner.withdraw(self._scan_ticket)
        self.scan = self.scanning = self.scan_failed = self.split = None

    def _use_model(self, run: Path) -> None:
        opened = run_folders.open_run(run)
        if opened.problem:
            self.told.emit(opened.problem.message, opened.problem.hint)
        self.model, self.evaluation = opened.model, opened.evaluation
        self.model_changed.emit()

    def _mark(self, unsaved: bool) -> None:
        self.unsaved = unsaved
        self.project_changed.emit()

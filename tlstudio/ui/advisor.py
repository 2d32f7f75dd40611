"""Asks the engine for advice, and keeps what it has said of the present pictures and backbone."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from tlstudio.advice_events import Advice, BackboneScore, DepthProbe
from tlstudio.events import Event, Failed, Progress, Warned
from tlstudio.host.jobs import AdviseRequest
from tlstudio.project.spec import Backbone, Optimizer, Pictures
from tlstudio.ui import advice_changes
from tlstudio.ui.advice_changes import Change, Parts
from tlstudio.ui.decisions import Decisions
from tlstudio.ui.session import Session
from tlstudio.ui.trainer import State


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is measured: when it is another one, so would be the advice."""

    pictures: Pictures
    counts: tuple[tuple[str, int], ...]
    """Of each class."""
    seed: int
    """Of the split."""
    backbone: Backbone

    def same_pictures(self, other: "_Subject | None") -> bool:
        return other is not None and self == replace(other, backbone=self.backbone)


class Advisor(QObject):
    """One question at a time, which ends where it is no longer about what is decided."""

    changed = Signal()
    """Anything but `progress`."""
    progressed = Signal()
    probes_changed = Signal(object)
    """A dict from block to (accuracy, deviation), 0 to 1, of the backbone that is shown now."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.progress: Progress | None = None
        """None while blocks are judged, too."""
        self.judged = 0
        """Blocks, of the question that runs."""
        self.probes: tuple[DepthProbe, ...] = ()
        self.scores: tuple[BackboneScore, ...] = ()
        """In the order in which they came."""
        self.advice: Advice | None = None
        self.failed: Failed | None = None
        self.warned: tuple[Warned, ...] = ()
        self.interrupted = ""
        """Why the last question ended without an answer, as a sentence."""
        self.running = False
        self.ranks = False
        """Whether the question is, or was, also about other backbones."""
        self._ticket = 0
        self._asked: _Subject | None = None
        self._optimizer: Optimizer = "adam"
        """That the learning rate is advised for."""
        self._ranked: _Subject | None = None
        self._applied: tuple[Decisions, Decisions] | None = None
        """What was decided before the advice was taken, and after."""
        session.decided.connect(self._decided)
        session.scan_changed.connect(self._subject_changed)
        session.description_changed.connect(self._subject_changed)
        session.weights.changed.connect(self._subject_changed)
        session.state_changed.connect(self._state_changed)
        session.taken_over.connect(self._forget_applied)

    @property
    def missing(self) -> str:
        """Why nothing can be measured now, as a sentence; empty where it can."""
        return self._session.missing()

    @property
    def is_outdated(self) -> bool:
        """Whether what is known is about other pictures or another backbone."""
        return self._asked is not None and self._asked != self._subject()

    @property
    def ranking_is_outdated(self) -> bool:
        """Whether the backbones were scored on other pictures."""
        return self._ranked is not None and not self._ranked.same_pictures(self._subject())

    def ask(self, rank: bool = False) -> None:
        """Begin to measure, if nothing is missing; with `rank` other backbones too."""
        project, subject = self._session.decisions.project(), self._subject()
        if project is None or subject is None or self.missing:
            return
        self._session.withdraw(self._ticket)
        if not rank or self._asked != subject:
            self.probes, self.advice = (), None
        if rank:
            self.scores, self._ranked = (), subject
        self._asked, self.ranks = subject, rank
        self._optimizer = project.training.optimizer
        self.failed, self.warned, self.interrupted = None, (), ""
        self.progress, self.judged, self.running = None, 0, True
        self._ticket = self._session.ask(AdviseRequest(project, rank), self._heard)
        self._tell()

    def stop(self, why: str = "") -> None:
        """Measure no more, and keep what is known; `why` is a sentence."""
        if self.running:
            self._session.withdraw(self._ticket)
            self.running, self.progress, self.interrupted = False, None, why
            self._tell()

    # What is advised

    @property
    def is_known(self) -> bool:
        """Whether there is advice about what is decided now."""
        return self.advice is not None and not self.is_outdated

    @property
    def changes(self) -> tuple[Change, ...]:
        """Each decision as it is and as it is advised; empty where there is no present advice."""
        description, new = self._session.description, self._advised()
        if new is None or description is None:
            return ()
        decisions = self._session.decisions
        now = advice_changes.parts_of(decisions)
        return advice_changes.changes(now, new, description.layers, decisions.backbone.pretrained)

    def apply(self) -> None:
        """Decide all that is advised."""
        if new := self._advised():
            before = self._session.decisions
            self._session.decide(freeze=new.freeze, head=new.head, training=new.training)
            self._applied = before, self._session.decisions
            self.changed.emit()

    @property
    def can_undo(self) -> bool:
        """Whether everything is still as the advice has set it."""
        return self._applied is not None and self._applied[1] == self._session.decisions

    def undo(self) -> None:
        """Decide what was decided before the advice was taken."""
        if self._applied and self.can_undo:
            before = self._applied[0]
            self._applied = None
            self._session.decide(freeze=before.freeze, head=before.head, training=before.training)
            self.changed.emit()

    def _advised(self) -> Parts | None:
        if self.advice is None or self.is_outdated:
            return None
        return advice_changes.advised(self._session.decisions, self.advice, self._optimizer)

    # What happens

    def _heard(self, event: Event) -> None:
        match event:
            case Progress():
                self.progress = event
                self.progressed.emit()
                return
            case DepthProbe():
                others = [probe for probe in self.probes if probe.block != event.block]
                self.probes = (*others, event)
                self.progress, self.judged = None, self.judged + 1
            case BackboneScore():
                self.scores = (*self.scores, event)
            case Advice():
                self.advice, self.probes = event, event.similarity.probes
                if self.ranks:
                    self.scores = event.backbones
                self.running = False
            case Failed():
                self.failed, self.progress, self.running = event, None, False
            case Warned():
                self.warned = (*self.warned, event)
        self._tell()

    def _decided(self, part: str) -> None:
        if part in ("pictures", "backbone", "training"):
            self._subject_changed()

    def _subject_changed(self) -> None:
        if self.running and self.is_outdated:
            self.stop("It was stopped, since the pictures or the backbone are other ones now.")
        else:
            self._tell()

    def _state_changed(self, state: str) -> None:
        if state != State.IDLE:
            self.stop("It was stopped, since a training needs the machine.")
        self.changed.emit()

    def _forget_applied(self) -> None:
        self._applied = None

    def _subject(self) -> _Subject | None:
        decided, scan = self._session.decisions, self._session.scan
        if decided.pictures is None or scan is None:
            return None
        counts, seed = tuple(scan.classes.items()), decided.training.seed
        return _Subject(decided.pictures, counts, seed, decided.backbone)

    def _tell(self) -> None:
        shown = self.probes if self._session.description and not self.is_outdated else ()
        self.probes_changed.emit(
            {probe.block: (probe.accuracy, probe.deviation) for probe in shown}
        )
        self.changed.emit()

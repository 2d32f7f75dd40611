"""Whether a training could begin with the chosen weights, as far as can be known before it."""

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from tlstudio.backbone_events import WeightsMatched, WeightsReady
from tlstudio.errors import TlstudioError
from tlstudio.events import Event, Failed
from tlstudio.host.jobs import MatchRequest, Request
from tlstudio.model import catalog
from tlstudio.model.catalog import BackboneFacts
from tlstudio.project.spec import Backbone
from tlstudio.project.store import NAMED_WEIGHTS

BAD_INPUT = TlstudioError.exit_status

Answer = WeightsMatched | WeightsReady | Failed
Ask = Callable[[Request, Callable[[Event], None]], int]


class WeightsCheck(QObject):
    """Give it each backbone with `look`; it has the engine look into a file of weights."""

    changed = Signal()
    """Another answer is known of the same weights, or none any more."""

    def __init__(self, ask: Ask, withdraw: Callable[[int], None], parent: QObject) -> None:
        super().__init__(parent)
        self._ask, self._withdraw = ask, withdraw
        self._spec: Backbone | None = None
        self._seen: tuple[int, int] | None = None
        """The file that was looked into."""
        self._ticket = 0
        self.answer: Answer | None = None
        """Of the engine: None where there is no file to look into, or while it is read."""
        # Not before the layers are asked for: these are needed whatever the file holds.
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._ask_engine)

    def look(self, spec: Backbone) -> None:
        """See whether this backbone can have its weights."""
        try:
            needed = of_weights(spec)
        except TlstudioError:  # which the description of its layers says
            self._begin(None)
            return
        if needed != self._spec:
            self._begin(needed)
        else:
            self.look_again()

    def look_again(self) -> None:
        """The file may have come, gone, or hold something else by now."""
        failed = isinstance(self.answer, Failed) and self.damaged is None
        if failed or stamp(_file(self._spec)) != self._seen:
            self._begin(self._spec)
            self.changed.emit()

    @property
    def problem(self) -> str:
        """Why a training cannot begin with them, as a sentence; empty where nothing is known.

        ImageNet weights that are damaged are no reason: a training downloads them anew.
        """
        spec = self._spec
        if spec is None:
            return ""
        if spec.weights in NAMED_WEIGHTS:
            return impossible(catalog.facts(spec.name), spec)
        if stamp(Path(spec.weights)) is None:
            return f"The weights file {spec.weights} is not there."
        match self.answer:
            case WeightsMatched():
                return self.answer.refused
            case Failed() if self.damaged:
                return self.answer.message
        return ""

    @property
    def damaged(self) -> Failed | None:
        """What is wrong with the file itself, where that is why it could not be looked into and
        not, for instance, that the engine ended.
        """
        answer = self.answer
        return answer if isinstance(answer, Failed) and answer.status == BAD_INPUT else None

    def _begin(self, spec: Backbone | None) -> None:
        self._withdraw(self._ticket)
        self._spec, self._ticket, self.answer = spec, 0, None
        self._seen = stamp(_file(spec))
        if self._seen:
            self._later.start()
        else:
            self._later.stop()

    def _ask_engine(self) -> None:
        if self._spec is not None:
            self._ticket = self._ask(MatchRequest(self._spec), self._heard)

    def _heard(self, event: Event) -> None:
        if isinstance(event, Answer):
            self.answer = event
            self.changed.emit()


def of_weights(spec: Backbone) -> Backbone:
    """What the weights depend on: of the input, only which file there is for it."""
    shape = catalog.weights_shape(catalog.facts(spec.name), spec)
    return spec.model_copy(update={"input_shape": shape})


def impossible(facts: BackboneFacts, spec: Backbone) -> str:
    """Why there are no weights of this name for it, as a sentence; empty where there are."""
    if spec.weights == "bundled" and "bundled" not in facts.weights:
        return f"No weights of {facts.label} are bundled."
    if spec.weights == "imagenet" and spec.depth_multiplier != 1:
        return f"There are no ImageNet weights at depth {spec.depth_multiplier}."
    if spec.weights == "imagenet" and spec.alpha not in catalog.published_widths(facts, spec):
        return f"There are no ImageNet weights at width {spec.alpha:g}."
    return ""


def stamp(path: Path | None) -> tuple[int, int] | None:
    """Tells one file under a name from the next; None where there is none."""
    if path is None or not os.path.isfile(path):  # noqa: PTH113  (says no where `stat` refuses)
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _file(spec: Backbone | None) -> Path | None:
    """The file that is to be looked into, whether it is there or not."""
    if spec is None or spec.weights in ("bundled", "random"):
        return None
    facts = catalog.facts(spec.name)
    if spec.weights != "imagenet":
        return Path(spec.weights)
    return None if "bundled" in facts.weights else catalog.weights_file(facts, spec)

"""What is the case with a backbone's weights: here, to be downloaded, or how a file fits."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from tlstudio.backbone_events import WeightsMatched, WeightsReady
from tlstudio.events import Event, Failed, Progress, Warned
from tlstudio.host.jobs import FetchRequest
from tlstudio.model import catalog
from tlstudio.model.catalog import BackboneFacts
from tlstudio.project.spec import Backbone
from tlstudio.ui import catalog_words, numbers, weights_report
from tlstudio.ui.backbone_arguments import is_published
from tlstudio.ui.card import label
from tlstudio.ui.session import Session
from tlstudio.ui.tooltip import explain
from tlstudio.ui.weights_by_hand import WeightsByHand
from tlstudio.ui.weights_check import impossible, of_weights, stamp
from tlstudio.ui.weights_report import WeightsReport

LEFT_OFF = "Your head replaces the ImageNet classifier."


class WeightsNote(QWidget):
    """Give it each other backbone with `show_backbone`, when it is decided."""

    arrived = Signal()
    """ImageNet weights have come to this machine."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._spec: Backbone | None = None
        self._ticket = 0
        """Of the download that runs."""
        self.words = label("", "muted")
        self.words.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Download of the weights")
        self.download = _link(
            "Download", "Fetches them now, not only when a training starts", self.fetch
        )
        self.by_hand = _link(
            "By hand…", "Where to get them elsewhere and where to put them", self._show_by_hand
        )
        self.stop = _link(
            "Stop", "What has come is kept, and the next download goes on with it", self.look
        )
        self.report = _link("Report…", "Which layers fit and which do not", self._show_report)
        self._extras = (self.bar, self.download, self.by_hand, self.stop, self.report)
        row = QHBoxLayout()
        row.setSpacing(8)
        for extra in self._extras:
            row.addWidget(extra, 1 if extra is self.bar else 0)
        row.addStretch()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.words)
        box.addLayout(row)
        # A training downloads what it needs.
        session.state_changed.connect(self.look_for_download)
        session.weights.changed.connect(self._show_again)
        session.description_changed.connect(self._show_again)

    def show_backbone(self, spec: Backbone) -> None:
        """Say what is the case with the weights of this one, which is in the catalogue."""
        same = self._spec is not None and of_weights(spec) == of_weights(self._spec)
        self._spec = spec
        if not same:
            self._begin()
            self._show_again()

    def show_unknown(self, sentence: str) -> None:
        """Say why there can be no weights."""
        self._spec = None
        self._begin()
        self._say(sentence, "error")

    def event(self, event: QEvent) -> bool:
        """A file may have changed while the person was elsewhere."""
        if event.type() == QEvent.Type.WindowActivate:
            self._session.weights.look_again()
        return super().event(event)

    def look(self) -> None:
        """See again what there is; a download ends."""
        self._begin()
        self._session.weights.look_again()
        self._show_again()

    def fetch(self) -> None:
        """Download the ImageNet weights of the backbone shown."""
        if self._spec is not None:
            self._begin()
            self._say("Asking for the weights…", "muted", self.bar, self.stop)
            self.bar.setRange(0, 0)
            self._ticket = self._session.ask(FetchRequest(self._spec), self._fetch_heard)

    def _begin(self) -> None:
        """A download of other weights matters no more."""
        self._session.withdraw(self._ticket)
        self._ticket = 0

    def _show_again(self) -> None:
        if self._spec is not None and not self._ticket:
            self._show_weights(self._spec)

    def _show_weights(self, spec: Backbone) -> None:
        facts = catalog.facts(spec.name)
        match spec.weights:
            case "random":
                self._say("Untrained: random weights know nothing of pictures yet.", "amber")
            case "bundled" | "imagenet" if problem := impossible(facts, spec):
                self._say(f"{problem} Choose others.", "error")
            case "bundled":
                self._say("ImageNet, bundled with tlstudio.", tip=LEFT_OFF)
            case "imagenet" if catalog.is_cached(facts, spec):
                self._show_found()
            case "imagenet":
                words = f"Not on this machine yet{self._about(facts, spec)}."
                self._say(words, "muted", self.download, self.by_hand)
            case path if stamp(Path(path)):
                self._show_file(Path(path).name)
            case path:
                self._say(f"The file {path} is not there.", "error")

    def _about(self, facts: BackboneFacts, spec: Backbone) -> str:
        """How large the download is; of another width once it is known what it has."""
        description = self._session.description
        if is_published(spec):
            size = catalog_words.download_bytes(facts)
        elif description is not None:
            size = description.params.backbone * catalog.BYTES_PER_PARAMETER
        else:
            return ""
        return f": about {numbers.size(size)}"

    def _show_found(self) -> None:
        """ImageNet weights that are on this machine."""
        if failed := self._session.weights.damaged:
            words = "The file on this machine is damaged. A download replaces it."
            self._say(words, "error", self.download, self.by_hand, tip=failed.message)
        else:
            self._say("ImageNet, on this machine.", tip=LEFT_OFF)

    def _show_file(self, name: str) -> None:
        match self._session.weights.answer:
            case WeightsMatched() as matched if matched.refused:
                self._say(f"{matched.refused} {matched.hint}", "error", self.report)
            case WeightsMatched() as matched:
                lacks = matched.missing or matched.different
                words = weights_report.in_words(matched, name)
                self._say(words, "amber" if lacks else "muted", self.report)
            case Failed() as failed:
                self._say(f"{failed.message} {failed.hint}", "error")
            case _:
                self._say(f"Reading {name}…")

    def look_for_download(self) -> None:
        """See again whether ImageNet weights are here, unless they are being fetched."""
        if self._spec and self._spec.weights == "imagenet" and not self._ticket:
            self.look()

    def _fetch_heard(self, event: Event) -> None:
        match event:
            case Progress() if event.done:
                self._show_progress(event)
            case Warned():
                self._say(f"{event.message} {event.hint}", "amber", self.bar, self.stop)
            case WeightsReady():
                self.look()
                self.arrived.emit()
            case Failed():
                self._ticket = 0
                self._say(event.message, "error", self.download, self.by_hand, tip=event.hint)

    def _show_progress(self, progress: Progress) -> None:
        done = numbers.size(progress.done)
        # Kilobytes, since an int of Qt holds no more than 2 GB.
        self.bar.setRange(0, progress.total // 1000)
        self.bar.setValue(progress.done // 1000)
        of = f" of {numbers.size(progress.total)}" if progress.total else ""
        self._say(f"Downloading: {done}{of}", "muted", self.bar, self.stop)

    def _show_report(self) -> None:
        matched = self._session.weights.answer
        if self._spec and isinstance(matched, WeightsMatched):
            WeightsReport(matched, Path(self._spec.weights).name, self.window()).open()

    def _show_by_hand(self) -> None:
        if self._spec is not None:
            facts = catalog.facts(self._spec.name)
            damaged = self._session.weights.damaged is not None
            dialog = WeightsByHand(facts, self._spec, self.window(), damaged)
            dialog.finished.connect(self.look_for_download)
            dialog.open()

    def _say(self, text: str, role: str = "muted", *extras: QWidget, tip: str = "") -> None:
        """With these links and no others."""
        self.words.setText(text)
        explain(self.words, tip)
        if self.words.objectName() != role:
            self.words.setObjectName(role)
            self.words.style().polish(self.words)
        for extra in self._extras:
            extra.setVisible(extra in extras)


def _link(text: str, tip: str, action: Callable[[], None]) -> QPushButton:
    made = QPushButton(text)
    made.setObjectName("link")
    made.setToolTip(tip)
    made.clicked.connect(action)
    return made

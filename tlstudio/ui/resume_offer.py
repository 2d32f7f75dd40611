"""The line under the header that offers to go on with an interrupted training."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from tlstudio.project.unfinished import Unfinished
from tlstudio.ui import tooltip
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.numbers import count


class ResumeOffer(QFrame):
    """Hidden until `offer`. Never takes the focus."""

    resumeAsked = Signal(object)
    """An `Unfinished`, as in `discardAsked`."""
    discardAsked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("news")
        self._run: Unfinished | None = None
        self._text = ElidedLabel()
        self.resume = QPushButton("Resume")
        self.resume.setToolTip("Go on with the epoch after the last one that is done")
        self.resume.clicked.connect(lambda: self.resumeAsked.emit(self._run))
        self.discard = QPushButton("Discard…")
        self.discard.setToolTip("Delete what this training has done")
        self.discard.clicked.connect(lambda: self.discardAsked.emit(self._run))
        self.later = QPushButton("Later")
        self.later.setToolTip("It stays under Runs")
        self.later.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 6, 6)
        row.setSpacing(8)
        row.addWidget(self._text, 1)
        for button in (self.resume, self.discard, self.later):
            row.addWidget(button)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def offer(self, run: Unfinished, others: int = 0) -> None:
        """Offer this one of several."""
        self._run = run
        text = in_words(run)
        if others:
            text += f" {others} more {'is' if others == 1 else 'are'} under Runs."
        self._text.setText(text)
        self._text.setToolTip(tooltip.plain(f"{run.project.backbone.name}, {run.folder}"))
        self.setAccessibleName(text)
        self.show()


def in_words(run: Unfinished) -> str:
    name = run.project.pictures.source.stem
    if not run.epochs_done:
        return f"A training of {name} was interrupted before its first epoch ended."
    return f"A training of {name} was interrupted after {epochs_of(run)}."


def epochs_of(run: Unfinished) -> str:
    """3 of 20 epochs."""
    if not run.epochs_done:
        return "no epoch done"
    return f"{run.epochs_done:,} of {count(run.epochs, 'epoch')}"

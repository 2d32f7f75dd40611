"""What is kept between trainings, in Preferences: how much it is, how much it may be, and an end
to it.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QThread, Signal
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from tlstudio.data import kept_features
from tlstudio.data.kept_features import GB
from tlstudio.paths import features_folder, scans_file
from tlstudio.ui import numbers, questions
from tlstudio.ui.card import label
from tlstudio.ui.fields import Whole

MOST_GB = 100_000
CLEARS = "Deletes all of it; the next training computes what it needs"
IN_USE = "The training that runs needs it; clear it when that has ended"


@dataclass(frozen=True, slots=True)
class Found:
    features: int
    """Bytes."""
    plans: int
    scans: int
    """Bytes."""


class Count(QThread):
    """Counts what is kept, after deleting it where that is wanted: of gigabytes and thousands of
    files. `found` says it when it has finished. Outlives the dialog, and the window waits for it.
    """

    def __init__(self, clear: bool) -> None:
        application = QApplication.instance()
        super().__init__(application)
        self._clear = clear
        self.found = Found(0, 0, 0)
        self.finished.connect(self.deleteLater)
        if application:
            application.aboutToQuit.connect(self.wait)

    def run(self) -> None:
        scans = scans_file()
        if self._clear:
            kept_features.shrink(features_folder(), 0)
            with suppress(OSError):  # in use; it is small, and counts
                scans.unlink(missing_ok=True)
        shards = kept_features.kept(features_folder())
        self.found = Found(
            sum(shard.size for shard in shards),
            len({shard.index.parent for shard in shards}),
            _size(scans),
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it is not there
        return 0


class KeptFeatures(QWidget):
    """`save` the limit when the dialog is accepted."""

    cleared = Signal()

    def __init__(self, training: bool, parent: QWidget | None = None) -> None:
        """While `training` runs, nothing can be cleared: it would compute all of it again."""
        super().__init__(parent)
        self._training = training
        self._cleared = False
        why = label("Outputs of frozen layers, which the next training need not compute.", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Share of the limit that is used")
        self.used = label("Counting…")
        self.clear = QPushButton("Clear")
        self.clear.setAutoDefault(False)
        self.clear.setToolTip(IN_USE if training else CLEARS)
        self.clear.clicked.connect(self._ask_to_clear)
        self.limit = Whole("Most gigabytes to keep", 1, MOST_GB, 5)
        self.limit.setSuffix(" GB")
        self.limit.setValue(max(1, round(kept_features.limit() / GB)))
        self._saved = self.limit.value()
        self.limit.valueChanged.connect(self._show_share)
        self._found = Found(0, 0, 0)
        self._lay_out(why)
        self._count(clear=False)

    def save(self) -> None:
        """Raises JobError when the limit cannot be saved."""
        if self.limit.value() != self._saved:
            kept_features.set_limit(self.limit.value())

    def _lay_out(self, why: QWidget) -> None:
        now = QHBoxLayout()
        now.addWidget(self.used, 1)
        now.addWidget(self.clear)
        most = QHBoxLayout()
        most.setSpacing(8)
        most.addWidget(label("At most"))
        most.addWidget(self.limit)
        most.addWidget(label("then what was used least recently goes", "muted"), 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addWidget(why)
        box.addLayout(now)
        box.addWidget(self.bar)
        box.addLayout(most)

    def _ask_to_clear(self) -> None:
        size = numbers.size(self._found.features + self._found.scans)
        questions.ask_to_clear(self.window(), size, lambda: self._count(clear=True))

    def _count(self, clear: bool) -> None:
        self._cleared = clear
        self.clear.setEnabled(False)
        self.used.setText("Clearing…" if clear else "Counting…")
        self._work = Count(clear)
        self._work.finished.connect(self._counted)
        self._work.start()

    def _counted(self) -> None:
        self._found = found = self._work.found
        size = numbers.size(found.features)
        if not found.features:
            text = "Nothing is kept."
        elif self._cleared:
            text = f"{size} are in use. Clear them when no training runs."
        else:
            text = f"{size} for {numbers.count(found.plans, 'freeze plan')}"
        self.used.setText(text)
        self.used.setToolTip(
            f"In {features_folder()}.\nWhat is known of checked picture files takes "
            f"{numbers.size(found.scans)} more, which does not count."
        )
        self.clear.setEnabled(bool(found.features or found.scans) and not self._training)
        self._show_share()
        if self._cleared:
            self.cleared.emit()

    def _show_share(self) -> None:
        share = self._found.features / (self.limit.value() * GB)
        self.bar.setValue(min(1000, round(1000 * share)))

"""Pictures in, answers out: where to drop, choose or paste, and what the model said."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTemporaryDir, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from tlstudio.events import Prediction
from tlstudio.predictions_csv import predictions_csv
from tlstudio.ui.card import Card, label
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.prediction_strip import PredictionStrip

KINDS = "*.png *.jpg *.jpeg *.webp *.bmp *.gif *.tif *.tiff"


class PredictPanel(Card):
    """Asks with `predictRequested`; whoever answers calls `add_pending` and `show_prediction`."""

    predictRequested = Signal(list)
    """list[Path]: files, and folders that stand for the files in them."""
    cleared = Signal()
    """A person emptied the row, and wants none of what still waits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setAccessibleName("Predict")
        self._pasted = QTemporaryDir()
        self._paste_count = 0
        self.words = label("Drop pictures anywhere\nto see what the model says", "muted")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.choose_button = _link("Choose…", "Choose pictures from a folder")
        self.choose_button.clicked.connect(self._choose)
        self.paste_button = _link("Paste", "Paste a picture or files (Ctrl+V)")
        self.paste_button.clicked.connect(self.paste)
        self.clear_button = _link("Clear", "Remove all pictures from this row")
        self.clear_button.clicked.connect(self._clear)
        self.copy_button = _link("Copy CSV", "Copy all answers as a table")
        self.copy_button.clicked.connect(self.copy_csv)
        self.answering = ElidedLabel("muted")
        self.strip = PredictionStrip()
        self._empty = label("", "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.strip)
        self._stack.setFixedHeight(self.strip.height())

        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self._drop_zone())
        right = QVBoxLayout()
        right.setSpacing(2)
        right.addWidget(self._stack, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.answering, 1)
        foot.addWidget(self.copy_button)
        foot.addWidget(self.clear_button)
        right.addLayout(foot)
        row.addLayout(right, 1)
        self.body.addLayout(row)
        self.set_enabled_with("Train a model first", enabled=False)
        self.clear()

    def set_enabled_with(self, text: str, enabled: bool = True) -> None:
        """Say who answers (`text` names the run), or why nobody can (`enabled` False)."""
        self._can_ask = enabled
        self.choose_button.setEnabled(enabled)
        self.paste_button.setEnabled(enabled)
        self.answering.setText(text if enabled else "")
        self._empty.setText("The answers appear here" if enabled else text)

    def add_pending(self, paths: Sequence[Path]) -> None:
        """Show the files at once, waiting. Folders wait for the answers to name their files."""
        files = [str(path) for path in paths if not path.is_dir()]
        if files:
            self.strip.ask(files)
        self._show_strip()

    def show_prediction(self, prediction: Prediction) -> None:
        self.strip.answers.answer(prediction)
        self._show_strip()

    def clear(self) -> None:
        self.strip.answers.clear()
        self._show_strip()

    def _clear(self) -> None:
        self.clear()
        self.cleared.emit()

    def paste(self) -> bool:
        """Ask about the clipboard's files or picture; says whether there was one."""
        mime = QGuiApplication.clipboard().mimeData()
        paths = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
        if not paths and mime.hasImage():
            paths = self._save_pasted()
        if not paths:
            self.answering.setText("There is no picture on the clipboard.")
            return False
        if self._can_ask:
            self.predictRequested.emit(paths)
        return self._can_ask

    def copy_csv(self) -> None:
        """Copy the answers as the command line writes them."""
        QGuiApplication.clipboard().setText(predictions_csv(self.strip.answers.predictions))

    def _save_pasted(self) -> list[Path]:
        self._paste_count += 1
        path = Path(self._pasted.filePath(f"pasted {self._paste_count}.png"))
        return [path] if QGuiApplication.clipboard().image().save(str(path)) else []

    def _choose(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(
            self, "Choose pictures", "", f"Pictures ({KINDS});;All files (*)"
        )
        if chosen:
            self.predictRequested.emit([Path(name) for name in chosen])

    def _show_strip(self) -> None:
        filled = self.strip.answers.rowCount() > 0
        self._stack.setCurrentIndex(1 if filled else 0)
        self.clear_button.setVisible(filled)
        self.copy_button.setVisible(filled)

    def _drop_zone(self) -> QFrame:
        zone = QFrame()
        zone.setObjectName("drop")
        zone.setFixedWidth(200)
        links = QHBoxLayout()
        links.setSpacing(4)
        links.addStretch(1)
        links.addWidget(self.choose_button)
        links.addWidget(self.paste_button)
        links.addStretch(1)
        layout = QVBoxLayout(zone)
        layout.setContentsMargins(8, 8, 8, 6)
        layout.setSpacing(4)
        layout.addStretch(1)
        layout.addWidget(self.words)
        layout.addLayout(links)
        layout.addStretch(1)
        return zone


def _link(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName("link")
    button.setToolTip(tip)
    return button

"""Preferences: where training runs, where runs are saved, and what is kept between them."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from tlstudio.errors import JobError
from tlstudio.ui.card import label
from tlstudio.ui.kept_features import KeptFeatures


class PreferencesDialog(QDialog):
    """Read `train_in_window` and `runs_folder` when it was accepted."""

    def __init__(
        self,
        train_in_window: bool,
        runs_folder: Path,
        training: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """`training` says whether a training runs now."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Preferences")
        self.setMinimumWidth(480)
        self.own_process = QRadioButton("In a process of its own")
        self.in_window = QRadioButton("In the window's process")
        self.own_process.setChecked(not train_in_window)
        self.in_window.setChecked(train_in_window)
        self.folder = QLineEdit(str(runs_folder))
        self.folder.setAccessibleName("Folder of the runs")
        choose = QPushButton("Choose…")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose)
        self.kept = KeptFeatures(training)
        self.problem = label("", "error")
        self.problem.setWordWrap(True)
        self.problem.hide()
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)

        folder = QHBoxLayout()
        folder.addWidget(self.folder, 1)
        folder.addWidget(choose)
        box = QVBoxLayout(self)
        box.setContentsMargins(20, 18, 20, 16)
        box.setSpacing(8)
        box.addWidget(label("Training runs", "title"))
        box.addWidget(self.own_process)
        box.addWidget(_indented("The window stays quick, and survives if training does not."))
        box.addWidget(self.in_window)
        box.addWidget(_indented("For machines with little memory; the window may stall at times."))
        box.addSpacing(10)
        box.addWidget(label("Runs are saved in", "title"))
        box.addLayout(folder)
        box.addSpacing(10)
        box.addWidget(label("Kept between trainings", "title"))
        box.addWidget(self.kept)
        box.addWidget(self.problem)
        box.addSpacing(10)
        box.addWidget(buttons)

    @property
    def train_in_window(self) -> bool:
        return self.in_window.isChecked()

    @property
    def runs_folder(self) -> Path:
        return Path(self.folder.text()).expanduser()

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Save runs in", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _accept(self) -> None:
        folder = self.runs_folder
        if not self.folder.text().strip() or not folder.is_absolute() or folder.is_file():
            self._refuse("This is not a folder. Choose one, or type its whole path.")
            return
        try:
            self.kept.save()
        except JobError as error:
            self._refuse(f"{error.message} {error.hint}")
            return
        self.accept()

    def _refuse(self, why: str) -> None:
        self.problem.setText(why)
        self.problem.show()
        self.adjustSize()


def _indented(text: str) -> QWidget:
    words = label(text, "muted")
    words.setIndent(24)
    words.setWordWrap(True)
    return words

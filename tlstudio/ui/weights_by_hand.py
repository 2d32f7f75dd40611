"""Where ImageNet weights come from and where they belong, for a machine without a network."""

from PySide6.QtCore import QEvent, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from tlstudio.model import catalog
from tlstudio.model.catalog import BackboneFacts
from tlstudio.project.spec import Backbone
from tlstudio.ui.card import label
from tlstudio.ui.weights_check import stamp

WIDTH = 760


class WeightsByHand(QDialog):
    """Looks whether the file is there whenever a person comes back to it."""

    def __init__(
        self,
        facts: BackboneFacts,
        spec: Backbone,
        parent: QWidget | None = None,
        damaged: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Weights of {facts.label} by hand")
        self.setMinimumWidth(WIDTH)
        self.path = catalog.weights_file(facts, spec)
        self._damaged = stamp(self.path) if damaged else None
        self.address = _shown("Address of the weights", catalog.weights_address(facts, spec))
        self.folder = _shown("Folder of the weights", str(self.path.parent))
        self.name = _shown("Name of the file", self.path.name)
        self.state = label("", "muted")
        self.state.setWordWrap(True)
        self.open_address = _button("Open", "Opens the address in the browser")
        self.open_address.clicked.connect(self._open_address)
        self.open_folder = _button("Open", "Opens the folder, and makes it where there is none")
        self.open_folder.clicked.connect(self._open_folder)
        self._lay_out()
        self._look()

    def _lay_out(self) -> None:
        told = label(
            "Download the file on a machine with a network, bring it here, and put it into the "
            "folder under exactly this name."
        )
        told.setWordWrap(True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        rows = (
            ("Address", self.address, self.open_address),
            ("Folder", self.folder, self.open_folder),
            ("Name there", self.name, None),
        )
        for row, (text, field, opens) in enumerate(rows):
            words = label(text, "muted")
            words.setBuddy(field)
            copy = _button("Copy", f"Copies it: {text.lower()}")
            copy.clicked.connect(
                lambda _=False, shown=field: QGuiApplication.clipboard().setText(shown.text())
            )
            grid.addWidget(words, row, 0)
            grid.addWidget(field, row, 1)
            grid.addWidget(copy, row, 2)
            if opens:
                grid.addWidget(opens, row, 3)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(20, 18, 20, 16)
        box.setSpacing(10)
        box.addWidget(told)
        box.addLayout(grid)
        box.addWidget(self.state)
        box.addWidget(buttons)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self._look()
        super().changeEvent(event)

    def _look(self) -> None:
        there = stamp(self.path)
        if there and there == self._damaged:
            self.state.setText("The file that is there is damaged; put a sound one in its place.")
        else:
            self.state.setText("The file is there." if there else "The file is not there yet.")

    def _open_address(self) -> None:
        if not QDesktopServices.openUrl(QUrl(self.address.text())):
            self.state.setText("No browser could be opened. Copy the address.")

    def _open_folder(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.state.setText(f"The folder could not be made ({error.strerror}).")
            return
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.state.setText("No file manager could be opened. Copy the folder's path.")


def _shown(name: str, text: str) -> QLineEdit:
    """To be read, selected and copied."""
    made = QLineEdit(text)
    made.setReadOnly(True)
    made.setAccessibleName(name)
    made.setToolTip(text)
    made.setCursorPosition(0)
    return made


def _button(text: str, tip: str) -> QPushButton:
    made = QPushButton(text)
    made.setAutoDefault(False)
    made.setToolTip(tip)
    return made

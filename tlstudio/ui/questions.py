"""The two questions a closing window asks. They do not block: the answers are calls."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget


def ask_to_stop(window: QWidget, stop: Callable[[], object]) -> None:
    """Whether to end the training that runs."""
    box = _question(window, "A training is running", "Stop and keep the best epoch?")
    box.setInformativeText("The window closes when the run is saved.")
    yes = box.addButton("Stop and close", QMessageBox.ButtonRole.AcceptRole)
    box.setDefaultButton(box.addButton("Go on training", QMessageBox.ButtonRole.RejectRole))
    yes.clicked.connect(stop)
    box.open()


def ask_to_save(window: QWidget, save: Callable[[], object], discard: Callable[[], object]) -> None:
    """Whether to save the project's changes."""
    buttons = QMessageBox.StandardButton
    box = _question(window, "Unsaved changes", "Save the changes to the project?")
    box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
    box.button(buttons.Save).clicked.connect(save)
    box.button(buttons.Discard).clicked.connect(discard)
    box.open()


def _question(window: QWidget, title: str, text: str) -> QMessageBox:
    box = QMessageBox(window)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    box.setText(text)
    return box

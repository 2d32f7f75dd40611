"""The questions before something is lost. They do not block: the answers are calls."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget


def ask_to_stop(window: QWidget, stop: Callable[[], object]) -> None:
    """Whether to end the training that runs."""
    box = _question(window, "A training is running", "Stop the training and close?")
    box.setInformativeText("Its best epoch so far is saved before the window closes.")
    yes = box.addButton("Stop and close", QMessageBox.ButtonRole.AcceptRole)
    _open(box, yes, stop, "Go on training")


def ask_to_end_at_once(window: QWidget, end: Callable[[], object]) -> None:
    """Whether to wait no longer for a training that has been stopped."""
    box = _question(window, "The run is being saved", "Close without waiting for the run?")
    box.setInformativeText("What is not saved yet is lost.")
    yes = box.addButton("Close now", QMessageBox.ButtonRole.DestructiveRole)
    _open(box, yes, end, "Wait")


def ask_to_discard(window: QWidget, name: str, discard: Callable[[], object]) -> None:
    """Whether to delete an unfinished training of something called `name`."""
    box = _question(window, "Discard the training", f"Delete the unfinished training of {name}?")
    box.setInformativeText("Its epochs so far are lost. Your pictures are not touched.")
    yes = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
    _open(box, yes, discard, "Keep")


def ask_to_clear(window: QWidget, size: str, clear: Callable[[], object]) -> None:
    """Whether to delete what is kept between trainings, `size` of it in words."""
    box = _question(window, "Clear what is kept", f"Delete the {size} that are kept?")
    box.setInformativeText("This cannot be undone. The next training computes anew what it needs.")
    yes = box.addButton("Clear", QMessageBox.ButtonRole.DestructiveRole)
    _open(box, yes, clear, "Keep")


def ask_to_save(window: QWidget, save: Callable[[], object], discard: Callable[[], object]) -> None:
    """Whether to save the project's changes."""
    buttons = QMessageBox.StandardButton
    box = _question(window, "Unsaved changes", "Save the changes to the project?")
    box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
    box.button(buttons.Save).clicked.connect(save)
    box.button(buttons.Discard).clicked.connect(discard)
    box.open()


def _open(box: QMessageBox, yes: QPushButton, then: Callable[[], object], no: str) -> None:
    """Ask; the answer that changes nothing is the default."""
    box.setDefaultButton(box.addButton(no, QMessageBox.ButtonRole.RejectRole))
    yes.clicked.connect(then)
    box.open()


def _question(window: QWidget, title: str, text: str) -> QMessageBox:
    box = QMessageBox(window)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    # Names of folders may look like markup.
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    return box

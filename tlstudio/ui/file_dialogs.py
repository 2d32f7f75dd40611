"""File dialogs that do not block: what was chosen comes in a call."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

Then = Callable[[Path], object]


def ask_for_folder(parent: QWidget, title: str, start: str, then: Then) -> None:
    _open(parent, title, start, then).setFileMode(QFileDialog.FileMode.Directory)


def ask_for_file(parent: QWidget, title: str, start: str, kind: str, then: Then) -> None:
    """`kind` is a name filter such as `Project (*.tlstudio)`."""
    dialog = _open(parent, title, start, then)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter(kind)


def ask_where_to_save(parent: QWidget, title: str, name: str, kind: str, then: Then) -> None:
    """`name` is proposed; its suffix is added to a name without one before the dialog asks
    whether to write over a file.
    """
    dialog = _open(parent, title, "", then)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilter(kind)
    dialog.setDefaultSuffix(Path(name).suffix.lstrip("."))
    dialog.selectFile(name)


def _open(parent: QWidget, title: str, start: str, then: Then) -> QFileDialog:
    dialog = QFileDialog(parent, title, start)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda name: then(Path(name)))
    dialog.open()
    return dialog

"""Saving a copy of a model where a person wants it, off the GUI thread."""

import shutil
from pathlib import Path

from PySide6.QtCore import QObject, QThread

from tlstudio.errors import JobError, TlstudioError
from tlstudio.paths import written_whole


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that it is there whole or not at all.

    Raises JobError when the source cannot be read, the disk is full or the folder cannot be
    written.
    """
    try:
        content = source.open("rb")
    except OSError as error:
        raise JobError(
            f"{source} could not be read ({error.strerror or error}).",
            "Check that the run is still there and that its disk is connected, or train again.",
        ) from error
    with content, written_whole(target) as temporary, temporary.open("wb") as copy:
        shutil.copyfileobj(content, copy, 1 << 20)


class ModelCopy(QThread):
    """Copies a model; `problem` says afterwards what went wrong, None if nothing did."""

    def __init__(self, source: Path, target: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self.target = target
        self.problem: TlstudioError | None = None

    def run(self) -> None:
        try:
            copy_whole(self._source, self.target)
        except TlstudioError as error:
            self.problem = error

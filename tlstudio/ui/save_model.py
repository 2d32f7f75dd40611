"""Saving a copy of a model where a person wants it, off the GUI thread."""

import os
import shutil
import tempfile
from pathlib import Path

from PySide6.QtCore import QObject, QThread

from tlstudio.errors import TlstudioError
from tlstudio.paths import write_error


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that it is there whole or not at all.

    Raises JobError when the disk is full, the source is gone or the folder cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as out, source.open("rb") as content:
                shutil.copyfileobj(content, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
            temporary.chmod(0o644)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        failed = source if isinstance(error, FileNotFoundError) else target
        raise write_error(failed, error) from error


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

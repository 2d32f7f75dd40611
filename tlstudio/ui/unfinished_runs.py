"""The unfinished runs of the runs folder, looked for off the GUI thread: it may hold hundreds."""

from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from tlstudio.project import unfinished
from tlstudio.project.unfinished import Unfinished


class UnfinishedRuns(QObject):
    """`close` must be called before it goes; it waits for a search that runs."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runs: tuple[Unfinished, ...] = ()
        """As of the last search, the latest first."""
        self._search: _Search | None = None
        self._again: Path | None = None

    def look(self, runs_folder: Path) -> None:
        """Begin to search a folder; `changed` says when that is done."""
        if self._search:
            self._again = runs_folder
            return
        self._search = _Search(runs_folder, self)
        self._search.finished.connect(self._searched)
        self._search.start()

    def discard(self, run: Unfinished) -> None:
        """Delete a run. Raises TlstudioError where it is finished or goes on, and JobError."""
        unfinished.discard(run.folder)
        self.runs = tuple(other for other in self.runs if other != run)
        self.changed.emit()

    def close(self) -> None:
        self._again = None
        if self._search:
            self._search.wait()

    def _searched(self) -> None:
        search, self._search = self._search, None
        if search is None:
            return
        # `finished` comes before the end; deleting a thread that still ends would block.
        search.wait()
        search.deleteLater()
        again, self._again = self._again, None
        if again:
            self.look(again)
            return
        self.runs = search.found
        self.changed.emit()


class _Search(QThread):
    def __init__(self, runs_folder: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._runs_folder = runs_folder
        self.found: tuple[Unfinished, ...] = ()

    def run(self) -> None:
        self.found = tuple(unfinished.unfinished_runs(self._runs_folder))

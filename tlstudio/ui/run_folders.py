"""The folders that the window saves its runs in."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tlstudio.errors import TlstudioError
from tlstudio.events import Evaluation
from tlstudio.project import runs

RECENT = 8


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run that can predict; `accuracy` (0 to 1) is None where it was cut off before its end."""

    folder: Path
    backbone: str
    accuracy: float | None

    @property
    def summary(self) -> str:
        result = "not finished" if self.accuracy is None else f"{self.accuracy * 100:.1f} %"
        return f"{self.folder.name}   {self.backbone}, {result}"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a run has for the window; `problem` says why something is missing."""

    model: Path | None
    """The run itself, where it can predict."""
    evaluation: Evaluation | None = None
    problem: TlstudioError | None = None


def open_run(run: Path) -> Opened:
    if not (run / runs.MODEL).exists():
        problem = TlstudioError(
            "This run was cut off before a model was saved.",
            "Its settings are open: resume it, or press Train to begin anew.",
        )
        return Opened(None, problem=problem)
    if not (run / runs.METRICS).exists():
        problem = TlstudioError(
            "This run was cut off before its end, so it has no results.",
            "Its best epoch so far predicts; resume it for the rest.",
        )
        return Opened(run, problem=problem)
    try:
        return Opened(run, runs.read_evaluation(run))
    except TlstudioError as error:
        return Opened(run, problem=error)


def recent(where: Path) -> list[SavedRun]:
    """The newest runs with a model, newest first: their names begin with the time."""
    if not where.is_dir():
        return []
    with_model = [path for path in where.iterdir() if (path / runs.MODEL).is_file()]
    newest = sorted(with_model, key=lambda path: path.name, reverse=True)
    readable = (run for path in newest if (run := _read(path)))
    return list(islice(readable, RECENT))


def _read(folder: Path) -> SavedRun | None:
    """None for what is no run, or one that cannot be opened."""
    try:
        backbone = runs.read_run(folder).project.backbone.name
        finished = (folder / runs.METRICS).exists()
        accuracy = runs.read_evaluation(folder).accuracy if finished else None
    except TlstudioError:
        return None
    return SavedRun(folder, backbone, accuracy)

"""Run folders: one training on disk, written so that a kill leaves whole files only."""

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from tlstudio.errors import TlstudioError
from tlstudio.events import Epoch, Evaluation, Event, Picture, Warned, to_json
from tlstudio.paths import legible, write_error, write_whole
from tlstudio.project.spec import Project
from tlstudio.project.store import parse_project, read_document

Recorded = TypeVar("Recorded", Epoch, Warned)

FORMAT = "tlstudio run"
VERSION = 1
RUN = "run.json"
EVENTS = "events.jsonl"
HISTORY = "history.csv"
METRICS = "metrics.json"
LABELS = "labels.txt"
PICTURES = "pictures.csv"
MODEL = "model.keras"
CHECKPOINT = "checkpoint.npz"

DAMAGED = (ValueError, AttributeError, TypeError, KeyError, RecursionError)
"""What reading a damaged event raises."""

LEFTOVER = re.compile(r"\.[0-9a-f]{32}")

HISTORY_COLUMNS = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "phase",
    "seconds",
)


@dataclass(frozen=True, slots=True)
class Run:
    """What `run.json` and `labels.txt` say. `classes` is the model's output order."""

    folder: Path
    project: Project
    classes: tuple[str, ...]

    @property
    def model(self) -> Path:
        return self.folder / MODEL


class RunWriter:
    """Writes a run folder as the training goes on."""

    def __init__(self, folder: Path, resumed: bool = False) -> None:
        """Make the folder, or go on with one that is there where `resumed`. Raises TlstudioError
        when something is in a new one already.
        """
        self.folder = folder
        self._resumed = resumed
        self._epochs: list[Epoch] = []
        self._unwritten: list[str] = []
        self._recorded_bytes = 0
        self._history_is_short = False
        if legible(str(folder)) != str(folder):
            raise TlstudioError(
                f"The folder name “{legible(str(folder))}” has characters that cannot be read.",
                "Choose a folder with another name for the run.",
            )
        try:
            self._made_folder = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            taken = any(folder.iterdir())
        except FileExistsError:
            raise TlstudioError(
                f"{folder} is a file, so no run can be saved there.", "Choose another folder."
            ) from None
        except OSError as error:
            raise write_error(folder, error) from error
        if resumed:
            self._delete_leftovers()
        elif taken:
            raise TlstudioError(
                f"{folder} is not empty.", "Choose a new or empty folder for the run."
            )

    def _delete_leftovers(self) -> None:
        """What a kill left of files that were being written."""
        for path in self.folder.glob(".*"):
            if LEFTOVER.fullmatch(path.stem):
                path.unlink(missing_ok=True)

    @contextmanager
    def discarded_if_unused(self) -> Iterator[None]:
        """Within, a failure before the first epoch is recorded leaves nothing behind."""
        try:
            yield
        except BaseException:
            if not self._epochs and not self._resumed:
                with suppress(OSError):  # the failure is what matters
                    self._discard()
            raise

    def _discard(self) -> None:
        for name in (PICTURES, LABELS, RUN, EVENTS):
            (self.folder / name).unlink(missing_ok=True)
        if self._made_folder:
            self.folder.rmdir()

    def begin(self, project: Project, versions: dict[str, str]) -> None:
        """Write what is trained, so that a kill before the pictures are known loses nothing."""
        self._describe(project, versions, {})

    def start(
        self,
        project: Project,
        classes: Sequence[str],
        train: Sequence[Picture],
        val: Sequence[Picture],
        versions: dict[str, str],
        skipped: int = 0,
    ) -> None:
        """Write what the run is, before its first epoch. `skipped` counts the files that were
        meant as pictures and cannot be used.
        """
        rows = [(p.path, p.label, "train") for p in train] + [(p.path, p.label, "val") for p in val]
        self._write(LABELS, "".join(f"{name}\n" for name in classes))
        data = {
            "fingerprint": fingerprint([*train, *val]),
            "pictures": len(rows),
            "skipped": skipped,
        }
        self._describe(project, versions, data)
        # Last, since a run that has it goes on with what is written here.
        self._write(PICTURES, _csv_text(("path", "label", "split"), rows))

    def _describe(self, project: Project, versions: dict[str, str], data: dict[str, Any]) -> None:
        document = {
            "format": FORMAT,
            "version": VERSION,
            "project": project.model_dump(mode="json"),
            "versions": versions,
            "data": data,
            "seed": project.training.seed,
        }
        self._write(RUN, json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    def record(self, *events: Event) -> None:
        """Append events to `events.jsonl`, and epochs to `history.csv` as well; the first call
        begins both anew.

        Raises JobError when that fails; the next call then tries again for both, after cutting
        off what a full disk may have let through of a line.
        """
        path = self.folder / EVENTS
        for event in events:
            self._unwritten.append(json.dumps(to_json(event), ensure_ascii=False) + "\n")
            if isinstance(event, Epoch):
                self._epochs.append(event)
                self._history_is_short = True
        lines = "".join(self._unwritten).encode("utf-8")
        if not self._recorded_bytes:
            write_whole(path, lines)
        else:
            self._append(path, lines)
        self._recorded_bytes += len(lines)
        self._unwritten.clear()
        if self._history_is_short:
            rows = [[getattr(epoch, name) for name in HISTORY_COLUMNS] for epoch in self._epochs]
            self._write(HISTORY, _csv_text(HISTORY_COLUMNS, rows))
            self._history_is_short = False

    def _append(self, path: Path, lines: bytes) -> None:
        try:
            with path.open("ab") as stream:
                stream.truncate(self._recorded_bytes)
                stream.write(lines)
        except OSError as error:
            raise write_error(path, error) from error

    def finish(self, evaluation: Evaluation, best_epoch: int) -> None:
        """Write how good the saved model is."""
        metrics = asdict(evaluation) | {"best_epoch": best_epoch, "epochs": len(self._epochs)}
        self._write(METRICS, json.dumps(metrics, indent=1, ensure_ascii=False) + "\n")

    def _write(self, name: str, text: str) -> None:
        write_whole(self.folder / name, text)


def new_run_folder(parent: Path, name: str) -> Path:
    """A folder that does not exist yet for a run of something called `name`."""
    stamp = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
    safe = "".join(c if c.isalnum() or c in " -_." else "_" for c in name).strip(" .") or "run"
    first = parent / f"{stamp} {safe}"
    numbered = (parent / f"{stamp} {safe} {number}" for number in count(2))
    return next(folder for folder in chain([first], numbered) if not folder.exists())


def read_run(folder: Path) -> Run:
    """Read a run. Raises TlstudioError when it is missing, damaged or from a newer version."""
    project = read_project(folder)
    try:
        lines = (folder / LABELS).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        raise _incomplete(folder, LABELS) from error
    # Not `splitlines`, which splits at characters that a class name may have.
    classes = tuple(lines.split("\n"))
    if len(classes) < 2 or not all(classes):
        raise _incomplete(folder, LABELS)
    return Run(folder, project, classes)


def read_project(folder: Path) -> Project:
    """What a run trains. Raises TlstudioError as `read_run` does."""
    if not os.path.isfile(folder / RUN):  # noqa: PTH113  (says no where `stat` refuses)
        raise TlstudioError(
            f"{folder} is not a run: it has no {RUN}.",
            "Choose a folder that `tlstudio train` or the window has saved.",
        )
    document = read_document(folder / RUN, FORMAT, VERSION)
    return parse_project(document["project"], folder / RUN)


def read_skipped(folder: Path) -> int:
    """How many files of a run's source could not be used. Raises TlstudioError."""
    try:
        return int(read_document(folder / RUN, FORMAT, VERSION)["data"]["skipped"])
    except (KeyError, TypeError, ValueError) as error:
        raise _incomplete(folder, RUN) from error


def read_evaluation(folder: Path) -> Evaluation:
    """The validation figures of a finished run. Raises TlstudioError when they are not there."""
    names = set(Evaluation.__dataclass_fields__) - {"event"}
    try:
        metrics: dict[str, Any] = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        known = {name: value for name, value in metrics.items() if name in names}
        return TypeAdapter(Evaluation).validate_python(known)
    except (OSError, ValueError, AttributeError, ValidationError) as error:
        raise _incomplete(folder, METRICS) from error


def read_history(folder: Path) -> list[Epoch]:
    """The epochs of a run, from its events. Raises TlstudioError when they cannot be read."""
    try:
        return _events_of(Epoch, _lines(folder))
    except (OSError, *DAMAGED) as error:
        raise _incomplete(folder, EVENTS) from error


def read_warnings(folder: Path) -> list[Warned]:
    """The warnings among a run's events, as far as these can be read."""
    return _readable(folder, Warned)


def read_last_epoch(folder: Path) -> Epoch | None:
    """The last epoch among a run's events that can be read."""
    epochs = _readable(folder, Epoch)
    return epochs[-1] if epochs else None


def _readable(folder: Path, kind: type[Recorded]) -> list[Recorded]:
    """The events of one kind, without those that are damaged."""
    found: list[Recorded] = []
    with suppress(OSError):
        for line in _lines(folder):
            with suppress(*DAMAGED):
                found += _events_of(kind, [line])
    return found


def _lines(folder: Path) -> list[bytes]:
    """A last line without its end was being written when the disk was full or the training killed.
    Raises OSError.
    """
    return (folder / EVENTS).read_bytes().split(b"\n")[:-1]


def _events_of(kind: type[Recorded], lines: Sequence[bytes]) -> list[Recorded]:
    """Raises one of DAMAGED."""
    events = [json.loads(line) for line in lines]
    wanted = [event for event in events if event.pop("event") == kind.event]
    return TypeAdapter(list[kind]).validate_python(wanted)  # type: ignore[valid-type]


def read_pictures(folder: Path, split: str) -> list[Picture]:
    """The pictures that a run trained on (`train`) or was validated with (`val`)."""
    try:
        with (folder / PICTURES).open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
        if reader.fieldnames != ["path", "label", "split"]:
            raise _incomplete(folder, PICTURES)
        return [Picture(**row) for row in rows if row["split"] == split]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _incomplete(folder, PICTURES) from error


def fingerprint(pictures: Sequence[Picture]) -> str:
    """A SHA-256 over labels, file names and sizes: changes when the set of pictures does."""
    digest = hashlib.sha256()
    for picture in sorted(pictures, key=lambda picture: picture.path):
        # Not through Path, which keeps each part of a name for ever.
        name = os.path.basename(picture.path)  # noqa: PTH119
        size = os.path.getsize(picture.path) if os.path.isfile(picture.path) else -1  # noqa: PTH113, PTH202
        digest.update(f"{picture.label}\0{name}\0{size}\n".encode())
    return digest.hexdigest()


def _csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return stream.getvalue()


def _incomplete(folder: Path, name: str) -> TlstudioError:
    return TlstudioError(
        f"The run {folder} is damaged: its {name} is missing or cannot be read.",
        "Train again, or copy the run anew from where it came.",
    )

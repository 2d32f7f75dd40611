"""The folders that the window saves its runs in."""

from datetime import datetime
from pathlib import Path

from tlstudio.project import runs

RECENT = 8


def new_folder(where: Path, source: Path) -> Path:
    """A folder that does not exist yet, named by the time and by what is trained on."""
    name = f"{datetime.now():%Y-%m-%d %H.%M.%S} {source.stem}"
    folder, number = where / name, 2
    while folder.exists():
        folder = where / f"{name} {number}"
        number += 1
    return folder


def recent(where: Path) -> list[Path]:
    """The newest finished runs, newest first: their names begin with the time."""
    if not where.is_dir():
        return []
    finished = [path for path in where.iterdir() if (path / runs.MODEL).is_file()]
    return sorted(finished, key=lambda path: path.name, reverse=True)[:RECENT]

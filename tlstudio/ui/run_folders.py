"""The folders that the window saves its runs in."""

from pathlib import Path

from tlstudio.project import runs

RECENT = 8


def recent(where: Path) -> list[Path]:
    """The newest finished runs, newest first: their names begin with the time."""
    if not where.is_dir():
        return []
    finished = [path for path in where.iterdir() if (path / runs.MODEL).is_file()]
    return sorted(finished, key=lambda path: path.name, reverse=True)[:RECENT]

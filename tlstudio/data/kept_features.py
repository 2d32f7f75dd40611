"""What frozen layers said of pictures, kept as files between trainings: how much that is, how
much it may be, and what goes when it is more. Their content is `training.feature_cache`'s.

Each frozen part has a folder. In it are shards: a file of rows, and beside it an index that is
written last, so that rows without one were never finished.
"""

import json
import math
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tlstudio.paths import feature_limit_file, write_whole

INDEX, ROWS = ".json", ".rows"
GB = 10**9
DEFAULT_LIMIT = 10 * GB
ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Kept:
    """A shard."""

    index: Path
    used: float
    """Seconds since the epoch."""
    size: int
    """Bytes."""


def kept(root: Path) -> list[Kept]:
    """All finished shards below `root`, the least recently used first."""
    return sorted(_kept(root), key=lambda shard: shard.used)


def shrink(root: Path, limit: int, spare: AbstractSet[Path] = frozenset()) -> int:
    """Delete the least recently used shards until all take at most `limit` bytes; those whose
    indices are in `spare` stay. Returns the bytes that are left.

    A training that has opened a shard can go on reading it, but on Windows, where files in use
    stay.
    """
    _delete_unfinished(root)
    shards = kept(root)
    size = sum(shard.size for shard in shards)
    for shard in shards:
        if size <= limit:
            break
        if shard.index not in spare and delete_shard(shard.index):
            size -= shard.size
    for folder in root.glob("*/"):
        with suppress(OSError):  # it is not empty
            folder.rmdir()
    return size


def delete_shard(index: Path) -> bool:
    """False while it is in use."""
    try:
        # Rows first: where they are in use, and stay, they are not forgotten.
        for suffix in (ROWS, INDEX):
            index.with_suffix(suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def limit() -> int:
    """How many bytes may be kept; what is usual where nobody has said or the file is damaged."""
    try:
        gigabytes = float(json.loads(feature_limit_file().read_bytes())["gigabytes"])
        if math.isfinite(gigabytes) and gigabytes > 0:
            return round(gigabytes * GB)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return DEFAULT_LIMIT


def set_limit(gigabytes: float) -> None:
    """For all trainings from now on. Raises JobError when it cannot be saved."""
    write_whole(feature_limit_file(), json.dumps({"gigabytes": gigabytes}))


def _delete_unfinished(root: Path) -> None:
    """What a killed training left; a day on, no one writes to it any more."""
    for rows in root.glob(f"*/*{ROWS}"):
        index = rows.with_suffix(INDEX)
        with suppress(OSError):  # another process has just deleted it
            if not index.exists() and time.time() - rows.stat().st_mtime > ABANDONED_SECONDS:
                rows.unlink()


def _kept(root: Path) -> Iterator[Kept]:
    for index in root.glob(f"*/[!.]*{INDEX}"):
        with suppress(OSError):  # another process has just deleted it
            rows = index.with_suffix(ROWS).stat()
            yield Kept(index, index.stat().st_mtime, rows.st_size)

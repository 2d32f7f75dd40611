"""The feature cache: what frozen prefixes say of pictures, kept on disk between trainings.

Each prefix has a folder, named by a key over all that its output depends on. In it are shards: a
file of rows, one a picture, and beside it an index that names the pictures and is written last,
so that a shard without one was never finished. Shards are never changed, and any number of
processes may read and add them.
"""

import json
import mmap
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from tlstudio.paths import write_error, write_whole

SHARD_BYTES = 1 << 26
INDEX, ROWS = ".json", ".rows"
ABANDONED_SECONDS = 24 * 3600
RESIDENT_BYTES = 1 << 28
"""What may be mapped in before the pages are given back: memory stays flat over any number."""

Rows = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture's row is."""

    shard: int
    row: int


class FeatureCache:
    """The rows of one prefix: `values` numbers of `dtype` (float16 or float32) for a picture."""

    def __init__(self, folder: Path, values: int, dtype: str) -> None:
        self.folder = folder
        self._values = values
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._shards: list[Rows] = []
        self._places: dict[str, Place] = {}
        self._touched = 0
        for index in sorted(folder.glob(f"*{INDEX}")):
            self._open(index)

    def __contains__(self, digest: str) -> bool:
        return digest in self._places

    def read(self, digests: Sequence[str]) -> Rows:
        """Rows of shape (pictures, values). Raises KeyError for a picture that is not there."""
        rows = np.empty((len(digests), self._values), self._dtype)
        for i, digest in enumerate(digests):
            place = self._places[digest]
            rows[i] = self._shards[place.shard][place.row]
        self._touched += rows.nbytes
        if self._touched > RESIDENT_BYTES:
            self._touched = 0
            self._give_back()
        return rows

    def writer(self) -> "ShardWriter":
        return ShardWriter(self)

    def _open(self, index: Path) -> None:
        """Add a shard; one that is damaged is deleted, so that its pictures are computed anew."""
        try:
            described = json.loads(index.read_text(encoding="utf-8"))
            digests, checksum = described["pictures"], described["crc32"]
            path = index.with_suffix(ROWS)
            rows = np.memmap(path, self._dtype, "r", shape=(len(digests), self._values))
            whole = path.stat().st_size == rows.nbytes and zlib.crc32(rows.data) == checksum
        except (OSError, ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            _delete(index)
            return
        # The time of the last use, for what is thrown away first.
        with suppress(OSError):
            os.utime(index)
        number = len(self._shards)
        self._shards.append(rows)
        self._places |= {digest: Place(number, row) for row, digest in enumerate(digests)}

    def _give_back(self) -> None:
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        for rows in self._shards:
            rows._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


class ShardWriter:
    """Adds rows to a cache, shard by shard. What was added is kept also when a job is stopped."""

    def __init__(self, cache: FeatureCache) -> None:
        self._cache = cache
        self._digests: list[str] = []
        self._checksum = 0
        self._path = Path()
        self._stream: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._finish()

    def add(self, digest: str, row: Rows) -> None:
        """Raises JobError when the disk is full; what was added before is kept."""
        content = np.ascontiguousarray(row, self._cache._dtype).tobytes()
        try:
            if self._stream is None:
                self._cache.folder.mkdir(parents=True, exist_ok=True)
                self._path = self._cache.folder / f"{uuid4().hex}{ROWS}"
                self._stream = self._path.open("xb")
            self._stream.write(content)
        except OSError as error:
            raise write_error(self._cache.folder, error) from error
        self._digests.append(digest)
        self._checksum = zlib.crc32(content, self._checksum)
        if len(self._digests) * len(content) >= SHARD_BYTES:
            self._finish()

    def _finish(self) -> None:
        if self._stream is None:
            return
        stream, self._stream = self._stream, None
        digests, self._digests = self._digests, []
        checksum, self._checksum = self._checksum, 0
        index = self._path.with_suffix(INDEX)
        try:
            with stream:
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            _delete(index)
            raise write_error(self._cache.folder, error) from error
        write_whole(index, json.dumps({"pictures": digests, "crc32": checksum}))
        self._cache._open(index)


@dataclass(frozen=True, slots=True)
class Kept:
    """A shard in the cache of all prefixes."""

    index: Path
    used: float
    """Seconds since the epoch."""
    size: int
    """Bytes."""


def kept(root: Path) -> list[Kept]:
    """All finished shards below `root`, the least recently used first."""
    return sorted(_kept(root), key=lambda shard: shard.used)


def shrink(root: Path, limit: int, spare: Path) -> int:
    """Delete the least recently used shards until all take at most `limit` bytes; those in the
    folder `spare` stay. Returns the bytes that are left.
    """
    _delete_unfinished(root)
    shards = kept(root)
    size = sum(shard.size for shard in shards)
    for shard in shards:
        if size <= limit:
            break
        if shard.index.parent != spare and _delete(shard.index):
            size -= shard.size
    return size


def _delete_unfinished(root: Path) -> None:
    """What a killed training left; a day on, no one writes to it any more."""
    for rows in root.glob(f"*/*{ROWS}"):
        index = rows.with_suffix(INDEX)
        with suppress(OSError):  # another process has just deleted it
            if not index.exists() and time.time() - rows.stat().st_mtime > ABANDONED_SECONDS:
                rows.unlink()


def _kept(root: Path) -> Iterator[Kept]:
    for index in root.glob(f"*/*{INDEX}"):
        with suppress(OSError):  # another process has just deleted it
            rows = index.with_suffix(ROWS).stat()
            yield Kept(index, index.stat().st_mtime, rows.st_size)


def _delete(index: Path) -> bool:
    """Index first: without it the rows count as never finished. False while they are in use."""
    try:
        index.unlink(missing_ok=True)
        index.with_suffix(ROWS).unlink(missing_ok=True)
    except OSError:
        return False
    return True

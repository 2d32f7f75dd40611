"""The feature cache: what frozen prefixes say of pictures, kept on disk between trainings.

Each prefix has a folder, named by a key over all that its output depends on. In it are shards: a
file of rows, one a picture, and beside it an index that names the pictures and is written last,
so that a shard without one was never finished. Shards are never changed, and any number of
processes may read and add them.
"""

import json
import mmap
import os
import zlib
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.ahead import run_ahead
from tlstudio.data.kept_features import CHECKED, INDEX, ROWS, delete_shard
from tlstudio.errors import JobError
from tlstudio.events import Event, Progress
from tlstudio.paths import write_error, write_whole

SHARD_BYTES = 1 << 26
RESIDENT_BYTES = 1 << 24
"""What may be read before the pages are given back: memory stays flat over any number. The system
maps in some ten times as much, since it takes the neighbours of each page too.
"""
PIECE_BYTES = 1 << 20
"""Read at once when a shard is checked: a stop is obeyed in between."""

Rows = NDArray[Any]


@dataclass(eq=False, slots=True)
class Shard:
    index: Path
    checksum: int
    rows: Rows
    is_sound: bool
    """Whether it is known to be as it was written."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture's row is."""

    shard: Shard
    row: int


class FeatureCache:
    """The rows of one prefix: `values` numbers of `dtype` (float16 or float32) for a picture.

    Opening it reads no rows. Call `check` before relying on those of an earlier training.
    """

    def __init__(self, folder: Path, values: int, dtype: str) -> None:
        self.folder = folder
        self._values = values
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._shards: list[Shard] = []
        self._places: dict[str, Place] = {}
        self._touched = 0
        for index in sorted(folder.glob(f"*{INDEX}")):
            self._open(index)

    def __contains__(self, digest: str) -> bool:
        return digest in self._places

    def check(self, digests: Sequence[str], control: Control) -> Generator[Event, None, None]:
        """Read the shards of these pictures that have changed since they were last checked, or
        never were; delete the damaged ones, so that their pictures are computed anew.

        Yields `Progress` if there are any, counting pictures. Raises Cancelled.
        """
        wanted = Counter(self._places[digest].shard for digest in digests if digest in self)
        unsure = [shard for shard in wanted if not shard.is_sound]
        done = sum(wanted[shard] for shard in wanted if shard.is_sound)
        with closing(run_ahead(lambda s: _is_whole(s, control), unsure, control)) as results:
            for shard, whole in zip(unsure, results, strict=True):
                if whole:
                    shard.is_sound = True
                    done += wanted[shard]
                else:
                    self._drop(shard)
                yield Progress("extract", done, len(digests))

    def read(self, digests: Sequence[str]) -> Rows:
        """Rows of shape (pictures, values). Raises KeyError for a picture that is not there."""
        rows = np.empty((len(digests), self._values), self._dtype)
        for i, digest in enumerate(digests):
            place = self._places[digest]
            rows[i] = place.shard.rows[place.row]
        self._touched += rows.nbytes
        if self._touched > RESIDENT_BYTES:
            self._touched = 0
            self._give_back()
        return rows

    def writer(self) -> "ShardWriter":
        return ShardWriter(self)

    def _open(self, index: Path, is_sound: bool = False) -> None:
        """Add a shard; one whose files do not fit each other is deleted."""
        path = index.with_suffix(ROWS)
        try:
            described = json.loads(index.read_text(encoding="utf-8"))
            digests, checksum = described["pictures"], described["crc32"]
            rows = np.memmap(path, self._dtype, "r", shape=(len(digests), self._values))
            fits = path.stat().st_size == rows.nbytes
        except (OSError, ValueError, KeyError, TypeError):
            fits = False
        if not fits:
            delete_shard(index)
            return
        # The time of the last use, for what is thrown away first.
        with suppress(OSError):
            os.utime(index)
        shard = Shard(index, checksum, rows, is_sound or _was_whole(path))
        self._shards.append(shard)
        self._places |= {digest: Place(shard, row) for row, digest in enumerate(digests)}

    def _drop(self, shard: Shard) -> None:
        self._shards.remove(shard)
        self._places = {d: place for d, place in self._places.items() if place.shard is not shard}
        delete_shard(shard.index)

    def _give_back(self) -> None:
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        for shard in self._shards:
            shard.rows._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def _is_whole(shard: Shard, control: Control) -> bool:
    """Compare the file with its checksum, and note where it has been found whole. Raises
    Cancelled.
    """
    path, found = shard.index.with_suffix(ROWS), 0
    piece = memoryview(bytearray(PIECE_BYTES))
    try:
        version = _version(path)
        # Not through the map: pages that are read would be resident, and a bad sector deadly.
        with path.open("rb", buffering=0) as stream:
            while size := stream.readinto(piece):
                control.checkpoint()
                found = zlib.crc32(piece[:size], found)
    except OSError:
        return False
    if found != shard.checksum:
        return False
    with suppress(JobError):  # it is checked once more another time
        write_whole(path.with_suffix(CHECKED), version)
    return True


def _was_whole(rows: Path) -> bool:
    """Whether this version of the file has been checked already."""
    try:
        return rows.with_suffix(CHECKED).read_text(encoding="utf-8") == _version(rows)
    except (OSError, ValueError):
        return False


def _version(rows: Path) -> str:
    """Another one once the file is written to."""
    is_now = rows.stat()
    return f"{is_now.st_size} {is_now.st_mtime_ns}"


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
            delete_shard(index)
            raise write_error(self._cache.folder, error) from error
        write_whole(index, json.dumps({"pictures": digests, "crc32": checksum}))
        self._cache._open(index, is_sound=True)

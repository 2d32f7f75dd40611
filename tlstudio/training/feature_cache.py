"""The feature cache: what frozen prefixes say of pictures, kept on disk between trainings.

Each prefix has a folder, named by a key over all that its output depends on. In it are shards: a
file of rows, and beside it an index with the key of each row's version of a picture. It is written
last, so that a shard without one was never finished. Shards are never changed, and any number of
processes may read and add them.
"""

import errno
import json
import mmap
import os
import shutil
import time
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
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
from tlstudio.data.kept_features import INDEX, ROWS, delete_shard
from tlstudio.errors import JobError
from tlstudio.events import Event, Progress
from tlstudio.paths import write_error, write_whole

SHARD_BYTES = 1 << 26
SHARD_SECONDS = 30.0
"""After which a shard is finished however small: so much work is lost at most by a kill."""
SPARED_BYTES = 1 << 28
"""Left free on the disk, for the checkpoints and the model of the training."""
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
    """Where a row is."""

    shard: Shard
    row: int


class FeatureCache:
    """The rows of one prefix: `values` numbers of `dtype` (float16 or float32) for each of these
    keys, as far as they are there.

    Opening it reads no rows. Call `check` before relying on those of an earlier training.
    """

    def __init__(self, folder: Path, values: int, dtype: str, keys: Iterable[str]) -> None:
        self.folder = folder
        self._values = values
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._shards: list[Shard] = []
        # Other trainings may have kept many more, which are no matter of this one.
        self._places: dict[str, Place | None] = dict.fromkeys(keys)
        self._touched = 0
        # A name that begins with a dot is of a file that another process is writing.
        for index in sorted(folder.glob(f"[!.]*{INDEX}")):
            self._open(index)

    def __contains__(self, key: str) -> bool:
        return self._places.get(key) is not None

    def check(self, control: Control) -> Generator[Event, None, None]:
        """Read the shards of these rows, but those written here; delete the damaged ones, so that
        their rows are computed anew. A disk that fails tells nothing: each training reads them.

        Yields `Progress` if there are any, counting rows. Raises Cancelled.
        """
        wanted = Counter(place.shard for place in self._places.values() if place)
        unsure = [shard for shard in wanted if not shard.is_sound]
        done = sum(wanted[shard] for shard in wanted if shard.is_sound)
        with closing(run_ahead(lambda s: _is_whole(s, control), unsure, control)) as results:
            for shard, whole in zip(unsure, results, strict=True):
                if whole:
                    shard.is_sound = True
                    done += wanted[shard]
                else:
                    self._drop(shard)
                yield Progress("check", done, len(self._places))

    def read(self, keys: Sequence[str], taken: slice = slice(None)) -> Rows:
        """Rows of shape (keys, values), or those of the values that are `taken`. Raises KeyError
        for one that is not there.
        """
        rows = np.empty((len(keys), len(range(self._values)[taken])), self._dtype)
        for i, key in enumerate(keys):
            place = self._places[key]
            if place is None:
                raise KeyError(key)
            rows[i] = place.shard.rows[place.row, taken]
        self._touched += rows.nbytes
        if self._touched > RESIDENT_BYTES:
            self._touched = 0
            self._give_back()
        return rows

    def writer(self) -> "ShardWriter":
        return ShardWriter(self)

    def in_use(self) -> set[Path]:
        """The indices of the shards that have any of these rows."""
        return {place.shard.index for place in self._places.values() if place}

    def _open(self, index: Path, is_sound: bool = False) -> bool:
        """Add a shard, if it can be opened; one whose files do not fit each other is deleted."""
        path = index.with_suffix(ROWS)
        try:
            described = json.loads(index.read_text(encoding="utf-8"))
            keys, checksum = described["keys"], described["crc32"]
            if path.stat().st_size != len(keys) * self._values * self._dtype.itemsize:
                raise ValueError
            if self._places.keys().isdisjoint(keys):
                return True
            rows = np.memmap(path, self._dtype, "r", shape=(len(keys), self._values))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            delete_shard(index)
            return False
        except OSError:  # which says nothing of what is in it
            return False
        # The time of the last use, for what is thrown away first.
        with suppress(OSError):
            os.utime(index)
        shard = Shard(index, checksum, rows, is_sound)
        self._shards.append(shard)
        for row, key in enumerate(keys):
            if key in self._places:
                self._places[key] = Place(shard, row)
        return True

    def _drop(self, shard: Shard) -> None:
        self._shards.remove(shard)
        for key, place in self._places.items():
            if place and place.shard is shard:
                self._places[key] = None
        delete_shard(shard.index)

    def _give_back(self) -> None:
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        for shard in self._shards:
            shard.rows._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def _is_whole(shard: Shard, control: Control) -> bool:
    """Compare the file with its checksum. Raises Cancelled."""
    path, found = shard.index.with_suffix(ROWS), 0
    piece = memoryview(bytearray(PIECE_BYTES))
    try:
        # Not through the map: pages that are read would be resident, and a bad sector deadly.
        with path.open("rb", buffering=0) as stream:
            while size := stream.readinto(piece):
                control.checkpoint()
                found = zlib.crc32(piece[:size], found)
    except OSError:
        return False
    return found == shard.checksum


class ShardWriter:
    """Adds rows to a cache, shard by shard. What was added is kept also when a job is stopped."""

    def __init__(self, cache: FeatureCache) -> None:
        self.unkept: dict[str, Rows] = {}
        """By key, rows that were added and then could not be kept."""
        self._cache = cache
        self._keys: list[str] = []
        self._checksum = 0
        self._began = 0.0
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
        with suppress(JobError):  # what is not kept is computed another time
            self.finish()

    def add(self, key: str, row: Rows) -> None:
        """Raises JobError when the disk is full. What was added before is then kept, or in
        `unkept`; this row is nowhere.
        """
        content = np.ascontiguousarray(row, self._cache._dtype).tobytes()
        try:
            if self._stream is None:
                self._begin()
            if self._stream.write(content) < len(content):
                raise _full()
        except OSError as error:
            self.finish()
            raise write_error(self._cache.folder, error) from error
        self._keys.append(key)
        self._checksum = zlib.crc32(content, self._checksum)
        is_large = len(self._keys) * len(content) >= SHARD_BYTES
        if is_large or time.monotonic() - self._began >= SHARD_SECONDS:
            self.finish()

    def finish(self) -> None:
        """Keep what was added. Raises JobError where it cannot be; `unkept` then has it."""
        if self._stream is None:
            return
        stream, self._stream = self._stream, None
        keys, self._keys = self._keys, []
        checksum, self._checksum = self._checksum, 0
        index = self._path.with_suffix(INDEX)
        try:
            with stream:
                # Where the disk is full, part of a row may be there.
                stream.truncate(len(keys) * self._cache._values * self._cache._dtype.itemsize)
                os.fsync(stream.fileno())
            write_whole(index, json.dumps({"keys": keys, "crc32": checksum}))
            if not self._cache._open(index, is_sound=True):
                raise _full()
        except (OSError, JobError) as error:
            values = len(keys) * self._cache._values
            rows = np.fromfile(self._path, self._cache._dtype, values)
            self.unkept |= zip(keys, rows.reshape(len(keys), -1), strict=True)
            delete_shard(index)
            if isinstance(error, JobError):
                raise
            raise write_error(self._cache.folder, error) from error

    def _begin(self) -> None:
        folder = self._cache.folder
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < SHARD_BYTES + SPARED_BYTES:
            raise _full()
        self._path = folder / f"{uuid4().hex}{ROWS}"
        self._began = time.monotonic()
        # Without a buffer, whose content would be lost where the disk is full.
        self._stream = self._path.open("xb", buffering=0)


def _full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

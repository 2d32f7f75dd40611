"""What the checks of picture files found, kept between scans: unchanged files are not read again.

A cache that is damaged, locked, or on a full or read-only disk costs time and nothing else.
"""

import json
import logging
import re
import sqlite3
import stat
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

import PIL

from tlstudio.control import Control
from tlstudio.data.ahead import run_ahead
from tlstudio.data.decode import DECODING
from tlstudio.data.hygiene import check
from tlstudio.errors import PictureError
from tlstudio.paths import scans_file

CHECKS = 1
"""Counted up when `hygiene` or the errors of `decode` say something else of the same file."""

MOST = 1_000_000
"""Files that are remembered; those that were used last stay. About 150 bytes each."""

SETTLED_NS = 2_000_000_000
"""Before that, a file may be written again without another time: some disks count by 2 s."""

PATIENCE = 0.25
"""Seconds to wait for another process that is writing."""

AT_ONCE = 500
"""Files in a query; some builds of SQLite take no more than 999 values."""

WRITE_AFTER = 10_000
"""Files checked, so that a scan that is killed has not been for nothing."""

DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""The last one is what a database without the table gives."""

DIGEST = re.compile("[0-9a-f]{64}")

VERSION = crc32(f"{CHECKS} {DECODING} {PIL.__version__}".encode()) >> 1

# The journal is not a write-ahead log, which needs memory that processes share: caches may be on
# network disks. `id` is the order of use.
SCHEMA = f"""
BEGIN IMMEDIATE;
DROP TABLE IF EXISTS checked;
CREATE TABLE checked (id INTEGER PRIMARY KEY, key BLOB UNIQUE, found TEXT NOT NULL, day INTEGER);
PRAGMA user_version = {VERSION};
COMMIT;
"""

Found = str | PictureError


def check_all(paths: Sequence[Path], control: Control) -> Generator[Found, None, None]:
    """What `check` says of each file, in order, without reading those that are as they were when
    they were last checked. Raises Cancelled when stopped.
    """
    cache = _Cache(scans_file())
    new: dict[bytes, Found] = {}
    try:
        keys = list(_keys(paths, control))
        known = cache.look_up([key for key in keys if key], control)
        unknown = [path for path, key in zip(paths, keys, strict=True) if key not in known]
        with closing(run_ahead(check, unknown, control)) as results:
            for key in keys:
                if key in known:
                    yield known[key]
                    continue
                found = next(results)
                if key and _is_of_the_file(found):
                    new[key] = found
                yield found
                if len(new) >= WRITE_AFTER:
                    cache.keep(new)
                    new.clear()
    finally:
        cache.keep(new)
        cache.close()


def _keys(paths: Sequence[Path], control: Control) -> Iterator[bytes | None]:
    # In threads, since disks on a network take their time; by the slice, since others do not.
    slices = [paths[start : start + 100] for start in range(0, len(paths), 100)]
    with closing(run_ahead(lambda some: [_key(path) for path in some], slices, control)) as keys:
        for some in keys:
            yield from some


def _key(path: Path) -> bytes | None:
    """Another one once the file has changed; None where it is not to be relied upon."""
    now = time.time_ns()
    try:
        is_now = path.stat()
    except OSError:  # the check will say why
        return None
    if not stat.S_ISREG(is_now.st_mode) or now - is_now.st_mtime_ns < SETTLED_NS:
        return None
    parts = (path, is_now.st_size, is_now.st_mtime_ns, is_now.st_ctime_ns, is_now.st_ino)
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=16).digest()


def _is_of_the_file(found: Found) -> bool:
    """Whether it lies in the file's bytes, and not in a permission, a disk or a lack of memory."""
    if isinstance(found, str):
        return True
    return found.kind != "unreadable" and not isinstance(found.__cause__, MemoryError)


class _Cache:
    """What was found, by key. Where that fails nothing is known and nothing is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._today = int(time.time() // 86_400)
        self._used: dict[bytes, str] = {}
        self._database: sqlite3.Connection | None = None
        with self._forgiven():
            self._database = _connect(path)

    def look_up(self, keys: Sequence[bytes], control: Control) -> dict[bytes | None, Found]:
        """What is known. Raises Cancelled when stopped."""
        known: dict[bytes | None, Found] = {}
        with self._forgiven():
            for start in range(0, len(keys) if self._database else 0, AT_ONCE):
                control.checkpoint()
                some = keys[start : start + AT_ONCE]
                for key, found, day in self._select(some):
                    known[key] = _unpacked(found)
                    if day != self._today:
                        self._used[key] = found
        return known

    def keep(self, new: dict[bytes, Found]) -> None:
        """Keep these, and for longer what was looked up, which is noted once a day."""
        used, self._used = self._used, {}
        found = used | {key: _packed(found) for key, found in new.items()}
        if found and self._database:
            with self._forgiven(), self._database as database:
                database.executemany(
                    "INSERT OR REPLACE INTO checked (key, found, day) VALUES (?, ?, ?)",
                    [(key, text, self._today) for key, text in found.items()],
                )
                database.execute(
                    "DELETE FROM checked WHERE id <= (SELECT max(id) FROM checked) - ?", [MOST]
                )

    def close(self) -> None:
        if self._database:
            self._database.close()
        self._database = None

    def _select(self, keys: Sequence[bytes]) -> list[tuple[bytes, str, int]]:
        places = ",".join("?" * len(keys))
        query = f"SELECT key, found, day FROM checked WHERE key IN ({places})"
        return self._database.execute(query, keys).fetchall() if self._database else []

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        """Within, an error ends the use of the cache; a damaged one is begun anew."""
        try:
            yield
        except (OSError, ValueError, sqlite3.Error) as error:
            logging.getLogger(__name__).info("%s: %s", self._path, error)
            self.close()
            if isinstance(error, ValueError) or _code(error) in DAMAGE:
                with suppress(OSError, sqlite3.Error):
                    # Its journal first: it would be applied to the new one.
                    self._path.with_name(self._path.name + "-journal").unlink(missing_ok=True)
                    self._path.unlink(missing_ok=True)
                    self._database = _connect(self._path)


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _connect(path: Path) -> sqlite3.Connection:
    """Raises OSError and sqlite3.Error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A scan may be ended from another thread than it ran in.
    database = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False)
    try:
        if database.execute("PRAGMA user_version").fetchone() != (VERSION,):
            database.executescript(SCHEMA)
        database.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _packed(found: Found) -> str:
    return found if isinstance(found, str) else json.dumps(found.args)


def _unpacked(text: str) -> Found:
    """Raises ValueError where that was not packed here."""
    if DIGEST.fullmatch(text):
        return text
    match json.loads(text):
        case [str(kind), str(message), str(hint)]:
            return PictureError(kind, message, hint)
    raise ValueError(f"no answer of a check: {text}")

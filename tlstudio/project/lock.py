"""A file that one process has at a time, and that the system takes from it however it ends."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    BEHIND_THE_END = 1 << 30
    """Of the byte that is locked, since no other process can read that."""

    def _lock(stream: BinaryIO, shared: bool) -> None:
        """Raises PermissionError where somebody else has it; there are no shared ones."""
        os.lseek(stream.fileno(), BEHIND_THE_END, os.SEEK_SET)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(stream: BinaryIO, shared: bool) -> None:
        """Raises BlockingIOError where somebody else has it."""
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        # Not `lockf`, which lets go as soon as this process closes the file anywhere.
        fcntl.flock(stream.fileno(), kind | fcntl.LOCK_NB)


def take(path: Path) -> BinaryIO | None:
    """Have a file until it is released, None where somebody else has it just now. It is made where
    there is none. Raises OSError where it cannot be written.
    """
    stream = path.open("ab")
    if _is_free(stream, shared=False) and _is_still_at(path, stream):
        return stream
    stream.close()
    return None


def release(stream: BinaryIO, path: Path) -> None:
    """Delete the file, unless its disk is gone, and let it go."""
    if sys.platform == "win32":  # which deletes no open file
        stream.close()
    with suppress(OSError):
        path.unlink()
    stream.close()


def is_taken(path: Path) -> bool:
    """Whether a process has the file, this one included."""
    try:
        with path.open("rb") as stream:
            return not _is_free(stream, shared=True)
    except OSError:
        return False


def _is_free(stream: BinaryIO, shared: bool) -> bool:
    """Lock the file until it is closed. Where the disk has no locks nobody has any."""
    try:
        _lock(stream, shared)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        pass
    return True


def _is_still_at(path: Path, stream: BinaryIO) -> bool:
    """Whether it was not released, and with that deleted, between its opening and its locking."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False

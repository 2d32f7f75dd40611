"""What native libraries print goes to the log: TensorFlow's start-up chatter is not for people."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

STDOUT, STDERR = 1, 2
LARGEST = 2_000_000
"""Bytes after which a log is put aside, as the only old one that is kept."""


def open_log(log: Path) -> TextIO:
    """The log to append to, or nowhere where it cannot be written: no job needs it."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        # Where another process still writes to it, Windows does not let it be renamed.
        with suppress(OSError):
            if log.stat().st_size > LARGEST:
                log.replace(log.with_suffix(".old.log"))
        return log.open("a", buffering=1, encoding="utf-8", errors="replace")
    except OSError:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123


def send_native_stderr_to(log: Path) -> None:
    """From now on only Python's own `sys.stderr` reaches the terminal."""
    try:
        terminal = os.dup(STDERR)
    except OSError:  # a windowed app has none
        return
    with open_log(log) as stream:
        os.dup2(stream.fileno(), STDERR)
    encoding = sys.stderr.encoding
    sys.stderr = open(terminal, "w", buffering=1, encoding=encoding, errors="backslashreplace")  # noqa: PTH123, SIM115


def send_all_output_to(log: Path) -> TextIO:
    """From now on nothing reaches the terminal; returns the stream that Python writes to."""
    stream = open_log(log)
    sys.stdout = sys.stderr = stream
    for descriptor in (STDOUT, STDERR):
        os.dup2(stream.fileno(), descriptor)
    return stream

"""What native libraries print goes to the log: TensorFlow's start-up chatter is not for people."""

import os
import sys
from pathlib import Path
from typing import TextIO

STDOUT, STDERR = 1, 2


def open_log(log: Path) -> TextIO:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("a", buffering=1, encoding="utf-8", errors="replace")


def send_native_stderr_to(log: Path) -> None:
    """From now on only Python's own `sys.stderr` reaches the terminal."""
    if sys.stderr is None:  # a windowed app has no terminal
        return
    terminal = os.dup(STDERR)
    with open_log(log) as stream:
        os.dup2(stream.fileno(), STDERR)
    sys.stderr = open(terminal, "w", buffering=1, encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115


def send_all_output_to(log: Path) -> TextIO:
    """From now on nothing reaches the terminal; returns the stream that Python writes to."""
    stream = open_log(log)
    sys.stdout = sys.stderr = stream
    for descriptor in (STDOUT, STDERR):
        os.dup2(stream.fileno(), descriptor)
    return stream

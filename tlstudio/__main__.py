"""`python -m tlstudio`, the console script and the frozen app all start here."""

import multiprocessing
import os
import sys


def main() -> int:
    # In a frozen app the engine process starts from this very binary.
    multiprocessing.freeze_support()
    from tlstudio.cli import run
    from tlstudio.host.native_output import send_native_stderr_to
    from tlstudio.paths import log_file

    _prepare_streams()
    send_native_stderr_to(log_file())
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone; Python must not try to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _prepare_streams() -> None:
    """Programs read UTF-8 whatever the system's encoding, and no text fails to be printed."""
    if sys.stdout is None:  # started without a terminal, by a double click on Windows
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        encoding = stream.encoding if stream.isatty() else "utf-8"
        stream.reconfigure(encoding=encoding, errors="backslashreplace")  # type: ignore[union-attr]


if __name__ == "__main__":
    sys.exit(main())

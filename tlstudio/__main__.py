"""`python -m tlstudio`, the console script and the frozen app all start here."""

import errno
import logging
import multiprocessing
import os
import sys

GONE = (errno.EPIPE, errno.EINVAL, errno.ENOSPC)
"""What writing to a closed pipe (EINVAL on Windows) or to a full disk fails with."""


def main() -> int:
    # In a frozen app the engine process starts from this very binary.
    multiprocessing.freeze_support()
    from tlstudio.cli import run
    from tlstudio.events import CANCELLED
    from tlstudio.host.native_output import open_log, send_native_stderr_to
    from tlstudio.paths import log_file

    _prepare_streams()
    send_native_stderr_to(log_file())
    logging.basicConfig(
        stream=open_log(log_file()), level=logging.INFO, format="%(asctime)s %(message)s"
    )
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        if error.errno not in GONE:
            raise
        if error.errno == errno.ENOSPC:
            sys.stderr.write("The output could not be written: its disk is full.\n")
        # Python must not try to write the rest when it ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        return 1
    if status == CANCELLED:
        # Threads that were left to themselves may still compute, and would be in the way.
        os._exit(status)
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

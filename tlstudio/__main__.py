"""`python -m tlstudio`, the console script and the frozen app all start here."""

import multiprocessing
import sys


def main() -> int:
    # In a frozen app the engine process starts from this very binary.
    multiprocessing.freeze_support()
    from tlstudio.cli import run
    from tlstudio.host.native_output import send_native_stderr_to
    from tlstudio.paths import log_file

    send_native_stderr_to(log_file())

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

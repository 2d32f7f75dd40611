"""`python -m tlstudio`, the console script and the frozen app all start here."""

import multiprocessing
import sys


def main() -> int:
    # In a frozen app the engine process starts from this very binary.
    multiprocessing.freeze_support()
    from tlstudio.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

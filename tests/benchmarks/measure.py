"""Measuring in a fresh process, so that nothing that ran before counts."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def measured(function: str, home: Path, **arguments: object) -> Any:
    """What `module.function` returns for the arguments, called in a process of its own.

    What the process keeps between trainings is in `home`. Raises RuntimeError with what the
    process said where it fails.
    """
    folders = {
        f"XDG_{kind}_HOME": str(home / kind) for kind in ("CACHE", "CONFIG", "DATA", "STATE")
    }
    environment = os.environ | folders | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    command = [sys.executable, __file__, function, json.dumps(arguments, default=str)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{function} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    module, name = sys.argv[1].split(".")
    print(json.dumps(getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))))

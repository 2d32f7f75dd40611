"""Where things are: resources that ship with the app, the user's folders, and whole-file writes."""

import errno
import os
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import platformdirs

from tlstudio.errors import JobError


def resource(*parts: str) -> Path:
    """The path of a shipped resource, installed (wheel or frozen bundle) or from a checkout."""
    package = Path(str(files("tlstudio")))
    installed = package / "_resources"
    root = installed if installed.is_dir() else package.parent / "resources"
    return root.joinpath(*parts)


def runs_folder() -> Path:
    """Where the window saves its runs."""
    return Path(platformdirs.user_data_dir("tlstudio", appauthor=False)) / "runs"


def log_file() -> Path:
    """Where the engine process writes what TensorFlow says."""
    return Path(platformdirs.user_log_dir("tlstudio", appauthor=False)) / "engine.log"


def settings_file() -> Path:
    """Where the window keeps its layout and preferences."""
    return Path(platformdirs.user_config_dir("tlstudio", appauthor=False)) / "settings.ini"


def write_whole(path: Path, data: bytes | str) -> None:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile.

    Raises JobError when the disk is full or the folder cannot be written.
    """
    encoded = data.encode("utf-8") if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid4().hex}")
        try:
            with temporary.open("xb") as stream:
                stream.write(encoded)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> JobError:
    """What to tell a person when `path` could not be written."""
    if error.errno == errno.ENOSPC:
        return JobError(
            f"The disk is full: {path} could not be saved.",
            "Free some space or choose a folder on another disk, then try again.",
        )
    return JobError(
        f"{path} could not be written ({error.strerror or error}).",
        "Choose a folder that you may write to.",
    )

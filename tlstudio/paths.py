"""Where things are: resources that ship with the app, the user's folders, and whole-file writes."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import platformdirs

from tlstudio.errors import JobError

ILLEGIBLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def resource(*parts: str) -> Path:
    """The path of a shipped resource, installed (wheel or frozen bundle) or from a checkout."""
    package = Path(str(files("tlstudio")))
    installed = package / "_resources"
    root = installed if installed.is_dir() else package.parent / "resources"
    return root.joinpath(*parts)


def runs_folder() -> Path:
    """Where the window saves its runs."""
    return Path(platformdirs.user_data_dir("tlstudio", appauthor=False)) / "runs"


def features_folder() -> Path:
    """Where the outputs of frozen layers are kept between trainings."""
    return Path(platformdirs.user_cache_dir("tlstudio", appauthor=False)) / "features"


def feature_limit_file() -> Path:
    """Where it says how much of that may be kept, to the window and the command line alike."""
    return Path(platformdirs.user_config_dir("tlstudio", appauthor=False)) / "features.json"


def scans_file() -> Path:
    """Where what is known of checked picture files is kept between scans."""
    return Path(platformdirs.user_cache_dir("tlstudio", appauthor=False)) / "scans.sqlite"


def log_file() -> Path:
    """Where the engine process writes what TensorFlow says."""
    return Path(platformdirs.user_log_dir("tlstudio", appauthor=False)) / "engine.log"


def settings_file() -> Path:
    """Where the window keeps its layout and preferences."""
    return Path(platformdirs.user_config_dir("tlstudio", appauthor=False)) / "settings.ini"


def legible(text: str) -> str:
    """The text with escapes such as \\udce9 for what can be neither shown nor written as UTF-8.

    That is control characters, line breaks among them, and the bytes of a file name that are no
    UTF-8.
    """
    return ILLEGIBLE.sub(lambda found: repr(found[0])[1:-1], text)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yields a temporary name to write to; afterwards `path` is there whole or as it was before.

    The name is beside `path` and ends like it. Raises JobError when the disk is full or the
    folder cannot be written.
    """
    if path.is_dir():
        raise JobError(
            f"{path} is a folder, so no file can be saved under that name.",
            "Add the name of a file.",
        )
    if path.exists() and not path.is_file():
        with _poured_into(path) as temporary:
            yield temporary
        return
    temporary = path.with_name(f".{uuid4().hex}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


@contextmanager
def _poured_into(path: Path) -> Iterator[Path]:
    """For a device or a pipe, such as /dev/stdout, which a file may not replace."""
    with TemporaryDirectory() as folder:
        temporary = Path(folder, path.name)
        yield temporary
        try:
            with path.open("wb") as stream:
                stream.write(temporary.read_bytes())
        except OSError as error:
            raise write_error(path, error) from error


def write_whole(path: Path, data: bytes | str) -> None:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile.

    Raises JobError as `written_whole` does.
    """
    with written_whole(path) as temporary:
        temporary.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)


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

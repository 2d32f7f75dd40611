"""Writing the trained model, whole or not at all, and never losing it to a full disk."""

import os
import re
import tempfile
from pathlib import Path

import keras

from tlstudio.errors import JobError
from tlstudio.paths import written_whole


def save_or_rescue(model: keras.Model, path: Path) -> None:
    """Save; where that fails, keep the model in the temporary folder and say so.

    Raises JobError.
    """
    try:
        save_model(model, path)
    except JobError as error:
        rescue = _rescued(model, path.name)
        if rescue is None:
            raise
        raise JobError(
            error.message, f"The trained model was kept as {rescue}. {error.hint}"
        ) from error


def _rescued(model: keras.Model, name: str) -> Path | None:
    """Where the model is, in the temporary folder; None where that has no room either."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="tlstudio-"))
    except OSError:
        return None
    try:
        save_model(model, folder / name)
    except JobError:
        folder.rmdir()
        return None
    return folder / name


def save_model(model: keras.Model, path: Path) -> None:
    """Write a `.keras` file that plain Keras reads. Raises JobError when it cannot be written."""
    with written_whole(path) as temporary:
        try:
            model.save(temporary)
        except (OSError, RuntimeError) as error:
            # HDF5 hides the error number in its text.
            hidden = re.search(r"errno = (\d+)", str(error))
            if hidden is None:
                raise
            number = int(hidden[1])
            raise OSError(number, os.strerror(number)) from error

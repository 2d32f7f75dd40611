"""Writing the trained model, whole or not at all, and never losing it to a full disk."""

import os
import re
import tempfile
import time
from pathlib import Path

import keras

from tlstudio.errors import JobError
from tlstudio.paths import written_whole

SHARE_OF_TIME = 10
AT_MOST_EVERY = 30.0


class ModelSaves:
    """Saves one model to one `.keras` file, during a training and at its end."""

    def __init__(self, model: keras.Model, path: Path) -> None:
        self._model = model
        self._path = path
        self._saved_at = time.perf_counter()
        self._cost = 0.0

    def when_cheap(self) -> None:
        """Save if that costs less than a tenth of the time since the last save, so that a kill
        loses little of a long training and short ones are not slowed down.
        """
        since = time.perf_counter() - self._saved_at
        if since > max(AT_MOST_EVERY, SHARE_OF_TIME * self._cost):
            self._save()

    def at_the_end(self) -> None:
        """Save; where that fails, keep the model in the temporary folder and say so.

        Raises JobError.
        """
        try:
            self._save()
        except JobError as error:
            rescue = Path(tempfile.mkdtemp(prefix="tlstudio-")) / self._path.name
            save_model(self._model, rescue)
            raise JobError(
                error.message, f"The trained model was kept as {rescue}. {error.hint}"
            ) from error

    def _save(self) -> None:
        began = time.perf_counter()
        save_model(self._model, self._path)
        self._saved_at = time.perf_counter()
        self._cost = self._saved_at - began


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

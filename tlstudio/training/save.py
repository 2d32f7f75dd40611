"""Writing the trained model, whole or not at all, and never losing it to a full disk."""

import os
import re
import tempfile
import time
from pathlib import Path

import keras

from tlstudio.errors import JobError
from tlstudio.paths import written_whole
from tlstudio.training.best import BestWeights

SHARE_OF_TIME = 10
AT_MOST_EVERY = 30.0


class ModelSaves:
    """Saves one model, as it was at its best epoch, to one `.keras` file."""

    def __init__(self, model: keras.Model, path: Path, best_weights: BestWeights) -> None:
        self._model = model
        self._path = path
        self._best_weights = best_weights
        self._unsaved = False
        self._tried_at = time.perf_counter()
        self._cost = 0.0

    def after_epoch(self, best: bool) -> None:
        """Save the best epoch, be it this one or an earlier one that is not saved yet, if that
        costs less than a tenth of the time since the last save: a kill then loses little of a
        long training, and short ones are not slowed down.

        Raises JobError; a later call then tries again.
        """
        self._unsaved |= best
        since = time.perf_counter() - self._tried_at
        if not self._unsaved or since <= max(AT_MOST_EVERY, SHARE_OF_TIME * self._cost):
            return
        began = time.perf_counter()
        try:
            with self._best_weights.in_place():
                save_model(self._model, self._path)
        finally:
            self._tried_at = time.perf_counter()
            self._cost = self._tried_at - began
        self._unsaved = False

    def at_the_end(self) -> None:
        """Save, the model having its best weights; where that fails, keep it in the temporary
        folder and say so.

        Raises JobError.
        """
        try:
            save_model(self._model, self._path)
        except JobError as error:
            rescue = self._rescued()
            if rescue is None:
                raise
            raise JobError(
                error.message, f"The trained model was kept as {rescue}. {error.hint}"
            ) from error

    def _rescued(self) -> Path | None:
        """Where the model is, in the temporary folder; None where that has no room either."""
        try:
            folder = Path(tempfile.mkdtemp(prefix="tlstudio-"))
        except OSError:
            return None
        try:
            save_model(self._model, folder / self._path.name)
        except JobError:
            folder.rmdir()
            return None
        return folder / self._path.name


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

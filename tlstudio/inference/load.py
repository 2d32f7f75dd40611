"""Loading the model of a run, once for as long as its file does not change."""

import functools
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from tlstudio.errors import TlstudioError

BATCH = 16


def load_model(path: Path) -> keras.Model:
    """The Keras model in a `.keras` file; nothing in the file is executed.

    Raises TlstudioError when it is missing, damaged or would need code to be loaded.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise TlstudioError(
            f"The run has no model yet: {path} is missing.",
            "Train it to the end of at least one epoch.",
        ) from error
    return _load(path, changed)


def probabilities(model: keras.Model, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the model says of pictures of shape (pictures, rows, columns, 3), values 0 to 255."""
    return np.asarray(model.predict_on_batch(pictures.astype(np.float32)))


@functools.lru_cache(maxsize=1)
def _load(path: Path, changed: int) -> keras.Model:
    """`changed` is part of the key, so that a file written anew is read anew."""
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TlstudioError(
            f"{path} is damaged or is not a model that tlstudio saved.",
            "Copy it anew from where it came, or train again.",
        ) from error

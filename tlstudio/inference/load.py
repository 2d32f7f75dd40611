"""Loading the model of a run, once for as long as its file does not change."""

import functools
import zipfile
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from tlstudio.errors import TlstudioError
from tlstudio.project.runs import Run

BATCH = 16
MEND = "Copy it anew from where it came, or train again."


def load_model(run: Run) -> keras.Model:
    """The Keras model of a run; nothing in its file is executed.

    Raises TlstudioError when it is missing, damaged, would need code to be loaded, or does not
    answer with the run's classes.
    """
    path = run.model
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise TlstudioError(
            f"The run has no model yet: {path} is missing.",
            f"Go on with it (tlstudio resume {path.parent}), or train again.",
        ) from error
    model = _load(path, changed)
    if model.output_shape != (None, len(run.classes)):
        raise TlstudioError(
            f"{path} does not belong to the {len(run.classes)} classes of its run: one of its "
            "files is damaged or from another run.",
            MEND,
        )
    return model


def probabilities(model: keras.Model, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the model says of pictures of shape (pictures, rows, columns, 3), values 0 to 255."""
    return np.asarray(model.predict_on_batch(pictures.astype(np.float32)))


@functools.lru_cache(maxsize=1)
def _load(path: Path, changed: int) -> keras.Model:
    """`changed` is part of the key, so that a file written anew is read anew."""
    try:
        # Keras reads on past a wrong checksum.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip() is not None
        model = None if damaged else keras.saving.load_model(path, compile=False, safe_mode=True)
        if isinstance(model, keras.Model) and _takes_pictures(model):
            return model
    except MemoryError:
        raise
    except Exception as error:
        # Readers of untrusted bytes raise all kinds of errors; to a person they are one.
        raise _damaged(path) from error
    raise _damaged(path)


def _takes_pictures(model: keras.Model) -> bool:
    shape = model.input_shape
    return len(shape) == 4 and None not in shape[1:] and shape[3] == 3


def _damaged(path: Path) -> TlstudioError:
    return TlstudioError(f"{path} is damaged or is not a model that tlstudio saved.", MEND)

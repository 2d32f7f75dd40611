import errno
import os
from pathlib import Path

import keras
import pytest

from tlstudio.errors import JobError
from tlstudio.training.save import save_model


@pytest.fixture
def model() -> keras.Model:
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])


def hdf5_says(number: int) -> str:
    return f"Can't decrement id ref count (errno = {number}, error message = '…')"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "disk is full"),
        (OSError(hdf5_says(errno.ENOSPC)), "disk is full"),
        (RuntimeError(hdf5_says(errno.ENOSPC)), "disk is full"),
        (RuntimeError(hdf5_says(errno.EIO)), "could not be written"),
    ],
)
def test_a_model_that_cannot_be_written_leaves_the_older_one(
    model: keras.Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    words: str,
) -> None:
    path = tmp_path / "model.keras"
    save_model(model, path)
    before = path.read_bytes()

    def half(self: keras.Model, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(keras.Model, "save", half)
    with pytest.raises(JobError, match=words):
        save_model(model, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]

import errno
import os
from pathlib import Path

import keras
import pytest

from tlstudio.errors import JobError
from tlstudio.training import save
from tlstudio.training.best import BestWeights
from tlstudio.training.save import ModelSaves, save_model


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


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(save.time, "perf_counter", clock)
    return clock


def value(model: keras.Model) -> float:
    return float(model.get_weights()[0][0, 0])


def set_value(model: keras.Model, number: float) -> None:
    model.set_weights([0.0 * weight + number for weight in model.get_weights()])


def test_a_best_epoch_that_came_too_early_is_saved_later_as_it_was(
    model: keras.Model, tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "model.keras"
    best_weights = BestWeights(model)
    saves = ModelSaves(model, path, best_weights)
    for epoch, best in enumerate([True, True, False, False, False]):
        set_value(model, epoch)
        if best:
            best_weights.keep()
        saves.after_epoch(best)
        assert path.exists() == (clock.now > 30)
        clock.now += 11
    assert value(keras.saving.load_model(path)) == 1.0
    assert value(model) == 4.0, "the training goes on with its own weights"


def test_what_is_saved_already_is_not_saved_again(
    model: keras.Model, tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "model.keras"
    saves = ModelSaves(model, path, BestWeights(model))
    clock.now = 31.0
    saves.after_epoch(True)
    path.unlink()
    clock.now = 90.0
    saves.after_epoch(False)
    assert not path.exists()


def test_a_save_that_failed_is_tried_again_after_a_while(
    model: keras.Model, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.keras"
    tries = []

    def full(*_: object) -> None:
        tries.append(clock.now)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    saves = ModelSaves(model, path, BestWeights(model))
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save", full)
        clock.now = 31.0
        with pytest.raises(JobError):
            saves.after_epoch(True)
        clock.now = 40.0
        saves.after_epoch(False)
    assert tries == [31.0]
    clock.now = 62.0
    saves.after_epoch(False)
    assert path.exists()

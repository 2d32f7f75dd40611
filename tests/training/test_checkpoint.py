import errno
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from tlstudio.errors import PictureError, TlstudioError
from tlstudio.events import Epoch
from tlstudio.project.runs import CHECKPOINT
from tlstudio.training import checkpoint
from tlstudio.training.best import BestWeights
from tlstudio.training.state import Outcome, State


def network(units: int = 3) -> tuple[BestWeights, keras.optimizers.Optimizer]:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(units)(inputs))
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    return BestWeights(model), optimizer


def state() -> State:
    made = State(np.random.default_rng(5))
    made.random.random(3)
    made.enter(1)
    for number in range(1, 5):
        epoch = Epoch(number, 9, 1.0, 0.5, 1.0 + number, 0.5, 0.1, number == 1, 0.01, "head")
        outcome = Outcome(epoch, 7, np.array([8, 9]), np.ones((2, 3), np.float32) / 3)
        made.take(epoch, outcome if number == 1 else None, reduce_after=2)
    made.micro = 4
    made.lost = {3: PictureError("missing", "It is gone.", "Put it back.")}
    return made


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    saved = state()
    checkpoint.save(tmp_path, saved, *network())
    loaded, _ = checkpoint.load(tmp_path) or pytest.fail("it is there")
    assert loaded.random.random() == saved.random.random()
    assert loaded.epochs == saved.epochs
    assert (loaded.phase, loaded.micro) == (1, 4)
    assert (loaded.lowest_loss, loaded.since_change) == (2.0, 1)
    assert loaded.factor == 0.5
    assert loaded.outcome is not None
    assert saved.outcome is not None
    assert (loaded.outcome.best, loaded.outcome.trained) == (saved.outcome.best, 7)
    np.testing.assert_array_equal(loaded.outcome.indices, saved.outcome.indices)
    np.testing.assert_array_equal(loaded.outcome.probabilities, saved.outcome.probabilities)
    (error,) = loaded.lost.values()
    assert list(loaded.lost) == [3]
    assert (error.kind, error.message, error.hint) == ("missing", "It is gone.", "Put it back.")


def test_weights_and_optimizer_go_on_and_the_best_are_kept(tmp_path: Path) -> None:
    weights, optimizer = network()
    random = np.random.default_rng(0)
    for variable in optimizer.variables[2:]:
        variable.assign(random.normal(size=variable.shape))
    best = [value.copy() for value in weights.values]
    for variable in weights.variables:
        variable.assign(random.normal(size=variable.shape))
    checkpoint.save(tmp_path, state(), weights, optimizer)
    _, arrays = checkpoint.load(tmp_path) or pytest.fail("it is there")
    others, new = network()
    checkpoint.restore(arrays, others, new)
    for a, b in zip(
        others.variables + new.variables, weights.variables + optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(others.values, best, strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_model_than_the_one_that_was_trained_is_told(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(), *network())
    _, arrays = checkpoint.load(tmp_path) or pytest.fail("it is there")
    with pytest.raises(TlstudioError, match="does not fit the model"):
        checkpoint.restore(arrays, *network(units=5))


def cut_network() -> tuple[keras.Model, keras.Model]:
    """A whole model and what is trained of it, with Dropouts before, between and after."""
    inputs = keras.Input((4,))
    frozen = keras.layers.Dense(4, trainable=False)(inputs)
    frozen = keras.layers.Dropout(0.5)(frozen)
    silent = keras.layers.Dropout(0.5)
    features = keras.layers.Dropout(0.5)(keras.layers.Dense(4)(silent(frozen)))
    outputs = keras.layers.Dense(3)(features)
    silent.rate = 0.0
    return keras.Model(inputs, outputs), keras.Model(frozen, outputs)


@pytest.mark.parametrize("first", ["whole", "rest"])
def test_a_run_goes_on_with_or_without_its_frozen_part(tmp_path: Path, first: str) -> None:
    begun = cut_network()[first == "rest"]
    optimizer = keras.optimizers.Adam()
    optimizer.build(begun.trainable_variables)
    begun(np.ones((2, 4), np.float32), training=True)
    weights = BestWeights(begun)
    checkpoint.save(tmp_path, state(), weights, optimizer)
    _, arrays = checkpoint.load(tmp_path) or pytest.fail("it is there")
    other = BestWeights(cut_network()[first == "whole"])
    new = keras.optimizers.Adam()
    new.build([variable for variable in other.variables if variable.trainable])
    checkpoint.restore(arrays, other, new)
    for a, b in zip(weights.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(weights.seeds[-1], other.seeds[-1])


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path) is None


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_what_cannot_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    checkpoint.save(tmp_path, state(), *network())

    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(np, "load", refused)
        with pytest.raises(TlstudioError, match=os.strerror(number)) as caught:
            checkpoint.load(tmp_path)
    assert "damaged" not in caught.value.message
    assert "Delete" not in caught.value.hint
    assert checkpoint.load(tmp_path) is not None


def test_a_checkpoint_that_seems_compressed_is_told(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(), *network())
    path = tmp_path / CHECKPOINT
    damaged = bytearray(path.read_bytes())
    for method in (8, 12, 14):
        damaged[damaged.index(b"PK\x01\x02") + 10] = method
        path.write_bytes(damaged)
        with pytest.raises(TlstudioError, match="damaged"):
            checkpoint.load(tmp_path)


def test_whatever_is_damaged_is_told(tmp_path: Path) -> None:
    """Bytes of its table of contents, which may then seem encrypted, or of another version."""
    checkpoint.save(tmp_path, state(), *network())
    path = tmp_path / CHECKPOINT
    sound = path.read_bytes()
    told = 0
    for place in range(sound.index(b"PK\x01\x02"), len(sound)):
        damaged = bytearray(sound)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        try:
            checkpoint.load(tmp_path)
        except TlstudioError:
            told += 1
    assert told > 100

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tlstudio.control import Cancelled, Control
from tlstudio.events import Warned
from tlstudio.project.spec import Optimizer, Training
from tlstudio.training.steps import MOST_STEPS_A_CALL, Batch, Step, Steps

SMALL, LARGE = 1_000, 10**12
"""Work of a model, in floating-point operations a picture."""


def network(seed: int = 1, regularized: bool = False, norm: bool = False) -> keras.Model:
    keras.utils.set_random_seed(seed)
    penalty = keras.regularizers.L2(0.01) if regularized else None
    x = inputs = keras.Input((6,))
    x = keras.layers.Dense(5, activation="relu", kernel_regularizer=penalty)(x)
    if norm:
        x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


def batches(number: int, rows: int = 8, last: int = 8, rate: float = 0.01) -> list[Batch]:
    random = np.random.default_rng(0)
    made = []
    for i in range(number):
        used = last if i == number - 1 else rows
        inputs = np.zeros((rows, 6), np.float32)
        inputs[:used] = random.normal(size=(used, 6))
        made.append(Batch(inputs, random.integers(0, 3, used), None, rate))
    return made


def trained(model: keras.Model, given: list[Batch], work: int = SMALL, **options: Any) -> Steps:
    steps = Steps(model, Training(batch_size=8, **options), work, "CPU:0")
    said = list(steps.train(given, Control()))
    assert [type(step) for step in said] == [Step] * len(given)
    return steps


@pytest.mark.parametrize("regularized", [False, True])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_a_step_is_that_of_keras(optimizer: Optimizer, regularized: bool) -> None:
    rivals = {
        "adam": keras.optimizers.Adam(0.01),
        "adamw": keras.optimizers.AdamW(0.01),
        "sgd": keras.optimizers.SGD(0.01, momentum=0.9),
        "rmsprop": keras.optimizers.RMSprop(0.01),
    }
    theirs = network(regularized=regularized)
    theirs.compile(rivals[optimizer], "sparse_categorical_crossentropy", metrics=["accuracy"])
    given = batches(4)
    expected = [
        theirs.train_on_batch(batch.inputs, batch.targets, return_dict=True) for batch in given
    ]
    ours = network(regularized=regularized)
    steps = Steps(ours, Training(batch_size=8, optimizer=optimizer), SMALL, "CPU:0")
    said = list(steps.train(given, Control()))
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert said[0].loss == pytest.approx(expected[0]["loss"], abs=1e-5)  # type: ignore[union-attr]
    assert said[0].accuracy == pytest.approx(expected[0]["accuracy"])  # type: ignore[union-attr]


def test_how_many_steps_are_one_call_changes_no_bit() -> None:
    given = batches(7, last=3)
    together, alone = network(), network()
    steps = trained(together, given)
    assert steps.steps_a_call == MOST_STEPS_A_CALL
    one = Steps(alone, Training(batch_size=8), SMALL, "CPU:0")
    for batch in given:
        list(one.train([batch], Control()))
    for a, b in zip(together.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("micro", [1, 3, 4])
def test_micro_batches_make_the_same_step(micro: int) -> None:
    given = batches(3, last=5)
    whole, pieces = network(regularized=True), network(regularized=True)
    trained(whole, given, clip_norm=0.1)
    training = Training(batch_size=8, clip_norm=0.1)
    steps = Steps(pieces, training, SMALL, "CPU:0", micro=micro)
    assert steps.micro == micro
    said = list(steps.train(given, Control()))
    for a, b in zip(whole.get_weights(), pieces.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert all(0 <= step.accuracy <= 1 for step in said)  # type: ignore[union-attr]


def test_work_decides_what_is_one_call() -> None:
    assert Steps(network(), Training(batch_size=8), LARGE, "CPU:0").micro == 1
    middling = Steps(network(), Training(batch_size=8), 10**9, "CPU:0")
    assert middling.micro == 4, "two pieces are enough"
    assert Steps(network(), Training(batch_size=8), 10**9, "GPU:0").micro == 8


def test_a_trained_batchnorm_sees_the_whole_batch() -> None:
    """Statistics of a part would be others."""
    assert Steps(network(norm=True), Training(batch_size=8), LARGE, "CPU:0").micro == 8
    frozen = network(norm=True)
    frozen.layers[2].trainable = False
    assert Steps(frozen, Training(batch_size=8), LARGE, "CPU:0").micro == 1


def test_padding_and_weights_count_as_they_should() -> None:
    inputs = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    targets = np.array([0, 1, 2, 0, 1])
    heavy = np.array([3, 1, 1, 1, 1], np.float32)
    padded = inputs.copy()
    padded[5:] = 99.0
    first, second = network(), network()
    trained(first, [Batch(inputs, targets, heavy, 0.1)], optimizer="sgd")
    trained(second, [Batch(padded, targets, heavy, 0.1)], optimizer="sgd")
    by_hand = network()
    with tf.GradientTape() as tape:
        p = by_hand(inputs[:5])
        loss = keras.losses.sparse_categorical_crossentropy(targets, p)
        loss = tf.reduce_sum(loss * heavy) / 5
    values = [v.value for v in by_hand.trainable_variables]
    for variable, gradient in zip(values, tape.gradient(loss, values), strict=True):
        variable.assign_sub(0.1 * gradient)
    for a, b, c in zip(
        first.get_weights(), second.get_weights(), by_hand.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, atol=1e-6)


def test_padding_is_not_in_the_statistics_of_a_trained_batchnorm() -> None:
    random = np.random.default_rng(0)
    inputs, targets = random.normal(size=(2, 6)).astype(np.float32), np.array([0, 2])
    padded = np.zeros((8, 6), np.float32)
    padded[:2] = inputs
    networks = []
    for given in (inputs, padded):
        networks.append(network(norm=True))
        training = Training(batch_size=len(given), optimizer="sgd")
        steps = Steps(networks[-1], training, SMALL, "CPU:0")
        list(steps.train([Batch(given, targets, None, 0.1)], Control()))
    for a, b in zip(*(made.get_weights() for made in networks), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def limited(model: keras.Model, most: int) -> Callable[..., tf.Tensor]:
    """The model on a device whose memory holds so many rows."""
    plain = type(model).call

    def call(self: keras.Model, inputs: tf.Tensor, *args: object, **kwargs: object) -> tf.Tensor:
        if self is model and inputs.shape[0] is not None and inputs.shape[0] > most:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return plain(self, inputs, *args, **kwargs)

    return call


def test_without_memory_the_batch_is_halved_and_the_steps_stay_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = batches(5, last=7)
    whole, poor = network(), network()
    trained(whole, given)
    monkeypatch.setattr(keras.Model, "call", limited(poor, 2), raising=False)
    monkeypatch.setattr(type(poor), "call", limited(poor, 2))
    steps = Steps(poor, Training(batch_size=8), SMALL, "CPU:0")
    said = list(steps.train(given, Control()))
    warnings = [event for event in said if isinstance(event, Warned)]
    assert [w.message for w in warnings] == [
        "There is not enough memory for 8 pictures at once.",
        "There is not enough memory for 4 pictures at once.",
    ]
    assert len([event for event in said if isinstance(event, Step)]) == 5
    assert steps.micro == 2
    for a, b in zip(whole.get_weights(), poor.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    inputs = given[0].inputs
    np.testing.assert_allclose(steps.predict(inputs, Control()), whole(inputs), atol=1e-6)
    assert steps.rows_a_call <= 2


def test_a_picture_that_does_not_fit_alone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    monkeypatch.setattr(type(model), "call", limited(model, 0))
    steps = Steps(model, Training(batch_size=8), SMALL, "CPU:0")
    with pytest.raises(tf.errors.ResourceExhaustedError):
        list(steps.train(batches(1), Control()))


def test_a_stop_within_a_step_leaves_the_weights_as_they_were() -> None:
    model = network()
    before = model.get_weights()
    control = Control()
    steps = Steps(model, Training(batch_size=8), LARGE, "CPU:0")
    some = steps._some
    calls = []

    def stopping(*args: tf.Tensor) -> tf.Tensor:
        calls.append(args)
        if len(calls) == 3:
            control.stop()
        return some(*args)

    steps._some = stopping
    with pytest.raises(Cancelled):
        list(steps.train(batches(1), control))
    assert len(calls) == 3
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_stop_does_not_wait_for_a_step_and_settling_does() -> None:
    model = network()
    steps = Steps(model, Training(batch_size=8), SMALL, "CPU:0")
    list(steps.train(batches(1), Control()))  # which traces it
    before = model.get_weights()
    control, go_on = Control(), Event()
    many = steps._many

    def slow(*arrays: tf.Tensor) -> None:
        control.stop()
        assert go_on.wait(30)
        many(*arrays)

    steps._many = slow
    with pytest.raises(Cancelled):
        list(steps.train(batches(1), control))
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    go_on.set()
    steps.settle()
    assert any((a != b).any() for a, b in zip(model.get_weights(), before, strict=True))


SEVERAL = """
import numpy as np, keras, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
from test_steps import batches, network
from tlstudio.control import Control
from tlstudio.project.spec import Training
from tlstudio.training.best import BestWeights
from tlstudio.training.steps import Steps

training = Training(batch_size=8, clip_norm=0.05)
given = batches(4, last=3)
alone = network()
list(Steps(alone, training, 1000, "CPU:0").train(given, Control()))
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    together = network()
    steps = Steps(together, training, 1000, "CPU:0")
    best = BestWeights(together)
    assert steps.micro == 4, steps.micro
    said = list(steps.train(given, Control()))
    assert len(said) == 4
    for a, b in zip(alone.get_weights(), together.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)
    said = steps.predict(given[0].inputs, Control())
    np.testing.assert_allclose(said, alone(given[0].inputs), atol=1e-6)
    best.restore()
    for a, b in zip(network().get_weights(), together.get_weights()):
        np.testing.assert_array_equal(a, b)
print("alike")
"""


def test_several_devices_make_the_step_of_one() -> None:
    """On logical CPUs, where there is no GPU."""
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL],
        cwd=Path(__file__).parent,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stdout.endswith("alike\n"), done.stderr[-3000:]

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from small_training import train

from tlstudio.control import Control
from tlstudio.events import Epoch, Finished
from tlstudio.project import runs
from tlstudio.project.spec import FreezePlan, Project, Training
from tlstudio.training import checkpoint
from tlstudio.training.precision import half_precision, is_half
from tlstudio.training.steps import Batch, Step, Steps

MakeProject = Callable[..., Project]


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", dtype="float32")(x))


def test_automatic_is_half_on_a_gpu_alone() -> None:
    assert is_half("auto", "GPU:0")
    assert not is_half("auto", "CPU:0")
    assert is_half("mixed_float16", "CPU:0")
    assert not is_half("float32", "GPU:0")


def test_layers_compute_in_half_and_the_classifier_does_not() -> None:
    model = network()
    inputs = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    plain = model(inputs)
    with half_precision(model, model.layers[-1]):
        assert model.layers[1](inputs).dtype == "float16"
        half = model(inputs)
        assert half.dtype == "float32"
        assert {variable.dtype for variable in model.variables} == {"float32"}
    np.testing.assert_allclose(half, plain, atol=1e-2)
    assert not np.array_equal(half, plain)
    np.testing.assert_array_equal(model(inputs), plain)


def test_steps_in_half_precision_are_nearly_those_in_single() -> None:
    random = np.random.default_rng(0)
    given = [
        Batch(
            random.normal(size=(8, 8, 8, 3)).astype(np.float32), random.integers(0, 3, 8), None, 0.1
        )
        for _ in range(5)
    ]
    training = Training(batch_size=8, optimizer="sgd")
    single, half = network(), network()
    list(Steps(single, training, 1000, "CPU:0").train(given, Control()))
    for micro in (0, 3):
        half.set_weights(network().get_weights())
        with half_precision(half, half.layers[-1]):
            steps = Steps(half, training, 1000, "CPU:0", half=True, micro=micro)
            said = list(steps.train(given, Control()))
        assert all(isinstance(step, Step) and np.isfinite(step.loss) for step in said)
        for a, b, start in zip(
            single.get_weights(), half.get_weights(), network().get_weights(), strict=True
        ):
            np.testing.assert_allclose(b - start, a - start, atol=0.05 * np.abs(a - start).max())


@pytest.mark.parametrize("strategy", ["top", pytest.param("all", marks=pytest.mark.slow)])
def test_a_training_in_half_precision_saves_a_model_in_single(
    project: MakeProject, tmp_path: Path, strategy: str
) -> None:
    made = project(
        freeze=FreezePlan(strategy=strategy),
        training=Training(
            epochs=3, batch_size=8, device="cpu", precision="mixed_float16", learning_rate=0.0005
        ),
    )
    events = train(made, tmp_path / "run")
    last = events[-1]
    assert isinstance(last, Finished), last
    losses = [event.loss for event in events if isinstance(event, Epoch)]
    assert losses[2] < 0.9 * losses[0]
    model = keras.saving.load_model(tmp_path / "run" / runs.MODEL)
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}
    assert not (tmp_path / "run" / checkpoint.CHECKPOINT).exists()

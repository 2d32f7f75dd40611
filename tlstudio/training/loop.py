"""The epochs: one optimisation step a batch, validation, and the best weights kept."""

import time
from collections.abc import Generator
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Cancelled, Control
from tlstudio.errors import JobError
from tlstudio.events import Batch, Epoch, Event, Progress, Warned
from tlstudio.inference.evaluate import cross_entropy
from tlstudio.project.spec import Optimizer, Training
from tlstudio.training.batches import Indices, Source

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": lambda learning_rate: keras.optimizers.SGD(learning_rate, momentum=0.9),
    "rmsprop": keras.optimizers.RMSprop,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the kept epoch says of each validation picture that could be decoded."""

    best: Epoch
    epochs: int
    stopped: bool
    indices: Indices
    probabilities: NDArray[np.float32]


def compile_model(model: keras.Model, optimizer: Optimizer, rate: float, jit: bool) -> None:
    """Compile for `train_on_batch` with padded batches. Freeze before this, never after."""
    model.compile(
        optimizer=OPTIMIZERS[optimizer](learning_rate=rate),
        # Rows of padding have weight 0, and must not count in the mean either.
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=jit,
    )


def run_epochs(
    model: keras.Model,
    source: Source,
    labels: NDArray[np.int64],
    train: Indices,
    val: Indices,
    training: Training,
    control: Control,
) -> Generator[Event, None, Outcome]:
    """Train a compiled model and return the best epoch, whose weights the model then has.

    The best epoch is the one of highest validation accuracy, of lower loss where they tie.
    Raises Cancelled when stopped before the first
    epoch is done; later a stop keeps what there is.
    """
    random = np.random.default_rng(training.seed)
    variables = _changing_variables(model)
    outcome: Outcome | None = None
    kept: list[NDArray[np.float32]] = []
    done, stopped, warned = 0, False, 0
    for number in range(1, training.epochs + 1):
        started = time.perf_counter()
        try:
            order = random.permutation(train)
            loss, accuracy = yield from _one_epoch(
                model, source, labels, order, number, training.batch_size, control
            )
            probabilities, indices = yield from predict_source(
                model, source, val, training.batch_size, control
            )
        except Cancelled:
            if outcome is None:
                raise
            stopped = True
            yield Progress("save", 0, 0)
            break
        for index in list(source.lost)[warned:]:
            yield Warned(source.lost[index].message, "The training goes on without it.")
        warned = len(source.lost)
        if not len(indices):
            raise JobError(
                "None of the validation pictures can be read any more.",
                "Check that the folder of pictures is still there, then train again.",
            )
        val_loss, val_accuracy = loss_and_accuracy(probabilities, labels[indices])
        best = outcome is None or (val_accuracy, -val_loss) > (
            outcome.best.val_accuracy,
            -outcome.best.val_loss,
        )
        done = number
        epoch = Epoch(
            epoch=number,
            epochs=training.epochs,
            loss=loss,
            accuracy=accuracy,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            seconds=time.perf_counter() - started,
            best=best,
        )
        if best:
            outcome = Outcome(epoch, number, False, indices, probabilities)
            kept = [variable.numpy() for variable in variables]
        yield epoch
    if outcome is None:
        raise Cancelled
    for variable, value in zip(variables, kept, strict=True):
        variable.assign(value)
    return Outcome(outcome.best, done, stopped, outcome.indices, outcome.probabilities)


def predict_source(
    model: keras.Model, source: Source, order: Indices, size: int, control: Control
) -> Generator[Event, None, tuple[NDArray[np.float32], Indices]]:
    """Probabilities of shape (pictures, classes) and the indices they belong to."""
    found: list[NDArray[np.float32]] = []
    where: list[Indices] = []
    done = 0
    for inputs, indices in source.batches(order, size, control):
        found.append(np.asarray(model.predict_on_batch(inputs))[: len(indices)])
        where.append(indices)
        done += len(indices)
        yield Progress("validate", done, len(order))
    if not found:
        classes = model.output_shape[-1]
        return np.zeros((0, classes), np.float32), np.zeros(0, np.int64)
    return np.concatenate(found), np.concatenate(where)


def loss_and_accuracy(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[float, float]:
    """Mean cross-entropy, and accuracy from 0 to 1."""
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    return cross_entropy(probabilities, labels), accuracy


def _one_epoch(
    model: keras.Model,
    source: Source,
    labels: NDArray[np.int64],
    order: Indices,
    number: int,
    size: int,
    control: Control,
) -> Generator[Event, None, tuple[float, float]]:
    steps = -(-len(order) // size)
    loss_sum = accuracy_sum = seen = 0.0
    for step, (inputs, indices) in enumerate(source.batches(order, size, control), start=1):
        rows = len(indices)
        targets, weights = np.zeros(size, np.int64), np.zeros(size, np.float32)
        targets[:rows], weights[:rows] = labels[indices], 1.0
        logs = model.train_on_batch(inputs, targets, sample_weight=weights, return_dict=True)
        loss, accuracy = float(logs["loss"]), float(logs["accuracy"])
        if not np.isfinite(loss):
            raise JobError(
                f"The loss became {loss} in epoch {number}.",
                "Choose a lower learning rate, then train again.",
            )
        loss_sum, accuracy_sum = loss_sum + loss * rows, accuracy_sum + accuracy * rows
        seen += rows
        yield Batch(number, step, steps, loss, accuracy)
    if not seen:
        raise JobError(
            "None of the training pictures can be read any more.",
            "Check that the folder of pictures is still there, then train again.",
        )
    return loss_sum / seen, accuracy_sum / seen


def _changing_variables(model: keras.Model) -> list[keras.Variable]:
    """What a training changes: trained weights, and the statistics of trained BatchNorms."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _changing_variables(layer)
        elif layer.trainable:
            found += layer.weights
    return found

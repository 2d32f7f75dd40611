"""The epochs: one optimisation step a batch, validation, and the best weights kept."""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace

import keras
import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Cancelled, Control
from tlstudio.data.lost import GOES_ON, warnings_of
from tlstudio.errors import JobError
from tlstudio.events import Batch, Epoch, Event, Progress, Warned
from tlstudio.inference.evaluate import cross_entropy
from tlstudio.project.spec import Optimizer, Training
from tlstudio.training.batches import Indices, Source
from tlstudio.training.best import BestWeights

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
    """Whether it ended before its last epoch."""
    trained: int
    """Pictures that the kept epoch was trained on."""
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
    best_weights: BestWeights,
    control: Control,
) -> Generator[Event, None, Outcome]:
    """Train a compiled model and return the best epoch, whose weights the model then has.

    The best epoch is the one of highest validation accuracy, of lower loss where they tie; its
    weights are in `best_weights` when its event comes. Raises Cancelled when stopped before the
    first epoch is done, and JobError when that epoch cannot be done; later either keeps what
    there is.
    """
    random = np.random.default_rng(training.seed)
    outcome: Outcome | None = None
    done, stopped, warned = 0, False, len(source.lost)
    for number in range(1, training.epochs + 1):
        started = time.perf_counter()
        try:
            order = random.permutation(train)
            loss, accuracy, trained = yield from _one_epoch(
                model, source, labels, order, number, training.batch_size, control
            )
            probabilities, indices = yield from predict_source(
                model, source, val, training.batch_size, control
            )
            val_loss, val_accuracy = _judged(probabilities, labels[indices], number)
        except (Cancelled, JobError) as end:
            if outcome is None:
                raise
            if isinstance(end, JobError):
                kept = f"The best epoch so far, {outcome.best.epoch}, is kept."
                yield Warned(end.message, f"{kept} {end.hint}")
            stopped = True
            break
        yield from warnings_of(list(source.lost.values())[warned:], GOES_ON)
        warned = len(source.lost)
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
            outcome = Outcome(epoch, number, False, trained, indices, probabilities)
            best_weights.keep()
        yield epoch
    if outcome is None:
        raise Cancelled
    best_weights.restore()
    return replace(outcome, epochs=done, stopped=stopped)


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


def _judged(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], number: int
) -> tuple[float, float]:
    """Loss and accuracy of an epoch's validation. Raises JobError where they mean nothing."""
    if not len(labels):
        raise JobError(
            "None of the validation pictures can be read any more.",
            "Check that the folder of pictures is still there, then train again.",
        )
    loss, accuracy = loss_and_accuracy(probabilities, labels)
    _require_finite(loss, number)
    return loss, accuracy


def _one_epoch(
    model: keras.Model,
    source: Source,
    labels: NDArray[np.int64],
    order: Indices,
    number: int,
    size: int,
    control: Control,
) -> Generator[Event, None, tuple[float, float, int]]:
    """Returns the mean loss and accuracy, and the number of pictures. Raises JobError."""
    steps = -(-len(order) // size)
    loss_sum, accuracy_sum, seen = 0.0, 0.0, 0
    for step, (inputs, indices) in enumerate(source.batches(order, size, control), start=1):
        rows = len(indices)
        targets, weights = np.zeros(size, np.int64), np.zeros(size, np.float32)
        targets[:rows], weights[:rows] = labels[indices], 1.0
        logs = model.train_on_batch(inputs, targets, sample_weight=weights, return_dict=True)
        loss, accuracy = float(logs["loss"]), float(logs["accuracy"])
        _require_finite(loss, number)
        loss_sum, accuracy_sum = loss_sum + loss * rows, accuracy_sum + accuracy * rows
        seen += rows
        yield Batch(number, step, steps, loss, accuracy)
    if not seen:
        raise JobError(
            "None of the training pictures can be read any more.",
            "Check that the folder of pictures is still there, then train again.",
        )
    return loss_sum / seen, accuracy_sum / seen, seen


def _require_finite(loss: float, number: int) -> None:
    if not np.isfinite(loss):
        raise JobError(
            f"The loss became {loss} in epoch {number}.",
            "Choose a lower learning rate, then train again.",
        )

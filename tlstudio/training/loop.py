"""The epochs of a phase: optimisation steps, validation, and the best weights kept."""

import time
from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Cancelled, Control
from tlstudio.data.lost import GOES_ON, warnings_of
from tlstudio.errors import JobError
from tlstudio.events import Batch as BatchDone
from tlstudio.events import Epoch, Event, Progress, Warned
from tlstudio.inference.evaluate import cross_entropy
from tlstudio.project.spec import Training
from tlstudio.training.batches import Indices, Source
from tlstudio.training.best import BestWeights
from tlstudio.training.phases import Phase
from tlstudio.training.schedule import rates
from tlstudio.training.state import Outcome, State, epochs_since_best, is_better
from tlstudio.training.steps import Batch, Steps


def run_phase(
    phase: Phase,
    epochs: int,
    steps: Steps,
    source: Source,
    labels: NDArray[np.int64],
    train: Indices,
    val: Indices,
    training: Training,
    class_weights: NDArray[np.float32] | None,
    state: State,
    best_weights: BestWeights,
    control: Control,
) -> Generator[Event, None, None]:
    """Train the epochs of a phase that `state` does not have yet; `epochs` is for all phases.

    When an epoch's event comes, `state` and `best_weights` have it. Raises Cancelled when stopped
    before the first epoch of the training is done, and JobError when that epoch cannot be done;
    later either keeps what there is, and sets `state.stopped`.
    """
    first = sum(epoch.phase != phase.name for epoch in state.epochs)
    warned = len(source.lost)
    while (done := len(state.epochs) - first) < phase.epochs and not (
        0 < training.early_stopping <= epochs_since_best(state.epochs[first:])
    ):
        number = len(state.epochs) + 1
        started = time.perf_counter()
        try:
            size = training.batch_size
            plan = rates(phase, done, -(-len(train) // size)) * state.factor
            order = state.random.permutation(train)
            loss, accuracy, trained = yield from _train_epoch(
                steps, source, labels, order, number, plan, class_weights, size, control
            )
            probabilities, indices = yield from validate(steps, source, val, control)
            val_loss, val_accuracy = _judged(probabilities, labels[indices], number)
        except (Cancelled, JobError) as end:
            if state.outcome is None:
                raise
            if not steps.settled:
                # TensorFlow ends what it has begun, and the best weights come back after that.
                yield Progress("save", 0, 0)
                steps.settle()
            if isinstance(end, JobError):
                kept = f"The best epoch so far, {state.outcome.best.epoch}, is kept."
                yield Warned(end.message, f"{kept} {end.hint}")
            state.stopped = True
            return
        yield from warnings_of(list(source.lost.values())[warned:], GOES_ON)
        warned = len(source.lost)
        epoch = Epoch(
            epoch=number,
            epochs=epochs,
            loss=loss,
            accuracy=accuracy,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            seconds=time.perf_counter() - started,
            best=False,
            learning_rate=float(plan[-1]),
            phase=phase.name,
        )
        outcome = None
        if is_better(epoch, state.outcome):
            epoch = replace(epoch, best=True)
            outcome = Outcome(epoch, trained, indices, probabilities)
            best_weights.keep()
        state.micro = steps.micro
        state.lost = dict(source.lost)
        state.take(epoch, outcome, training.reduce_on_plateau)
        yield epoch


def validate(
    steps: Steps, source: Source, order: Indices, control: Control
) -> Generator[Event, None, tuple[NDArray[np.float32], Indices]]:
    """Probabilities of shape (pictures, classes) and the indices they belong to."""
    found: list[NDArray[np.float32]] = []
    where: list[Indices] = []
    done = 0
    size = min(steps.rows_a_call, max(1, len(order)))
    for inputs, indices in source.batches(order, size, control, 0):
        found.append(steps.predict(inputs, control)[: len(indices)])
        where.append(indices)
        done += len(indices)
        yield Progress("validate", done, len(order))
    if not found:
        classes = steps.model.output_shape[-1]
        return np.zeros((0, classes), np.float32), np.zeros(0, np.int64)
    return np.concatenate(found), np.concatenate(where)


def loss_and_accuracy(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[float, float]:
    """Mean cross-entropy, and accuracy from 0 to 1."""
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    return cross_entropy(probabilities, labels), accuracy


def balancing_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """What a picture of each class counts so that all classes count alike, of mean 1 over the
    pictures (King and Zeng 2001, Logistic Regression in Rare Events Data).
    """
    counts = np.bincount(labels, minlength=classes)
    present = np.count_nonzero(counts)
    return (len(labels) / (present * np.maximum(counts, 1))).astype(np.float32)


def _train_epoch(
    steps: Steps,
    source: Source,
    labels: NDArray[np.int64],
    order: Indices,
    number: int,
    plan: NDArray[np.float64],
    class_weights: NDArray[np.float32] | None,
    size: int,
    control: Control,
) -> Generator[Event, None, tuple[float, float, int]]:
    """Returns the mean loss and accuracy, and the number of pictures. Raises JobError."""
    loss_sum, accuracy_sum, seen = 0.0, 0.0, 0

    def batches() -> Iterator[Batch]:
        for step, (inputs, indices) in enumerate(source.batches(order, size, control, number)):
            targets = labels[indices]
            weights = None if class_weights is None else class_weights[targets]
            yield Batch(inputs, targets, weights, float(plan[step]))

    step = 0
    for some in _by(batches(), steps.steps_a_call):
        sizes = [len(batch.targets) for batch in some]
        for done in steps.train(some, control):
            if isinstance(done, Warned):
                yield done
                continue
            _require_finite(done.loss, number)
            rows = sizes.pop(0)
            loss_sum, accuracy_sum = (
                loss_sum + done.loss * rows,
                accuracy_sum + done.accuracy * rows,
            )
            seen += rows
            step += 1
            yield BatchDone(number, step, len(plan), done.loss, done.accuracy)
    if not seen:
        raise JobError(
            "None of the training pictures can be read any more.",
            "Check that the folder of pictures is still there, then train again.",
        )
    return loss_sum / seen, accuracy_sum / seen, seen


def _by(batches: Iterator[Batch], number: int) -> Iterator[list[Batch]]:
    """The batches in lists of `number`, as far as they go."""
    some: list[Batch] = []
    for batch in batches:
        some.append(batch)
        if len(some) == number:
            yield some
            some = []
    if some:
        yield some


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


def _require_finite(loss: float, number: int) -> None:
    if not np.isfinite(loss):
        raise JobError(
            f"The loss became {loss} in epoch {number}.",
            "Choose a lower learning rate, then train again.",
        )

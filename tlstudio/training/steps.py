"""Optimisation steps on one model, in pieces where memory and a quick stop ask for it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tlstudio.background import awaited, in_background
from tlstudio.control import Control
from tlstudio.events import Warned
from tlstudio.project.spec import Optimizer, Training
from tlstudio.training import adam
from tlstudio.training.depthwise import quick_filter_gradients
from tlstudio.training.norms import with_norms_folded
from tlstudio.training.padding import padded

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": lambda **options: keras.optimizers.SGD(momentum=0.9, **options),
    "rmsprop": keras.optimizers.RMSprop,
}
QUICK_OPTIMIZERS = {"adam": adam.Adam, "adamw": adam.AdamW}
"""The same on one CPU."""

WORK_OF_A_CALL = {"CPU": 1.5e10, "GPU": 4e11}
"""Floating-point operations in one call of TensorFlow, which nothing interrupts: a tenth or two of
a second on a laptop. With fewer at once a core does fewer in a second.
"""
WORK_OF_AN_UPDATE = 250
"""Of the optimizer for each parameter, mostly spent on memory."""
MOST_STEPS_A_CALL = 64
MOST_ROWS_A_CALL = 1024
BYTES_A_CALL = 1 << 24
"""Of inputs, which are copied twice on their way."""

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """`inputs` of shape (batch size, ...), of which the rows after those of `targets` are padding.

    `weights` says how much each picture counts; None: all alike.
    """

    inputs: NDArray[Any]
    targets: NDArray[np.int64]
    weights: Values | None
    rate: float


@dataclass(frozen=True, slots=True)
class Step:
    """The loss that was minimised and the accuracy (0 to 1) of one batch."""

    loss: float
    accuracy: float


class Steps:
    """Trains what is trainable in `model` now. Freeze before this, and make another after it.

    A batch that does not fit is done in micro-batches whose gradients are summed before the one
    update, which is the same step up to rounding as long as no BatchNorm is trained. Where there
    are several devices, each does a micro-batch at a time. Make it in the scope of the strategy
    that made the model.
    """

    def __init__(
        self,
        model: keras.Model,
        training: Training,
        work: int,
        device: str,
        half: bool = False,
        micro: int = 0,
    ) -> None:
        """`work` is that of the model for a picture forwards, in floating-point operations;
        `half` whether it computes in half precision; `micro` the rows of a micro-batch, 0 for
        what suits the work.
        """
        self.model = model
        self._device = device
        self._running: Future[Any] | None = None
        self._strategy = tf.distribute.get_strategy()
        self._replicas: int = self._strategy.num_replicas_in_sync
        self._on_one_cpu = self._replicas == 1 and "CPU" in device
        clip_norm = training.clip_norm / self._replicas
        self._plain = make_optimizer(training.optimizer, clip_norm, self._on_one_cpu)
        self.optimizer = keras.optimizers.LossScaleOptimizer(self._plain) if half else self._plain
        self._variables = model.trainable_variables
        folded = self._on_one_cpu and not half
        self._trained = with_norms_folded(model, trained=True) if folded else model
        self.optimizer.build(self._variables)
        self._smoothing = training.label_smoothing
        self._size = training.batch_size
        budget = WORK_OF_A_CALL["GPU" if "GPU" in device else "CPU"]
        # Backwards costs twice what forwards does.
        at_once = self._size if _trains_batchnorm(model) else int(budget // max(1, 3 * work))
        each = -(-self._size // self._replicas)
        self.micro = min(micro or _evenly(each, max(1, at_once)), each)
        self.steps_a_call = 1
        if self._in_one_piece:
            parameters = sum(prod(variable.shape) for variable in self._variables)
            step = 3 * work * self._size + WORK_OF_AN_UPDATE * parameters
            inputs = 4 * prod(model.input_shape[1:]) * self._size
            most = min(MOST_STEPS_A_CALL, int(budget // step), BYTES_A_CALL // inputs)
            self.steps_a_call = max(1, most)
        self.rows_a_call = max(1, min(MOST_ROWS_A_CALL, int(budget // max(1, work))))
        self._done = tf.Variable(
            0,
            trainable=False,
            dtype=tf.int64,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self._said = tf.Variable(tf.zeros((MOST_STEPS_A_CALL, 2)), trainable=False)
        """Loss and accuracy of the last steps."""
        self._sums: list[tf.Variable] = []
        self._many = _traced(self._many_steps)
        self._some = _traced(self._on_each)
        self._update = _traced(lambda rate: self._strategy.run(self._updated, args=(rate,)))
        self._probabilities = _traced(lambda inputs: model(inputs, training=False))

    @property
    def _in_one_piece(self) -> bool:
        return self._replicas == 1 and self.micro == self._size

    def train(self, batches: Sequence[Batch], control: Control) -> Iterator[Step | Warned]:
        """A step for each batch; `steps_a_call` of them are quickest. Raises Cancelled when
        stopped, and ResourceExhaustedError where not even one picture fits into the memory.

        TensorFlow ends what it has begun: a step may still change the model after a stop, until
        `settle`.
        """
        waiting = list(batches)
        while waiting:
            control.checkpoint()
            before = int(self._done.read_value())
            try:
                if self._in_one_piece:
                    self._at_once(waiting[: self.steps_a_call], control)
                else:
                    self._in_pieces(waiting[0], control)
            except tf.errors.ResourceExhaustedError:
                if self.micro == 1:
                    raise
                self.micro = -(-self.micro // 2)
                yield Warned(
                    f"There is not enough memory for {2 * self.micro} pictures at once.",
                    f"The training goes on with {self.micro} at once, in steps of as many "
                    "pictures as before.",
                )
            done = int(self._done.read_value()) - before
            for loss, accuracy in self._said.read_value().numpy()[:done]:
                yield Step(float(loss), float(accuracy))
            del waiting[:done]

    @property
    def settled(self) -> bool:
        """Whether nothing is left that may still change the model."""
        return self._running is None or self._running.done()

    def settle(self) -> None:
        """Wait for what was left to itself by a stop."""
        if self._running:
            wait([self._running])

    def predict(self, inputs: NDArray[Any], control: Control) -> Values:
        """Probabilities of shape (rows, classes); call it with the same number of rows always.
        Raises Cancelled when stopped.
        """

        def said(some: NDArray[Any]) -> Values:
            return self._probabilities(tf.constant(some)).numpy()  # type: ignore[no-any-return]

        rows = min(len(inputs), self.rows_a_call)
        try:
            parts = [
                self._left_to(partial(said, padded(inputs[i : i + rows], rows)), control)
                for i in range(0, len(inputs), rows)
            ]
        except tf.errors.ResourceExhaustedError:
            if rows == 1:
                raise
            self.rows_a_call = -(-rows // 2)
            return self.predict(inputs, control)
        return np.concatenate(parts)[: len(inputs)]

    def _left_to(self, call: Callable[[], Any], control: Control) -> Any:
        """What a call of TensorFlow says. A stop does not wait for it: tracing takes seconds, and
        so does a step of a large network.
        """

        def placed() -> Any:
            # Each thread has a device of its own.
            several = self._replicas > 1
            with self._strategy.scope() if several else tf.device(self._device):
                return call()

        self._running = in_background(placed, "step")
        return awaited(self._running, control)

    def _at_once(self, batches: Sequence[Batch], control: Control) -> None:
        parts = [_arrays(batch, self._size) for batch in batches]
        inputs, targets, weights, counted = (np.stack(part) for part in zip(*parts, strict=True))
        rates = np.array([batch.rate for batch in batches], np.float32)
        arrays = inputs, targets, weights, counted, rates
        self._left_to(lambda: self._many(*map(tf.constant, arrays)), control)

    def _in_pieces(self, batch: Batch, control: Control) -> None:
        if not self._sums:
            self._sums = [
                tf.Variable(
                    tf.zeros_like(variable.value),
                    trainable=False,
                    synchronization=tf.VariableSynchronization.ON_READ,
                    aggregation=tf.VariableAggregation.SUM,
                )
                for variable in self._variables
            ]
        for total in self._sums:
            total.assign(tf.zeros(total.shape, total.dtype))
        arrays = _arrays(batch, self._size)
        said = np.zeros((MOST_STEPS_A_CALL, 2), np.float32)

        def some(piece: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
            return self._some(*map(self._shared_out, piece)).numpy()  # type: ignore[no-any-return]

        at_once = self.micro * self._replicas
        for start in range(0, len(batch.targets), at_once):
            control.checkpoint()
            piece = [padded(values[start : start + at_once], at_once) for values in arrays]
            said[0] += self._left_to(partial(some, piece), control)
        self._left_to(lambda: self._update(tf.constant(batch.rate, tf.float32)), control)
        self._said.assign(said)

    def _shared_out(self, values: NDArray[Any]) -> Any:
        """A micro-batch for each device."""
        if self._replicas == 1:
            return tf.constant(values)
        parts = np.split(values, self._replicas)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )

    def _many_steps(
        self,
        inputs: tf.Tensor,
        targets: tf.Tensor,
        weights: tf.Tensor,
        counted: tf.Tensor,
        rates: tf.Tensor,
    ) -> None:
        def step(i: tf.Tensor) -> tf.Tensor:
            said, gradients = self._gradients(inputs[i], targets[i], weights[i], counted[i])
            self._plain.learning_rate.assign(rates[i])
            self.optimizer.apply(gradients, self._variables)
            self._said[i].assign(said)
            self._done.assign_add(1)
            return i + 1

        tf.while_loop(lambda i: i < tf.shape(inputs)[0], step, [tf.constant(0)])

    def _on_each(self, *arrays: tf.Tensor) -> tf.Tensor:
        said = self._strategy.run(self._some_rows, args=arrays)
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, said, axis=None)

    def _some_rows(self, *arrays: tf.Tensor) -> tf.Tensor:
        said, gradients = self._gradients(*arrays)
        for total, gradient in zip(self._sums, gradients, strict=True):
            total.assign_add(gradient)
        return said

    def _updated(self, rate: tf.Tensor) -> None:
        self._plain.learning_rate.assign(rate)
        gradients = [tf.identity(total) for total in self._sums]
        if self._replicas > 1:
            # Summed before the optimizer clips, which then sums over the devices once more.
            context = tf.distribute.get_replica_context()
            summed = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            gradients = [gradient / self._replicas for gradient in summed]
        self.optimizer.apply(gradients, self._variables)
        self._done.assign_add(1)

    def _gradients(
        self, inputs: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, counted: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """(loss, accuracy) and the loss's gradients: sums over the rows, each times its weight,
        which is 0 for padding.
        """
        variables = [variable.value for variable in self._variables]
        if self._on_one_cpu:
            with quick_filter_gradients():
                scaled, said = self._loss(inputs, targets, weights, counted)
                return said, tf.gradients(scaled, variables)
        with tf.GradientTape() as tape:
            scaled, said = self._loss(inputs, targets, weights, counted)
        return said, tape.gradient(scaled, variables)

    def _loss(
        self, inputs: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, counted: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What is to be minimised, scaled for half precision, and (loss, accuracy)."""
        probabilities = self._trained(inputs, training=True)
        classes = probabilities.shape[-1]
        losses = keras.losses.categorical_crossentropy(
            tf.one_hot(targets, classes), probabilities, label_smoothing=self._smoothing
        )
        loss = tf.reduce_sum(losses * weights)
        if self.model.losses:
            loss += tf.add_n(self.model.losses) * tf.reduce_sum(counted)
        right = tf.cast(tf.argmax(probabilities, axis=-1) == targets, tf.float32)
        said = tf.stack([loss, tf.reduce_sum(right * counted)])
        return self.optimizer.scale_loss(loss), said


def make_optimizer(
    name: Optimizer, clip_norm: float, on_one_cpu: bool = False
) -> keras.optimizers.Optimizer:
    """The rate is set with each step."""
    kind = (QUICK_OPTIMIZERS if on_one_cpu else {}).get(name, OPTIMIZERS[name])
    return kind(learning_rate=0.0, global_clipnorm=clip_norm or None)


def _trains_batchnorm(model: keras.Model) -> bool:
    return any(
        isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
        for layer in model._flatten_layers()
    )


def _traced(function: Callable[..., Any]) -> Any:
    # Without its rewriting of Python, which leaves files behind where a process is killed.
    return tf.function(function, autograph=False, reduce_retracing=True)


def _evenly(size: int, most: int) -> int:
    """The rows of each piece when `size` rows are done in the fewest pieces of `most` or less."""
    return -(-size // -(-size // most))


def _arrays(batch: Batch, size: int) -> tuple[NDArray[Any], ...]:
    """Inputs, targets, weights and what a row counts in a mean, which is 0 for padding."""
    rows = len(batch.targets)
    counted = np.full(rows, 1 / rows, np.float32)
    weights = counted if batch.weights is None else counted * batch.weights
    inputs = batch.inputs
    if rows < size:
        # With its own rows once more, since a trained BatchNorm looks at all of them.
        inputs = inputs[np.arange(size) % rows]
    return inputs, padded(batch.targets, size), padded(weights, size), padded(counted, size)

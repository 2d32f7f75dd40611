"""The weights of the best epoch, kept beside those that the training goes on with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np
from numpy.typing import NDArray


class BestWeights:
    """What a training changes in a model, as it was when `keep` was last called.

    Frozen layers never change, so they are not copied.
    """

    def __init__(self, model: keras.Model) -> None:
        """Freeze before this."""
        self._variables = _changing_variables(model)
        self._values = self._current()

    def keep(self) -> None:
        self._values = self._current()

    def restore(self) -> None:
        self._assign(self._values)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within, the model has them."""
        current = self._current()
        self.restore()
        try:
            yield
        finally:
            self._assign(current)

    def _current(self) -> list[NDArray[np.float32]]:
        return [variable.numpy() for variable in self._variables]

    def _assign(self, values: Sequence[NDArray[np.float32]]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)


def _changing_variables(model: keras.Model) -> list[keras.Variable]:
    """Trained weights, and the statistics of trained BatchNorms."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _changing_variables(layer)
        elif layer.trainable:
            found += layer.weights
    return found

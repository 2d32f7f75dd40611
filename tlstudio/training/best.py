"""What a training changes in a model, and the best epoch's values of it."""

from collections.abc import Sequence
from typing import Any

import keras
from numpy.typing import NDArray

Values = list[NDArray[Any]]


class BestWeights:
    """What a training changes, as it was when `keep` was last called.

    Frozen layers never change, so they are not copied.
    """

    def __init__(self, model: keras.Model) -> None:
        """Freeze before this."""
        self.variables = changing_variables(model)
        self.keep()

    def keep(self) -> None:
        self.values = values_of(self.variables)

    def restore(self) -> None:
        assign(self.variables, self.values)


def changing_variables(model: keras.Model) -> list[keras.Variable]:
    """Trained weights, the statistics of trained BatchNorms, and where random numbers stand."""
    frozen = {
        id(weight)
        for layer in model._flatten_layers(include_self=False)
        if not layer.trainable
        for weight in layer.weights
    }
    return [variable for variable in model.variables if id(variable) not in frozen]


def values_of(variables: Sequence[keras.Variable]) -> Values:
    return [variable.numpy() for variable in variables]


def assign(variables: Sequence[keras.Variable], values: Sequence[NDArray[Any]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)

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
        self.variables = changing_weights(model)
        """Trained weights and the statistics of trained BatchNorms: those of a whole model and of
        what is cut off it are the same ones in the same order.
        """
        self.seeds = changing_seeds(model)
        """Where random numbers stand, which no epoch is better for. A model that is cut off may
        lack the first ones of the whole.
        """
        self.keep()

    def keep(self) -> None:
        self.values = values_of(self.variables)

    def restore(self) -> None:
        assign(self.variables, self.values)


def changing_weights(model: keras.Model) -> list[keras.Variable]:
    frozen = {
        id(weight)
        for layer in model._flatten_layers(include_self=False)
        if not layer.trainable
        for weight in layer.weights
    }
    return [weight for weight in model.weights if id(weight) not in frozen]


def changing_seeds(model: keras.Model) -> list[keras.Variable]:
    """The states that layers draw from; a Dropout without a rate draws nothing."""
    others = {id(weight) for weight in model.weights}
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.Dropout) and not layer.rate:
            others.update(id(variable) for variable in layer.variables)
    return [variable for variable in model.variables if id(variable) not in others]


def values_of(variables: Sequence[keras.Variable]) -> Values:
    return [variable.numpy() for variable in variables]


def assign(variables: Sequence[keras.Variable], values: Sequence[NDArray[Any]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)

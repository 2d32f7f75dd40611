"""Freezing a backbone's layers."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

import keras

from tlstudio.model.boundary import operations_in_prefix


def freeze(backbone: keras.Model, trainable: AbstractSet[str]) -> None:
    """Make exactly the named layers trainable, and have all that is frozen say the same each time.

    Keras has nothing like that for Dropout, so one that nothing trained comes before loses its
    rate, for good: the saved model is of plain Keras layers. Build anew for a plan that trains
    more.
    """
    set_trainable(backbone, trainable)
    for dropout in _frozen_dropouts(backbone, trainable):
        dropout.rate = 0.0


@contextmanager
def still(backbone: keras.Model, trainable: AbstractSet[str]) -> Iterator[None]:
    """Within, what nothing trained comes before says the same each time, as after `freeze`; for a
    phase that trains less than the plan. Make the steps within.
    """
    rates = {dropout: dropout.rate for dropout in _frozen_dropouts(backbone, trainable)}
    for dropout in rates:
        dropout.rate = 0.0
    try:
        yield
    finally:
        for dropout, rate in rates.items():
            dropout.rate = rate


def _frozen_dropouts(
    backbone: keras.Model, trainable: AbstractSet[str]
) -> list[keras.layers.Dropout]:
    operations = operations_in_prefix(backbone, trainable)
    return [one for one in operations if isinstance(one, keras.layers.Dropout)]


def set_trainable(backbone: keras.Model, trainable: AbstractSet[str]) -> None:
    """Make exactly the named layers trainable. Compile after this, never before.

    A frozen BatchNorm also stops updating its statistics, since Keras runs it in inference mode
    when its `trainable` is False.
    """
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = layer.name in trainable

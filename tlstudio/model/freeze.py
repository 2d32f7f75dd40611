"""Freezing a backbone's layers."""

from collections.abc import Set as AbstractSet

import keras

from tlstudio.model.boundary import operations_in_prefix


def freeze(backbone: keras.Model, trainable: AbstractSet[str]) -> None:
    """Make exactly the named layers trainable, and have all that is frozen say the same each time.

    Keras has nothing like that for Dropout, so one that nothing trained comes before loses its
    rate, for good: the saved model is of plain Keras layers. Build anew for a plan that trains
    more.
    """
    set_trainable(backbone, trainable)
    for operation in operations_in_prefix(backbone, trainable):
        if isinstance(operation, keras.layers.Dropout):
            operation.rate = 0.0


def set_trainable(backbone: keras.Model, trainable: AbstractSet[str]) -> None:
    """Make exactly the named layers trainable. Compile after this, never before.

    A frozen BatchNorm also stops updating its statistics, since Keras runs it in inference mode
    when its `trainable` is False.
    """
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = layer.name in trainable

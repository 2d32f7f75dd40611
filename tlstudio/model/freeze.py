"""Freezing a backbone's layers, and finding the boundary where its frozen part ends."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import keras


def freeze(backbone: keras.Model, trainable: AbstractSet[str]) -> None:
    """Make exactly the named layers trainable. Compile after this, never before.

    A frozen BatchNorm also stops updating its statistics, since Keras runs it in inference mode
    when its `trainable` is False. Keras has nothing like that for Dropout, so one that nothing
    trained comes before loses its rate, for good: what is frozen says the same each time, and the
    saved model is of plain Keras layers. Build anew for a plan that trains more.
    """
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = layer.name in trainable
    for operation in _before_the_trained(backbone, trainable):
        if isinstance(operation, keras.layers.Dropout):
            operation.rate = 0.0


def boundary(backbone: keras.Model, trainable: AbstractSet[str]) -> str:
    """The last layer after which everything trainable lies, all upstream of it being frozen.

    The cut is where one tensor alone crosses, so a skip connection is never cut in two. Empty
    when nothing can be cut off, because the first layer with weights is trainable already.
    """
    operations = backbone.operations
    position = {id(tensor): i for i, op in enumerate(operations) for tensor in _outputs(op)}
    reach = list(range(len(operations)))
    for consumer, op in enumerate(operations):
        for tensor in _inputs(op):
            producer = position[id(tensor)]
            reach[producer] = max(reach[producer], consumer)
    first_trained = min(
        (i for i, op in enumerate(operations) if _is_trained(op, trainable)),
        default=len(operations),
    )
    cut, crossing = "", 0
    for index, op in enumerate(operations[:first_trained]):
        if crossing <= index and isinstance(op, keras.layers.Layer):
            cut = op.name
        crossing = max(crossing, reach[index])
    has_work = any(
        op.weights for op in operations[:first_trained] if isinstance(op, keras.layers.Layer)
    )
    return cut if has_work else ""


def _before_the_trained(
    backbone: keras.Model, trainable: AbstractSet[str]
) -> Iterator[keras.Operation]:
    """All operations whose outputs depend on nothing that is trained."""
    changing: set[int] = set()
    for operation in backbone.operations:
        depends = any(id(tensor) in changing for tensor in _inputs(operation))
        if depends or _is_trained(operation, trainable):
            changing.update(id(tensor) for tensor in _outputs(operation))
        else:
            yield operation


def _is_trained(operation: keras.Operation, trainable: AbstractSet[str]) -> bool:
    return operation.name in trainable and bool(getattr(operation, "weights", ()))


def _inputs(operation: keras.Operation) -> list[keras.KerasTensor]:
    if isinstance(operation, keras.layers.InputLayer):
        return []
    return keras.tree.flatten(operation.input)  # type: ignore[no-any-return]


def _outputs(operation: keras.Operation) -> list[keras.KerasTensor]:
    return keras.tree.flatten(operation.output)  # type: ignore[no-any-return]

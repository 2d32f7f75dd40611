"""What a freeze plan means for the layers of a given backbone. Plain names, no Keras."""

from collections.abc import Iterable, Sequence

from tlstudio.errors import TlstudioError
from tlstudio.events import LayerRow
from tlstudio.project.spec import FreezePlan

BATCH_NORM = "BatchNormalization"


def blocks_in_order(layers: Iterable[LayerRow]) -> list[str]:
    """The names of the blocks from input to output."""
    return list(dict.fromkeys(layer.block for layer in layers))


def first_layer_of_top(layers: Sequence[LayerRow]) -> str:
    """The layer from which the default *top layers* strategy trains: the first of those top blocks
    that hold as near to a third as can be of all layers to train, BatchNorm aside.

    A third of the blocks may be most of a network: of ResNet152, one block is 107 of 155 layers.
    The size of the input does not count.
    """
    counted = [row.block for row in layers if row.trainable_params and row.type != BATCH_NORM]

    def from_a_third(block: str) -> float:
        return abs(counted.index(block) / len(counted) - 2 / 3)

    first = min(dict.fromkeys(counted), key=from_a_third)
    return next(layer.name for layer in layers if layer.block == first)


def trainable_layers(plan: FreezePlan, layers: Sequence[LayerRow]) -> frozenset[str]:
    """The names of the layers that the plan trains.

    BatchNorm stays frozen when its block is unfrozen, unless the plan says otherwise or, in a
    custom plan, names the layer. Raises TlstudioError when the plan names a layer that the
    backbone does not have.
    """
    names = [layer.name for layer in layers]
    if plan.strategy == "custom":
        for name in plan.layers:
            _require(name, names)
        return frozenset(plan.layers)
    if plan.strategy == "head":
        return frozenset()
    start = 0
    if plan.strategy == "top":
        first = plan.unfreeze_from or first_layer_of_top(layers)
        _require(first, names)
        start = names.index(first)
    return frozenset(
        layer.name for layer in layers[start:] if plan.batchnorm or layer.type != BATCH_NORM
    )


def after_weights_change(plan: FreezePlan, before: str, after: str) -> FreezePlan:
    """The plan for a backbone with other weights, each as `spec.Backbone` has them.

    Where they become random, BatchNorm is trained with its block: frozen at the statistics that it
    begins with, it would normalise nothing. Pretrained statistics stay as they are.
    """
    random = after == "random"
    if random == (before == "random"):
        return plan
    return plan.model_copy(update={"batchnorm": random})


def strategy_of(trainable: frozenset[str], layers: Sequence[LayerRow]) -> str:
    """The strategy that a set of trainable layers amounts to, whoever chose it.

    Only layers with parameters count, and frozen BatchNorm does not spoil a strategy.
    """
    counted = [layer for layer in layers if layer.trainable_params and layer.type != BATCH_NORM]
    flags = [layer.name in trainable for layer in counted]
    extra = any(layer.name in trainable for layer in layers if layer.type == BATCH_NORM)
    if not any(flags):
        return "custom" if extra else "head"
    if all(flags):
        return "all"
    return "top" if flags == sorted(flags) else "custom"


def _require(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise TlstudioError(
            f"The backbone has no layer named {name!r}.",
            f"Choose one of its layers, such as {names[len(names) // 2]!r}.",
        )

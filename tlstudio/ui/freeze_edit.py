"""What clicking in the layer tree does to a freeze plan. Plain names, no Qt."""

from collections.abc import Iterable, Sequence
from itertools import dropwhile

from tlstudio.events import LayerRow
from tlstudio.project.freeze_plan import BATCH_NORM, strategy_of, trainable_layers
from tlstudio.project.spec import FreezePlan


def has_choice(layer: LayerRow, batchnorm: bool) -> bool:
    """Whether a person can freeze and unfreeze the layer: it has parameters to train, and it is
    no BatchNorm that stays frozen.
    """
    return layer.trainable_params > 0 and (batchnorm or layer.type != BATCH_NORM)


def choices(layers: Iterable[LayerRow], batchnorm: bool) -> list[LayerRow]:
    return [layer for layer in layers if has_choice(layer, batchnorm)]


def with_layers(
    trainable: frozenset[str], layers: Iterable[LayerRow], train: bool, batchnorm: bool
) -> frozenset[str]:
    """The trainable names after the given layers were checked (`train`) or unchecked."""
    names = {layer.name for layer in layers if not train or has_choice(layer, batchnorm)}
    return trainable | names if train else trainable - names


def from_here(layers: Sequence[LayerRow], name: str, batchnorm: bool) -> frozenset[str]:
    """The trainable names when everything from the layer `name` on is trained."""
    start = next(i for i, layer in enumerate(layers) if layer.name == name)
    return frozenset(layer.name for layer in choices(layers[start:], batchnorm))


def with_batchnorm(
    trainable: frozenset[str], layers: Sequence[LayerRow], batchnorm: bool
) -> frozenset[str]:
    """The trainable names after BatchNorm was let loose, or frozen again.

    A BatchNorm layer is trained with its block, where another layer of the block is, but never
    before the first trained layer: the boundary stays where it was put.
    """
    norms = [layer for layer in layers if layer.type == BATCH_NORM]
    without = trainable - {layer.name for layer in norms}
    if not batchnorm:
        return without
    blocks = {layer.block for layer in layers if layer.name in without}
    after_boundary = dropwhile(lambda layer: layer.name not in without, layers)
    return without | {
        layer.name for layer in after_boundary if layer.type == BATCH_NORM and layer.block in blocks
    }


def trained(plan: FreezePlan, layers: Sequence[LayerRow]) -> frozenset[str]:
    """The layers with parameters that a plan trains. Raises TlstudioError where it does not fit."""
    named = trainable_layers(plan, layers)
    return frozenset(
        layer.name for layer in layers if layer.trainable_params and layer.name in named
    )


def plan_of(trainable: frozenset[str], layers: Sequence[LayerRow], batchnorm: bool) -> FreezePlan:
    """The simplest freeze plan that trains exactly these layers.

    A named strategy where one fits, so that the plan can be read and survives a change of
    backbone; else `custom` with the names in network order.
    """
    can = frozenset(layer.name for layer in layers if layer.trainable_params)
    wanted = trainable & can
    strategy = strategy_of(wanted, layers)
    candidates = [FreezePlan(strategy="head", batchnorm=batchnorm)]
    if strategy == "all":
        candidates.append(FreezePlan(strategy="all", batchnorm=batchnorm))
    if strategy == "top":
        first = next(layer.name for layer in layers if layer.name in wanted)
        candidates.append(FreezePlan(strategy="top", batchnorm=batchnorm))
        candidates.append(FreezePlan(strategy="top", unfreeze_from=first, batchnorm=batchnorm))
    for plan in candidates:
        if trainable_layers(plan, layers) & can == wanted:
            return plan
    names = tuple(layer.name for layer in layers if layer.name in wanted)
    return FreezePlan(strategy="custom", layers=names, batchnorm=batchnorm)


def names_layers(plan: FreezePlan) -> bool:
    """Whether it is about one backbone, where a strategy is about any."""
    return plan.strategy == "custom" or bool(plan.unfreeze_from)


def after_backbone_change(plan: FreezePlan) -> FreezePlan:
    """The plan for another backbone, whose layers have other names."""
    if plan.strategy == "custom":
        return FreezePlan(strategy="head", batchnorm=plan.batchnorm)
    return plan.model_copy(update={"unfreeze_from": ""})

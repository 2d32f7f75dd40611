"""The describe job: what a backbone, a freeze plan and a head amount to, layer by layer; and the
boundary job, which says of many plans in turn where they cut the same backbone.
"""

from collections.abc import Iterator
from functools import lru_cache

import keras

from tlstudio.control import Control
from tlstudio.events import (
    BoundaryFound,
    Description,
    Event,
    HeadRow,
    LayerRow,
    ParameterTotals,
    Progress,
)
from tlstudio.model import backbone as backbones
from tlstudio.model import catalog, weights
from tlstudio.model.boundary import NOT_CUT, find_boundary
from tlstudio.model.freeze import freeze
from tlstudio.project.freeze_plan import trainable_layers
from tlstudio.project.head_size import head_rows
from tlstudio.project.spec import Backbone, FreezePlan, Head


def describe(
    spec: Backbone,
    plan: FreezePlan,
    head: Head,
    classes: int,
    include_top: bool,
    control: Control,
) -> Iterator[Event]:
    """Yield what is being built, then a `Description`.

    Weights change nothing of what is described, so none are loaded; only that they could be is
    checked. With `include_top` the network's own classifier of 1000 ImageNet classes stands in
    for a head.
    """
    spec = catalog.canonical(spec)
    yield Progress("build", 0, 0, spec.name)
    control.checkpoint()
    weights.check(spec, include_top)
    model = _outline(_without_weights(spec), include_top)
    trainable = trainable_layers(plan, backbones.layer_rows(model))
    freeze(model, trainable)
    layers = backbones.layer_rows(model)
    output_shape = tuple(model.output_shape[1:])
    cut = find_boundary(model, trainable)
    rows = () if include_top else head_rows(head, output_shape, classes)
    yield Description(
        backbone=spec.name,
        input_shape=tuple(model.input_shape[1:]),
        output_shape=output_shape,
        layers=layers,
        head=rows,
        params=_totals(layers, rows),
        boundary=cut.name if cut else "",
        boundary_reason=cut.reason if cut else NOT_CUT,
    )


def boundary(spec: Backbone, plan: FreezePlan) -> Iterator[Event]:
    """Yield where the plan cuts the backbone, without its top."""
    model = _outline(_without_weights(catalog.canonical(spec)), False)
    cut = find_boundary(model, trainable_layers(plan, backbones.layer_rows(model)))
    if cut is None:
        yield BoundaryFound((), "", 0.0, NOT_CUT)
        return
    names = [operation.name for operation in model.operations]
    end = max(map(names.index, cut.layers)) + 1
    # Operations such as a plain addition are no layers, and have no row in a tree of them.
    layers = [made for made in model.operations[:end] if isinstance(made, keras.layers.Layer)]
    yield BoundaryFound(cut.layers, layers[-1].name, cut.work / cut.all_work, cut.reason)


def _without_weights(spec: Backbone) -> Backbone:
    return spec.model_copy(update={"weights": "random"})


@lru_cache(maxsize=1)
def _outline(spec: Backbone, include_top: bool) -> keras.Model:
    """The last network stays for the next question."""
    return backbones.outline(spec, include_top)


def _totals(layers: tuple[LayerRow, ...], head: tuple[HeadRow, ...]) -> ParameterTotals:
    in_backbone = sum(layer.params for layer in layers)
    in_head = sum(row.params for row in head)
    trained = in_head + sum(layer.trainable_params for layer in layers if layer.trainable)
    total = in_backbone + in_head
    return ParameterTotals(total, trained, total - trained, in_backbone, in_head)

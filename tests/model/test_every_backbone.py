"""Every network of the catalogue is described, frozen and cut, and falls into blocks that can be
trained one by one; one of each family is trained, saved and reloaded.
"""

import math
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import keras
import numpy as np
import pytest
from small_networks import with_trained_norms
from small_training import train

from tlstudio.control import Control
from tlstudio.events import Description, Evaluation, Finished, LayerRow
from tlstudio.host import jobs
from tlstudio.model import catalog
from tlstudio.model.backbone import build, layer_rows, outline
from tlstudio.model.boundary import find_boundary, inputs_of, outputs_of, prefix_of, suffix_of
from tlstudio.model.freeze import freeze
from tlstudio.project import runs
from tlstudio.project.freeze_plan import (
    BATCH_NORM,
    first_layer_of_top,
    strategy_of,
    trainable_layers,
)
from tlstudio.project.spec import Backbone, FreezePlan, Project, Strategy, Training

QUICK = ("EfficientNetLite0", "VGG16", "MobileNetV2", "ResNet50V2", "InceptionV3", "ConvNeXtTiny")


def small(name: str) -> Backbone:
    side = catalog.facts(name).min_input
    return Backbone(name=name, weights="random", input_shape=(side, side))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(known.name, marks=() if known.name in QUICK else pytest.mark.slow)
        for known in catalog.CATALOG
    ],
)
def name(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def model(name: str) -> keras.Model:
    return outline(small(name))


@pytest.fixture(scope="module")
def rows(model: keras.Model) -> tuple[LayerRow, ...]:
    return layer_rows(model)


def kernels(rows: tuple[LayerRow, ...]) -> list[str]:
    return [row.name for row in rows if row.trainable_params and row.type != BATCH_NORM]


def with_weights(model: keras.Model) -> set[str]:
    return {layer.name for layer in model.layers if layer.weights}


def starts(rows: tuple[LayerRow, ...]) -> list[str]:
    """The first layer of each block."""
    return [next(group).name for _, group in groupby(rows, key=lambda row: row.block)]


def crossing(model: keras.Model, first: str) -> list[str]:
    """What puts out the tensors that go on from all before the layer to it and what follows."""
    names = [operation.name for operation in model.operations]
    before, after = np.split(np.array(model.operations, object), [names.index(first)])
    read = {id(tensor) for operation in after for tensor in inputs_of(operation)}
    return [one.name for one in before if read & {id(tensor) for tensor in outputs_of(one)}]


def test_it_is_described(name: str) -> None:
    known = catalog.facts(name)
    plan = FreezePlan(strategy="top", batchnorm=True)
    said = list(jobs.run(jobs.DescribeRequest(small(name), freeze=plan), Control()))[-1]
    assert isinstance(said, Description), said
    names = [row.name for row in said.layers]
    assert len(set(names)) == len(names)
    assert said.params.backbone == known.params
    assert said.output_shape == said.layers[-1].output_shape
    trained = said.layers[names.index(first_layer_of_top(said.layers)) :]
    expected = sum(row.trainable_params for row in trained)
    assert 0 < expected < known.params
    assert said.params.trainable == expected + said.params.head
    assert set(said.boundary.split(" + ")).isdisjoint(row.name for row in trained if row.params)


def test_blocks_are_runs_with_something_to_train(rows: tuple[LayerRow, ...]) -> None:
    blocks = [block for block, _ in groupby(rows, key=lambda row: row.block)]
    assert len(blocks) == len(set(blocks))
    assert 5 <= len(blocks) <= 9
    trained = kernels(rows)
    assert set(blocks) <= {row.block for row in rows if row.name in trained}


def test_from_each_block_to_the_next_goes_one_tensor(
    name: str, model: keras.Model, rows: tuple[LayerRow, ...]
) -> None:
    # A cell of NASNet reads the two before it, and its second input may be halved in two ways.
    few = {2, 3} if name.startswith("NASNet") else {1}
    for first in starts(rows)[1:]:
        assert len(crossing(model, first)) in few, first


def test_the_last_block_is_trained_from_where_it_begins(
    model: keras.Model, rows: tuple[LayerRow, ...]
) -> None:
    last = starts(rows)[-1]
    plan = FreezePlan(strategy="top", unfreeze_from=last, batchnorm=True)
    trainable = trainable_layers(plan, rows)
    of_last = [row.name for row in rows if row.block == rows[-1].block]
    assert set(kernels(rows)) & trainable == set(kernels(rows)) & set(of_last)
    found = find_boundary(model, trainable)
    assert found is not None
    assert with_weights(prefix_of(model, found)) == with_weights(model) - set(of_last)
    assert with_weights(suffix_of(model, found)) == with_weights(model) & set(of_last)


def test_the_top_is_a_third_of_the_layers_as_far_as_blocks_allow(
    rows: tuple[LayerRow, ...],
) -> None:
    of_blocks = [
        len(set(kernels(rows)) & {row.name for row in group})
        for _, group in groupby(rows, key=lambda row: row.block)
    ]
    first = first_layer_of_top(rows)
    at = starts(rows).index(first)
    share = sum(of_blocks[at:]) / sum(of_blocks)
    assert 0.05 < share < 0.5
    # A block more, or one less, would be further from it.
    for other in (at - 1, at + 1):
        assert abs(sum(of_blocks[other:]) / sum(of_blocks) - 1 / 3) >= abs(share - 1 / 3)


@pytest.mark.parametrize("strategy", ["head", "top", "all", "custom"])
def test_each_strategy_freezes_and_cuts_it(
    model: keras.Model, rows: tuple[LayerRow, ...], strategy: Strategy
) -> None:
    middle = kernels(rows)[len(kernels(rows)) // 2]
    layers = (middle,) if strategy == "custom" else ()
    trainable = trainable_layers(FreezePlan(strategy=strategy, layers=layers), rows)
    freeze(model, trainable)
    trained = {layer.name for layer in model.layers if layer.trainable_weights}
    top = rows[[row.name for row in rows].index(first_layer_of_top(rows)) :]
    assert trained == set(
        {"head": [], "top": kernels(top), "all": kernels(rows), "custom": [middle]}[strategy]
    )
    assert strategy_of(trainable, rows) == strategy

    found = find_boundary(model, trainable)
    if strategy == "all":
        assert found is None
        return
    assert found is not None
    prefix, suffix = prefix_of(model, found), suffix_of(model, found)
    assert not trained & with_weights(prefix)
    assert trained <= with_weights(suffix)
    assert with_weights(prefix) | with_weights(suffix) == with_weights(model)
    assert suffix.output_shape == model.output_shape
    assert (found.work == found.all_work) == (strategy == "head")


ONE_OF_EACH_FAMILY = {known.family: known.name for known in reversed(catalog.CATALOG)}
# Those of MobileNet have little in common.
TRAINED = {*ONE_OF_EACH_FAMILY.values(), "MobileNet", "MobileNetV2", "MobileNetV3Small"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(one, marks=() if one in {"MobileNetV2", "VGG16"} else pytest.mark.slow)
        for one in sorted(TRAINED)
    ],
)
def test_one_of_each_family_is_trained_a_step_saved_and_reloaded(
    name: str, project: Callable[..., Project], tmp_path: Path
) -> None:
    # What an untrained one puts out, of MobileNet 1e-20, is too little to be learned from.
    before = with_trained_norms(build(small(name)))
    weights = tmp_path / "some.weights.h5"
    before.save_weights(weights)
    made = project(
        backbone=small(name).model_copy(update={"weights": str(weights)}),
        freeze=FreezePlan(strategy="top"),
        training=Training(epochs=1, batch_size=32, learning_rate=0.001, device="cpu"),
    )
    run = tmp_path / "run"
    finished = train(made, run)[-1]
    assert isinstance(finished, Finished), finished

    again = list(jobs.run(jobs.EvaluateRequest(run), Control()))[-1]
    assert isinstance(again, Evaluation), again
    assert math.isfinite(again.loss)
    assert again.loss == pytest.approx(finished.val_loss, abs=1e-4)
    assert again.confusion == runs.read_evaluation(run).confusion

    model = keras.saving.load_model(run / "model.keras")
    after = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    trainable = trainable_layers(made.freeze, layer_rows(before))
    moved = {
        old.name
        for old, new in zip(before.layers, after.layers, strict=True)
        if not all(map(np.array_equal, old.get_weights(), new.get_weights()))
    }
    assert moved <= trainable
    last = layer_rows(before)[-1].block
    assert {row.name for row in layer_rows(before) if row.block == last} & moved

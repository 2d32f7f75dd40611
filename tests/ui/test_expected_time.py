from dataclasses import replace
from pathlib import Path

import pytest

from tlstudio.events import LayerRow
from tlstudio.project.spec import (
    Augmentation,
    Backbone,
    DenseLayer,
    FreezePlan,
    Head,
    Pictures,
    Training,
)
from tlstudio.ui import expected_time
from tlstudio.ui.decisions import Decisions

LAYERS = (
    LayerRow("input", "InputLayer", "a", (224, 224, 3), 0, False, 0),
    LayerRow("conv", "Conv2D", "a", (112, 112, 32), 864, False, 864),
    LayerRow("bn", "BatchNormalization", "a", (112, 112, 32), 128, False, 64),
    LayerRow("top", "Conv2D", "b", (56, 56, 64), 3456, False, 3456),
)
NONE: frozenset[str] = frozenset()
TOP, ALL = frozenset({"top"}), frozenset({"conv", "top"})
TRAIN, VAL = 9_000, 1_000
FROZEN = 864 * 112 * 112
WHOLE = FROZEN + 3456 * 56 * 56


def seconds(trainable: frozenset[str], cores: int = 2, **fields: object) -> float:
    """Without the start, on a machine like the one that was measured."""
    training = Training.model_validate(fields)
    took = expected_time.seconds(LAYERS, trainable, TRAIN, VAL, training, cores)
    return took - expected_time.START_SECONDS


def augmented(mode: str, views: int = 8) -> Augmentation:
    return Augmentation(mode=mode, views=views)


def test_work_is_each_kernel_once_per_output_cell() -> None:
    assert expected_time.multiply_adds(LAYERS) == WHOLE
    assert expected_time.frozen_layers(LAYERS, TOP) == LAYERS[:3]
    assert expected_time.frozen_layers(LAYERS, NONE) == LAYERS
    assert expected_time.frozen_layers(LAYERS, ALL) == ()


def test_epochs_cost_little_when_the_backbone_is_frozen() -> None:
    assert seconds(NONE, epochs=11) - seconds(NONE, epochs=1) == pytest.approx(7.0)


def test_training_through_the_backbone_costs_every_epoch_and_cores_help() -> None:
    assert seconds(ALL, epochs=10) == pytest.approx(10 * seconds(ALL, epochs=1))
    assert seconds(ALL, epochs=10) == pytest.approx(2 * seconds(ALL, epochs=10, cores=4))


def test_what_is_frozen_below_trained_layers_is_run_once() -> None:
    each = seconds(TOP, epochs=2) - seconds(TOP, epochs=1)
    once = seconds(TOP, epochs=1) - each
    assert once == pytest.approx((TRAIN + VAL) * FROZEN / expected_time.FOLDED_PER_SECOND)
    assert each == pytest.approx((TRAIN + VAL) * (WHOLE - FROZEN) / expected_time.FIT_PER_SECOND)


def test_versions_cost_a_pass_each_once_and_live_ones_a_pass_each_epoch() -> None:
    a_pass = TRAIN * WHOLE / expected_time.FOLDED_PER_SECOND
    off = seconds(NONE, epochs=20)
    views = seconds(NONE, epochs=20, augmentation=augmented("views", 8))
    live = seconds(NONE, epochs=20, augmentation=augmented("live"))
    assert views - off == pytest.approx(7 * a_pass)
    assert live - off == pytest.approx(19 * a_pass)


def test_the_heads_own_epochs_count_only_where_the_backbone_is_trained() -> None:
    assert seconds(NONE, head_epochs=5) == seconds(NONE)
    more = seconds(TOP, head_epochs=5) - seconds(TOP)
    assert 0 < more < seconds(TOP, epochs=5)


def test_what_is_kept_is_not_run_again() -> None:
    training = Training(epochs=3)

    def took(trainable: frozenset[str], kept: bool) -> float:
        return expected_time.seconds(LAYERS, trainable, TRAIN, VAL, training, 2, kept)

    saved = (TRAIN + VAL) * FROZEN / expected_time.FOLDED_PER_SECOND
    assert took(TOP, False) - took(TOP, True) == pytest.approx(saved)
    assert took(NONE, True) == pytest.approx(expected_time.START_SECONDS + 2.1)
    assert took(ALL, True) == took(ALL, False)


BEFORE = Decisions(pictures=Pictures(source=Path("pets")))
VIEWS = Training(augmentation=augmented("views"))


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        ({}, {"head": Head(dense=(DenseLayer(units=64),))}, True),
        ({}, {"training": Training(epochs=50, learning_rate=0.1, seed=7)}, True),
        ({}, {"pictures": Pictures(source=Path("pets"), validation=0.4)}, True),
        ({}, {"pictures": Pictures(source=Path("cars"))}, False),
        ({}, {"backbone": Backbone(weights="random")}, False),
        ({}, {"freeze": FreezePlan(strategy="top")}, False),
        ({}, {"head": Head(pooling="gmp")}, True),
        ({}, {"head": Head(pooling="flatten")}, False),
        ({}, {"training": VIEWS}, False),
        ({"training": VIEWS}, {"training": VIEWS}, True),
        ({"training": VIEWS}, {"training": VIEWS.model_copy(update={"seed": 7})}, False),
        ({}, {"training": Training(features="float16")}, False),
        ({}, {"training": Training(head_epochs=5)}, False),
        ({"training": Training(head_epochs=5)}, {}, True),
        (
            {"training": Training(augmentation=augmented("live"))},
            {"training": Training(augmentation=augmented("live"))},
            False,
        ),
    ],
)
def test_whether_the_last_training_left_all_that_is_needed(
    before: dict[str, object], now: dict[str, object], kept: bool
) -> None:
    assert expected_time.is_kept(replace(BEFORE, **before), replace(BEFORE, **now)) == kept


@pytest.mark.parametrize(
    ("expected", "words"),
    [(1, "about 5 s"), (22, "about 20 s"), (170, "about 3 min"), (7300, "about 2 h")],
)
def test_it_is_said_as_roughly_as_it_is_known(expected: float, words: str) -> None:
    assert expected_time.in_words(expected) == words

import pytest
from hypothesis import given
from hypothesis import strategies as st
from window_fakes import convs, layers

from tlstudio.events import LayerRow
from tlstudio.project.freeze_plan import BATCH_NORM, trainable_layers
from tlstudio.project.spec import FreezePlan
from tlstudio.ui import freeze_edit

LAYERS = layers()
NORMS = frozenset(f"block{number}_bn" for number in range(4))


def trained_by(plan: FreezePlan) -> frozenset[str]:
    can = {layer.name for layer in LAYERS if layer.trainable_params}
    return trainable_layers(plan, LAYERS) & can


@given(st.sets(st.sampled_from([layer.name for layer in LAYERS])), st.booleans())
def test_a_plan_trains_exactly_what_was_checked(names: set[str], batchnorm: bool) -> None:
    can = {layer.name for layer in LAYERS if layer.trainable_params}
    plan = freeze_edit.plan_of(frozenset(names), LAYERS, batchnorm)
    assert trained_by(plan) == names & can


@pytest.mark.parametrize(
    ("trainable", "strategy"),
    [
        (frozenset(), "head"),
        (convs(0, 1, 2, 3), "all"),
        (convs(2, 3), "top"),
        (convs(0, 3), "custom"),
        (convs(3) | {"block0_bn"}, "custom"),
    ],
)
def test_a_named_strategy_is_found_where_one_fits(trainable: frozenset[str], strategy: str) -> None:
    assert freeze_edit.plan_of(trainable, LAYERS, False).strategy == strategy


def test_the_default_top_names_no_layer_so_that_it_survives_another_backbone() -> None:
    plan = freeze_edit.plan_of(trained_by(FreezePlan(strategy="top")), LAYERS, False)
    assert plan == FreezePlan(strategy="top")


def test_checking_a_block_leaves_its_batchnorm_frozen() -> None:
    assert freeze_edit.with_layers(frozenset(), LAYERS[:3], True, False) == convs(0)


def test_checking_a_block_trains_its_batchnorm_when_that_is_let_loose() -> None:
    trained = freeze_edit.with_layers(frozenset(), LAYERS[:3], True, True)
    assert trained == convs(0) | {"block0_bn"}


def test_unchecking_a_block_freezes_all_of_it() -> None:
    before = convs(0, 1) | {"block0_bn"}
    assert freeze_edit.with_layers(before, LAYERS[:3], False, False) == convs(1)


def test_from_here_trains_that_layer_and_all_after_it() -> None:
    assert freeze_edit.from_here(LAYERS, "block2_conv", False) == convs(2, 3)


def test_batchnorm_follows_its_block_when_let_loose_and_goes_when_frozen_again() -> None:
    loose = freeze_edit.with_batchnorm(convs(1), LAYERS, True)
    assert loose == convs(1) | {"block1_bn"}
    assert freeze_edit.with_batchnorm(loose, LAYERS, False) == convs(1)


def test_batchnorm_before_the_boundary_stays_frozen() -> None:
    rows = [
        LayerRow(name, kind, "block1", (4, 4, 4), 8, False, 8)
        for name, kind in [
            ("a_conv", "Conv2D"),
            ("a_bn", BATCH_NORM),
            ("b_conv", "Conv2D"),
            ("b_bn", BATCH_NORM),
        ]
    ]
    loose = freeze_edit.with_batchnorm(frozenset({"b_conv"}), rows, True)
    assert loose == {"b_conv", "b_bn"}


def test_another_backbone_forgets_layer_names() -> None:
    top = FreezePlan(strategy="top", unfreeze_from="block2_conv", batchnorm=True)
    assert freeze_edit.after_backbone_change(top) == FreezePlan(strategy="top", batchnorm=True)
    custom = FreezePlan(strategy="custom", layers=("block1_conv",))
    assert freeze_edit.after_backbone_change(custom) == FreezePlan(strategy="head")

import pytest

from tlstudio.errors import TlstudioError
from tlstudio.events import LayerRow
from tlstudio.project.freeze_plan import (
    after_weights_change,
    blocks_in_order,
    first_layer_of_top,
    strategy_of,
    trainable_layers,
)
from tlstudio.project.spec import FreezePlan


def rows(blocks: int = 6) -> list[LayerRow]:
    made = [LayerRow("input", "InputLayer", "stem", (8, 8, 3), 0, False, 0)]
    for block in range(1, blocks + 1):
        name = f"block{block}"
        made.append(LayerRow(f"{name}_conv", "Conv2D", name, (8, 8, 4), 100, False, 100))
        made.append(LayerRow(f"{name}_bn", "BatchNormalization", name, (8, 8, 4), 16, False, 8))
        made.append(LayerRow(f"{name}_relu", "ReLU", name, (8, 8, 4), 0, False, 0))
    return made


CONVS = frozenset(f"block{block}_conv" for block in range(1, 7))


def with_weights(names: frozenset[str]) -> frozenset[str]:
    return frozenset(row.name for row in rows() if row.params and row.name in names)


def test_head_only_trains_nothing_and_everything_leaves_batchnorm_frozen() -> None:
    assert trainable_layers(FreezePlan(strategy="head"), rows()) == frozenset()
    assert with_weights(trainable_layers(FreezePlan(strategy="all"), rows())) == CONVS
    everything = trainable_layers(FreezePlan(strategy="all", batchnorm=True), rows())
    assert everything == frozenset(row.name for row in rows())


def test_top_layers_are_a_third_unless_a_layer_is_named() -> None:
    assert blocks_in_order(rows())[-1] == "block6"
    assert first_layer_of_top(rows()) == "block5_conv"
    top = trainable_layers(FreezePlan(strategy="top"), rows())
    assert with_weights(top) == {"block5_conv", "block6_conv"}
    named = FreezePlan(strategy="top", unfreeze_from="block6_bn", batchnorm=True)
    assert with_weights(trainable_layers(named, rows())) == {"block6_bn"}


def convs(depths: dict[str, int]) -> list[LayerRow]:
    return [
        LayerRow(f"{block}_{number}", "Conv2D", block, (8, 8, 4), 100, False, 100)
        for block, depth in depths.items()
        for number in range(depth)
    ]


@pytest.mark.parametrize(
    ("depths", "first"),
    [
        ({"stem": 1, "block1": 3, "block2": 5, "block3": 6, "block4": 4}, "block4_0"),
        ({"stem": 1, "block1": 3, "block2": 9, "block3": 4, "block4": 2, "top": 1}, "block3_0"),
        ({"stem": 1, "block1": 1, "block2": 30, "block3": 3}, "block3_0"),
        ({"stem": 1}, "stem_0"),
    ],
)
def test_it_is_layers_and_not_blocks_that_are_counted(depths: dict[str, int], first: str) -> None:
    assert first_layer_of_top(convs(depths)) == first


def test_layers_without_anything_to_train_do_not_count() -> None:
    norm, scaling = (
        LayerRow(name, kind, "block9", (8, 8, 4), params, False, trainable)
        for name, kind, params, trainable in (
            ("bn", "BatchNormalization", 16, 8),
            ("normalization", "Normalization", 7, 0),
        )
    )
    made = convs({"block1": 4, "block2": 2})
    assert first_layer_of_top([*made, *[norm] * 3, *[scaling] * 3]) == "block2_0"


def test_a_custom_plan_trains_exactly_what_it_names() -> None:
    plan = FreezePlan(strategy="custom", layers=("block2_bn", "block4_conv"))
    assert trainable_layers(plan, rows()) == {"block2_bn", "block4_conv"}


@pytest.mark.parametrize(
    "plan",
    [
        FreezePlan(strategy="top", unfreeze_from="block9_conv"),
        FreezePlan(strategy="custom", layers=("nonsense",)),
    ],
)
def test_an_unknown_layer_is_named_and_another_is_offered(plan: FreezePlan) -> None:
    with pytest.raises(TlstudioError) as caught:
        trainable_layers(plan, rows())
    assert (plan.unfreeze_from or "nonsense") in caught.value.message
    assert "block" in caught.value.hint


@pytest.mark.parametrize(
    ("trained", "strategy"),
    [
        (frozenset(), "head"),
        (CONVS, "all"),
        (frozenset({"block5_conv", "block6_conv"}), "top"),
        (frozenset({"block1_conv", "block6_conv"}), "custom"),
        (frozenset({"block1_bn"}), "custom"),
        (frozenset({"block1_relu"}), "head"),
    ],
)
def test_any_set_of_layers_is_recognised_as_a_strategy(
    trained: frozenset[str], strategy: str
) -> None:
    assert strategy_of(trained, rows()) == strategy


def test_with_random_weights_batchnorm_is_trained_and_with_others_it_is_frozen_again() -> None:
    plan = FreezePlan(strategy="all")
    random = after_weights_change(plan, "imagenet", "random")
    assert with_weights(trainable_layers(random, rows())) > CONVS
    assert after_weights_change(random, "random", "/my/weights.h5") == plan


def test_what_a_person_says_of_batchnorm_stays_until_weights_become_random_or_are_no_more() -> None:
    thawed = FreezePlan(strategy="top", batchnorm=True)
    assert after_weights_change(thawed, "imagenet", "bundled") == thawed
    frozen = FreezePlan(strategy="all")
    assert after_weights_change(frozen, "random", "random") == frozen

from dataclasses import replace
from typing import Any

import pytest

from tlstudio.advice_events import DataSize, DepthProbe, Similarity, points
from tlstudio.events import LayerRow
from tlstudio.project.freeze_plan import BATCH_NORM
from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.strategy_table import is_large
from tlstudio.training.advice_rules import (
    Findings,
    decide,
    depth_for,
    epochs_for,
    is_similar,
    strategy_for,
)
from tlstudio.training.probe import Probed

BLOCKS = ("stem", *(f"block{i}" for i in range(1, 8)), "top")
LAYERS = tuple(
    LayerRow(f"{block}_{part}", "Conv2D", block, (8, 8, 4), 100, True, 100)
    for block in BLOCKS
    for part in ("first", "last")
)
RISING = (0.45, 0.50, 0.60, 0.65, 0.70, 0.76, 0.86, 0.84, 0.85)
FLAT = (0.38, 0.31, 0.69, 0.80, 0.85, 0.885, 0.885, 0.885, 0.888)
FALLING = (0.69, 0.68, 0.81, 0.87, 0.95, 0.97, 0.96, 0.94, 0.93)
DOUBTFUL = (0.5, 0.5, 0.6, 0.7, 0.75, 0.8, 0.83, 0.83, 0.83)


def curve(accuracies: tuple[float, ...], deviation: float = 0.02) -> tuple[DepthProbe, ...]:
    return tuple(
        DepthProbe(block, f"{block}_last", 16, accuracy, deviation)
        for block, accuracy in zip(BLOCKS, accuracies, strict=True)
    )


def findings(
    pictures: int = 278, accuracies: tuple[float, ...] = RISING, **others: Any
) -> Findings:
    probes = curve(accuracies)
    return replace(
        Findings(
            size=DataSize(pictures, 5, pictures // 7, is_large(pictures, 5)),
            similarity=Similarity(is_similar(probes, None), -0.064, probes, 0.3),
            maxima=Probed(0.8, 0.02),
            measured=pictures,
            layers=LAYERS,
            pretrained=True,
            optimizer="adam",
            batch_size=32,
        ),
        **others,
    )


@pytest.mark.parametrize(
    ("large", "similar", "strategy"),
    [(True, False, "all"), (True, True, "top"), (False, False, "top"), (False, True, "head")],
)
def test_the_table(large: bool, similar: bool, strategy: str) -> None:
    assert strategy_for(large, similar) == strategy
    made = findings(6000 if large else 300, RISING if similar else FALLING)
    decided = decide(made)
    assert decided.strategy == strategy
    assert bool(decided.unfreeze_from) == (strategy == "top")
    assert decided.learning_rate == suited_rate("adam", strategy != "head")
    assert decided.augmentation == ("off" if large else "views")


@pytest.mark.parametrize(
    ("pictures", "classes", "large"),
    [(999, 2, False), (1000, 2, True), (5000, 101, False), (5000, 100, True)],
)
def test_a_large_set_has_many_pictures_also_of_each_class(
    pictures: int, classes: int, large: bool
) -> None:
    assert is_large(pictures, classes) is large


@pytest.mark.parametrize(
    ("accuracies", "similar"), [(RISING, True), (FLAT, False), (FALLING, False)]
)
def test_pictures_are_familiar_where_the_last_blocks_help(
    accuracies: tuple[float, ...], similar: bool
) -> None:
    for confidence in (None, 0.05, 0.9):
        assert is_similar(curve(accuracies), confidence) is similar


def test_in_doubt_it_is_what_the_classifier_recognises() -> None:
    doubtful = curve(DOUBTFUL)
    assert is_similar(doubtful, 0.42)
    assert not is_similar(doubtful, 0.16)
    assert not is_similar(doubtful, None)


def test_where_a_linear_classifier_is_always_right_there_is_nothing_to_train() -> None:
    assert is_similar(curve((0.9, 0.9, 0.99, 1.0, 1.0, 1.0, 1.0, 0.99, 0.985)), 0.1)


@pytest.mark.parametrize(
    ("accuracies", "first"),
    [
        (FLAT, "block6"),
        (FALLING, "block5"),
        ((0.9, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95), "block5"),
        ((0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "block6"),
    ],
)
def test_depth_is_from_where_the_curve_goes_flat_within_the_upper_half(
    accuracies: tuple[float, ...], first: str
) -> None:
    layer, why = depth_for(curve(accuracies), LAYERS)
    assert layer == f"{first}_first"
    assert layer in why


def test_a_deviation_is_no_rise() -> None:
    rising = (0.5, 0.55, 0.6, 0.7, 0.80, 0.82, 0.84, 0.85, 0.85)
    assert depth_for(curve(rising, 0.001), LAYERS)[0] == "block6_first"
    assert depth_for(curve(rising, 0.051), LAYERS)[0] == "block5_first"


def test_max_pooling_only_where_it_is_better_by_more_than_chance() -> None:
    assert decide(findings(maxima=Probed(0.855, 0.02))).pooling == "gap"
    assert decide(findings(maxima=Probed(0.90, 0.02))).pooling == "gmp"


def test_fewer_pictures_take_more_epochs_within_reason() -> None:
    for strategy in ("head", "top", "all"):
        epochs = [epochs_for(strategy, number, 32) for number in (10, 300, 1300, 100_000)]
        assert epochs == sorted(epochs, reverse=True)
        assert epochs[0] > epochs[-1] >= 5


def test_larger_batches_take_more_epochs_and_the_reason_says_their_size() -> None:
    small, large = (decide(findings(1300, FALLING, batch_size=size)) for size in (32, 64))
    assert large.epochs > small.epochs
    steps = large.epochs * 21
    assert f"{steps} steps of 64 pictures" in " ".join(large.reasons)


def test_random_weights_have_everything_trained_with_larger_steps() -> None:
    decided = decide(findings(pretrained=False))
    assert decided.strategy == "all"
    assert suited_rate("adam", True) < decided.learning_rate <= suited_rate("adam", False)
    assert not any("ImageNet" in reason for reason in decided.reasons)


def test_each_reason_has_its_figures() -> None:
    said = decide(findings(accuracies=FLAT)).reasons
    assert said[0].startswith("The set is small and different from ImageNet")
    assert said[1].startswith("With 278 training pictures in 5 classes (39 in the smallest)")
    together = " ".join(said)
    for figure in ("88 %", "89 %", "-0.064", "0.30", "block6_first", "0.0001", "80 %"):
        assert figure in together
    assert all(reason.endswith(".") for reason in said)


def test_the_threshold_of_similarity_stands_beside_what_was_found() -> None:
    """With how many are wrong, from which the share can be worked out."""
    similar = " ".join(decide(findings(accuracies=RISING)).reasons)
    assert "76 % ± 2 after block5 (67 of 278 wrong)" in similar
    assert "86 % ± 2, after block6 (39 of 278 wrong)" in similar
    assert "42 % fewer errors. From 25 % fewer on" in similar
    assert "they count as similar" in similar
    different = " ".join(decide(findings(accuracies=FLAT)).reasons)
    assert "3 % fewer errors. Up to 10 % fewer" in different
    assert "they count as different" in different


HALF_WAY = "half-way from grey industrial pictures (0.16) to drawings (0.30)"


@pytest.mark.parametrize(
    ("accuracies", "confidence", "said"),
    [
        (
            RISING,
            0.42,
            f"From 0.23 on, {HALF_WAY}, that speaks for similar pictures, as the linear",
        ),
        (FALLING, 0.84, "similar pictures, but the linear classifier counts more."),
        (
            FALLING,
            0.1,
            f"Below 0.23, {HALF_WAY}, that speaks for different pictures, as the linear",
        ),
        (DOUBTFUL, 0.42, "similar pictures, and so they count as similar."),
        (DOUBTFUL, 0.16, "different pictures, and so they count as different."),
    ],
)
def test_what_the_imagenet_classifier_says_means_is_said(
    accuracies: tuple[float, ...], confidence: float, said: str
) -> None:
    probes = curve(accuracies)
    similarity = Similarity(is_similar(probes, confidence), -0.1, probes, confidence)
    assert said in " ".join(decide(findings(similarity=similarity)).reasons)


def test_in_doubt_the_range_of_doubt_is_said() -> None:
    probes = curve(DOUBTFUL)
    for confidence, end in (
        (0.4, "leaves it to the ImageNet classifier"),
        (None, "which is too little to count as similar"),
    ):
        similarity = Similarity(is_similar(probes, confidence), -0.1, probes, confidence)
        together = " ".join(decide(findings(similarity=similarity)).reasons)
        assert "15 % fewer errors, between 10 % (different) and 25 % (similar)" in together
        assert end in together


def test_a_best_block_within_the_error_of_the_last_is_said_not_to_differ() -> None:
    said = " ".join(decide(findings(accuracies=RISING)).reasons)
    assert "The best block, block6, is within the ± of the last one, top (85 % ± 2)" in said
    assert "do not differ" not in " ".join(decide(findings(accuracies=FALLING)).reasons)
    assert "do not differ" not in " ".join(decide(findings(accuracies=FLAT)).reasons)


def test_random_weights_have_batchnorm_trained_too_where_there_is_any() -> None:
    norm = LayerRow("top_bn", BATCH_NORM, "top", (8, 8, 4), 16, True, 8)
    decided = decide(findings(pretrained=False, layers=(*LAYERS, norm)))
    assert decided.batchnorm
    assert "BatchNorm too" in " ".join(decided.reasons)
    assert "BatchNorm" not in " ".join(decide(findings(pretrained=False)).reasons)
    assert not decide(findings()).batchnorm


def test_figures_of_few_pictures_are_said_to_be_a_hint() -> None:
    few = decide(findings(4, accuracies=(0.5,) * 8 + (0.75,)))
    assert "One picture is 25 points here" in " ".join(few.reasons)
    assert "steps of 4 pictures" in " ".join(few.reasons)
    assert "points here" not in " ".join(decide(findings(278)).reasons)


@pytest.mark.parametrize(
    ("below", "above", "last", "said"),
    [
        (1.0, 1.0, 0.5, "The last third makes no errors. From 25 % fewer on"),
        (
            1.0,
            0.75,
            0.5,
            "The last third makes errors where the blocks before it make none. Up to 10 % fewer",
        ),
        (0.99, 0.75, 0.5, "The last third makes 25 times the errors. Up to 10 % fewer"),
    ],
)
def test_where_the_lower_blocks_make_hardly_an_error_no_share_of_them_is_told(
    below: float, above: float, last: float, said: str
) -> None:
    made = findings(accuracies=(0.5,) * 5 + (below, above, above, last))
    assert made.similarity.similar == (above == 1)
    assert said in " ".join(decide(made).reasons)


def test_a_deviation_of_nothing_is_no_tenth_of_it() -> None:
    assert [points(share) for share in (0, 0.004, 0.02)] == ["0", "0.4", "2"]
    alike = findings(similarity=Similarity(True, 0.1, curve((1.0,) * 9, 0.0), None))
    said = " ".join(decide(replace(alike, maxima=Probed(1.0, 0.0))).reasons)
    assert "with max pooling on 100 %. Flatten" in said
    assert "do not differ" not in said

"""From what was measured to what is advised: the thresholds, and sentences with the figures.

The table is the one that transfer learning is taught with: a large set of unfamiliar pictures has
everything trained, a small one of familiar pictures the head alone, and the others the top layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from tlstudio.advice_events import DataSize, DepthProbe, Similarity, percent, points
from tlstudio.events import LayerRow
from tlstudio.model.keras_training import OPTIMIZERS
from tlstudio.project.freeze_plan import BATCH_NORM, blocks_in_order, first_layer_of_top
from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.spec import AugmentationMode, Optimizer, Pooling, Strategy
from tlstudio.project.strategy_table import LARGE_CLASS, LARGE_SET, STRATEGIES
from tlstudio.training.probe import FOLDS, Probed

CLEARLY_SIMILAR = 0.25
"""Of the errors that a linear classifier makes on the lower two thirds of the network, what the
last third must take away: it takes 60 % of photographs' and 40 % of the emoji's.
"""
CLEARLY_DIFFERENT = 0.10
"""Below that it adds next to nothing: 3 % of textures' errors, and it adds errors to digits."""
INDUSTRIAL, DRAWINGS = 0.16, 0.30
"""Mean largest probabilities of grey industrial pictures and of the emoji."""
CONFIDENT = 0.23
"""Half-way in between, the one that counts as similar. Not decisive alone: where all pictures look
alike to the network, it calls them all the same with confidence, digits with 0.84.
"""
ALL_RIGHT = 0.98
"""Accuracy of a linear classifier that leaves nothing to be gained by training the backbone."""

FEW = 50
"""Pictures; measured on fewer, each one is more than two points of an accuracy."""

MOST_UNFROZEN = 0.5
"""Of the blocks: what lies below are edges and textures, which any pictures have."""

STEPS: dict[Strategy, int] = {"head": 600, "top": 400, "all": 500}
"""That a training takes to its best epoch and a little more, of small batches."""
EPOCHS: dict[Strategy, tuple[int, int]] = {"head": (20, 60), "top": (8, 30), "all": (8, 30)}
"""At least and at most. Those of a head take no time, since its features are kept."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a piece of advice follows from."""

    size: DataSize
    similarity: Similarity
    maxima: Probed
    """With max pooling, of the backbone's output."""
    measured: int
    """Pictures that the similarity was measured on."""
    layers: tuple[LayerRow, ...]
    """Of the backbone."""
    pretrained: bool
    optimizer: Optimizer
    batch_size: int
    """Pictures a step of training."""


@dataclass(frozen=True, slots=True)
class Decisions:
    strategy: Strategy
    unfreeze_from: str
    """A layer's name; only where the strategy is `top`."""
    learning_rate: float
    epochs: int
    pooling: Pooling
    augmentation: AugmentationMode
    batchnorm: bool
    """Whether BatchNorm is trained too; where not, it stays as it is decided."""
    reasons: tuple[str, ...]


def decide(findings: Findings) -> Decisions:
    """What the findings advise, with a sentence or two for each decision."""
    size, similarity = findings.size, findings.similarity
    strategy = strategy_for(size.large, similarity.similar) if findings.pretrained else "all"
    unfrozen, depth = "", ""
    if strategy == "top":
        unfrozen, depth = depth_for(similarity.probes, findings.layers)
    rate = suited_rate(findings.optimizer, strategy != "head", findings.pretrained)
    epochs = epochs_for(strategy, size.pictures, findings.batch_size)
    pooling, pooling_reason = _pooling(similarity.probes[-1], findings.maxima)
    augmentation: AugmentationMode = "off" if size.large else "views"
    return Decisions(
        strategy=strategy,
        unfreeze_from=unfrozen,
        learning_rate=rate,
        epochs=epochs,
        pooling=pooling,
        augmentation=augmentation,
        batchnorm=not findings.pretrained,
        reasons=(
            _strategy_reason(strategy, findings),
            _size_reason(size),
            *_similarity_reasons(findings),
            *([depth] if depth else []),
            pooling_reason,
            _rate_reason(strategy, rate, epochs, findings),
            _augmentation_reason(size, strategy),
        ),
    )


def is_similar(probes: Sequence[DepthProbe], confidence: float | None) -> bool:
    """Whether what the network learned last, which is about ImageNet's own classes, still helps
    with these pictures; where that is in doubt, whether it recognises something in them.
    """
    if confidence is not None and _is_in_doubt(probes):
        return confidence >= CONFIDENT
    return probes[-1].accuracy >= ALL_RIGHT or errors_taken_away(probes) >= CLEARLY_SIMILAR


def errors_taken_away(probes: Sequence[DepthProbe]) -> float:
    """The share of a linear classifier's errors on the lower two thirds of the network that its
    last third takes away: 1 where it leaves none, and below 0 where it adds some to others.
    """
    before, after = best_below(probes), best_above(probes)
    if after.accuracy == 1:
        return 1.0
    return 1 - (1 - after.accuracy) / (1 - before.accuracy) if before.accuracy < 1 else 0.0


def best_below(probes: Sequence[DepthProbe]) -> DepthProbe:
    return max(probes[: _last_third(probes)] or probes, key=lambda probe: probe.accuracy)


def best_above(probes: Sequence[DepthProbe]) -> DepthProbe:
    return max(probes[_last_third(probes) :], key=lambda probe: probe.accuracy)


def _last_third(probes: Sequence[DepthProbe]) -> int:
    return len(probes) - max(1, round(len(probes) / 3))


def strategy_for(large: bool, similar: bool) -> Strategy:
    return STRATEGIES[large, similar]


def depth_for(probes: Sequence[DepthProbe], layers: Sequence[LayerRow]) -> tuple[str, str]:
    """The layer from which to train, and why: the first after the block where the probe has come
    within a deviation of its best; the upper half of the blocks at most.
    """
    best = max(probes, key=lambda probe: probe.accuracy)
    flat = next(p for p in probes if p.accuracy >= best.accuracy - p.deviation)
    so_far = f"The features get better up to {flat.block} ({flat.words})"
    if flat is not best:
        so_far += f", within whose ± is the best, {percent(best.accuracy)} after {best.block}"
    blocks = blocks_in_order(layer for layer in layers if layer.params)
    first = blocks.index(flat.block) + 1
    least = len(blocks) - max(1, int(len(blocks) * MOST_UNFROZEN))
    most = blocks.index(next(row.block for row in layers if row.name == first_layer_of_top(layers)))
    block = blocks[max(least, min(first, most))]
    layer = next(row.name for row in layers if row.block == block)
    if first > most:
        what = "Train the top third of the layers, which is the least"
    elif first < least:
        what = "Of what comes after, train the upper half of the blocks, which is the most"
    else:
        what = "Train what comes after"
    return layer, f"{so_far}. {what}: from {layer} on."


def epochs_for(strategy: Strategy, pictures: int, batch_size: int) -> int:
    least, most = EPOCHS[strategy]
    return min(most, max(least, round(STEPS[strategy] * batch_size / pictures)))


def _pooling(mean: DepthProbe, maxima: Probed) -> tuple[Pooling, str]:
    """Max pooling only where it is better by more than chance: the error of the mean of folds."""
    chance = sqrt((mean.deviation**2 + maxima.deviation**2) / FOLDS)
    better: Pooling = "gmp" if maxima.accuracy > mean.accuracy + chance else "gap"
    says = "max" if better == "gmp" else "average"
    doubt = f", and a lead of up to {points(chance)} points may be chance" if chance else ""
    return better, (
        f"Take {says} pooling: with average pooling the linear classifier is right on "
        f"{percent(mean.accuracy)}, with max pooling on {percent(maxima.accuracy)}{doubt}. Flatten "
        f"would only have more weights, {mean.channels:,} for each place and class."
    )


def _size_reason(size: DataSize) -> str:
    return (
        f"With {size.pictures:,} training pictures in {size.classes} classes "
        f"({size.smallest_class:,} in the smallest) this is a {'large' if size.large else 'small'} "
        f"set. A large one has both {LARGE_SET:,} pictures and {LARGE_CLASS} a class on average."
    )


def _similarity_reasons(findings: Findings) -> list[str]:
    if not findings.pretrained:
        return []
    probes = findings.similarity.probes
    best, last = max(probes, key=lambda probe: probe.accuracy), probes[-1]
    reasons = [_linear_reason(findings), _verdict(findings.similarity)]
    if last.accuracy < best.accuracy <= last.accuracy + last.deviation:
        reasons.append(
            f"The best block, {best.block}, is within the ± of the last one, {last.block} "
            f"({last.words}): they do not differ."
        )
    if findings.similarity.confidence is not None:
        reasons.append(_confidence_reason(findings.similarity))
    reasons.append(
        f"LogME, how likely the features make the class of each picture, is "
        f"{findings.similarity.logme:.3f}: higher is better, but only compared with other "
        "backbones on the same pictures."
    )
    return reasons


def _linear_reason(findings: Findings) -> str:
    probes, number = findings.similarity.probes, findings.measured
    spread = "A ± is the standard deviation over its tests."
    if number < FEW:
        spread += f" One picture is {100 / number:.0f} points here, so take this for a hint."
    if probes[-1].accuracy >= ALL_RIGHT:
        return (
            f"On the backbone's features a linear classifier, tested on pictures that it did not "
            f"learn from, is right on {probes[-1].words} ({_errors(probes[-1], number)}). {spread}"
        )
    below, above = best_below(probes), best_above(probes)
    return (
        "A linear classifier, tested on pictures that it did not learn from, is right on "
        f"{below.words} after {below.block} ({_errors(below, number)}). In the last third of the "
        f"network it is right on {above.words}, after {above.block} ({_errors(above, number)}). "
        f"{spread}"
    )


def _errors(probe: DepthProbe, measured: int) -> str:
    return f"{round((1 - probe.accuracy) * measured):,} of {measured:,} wrong"


def _verdict(similarity: Similarity) -> str:
    """Whether they are similar by the errors, and at what threshold."""
    if similarity.probes[-1].accuracy >= ALL_RIGHT:
        return (
            f"From {percent(ALL_RIGHT)} on there is nothing left to train the backbone for, so "
            "they count as similar to ImageNet."
        )
    fewer = errors_taken_away(similarity.probes)
    found = f"The last third makes {percent(abs(fewer))} {'fewer' if fewer >= 0 else 'more'} errors"
    if fewer == 1:
        found = "The last third makes no errors"
    elif fewer < -1:
        found = f"The last third makes {1 - fewer:,.0f} times the errors"
    elif best_below(similarity.probes).accuracy == 1:
        found = "The last third makes errors where the blocks before it make none"
    if fewer >= CLEARLY_SIMILAR:
        return (
            f"{found}. From {percent(CLEARLY_SIMILAR)} fewer on, what the network learned last of "
            "ImageNet fits these pictures: they count as similar."
        )
    if fewer <= CLEARLY_DIFFERENT:
        return (
            f"{found}. Up to {percent(CLEARLY_DIFFERENT)} fewer, what the network learned last of "
            "ImageNet does not fit these pictures: they count as different."
        )
    between = f"between {percent(CLEARLY_DIFFERENT)} (different) and {percent(CLEARLY_SIMILAR)}"
    if similarity.confidence is None:
        return f"{found}, {between} (similar) fewer, which is too little to count as similar."
    return f"{found}, {between} (similar) fewer, which leaves it to the ImageNet classifier."


def _confidence_reason(similarity: Similarity) -> str:
    """What the ImageNet classifier says, and what that means for the conclusion."""
    assert similarity.confidence is not None
    speaks_for = similarity.confidence >= CONFIDENT
    likeness = "similar" if speaks_for else "different"
    said = (
        "The ImageNet classifier gives what it recognises a probability of "
        f"{similarity.confidence:.2f} on average. {'From' if speaks_for else 'Below'} {CONFIDENT}"
        f"{' on' if speaks_for else ''}, half-way from grey industrial pictures ({INDUSTRIAL:.2f}) "
        f"to drawings ({DRAWINGS:.2f}), that speaks for {likeness} pictures"
    )
    if _is_in_doubt(similarity.probes):
        return f"{said}, and so they count as {likeness}."
    if speaks_for == similarity.similar:
        return f"{said}, as the linear classifier does."
    return f"{said}, but the linear classifier counts more."


def _is_in_doubt(probes: Sequence[DepthProbe]) -> bool:
    """Whether the linear classifier's errors leave it open if the pictures are similar."""
    fewer = errors_taken_away(probes)
    return probes[-1].accuracy < ALL_RIGHT and CLEARLY_DIFFERENT < fewer < CLEARLY_SIMILAR


def _strategy_reason(strategy: Strategy, findings: Findings) -> str:
    size = "large" if findings.size.large else "small"
    if not findings.pretrained:
        said = "Random weights know nothing that could be kept: train everything"
        if any(row.type == BATCH_NORM for row in findings.layers):
            said += ", and BatchNorm too, whose first statistics are of no pictures"
        return f"{said}."
    likeness = "similar to" if findings.similarity.similar else "different from"
    what = {
        "head": "train the head alone, since more would learn the pictures by heart (overfit)",
        "top": "train the head and the top layers, and keep the ones below as they are",
        "all": "train everything, since there are enough pictures to learn other features from",
    }
    return f"The set is {size} and {likeness} ImageNet: {what[strategy]}."


def _rate_reason(strategy: Strategy, rate: float, epochs: int, findings: Findings) -> str:
    pictures = findings.size.pictures
    batch = min(findings.batch_size, pictures)
    steps = epochs * -(-pictures // batch)
    if strategy == "head":
        why = "a new head starts from random weights and can take large steps"
    elif findings.pretrained:
        why = "pretrained weights are moved with small steps, so as not to forget what they know"
    else:
        why = "there is nothing to forget, but many layers to keep in step"
    return (
        f"A learning rate of {rate:g} for {OPTIMIZERS[findings.optimizer]}: {why}. {epochs} epochs "
        f"are {steps:,} steps of {batch} pictures; in tests such a training was at its best by "
        f"about {STEPS[strategy]}."
    )


def _augmentation_reason(size: DataSize, strategy: Strategy) -> str:
    if size.large:
        said = f"Without augmentation at first: {size.pictures:,} pictures differ enough"
        if strategy == "all":
            return f"{said}."
        return f"{said}, and what the frozen layers say of them is kept for all epochs."
    return (
        f"Several views of each picture, made once: {size.smallest_class:,} pictures of a class "
        "are few, and the model should not know them by heart."
    )

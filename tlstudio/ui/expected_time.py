"""About how long a training will take on a CPU: arithmetic on layer rows, for the idle window."""

import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from math import prod

from tlstudio.events import LayerRow
from tlstudio.project.spec import Training
from tlstudio.ui.decisions import Decisions, drawn_from
from tlstudio.ui.session import Session

# EfficientNet-Lite0 at 224 px, 0.39 G multiply-adds a picture, measured on two cores: the folded
# prefix 250 pictures/s, a training step through the network about 60.
FOLDED_PER_SECOND = 0.97e11
FIT_PER_SECOND = 0.23e11
MEASURED_CORES = 2
START_SECONDS = 4.0
"""Building and tracing the model."""
CACHED_EPOCH_PER_PICTURE = 7e-5
"""Seconds for one picture in an epoch on cached features."""


def multiply_adds(layers: Sequence[LayerRow]) -> float:
    """Multiply-adds of one picture through the layers: each kernel once per output cell."""
    return sum(
        layer.trainable_params * prod(size or 1 for size in layer.output_shape[:-1])
        for layer in layers
        if "Conv" in layer.type or layer.type == "Dense"
    )


def frozen_layers(layers: Sequence[LayerRow], trainable: frozenset[str]) -> tuple[LayerRow, ...]:
    """The layers before the first that is trained: what is run once for a picture. None where
    they only scale the input, which nobody keeps.
    """
    before = tuple(takewhile(lambda layer: layer.name not in trainable, layers))
    return before if multiply_adds(before) else ()


def seconds(
    layers: Sequence[LayerRow],
    trainable: frozenset[str],
    train: int,
    val: int,
    training: Training,
    cores: int | None = None,
    kept: bool = False,
) -> float:
    """For so many pictures to train on and to check with, on `cores` cores (0 or None: those of
    this machine); `kept` says whether what the frozen layers say of them is known already.
    """
    speedup = min(cores or os.cpu_count() or 1, 16) / MEASURED_CORES
    how = training.augmentation
    frozen = multiply_adds(frozen_layers(layers, trainable))
    trained = multiply_adds(layers) - frozen
    folded = FOLDED_PER_SECOND * speedup
    pictures = train + val

    def passes(epochs: int) -> int:
        """How many pictures go once through what is frozen in so many epochs."""
        if kept:
            return 0
        times = {"off": 1, "views": how.views, "live": epochs}[how.mode]
        return train * times + val

    time = START_SECONDS
    if not trainable:
        cached = training.epochs * pictures * CACHED_EPOCH_PER_PICTURE
        return time + passes(training.epochs) * frozen / folded + cached
    if training.head_epochs:
        # All of the backbone is frozen in these.
        time += passes(training.head_epochs) * trained / folded
        time += training.head_epochs * pictures * CACHED_EPOCH_PER_PICTURE
    time += passes(training.head_epochs + training.epochs) * frozen / folded
    return time + training.epochs * pictures * trained / (FIT_PER_SECOND * speedup)


def of(session: Session, training: Training) -> float | None:
    """Seconds that the session's decisions would take with this training; None where the layers,
    the pictures or the device's speed are not known.
    """
    split, description = session.split, session.description
    if split is None or description is None or not _on_cpu(session, training.device):
        return None
    counts = len(split.train), len(split.val)
    now = replace(session.decisions, training=training)
    kept = session.trained_with is not None and is_kept(session.trained_with, now)
    return seconds(description.layers, session.trainable, *counts, training, kept=kept)


def is_kept(before: Decisions, now: Decisions) -> bool:
    """Whether a training finds all that the frozen layers say of its pictures as one with the
    decisions `before` has left it.
    """

    def needs(chosen: Decisions) -> tuple[object, ...]:
        training, how = chosen.training, chosen.training.augmentation
        source = chosen.pictures.source if chosen.pictures else None
        # Versions are made of the pictures that are trained on alone.
        drawn = drawn_from(chosen) if how.mode == "views" else None
        # Both poolings are kept where one is wanted.
        frozen = chosen.backbone, chosen.freeze, chosen.head.pooling == "flatten"
        return source, drawn, frozen, how, training.features

    phases = bool(before.training.head_epochs) >= bool(now.training.head_epochs)
    return phases and now.training.augmentation.mode != "live" and needs(before) == needs(now)


def _on_cpu(session: Session, device: str) -> bool:
    """Whether the device is one whose speed is roughly known."""
    if session.devices is None:
        return False
    cpu_alone = all(found.name == "cpu" for found in session.devices.devices)
    return device == "cpu" or (device == "auto" and cpu_alone)


def in_words(expected: float) -> str:
    """Rounded as roughly as it is known: about 20 s, about 3 min, about 2 h."""
    if expected < 55:
        return f"about {max(5, 5 * round(expected / 5))} s"
    if expected < 55 * 60:
        return f"about {max(1, round(expected / 60))} min"
    return f"about {max(1, round(expected / 3600))} h"

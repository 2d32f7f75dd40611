"""The options of `train` that say how to train, and how they become that decision."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any, get_args

from tlstudio.cli_values import checked, option
from tlstudio.data.scan import list_pictures
from tlstudio.errors import TlstudioError
from tlstudio.project.recipe import usual_recipe
from tlstudio.project.spec import (
    Augmentation,
    AugmentationMode,
    FeaturePrecision,
    FreezePlan,
    Optimizer,
    Precision,
    Schedule,
    Training,
)

NUMBERS: dict[str, tuple[type, str, str]] = {
    "epochs": (int, "N", "times that all pictures are trained on"),
    "head_epochs": (int, "N", "before those, for the head alone"),
    "head_learning_rate": (float, "R", "of these; what suits the optimizer"),
    "batch_size": (int, "N", "pictures in a step"),
    "learning_rate": (float, "R", "what suits the optimizer and the plan"),
    "warmup": (int, "N", "first epochs in which the rate rises from 0"),
    "label_smoothing": (float, "P", "share of the truth given to the other classes"),
    "clip_norm": (float, "N", "largest norm of all gradients together; 0: any"),
    "early_stopping": (int, "N", "stop after N epochs without a better one; 0: never"),
    "reduce_on_plateau": (int, "N", "halve the rate after N such epochs; 0: never"),
    "seed": (int, "N", "of the split, the first weights and the order"),
}
"""Each with its type, its metavar and what it is."""

STRENGTHS = {
    "flip": ("P", "how likely left and right are swapped"),
    "flip_vertical": ("P", "how likely up and down are swapped"),
    "rotation": ("DEG", "at most, to either side"),
    "zoom": ("P", "at most so much larger or smaller"),
    "shift": ("P", "at most so far to each side"),
    "brightness": ("P", "at most so much lighter or darker"),
    "contrast": ("P", "at most so much more or less"),
    "colour": ("P", "at most so much more or less"),
    "cutout": ("P", "side of a grey square in the picture"),
}


def add_training_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "training", "In brackets: what holds unless the project says otherwise."
    )
    group.add_argument(
        "--recipe", choices=("usual",), help="the usual one of fine-tuning, with options on top"
    )
    for name, (kind, metavar, what) in NUMBERS.items():
        default = _default(Training(), name)
        group.add_argument(option(name), type=kind, metavar=metavar, help=what + default)
    group.add_argument("--optimizer", choices=get_args(Optimizer))
    group.add_argument("--schedule", choices=get_args(Schedule), help="of the learning rate")
    group.add_argument(
        "--class-weights",
        action=argparse.BooleanOptionalAction,
        help="let rare classes count as much as others",
    )
    group.add_argument("--device", help="auto, cpu, gpu:N or gpus (all of them)")
    group.add_argument("--precision", choices=get_args(Precision), help="of the computation")
    group.add_argument("--features", choices=get_args(FeaturePrecision), help="how they are kept")

    group = parser.add_argument_group(
        "augmentation", "Random changes to training pictures. P is a share from 0 to 0.9 or 1."
    )
    group.add_argument(
        "--augment",
        choices=get_args(AugmentationMode),
        help="views: some versions of each picture, made once; live: a new one each epoch",
    )
    default = _default(Augmentation(), "views")
    group.add_argument("--views", type=int, metavar="K", help="versions of each" + default)
    for name, (metavar, what) in STRENGTHS.items():
        default = _default(Augmentation(), name)
        group.add_argument(option(name), type=float, metavar=metavar, help=what + default)


def _default(base: Training | Augmentation, name: str) -> str:
    value = getattr(base, name)
    return "" if value is None else f" ({value:g})"


def training_from(
    options: argparse.Namespace, base: Training, pictures: Path, freeze: FreezePlan
) -> Training:
    """`base`, the recipe where one is chosen, and the single options on top.

    Raises TlstudioError where a value is wrong or makes no difference.
    """
    if options.recipe:
        base = usual_recipe(base, _trains_backbone(freeze), _imbalance(pictures))
    if (options.head_epochs or 0) > 0 and not _trains_backbone(freeze):
        raise TlstudioError(
            "--head-epochs changes nothing where the head alone is trained.", "Add --strategy top."
        )
    others = ("optimizer", "schedule", "class_weights", "device", "precision", "features")
    training = checked(
        Training,
        base,
        **_given(options, *NUMBERS, *others),
        augmentation=_augmentation_from(options, base.augmentation),
    )
    if options.head_learning_rate is not None and not training.head_epochs:
        raise TlstudioError(
            "--head-learning-rate changes nothing where the head is not trained first.",
            "Add --head-epochs 5, or choose --learning-rate.",
        )
    if training.warmup > training.epochs:
        raise TlstudioError(
            f"A warm-up of {training.warmup} epochs is longer than the training of "
            f"{training.epochs}.",
            "Choose a shorter --warmup, or more --epochs.",
        )
    return training


def _augmentation_from(options: argparse.Namespace, base: Augmentation) -> Augmentation:
    strengths = _given(options, *STRENGTHS)
    chosen = checked(Augmentation, base, mode=options.augment, views=options.views, **strengths)
    if chosen.mode == "off" and strengths:
        raise TlstudioError(
            f"{option(next(iter(strengths)))} changes nothing where pictures are not augmented.",
            "Add --augment views or --augment live.",
        )
    if chosen.mode != "views" and options.views is not None:
        raise TlstudioError(
            f"--views changes nothing where augmentation is {chosen.mode}.", "Add --augment views."
        )
    return chosen


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _trains_backbone(freeze: FreezePlan) -> bool:
    return bool(freeze.layers) if freeze.strategy == "custom" else freeze.strategy != "head"


def _imbalance(pictures: Path) -> float:
    """How many times the pictures of the smallest class the largest has. Raises TlstudioError."""
    counts = Counter(picture.label for picture in list_pictures(pictures).pictures).values()
    return max(counts) / min(counts)

"""The advise command, and a training that takes the advice."""

import argparse
from pathlib import Path

from tlstudio.advice_events import Advice
from tlstudio.cli_values import add_backbone_options, checked, option
from tlstudio.errors import TlstudioError
from tlstudio.project.spec import Augmentation, FreezePlan, Head, Project, Training

AUTO = "auto"
"""The strategy that is whatever the advice says."""


def add_advice_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="FOLDER, CSV or PROJECT.tlstudio")
    parser.add_argument("--backbone", help="one that `tlstudio backbones` lists")
    add_backbone_options(parser)
    parser.add_argument("--device", help="auto, cpu, gpu:N or gpus (all of them)")
    parser.add_argument("--seed", type=int, metavar="N", help="of the split (1)")
    parser.add_argument(
        "--rank",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also score the other backbones whose weights are here (yes)",
    )


def check_auto(options: argparse.Namespace) -> None:
    """Raise TlstudioError where the strategy is to be advised and something else decides it."""
    if options.strategy == AUTO and options.recipe:
        raise TlstudioError(
            "--strategy auto and --recipe each say how to train.", "Leave one of the two out."
        )


def chosen_instead(options: argparse.Namespace) -> str:
    """What the options of `train` decide themselves, in a sentence; empty where nothing."""
    given = {
        name: getattr(options, name) for name in ("head", "learning_rate", "epochs", "augment")
    }
    chosen = [f"{option(name)} {value}" for name, value in given.items() if value]
    return f"But as you say yourself: {', '.join(chosen)}." if chosen else ""


def taken(project: Project, advice: Advice, options: argparse.Namespace) -> Project:
    """The project as it is advised, but for what the options of `train` decide themselves."""
    training = project.training
    mode = options.augment or advice.augmentation
    return project.model_copy(
        update={
            "freeze": FreezePlan(
                strategy=advice.strategy,
                unfreeze_from=advice.unfreeze_from,
                batchnorm=project.freeze.batchnorm or advice.batchnorm,
            ),
            "head": checked(Head, project.head, pooling=options.head or advice.pooling),
            "training": checked(
                Training,
                training,
                learning_rate=options.learning_rate or advice.learning_rate,
                epochs=options.epochs or advice.epochs,
                augmentation=checked(Augmentation, training.augmentation, mode=mode),
            ),
        }
    )


def print_advice(advice: Advice) -> None:
    for reason in advice.reasons:
        print(reason)
    print(f"\n{'after':<24}{'layer':<32}{'channels':>9}{'a linear classifier':>21}")
    for probe in advice.similarity.probes:
        print(f"{probe.block:<24}{probe.layer:<32}{probe.channels:>9}{probe.words:>21}")
    print("\nBackbones whose weights are here, each as published, at the input of its training:")
    print(f"{'backbone':<24}{'LogME':>9}{'a picture':>12}{'parameters':>13}{'size':>9}")
    for one in advice.backbones:
        seconds = f"{1000 * one.seconds_per_picture:.1f} ms"
        print(
            f"{one.name:<24}{one.score:>9.3f}{seconds:>12}{one.params:>13,}{one.size_mb:>6.0f} MB"
        )
    print(f"\n{in_one_line(advice)}")


def in_one_line(advice: Advice) -> str:
    """What is advised, as the options of `train` that say the same."""
    plan = f"--strategy {advice.strategy}"
    if advice.unfreeze_from:
        plan = f"--unfreeze-from {advice.unfreeze_from}"
    return (
        f"Advised: {plan} --head {advice.pooling} --learning-rate {advice.learning_rate:g} "
        f"--epochs {advice.epochs} --augment {advice.augmentation}"
    )

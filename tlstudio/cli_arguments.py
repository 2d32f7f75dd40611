"""What the commands take, and how that becomes the decisions of a project."""

import argparse
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, get_args

from tlstudio import __version__
from tlstudio.cli_advice import AUTO, add_advice_options, check_auto
from tlstudio.cli_backbones import add_measuring
from tlstudio.cli_training import add_training_options, training_from
from tlstudio.cli_values import add_backbone_options, checked, count
from tlstudio.model.catalog import facts
from tlstudio.project import store
from tlstudio.project.freeze_plan import after_weights_change
from tlstudio.project.spec import (
    Backbone,
    DenseLayer,
    FreezePlan,
    Head,
    Pictures,
    Pooling,
    Project,
    Strategy,
    Training,
)

WINDOW = "window"
COMMANDS = {
    "demo",
    "backbones",
    "describe",
    "scan",
    "advise",
    "train",
    "resume",
    "evaluate",
    "predict",
    WINDOW,
}


class Parser(argparse.ArgumentParser):
    """Says wrong usage as a sentence and a remedy instead of a usage dump."""

    def error(self, message: str) -> NoReturn:
        sentence = message[:1].upper() + message[1:]
        sys.stderr.write(f"{sentence}.\nSee `{self.prog} --help` for what it takes.\n")
        raise SystemExit(2)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse a command line; `command` names the command, the window where none is named.

    Raises SystemExit, with status 2 on wrong usage.
    """
    parser, commands = _parser()
    first = arguments[0] if arguments else ""
    if first not in COMMANDS and first not in ("-h", "--help", "--version"):
        if first.startswith("-") and not COMMANDS.isdisjoint(arguments):
            parser.error(f"options such as {first} come after the command")
        if len(arguments) > 1 and not any(word.startswith("-") for word in arguments):
            # The window takes one path, so that more words are meant for a command.
            meant = get_close_matches(first, COMMANDS, 1)
            parser.error(f"there is no command {first!r}" + "".join(f", but {m!r}" for m in meant))
        asked, arguments = parser, [WINDOW, *arguments]
    else:
        asked = commands.get(first, parser)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        asked.error(f"unknown arguments: {' '.join(unknown)}")
    return options


def _parser() -> tuple[Parser, dict[str, Parser]]:
    """Of the whole command line, and those of the commands by name."""
    parser = Parser(
        prog="tlstudio",
        description="A desktop studio for transfer learning on pictures. "
        "Without a command it opens the window, on a PROJECT.tlstudio or a FOLDER if one is named.",
    )
    parser.add_argument("--version", action="version", version=f"tlstudio {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    window = commands.add_parser(WINDOW, help="open the window (what no command does as well)")
    window.add_argument("path", nargs="?", type=Path, metavar="PROJECT.tlstudio or FOLDER")
    window.add_argument("--install-desktop", action="store_true", help="add tlstudio to the menu")

    demo = _command(commands, "demo", "train on the sample pictures and predict a few")
    demo.add_argument("--headless", action="store_true", help="without the window")
    demo.add_argument("--epochs", type=int, default=20)
    demo.add_argument("--seed", type=int, default=1)
    demo.add_argument("--out", type=Path, metavar="RUN", help="where to save the run")

    backbones = _command(commands, "backbones", "list the catalogue")
    add_measuring(backbones)

    describe = _command(commands, "describe", "layers, shapes, parameters, what is frozen")
    listed = "one that `tlstudio backbones` lists"
    describe.add_argument("backbone", metavar="BACKBONE", help=listed)
    _add_model_options(describe)
    describe.add_argument("--include-top", action="store_true", help="with its ImageNet classifier")
    describe.add_argument("--classes", type=count, default=5, help="of the head (%(default)s)")

    scan = _command(commands, "scan", "classes, counts and problems of a folder")
    scan.add_argument("source", type=Path, metavar="FOLDER or CSV")

    advise = _command(commands, "advise", "what to decide for some pictures, with the measurements")
    add_advice_options(advise)

    train = _command(commands, "train", "train on a folder, a CSV or a project")
    train.usage = "%(prog)s [option ...] --out RUN (FOLDER, CSV or PROJECT.tlstudio)"
    train.add_argument("source", type=Path, metavar="FOLDER, CSV or PROJECT.tlstudio")
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="a new folder")
    model = train.add_argument_group("model")
    model.add_argument("--backbone", help=listed)
    _add_model_options(model, AUTO)
    add_training_options(train)

    resume = _command(commands, "resume", "go on where a run stopped or was killed")
    resume.add_argument("run", type=Path, metavar="RUN")

    evaluate = _command(commands, "evaluate", "confusion matrix and per-class figures of a run")
    evaluate.add_argument("run", type=Path, metavar="RUN")
    evaluate.add_argument("--data", type=Path, metavar="FOLDER", help="instead of its validation")

    predict = _command(commands, "predict", "what a run's model says of pictures")
    predict.add_argument("run", type=Path, metavar="RUN")
    predict.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE or FOLDER")
    predict.add_argument("--top", type=count, default=5, metavar="K")
    predict.add_argument("--csv", type=Path, metavar="FILE", help="also write a table")
    return parser, commands.choices


def _command(commands: Any, name: str, what: str) -> Parser:
    sentence = f"{what[0].upper()}{what[1:]}."
    parser: Parser = commands.add_parser(name, help=what, description=sentence)
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    return parser


def _add_model_options(parser: argparse._ActionsContainer, *strategies: str) -> None:
    add_backbone_options(parser)
    parser.add_argument("--head", choices=get_args(Pooling), help="how the head begins")
    parser.add_argument("--dense", type=int, nargs="+", metavar="N", help="units of Dense layers")
    parser.add_argument("--dropout", type=float, metavar="P", help="before the classifier")
    plan = parser.add_mutually_exclusive_group()
    plan.add_argument(
        "--strategy", choices=("head", "top", "all", *strategies), help="what is trained"
    )
    plan.add_argument("--unfreeze-from", metavar="LAYER", help="train this layer and all after it")


def project_from(options: argparse.Namespace) -> Project:
    """The project of a `train` command: a project file or pictures, with the options on top.

    Raises TlstudioError when the file or a value is wrong.
    """
    check_auto(options)
    source: Path = options.source
    if source.suffix.lower() == store.SUFFIX:
        base = store.load(source)
    else:
        # The usual recipe is one of fine-tuning, which takes some layers to be tuned.
        strategy: Strategy = "top" if options.recipe else "head"
        plan = FreezePlan(strategy=strategy)
        base = Project(pictures=Pictures(source=source.absolute()), freeze=plan)
    backbone, freeze = model_from(options, base.backbone, base.freeze)
    return Project(
        pictures=base.pictures,
        backbone=backbone,
        freeze=freeze,
        head=head_from(options, base.head),
        training=training_from(options, base.training, base.pictures.source, freeze),
    )


def advised_project(options: argparse.Namespace) -> Project:
    """The project that an `advise` command is about. Raises TlstudioError as `project_from`."""
    source: Path = options.source
    if source.suffix.lower() == store.SUFFIX:
        base = store.load(source)
    else:
        base = Project(pictures=Pictures(source=source.absolute()))
    training = checked(Training, base.training, device=options.device, seed=options.seed)
    backbone = backbone_from(options, base.backbone)
    return base.model_copy(update={"backbone": backbone, "training": training})


def backbone_from(options: argparse.Namespace, base: Backbone) -> Backbone:
    """The chosen backbone; one that is named starts from its own defaults."""
    if options.backbone is not None:
        chosen = facts(options.backbone)
        base = Backbone(name=chosen.name, weights=chosen.weights[0], input_shape=chosen.input_shape)
    weights = options.weights
    if weights is not None and weights not in store.NAMED_WEIGHTS:
        weights = str(Path(weights).absolute())
    return checked(
        Backbone,
        base,
        weights=weights,
        input_shape=options.input_shape,
        alpha=options.alpha,
        depth_multiplier=options.depth_multiplier,
        minimalistic=options.minimalistic,
    )


def model_from(
    options: argparse.Namespace, backbone: Backbone, freeze: FreezePlan
) -> tuple[Backbone, FreezePlan]:
    """The chosen backbone and the plan for it, with the options on top of these."""
    chosen = backbone_from(options, backbone)
    plan = _freeze_from(options, freeze)
    return chosen, after_weights_change(plan, backbone.weights, chosen.weights)


def _freeze_from(options: argparse.Namespace, base: FreezePlan) -> FreezePlan:
    if options.unfreeze_from is not None:
        return FreezePlan(
            strategy="top", unfreeze_from=options.unfreeze_from, batchnorm=base.batchnorm
        )
    if options.strategy not in (None, AUTO):
        return FreezePlan(strategy=options.strategy, batchnorm=base.batchnorm)
    return base


def head_from(options: argparse.Namespace, base: Head) -> Head:
    dense = options.dense
    if dense is not None:
        dense = tuple(checked(DenseLayer, DenseLayer(), units=units) for units in dense)
    return checked(Head, base, pooling=options.head, dense=dense, dropout=options.dropout)

"""What the commands take, and how that becomes the decisions of a project."""

import argparse
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from tlstudio import __version__
from tlstudio.errors import TlstudioError
from tlstudio.model.catalog import facts
from tlstudio.project import store
from tlstudio.project.spec import (
    Backbone,
    DenseLayer,
    FreezePlan,
    Head,
    Optimizer,
    Pictures,
    Pooling,
    Project,
    Training,
)

WINDOW = "window"
COMMANDS = {"demo", "backbones", "describe", "scan", "train", "evaluate", "predict", WINDOW}

Checked = TypeVar("Checked", bound=BaseModel)


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
    parser = _parser()
    first = arguments[0] if arguments else ""
    if first not in COMMANDS and first not in ("-h", "--help", "--version"):
        if first.startswith("-") and not COMMANDS.isdisjoint(arguments):
            parser.error(f"options such as {first} come after the command")
        if len(arguments) > 1 and not any(word.startswith("-") for word in arguments):
            # The window takes one path, so that more words are meant for a command.
            meant = get_close_matches(first, COMMANDS, 1)
            parser.error(f"there is no command {first!r}" + "".join(f", but {m!r}" for m in meant))
        arguments = [WINDOW, *arguments]
    return parser.parse_args(arguments)


def _parser() -> Parser:
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

    _command(commands, "backbones", "list the catalogue")

    describe = _command(commands, "describe", "layers, shapes, parameters, what is frozen")
    describe.add_argument("backbone", metavar="BACKBONE")
    _add_model_options(describe)
    describe.add_argument("--include-top", action="store_true", help="with its ImageNet classifier")
    describe.add_argument("--classes", type=_count, default=5)

    scan = _command(commands, "scan", "classes, counts and problems of a folder")
    scan.add_argument("source", type=Path, metavar="FOLDER or CSV")

    train = _command(commands, "train", "train on a folder, a CSV or a project")
    train.add_argument("source", type=Path, metavar="FOLDER, CSV or PROJECT.tlstudio")
    train.add_argument("--backbone")
    _add_model_options(train)
    train.add_argument("--epochs", type=int)
    train.add_argument("--batch-size", type=int)
    train.add_argument("--learning-rate", type=float)
    train.add_argument("--optimizer", choices=get_args(Optimizer))
    train.add_argument("--seed", type=int)
    train.add_argument("--device", help="auto, cpu or gpu:N")
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="a new folder")

    evaluate = _command(commands, "evaluate", "confusion matrix and per-class figures of a run")
    evaluate.add_argument("run", type=Path, metavar="RUN")
    evaluate.add_argument("--data", type=Path, metavar="FOLDER", help="instead of its validation")

    predict = _command(commands, "predict", "what a run's model says of pictures")
    predict.add_argument("run", type=Path, metavar="RUN")
    predict.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE or FOLDER")
    predict.add_argument("--top", type=_count, default=5, metavar="K")
    predict.add_argument("--csv", type=Path, metavar="FILE", help="also write a table")
    return parser


def _command(commands: Any, name: str, what: str) -> Parser:
    parser: Parser = commands.add_parser(name, help=what, description=what.capitalize() + ".")
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    return parser


def _add_model_options(parser: Parser) -> None:
    parser.add_argument("--weights", metavar="W", help="bundled, imagenet, random or a file")
    parser.add_argument("--input-shape", type=_shape, metavar="HxW")
    parser.add_argument("--alpha", type=float, help="width multiplier (MobileNet)")
    parser.add_argument("--head", choices=get_args(Pooling))
    parser.add_argument("--dense", type=int, nargs="+", metavar="N", help="units of Dense layers")
    parser.add_argument("--dropout", type=float, metavar="P", help="before the classifier")
    plan = parser.add_mutually_exclusive_group()
    plan.add_argument("--strategy", choices=("head", "top", "all"))
    plan.add_argument("--unfreeze-from", metavar="LAYER")


def _shape(text: str) -> tuple[int, int]:
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdecimal() and columns.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 224x224")
    return int(rows), int(columns)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def project_from(options: argparse.Namespace) -> Project:
    """The project of a `train` command: a project file or pictures, with the options on top.

    Raises TlstudioError when the file or a value is wrong.
    """
    source: Path = options.source
    if source.suffix.lower() == store.SUFFIX:
        base = store.load(source)
    else:
        base = Project(pictures=Pictures(source=source.absolute()))
    names = ("epochs", "batch_size", "learning_rate", "seed", "device", "optimizer")
    return Project(
        pictures=base.pictures,
        backbone=backbone_from(options, base.backbone),
        freeze=freeze_from(options, base.freeze),
        head=head_from(options, base.head),
        training=checked(Training, base.training, **{n: getattr(options, n) for n in names}),
    )


def backbone_from(options: argparse.Namespace, base: Backbone) -> Backbone:
    """The chosen backbone; one that is named starts from its own defaults."""
    if options.backbone is not None:
        chosen = facts(options.backbone)
        base = Backbone(name=chosen.name, weights=chosen.weights[0], input_shape=chosen.input_shape)
    weights = options.weights
    if weights is not None and weights not in store.NAMED_WEIGHTS:
        weights = str(Path(weights).absolute())
    return checked(
        Backbone, base, weights=weights, input_shape=options.input_shape, alpha=options.alpha
    )


def freeze_from(options: argparse.Namespace, base: FreezePlan) -> FreezePlan:
    if options.unfreeze_from is not None:
        return FreezePlan(
            strategy="top", unfreeze_from=options.unfreeze_from, batchnorm=base.batchnorm
        )
    if options.strategy is not None:
        return FreezePlan(strategy=options.strategy, batchnorm=base.batchnorm)
    return base


def head_from(options: argparse.Namespace, base: Head) -> Head:
    dense = options.dense
    if dense is not None:
        dense = tuple(checked(DenseLayer, DenseLayer(), units=units) for units in dense)
    return checked(Head, base, pooling=options.head, dense=dense, dropout=options.dropout)


def checked(kind: type[Checked], base: Checked, **changes: Any) -> Checked:
    """`base` with the changes that are not None. Raises TlstudioError where one is out of range."""
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return kind.model_validate(
            {name: getattr(base, name) for name in type(base).model_fields} | given
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = "dense" if kind is DenseLayer else str(first["loc"][0]).replace("_", "-")
        raise TlstudioError(
            f"--{name} cannot be {first['input']}.",
            f"{first['msg'].removeprefix('Value error, ').replace('Input should', 'It should')}.",
        ) from error

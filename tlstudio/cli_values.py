"""What is typed on the command line becomes values, or a sentence on what is wrong with it."""

import argparse
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tlstudio.errors import TlstudioError
from tlstudio.project.spec import DenseLayer

Checked = TypeVar("Checked", bound=BaseModel)


def shape(text: str) -> tuple[int, int]:
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdecimal() and columns.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 224x224")
    return int(rows), int(columns)


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def option(field: str) -> str:
    """The option that sets a field."""
    return f"--{field.replace('_', '-')}"


def checked(kind: type[Checked], base: Checked, **changes: Any) -> Checked:
    """`base` with the changes that are not None. Raises TlstudioError where one is out of range."""
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return kind.model_validate(
            {name: getattr(base, name) for name in type(base).model_fields} | given
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = "--dense" if kind is DenseLayer else option(str(first["loc"][0]))
        raise TlstudioError(
            f"{name} cannot be {first['input']}.",
            f"{first['msg'].removeprefix('Value error, ').replace('Input should', 'It should')}.",
        ) from error


def add_backbone_options(parser: argparse._ActionsContainer) -> None:
    """What can be chosen of a backbone beside its name."""
    parser.add_argument("--weights", metavar="W", help="bundled, imagenet, random or a file")
    parser.add_argument("--input-shape", type=shape, metavar="HxW", help="rows and columns")
    parser.add_argument("--alpha", type=float, metavar="A", help="width multiplier (MobileNets)")
    parser.add_argument("--depth-multiplier", type=int, metavar="N", help="of MobileNet")
    parser.add_argument(
        "--minimalistic",
        action=argparse.BooleanOptionalAction,
        help="MobileNetV3 of the simplest operations",
    )

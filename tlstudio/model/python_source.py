"""Python source as text: laid out as ruff's formatter leaves it, and safe whatever it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent

LINE_LENGTH = 88
"""The formatter's default."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a script with the names of what it imports."""

    source: str
    imports: frozenset[str] = frozenset()


def quoted(text: str) -> str:
    """A string literal that means `text`, on one line and of printable characters alone.

    Double quotes, unless single ones need fewer backslashes.
    """
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def bracketed(start: str, items: Sequence[str], end: str, around: int = 0) -> str:
    """`start`, the items with commas between, and `end`, which end and begin with brackets.

    On one line where there is room for that and `around` other columns, else with one item a line
    and a comma after the last, which the formatter leaves alone however short the lines are.
    """
    line = start + ", ".join(items) + end
    if "\n" not in line and around + _width(line) <= LINE_LENGTH:
        return line
    return f"{start}\n" + "".join(indent(item, "    ") + ",\n" for item in items) + end


def _escaped(character: str, quote: str) -> str:
    if character in "'\"":
        return f"\\{character}" if character == quote else character
    return repr(character)[1:-1]


def _width(line: str) -> int:
    """Columns at most: letters of some scripts take two."""
    return sum(1 if character.isascii() else 2 for character in line)

"""Numbers as a person reads them: short in the window, exact in the tooltip."""

from collections.abc import Sequence


def short(number: int) -> str:
    """Three figures and a unit: 992, 16.8 k, 3.41 M, 1.01 G."""
    for unit_of, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit_of * 0.9995:
            scaled = number / unit_of
            decimals = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{decimals}f} {unit}"
    return str(number)


def size(number: int) -> str:
    """Bytes: 992 B, 16.8 kB, 3.41 GB."""
    text = short(number)
    return f"{text}B" if text[-1].isalpha() else f"{text} B"


def exact(number: int) -> str:
    return f"{number:,}"


def shape(sizes: Sequence[int | None]) -> str:
    """A shape without its batch axis: 7×7×1280."""
    return "×".join("?" if size is None else str(size) for size in sizes)


def count(number: int, one: str, many: str = "") -> str:
    """The number with its noun: 1 picture, 2 pictures."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"

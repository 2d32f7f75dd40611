"""Warnings of pictures that a job can no longer use."""

from collections.abc import Iterator, Sequence

from tlstudio.errors import PictureError
from tlstudio.events import Warned

NAMED_AT_ONCE = 10
GOES_ON = "The training goes on without {}."


def warnings_of(lost: Sequence[PictureError], hint: str) -> Iterator[Warned]:
    """A warning for each, or one for all where there are many, as when a disk is gone.

    `hint` has a place, {}, for "it" or "them".
    """
    if len(lost) > NAMED_AT_ONCE:
        message = f"{len(lost):,} pictures cannot be used. The first: {lost[0].message}"
        yield Warned(message, hint.format("them"))
        return
    for error in lost:
        yield Warned(error.message, hint.format("it"))

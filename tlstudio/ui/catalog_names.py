"""Where names may stand beside the dots of a plot: never over one another, nor beyond its edges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF

GAP = 3
"""Pixels between a dot and its name."""
APART, APART_AT_CORNERS = 3, 9
"""Pixels at least from a name to any other dot, which it might be taken for the name of."""


@dataclass(frozen=True, slots=True)
class Name:
    text: str
    dot: QRectF
    size: QSizeF


def places(
    must: Sequence[Name], may: Sequence[Name], dots: Sequence[QRectF], inside: QRectF
) -> dict[str, QRectF]:
    """The rooms of names by their text: of all that `must` be, where they hide least, and of those
    that `may` be the ones, first come first served, that stand apart from names and dots.
    """
    taken: dict[str, QRectF] = {}
    for name in must:
        shown = [*taken.values(), *(other.dot for other in must)]
        taken[name.text] = best(name, shown, dots, inside)
    for name in may:
        others = [dot for dot in dots if dot != name.dot]
        for rooms, apart in ((_beside(name), APART), (_at_corners(name), APART_AT_CORNERS)):
            avoided = [dot.adjusted(-apart, -apart, apart, apart) for dot in others]
            avoided += [*taken.values(), name.dot]
            moved = (_moved_into(inside, room) for room in rooms)
            free = next((room for room in moved if not _hidden(room, avoided)), None)
            if free is not None:
                taken[name.text] = free
                break
    return taken


def best(name: Name, shown: Sequence[QRectF], dots: Sequence[QRectF], inside: QRectF) -> QRectF:
    """Where a name hides least of what must be `shown`, its own dot too, and then fewest dots."""
    rooms = [_moved_into(inside, room) for room in (*_beside(name), *_at_corners(name))]
    shown = [*shown, name.dot]
    return min(rooms, key=lambda room: (_hidden(room, shown), _hidden(room, dots)))


def _beside(name: Name) -> Iterator[QRectF]:
    """At the right and the left, above and below."""
    room = QRectF(QPointF(), name.size)
    room.moveCenter(name.dot.center())
    across = (name.dot.width() + room.width()) / 2 + GAP
    up = (name.dot.height() + room.height()) / 2
    for x, y in ((across, 0), (-across, 0), (0, -up), (0, up)):
        yield room.translated(x, y)


def _at_corners(name: Name) -> Iterator[QRectF]:
    for room in list(_beside(name))[:2]:
        for side in (-1, 1):
            yield room.translated(0, side * room.height() / 2)


def _hidden(room: QRectF, others: Sequence[QRectF]) -> int:
    return sum(room.intersects(other) for other in others)


def _moved_into(inside: QRectF, room: QRectF) -> QRectF:
    x = max(inside.left(), min(room.left(), inside.right() - room.width()))
    y = max(inside.top(), min(room.top(), inside.bottom() - room.height()))
    return QRectF(QPointF(x, y), room.size())

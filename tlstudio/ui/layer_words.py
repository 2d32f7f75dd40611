"""What the layer tree and the layer window say of figures. Plain text, no Qt."""

import math

from tlstudio.advice_events import points

STAYS_FROZEN = ", stays frozen"
"""After the name of a BatchNorm layer."""

TOP = "ImageNet top"
"""The ImageNet classifier of a network, where it is shown."""


def percent(share: float) -> str:
    """A share from 0 to 1 as a whole percentage."""
    return f"{share * 100:.0f} %"


def share(of: float) -> str:
    """How far something moved, with as many figures as tell: 0 %, 0.02 %, 3.4 %, 120 %."""
    if not math.isfinite(of):
        return "to values that are no numbers"
    shown = 100 * of
    if shown == 0:
        return "0 %"
    if shown < 0.01:
        return "under 0.01 %"
    decimals = 2 if shown < 1 else 1 if shown < 10 else 0
    return f"{shown:.{decimals}f} %"


def short_share(of: float) -> str:
    """The same for a narrow column."""
    if not math.isfinite(of):
        return "broken"
    return "<0.01 %" if of < 0.0001 else share(of)


def probe(accuracy: float, deviation: float) -> str:
    return (
        f"A linear classifier on the features after this block got {percent(accuracy)} "
        f"(± {points(deviation)}) of held-out pictures right"
    )


def moved(layer: str, by: float, row: str) -> str:
    """`layer` is the one of a row that moved farthest, or the row itself."""
    if by == 0:
        return f"{row}: training did not move its weights"
    if not math.isfinite(by):
        return f"{layer}: training broke its weights, which are no numbers any more"
    told = f"training moved its weights by {share(by)} of their size before"
    return f"{row}: {told}" if layer == row else f"{row}: {layer} moved farthest; {told}"

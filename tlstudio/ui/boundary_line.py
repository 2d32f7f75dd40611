"""What the line at the boundary says, so that it is true of any freeze plan. Plain text, no Qt."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tlstudio.events import BoundaryFound, LayerRow
from tlstudio.project.freeze_plan import BATCH_NORM

LOOKING = "looking where the frozen part ends"
"""While the engine has not said so of the present plan."""


@dataclass(frozen=True, slots=True)
class BoundaryLine:
    """Stands after the layer `after`, the last of the prefix."""

    after: str
    text: str
    text_in_block: str
    """Where the line stands above the closed block that the cut is in; {} is the block's name."""
    tooltip: str


def boundary_line(
    found: BoundaryFound, layers: Sequence[LayerRow], trainable: AbstractSet[str], live: bool
) -> BoundaryLine | None:
    """The line for a plan; None where nothing is cut off.

    With `live` augmentation each epoch sees other pictures, so that nothing is done once.
    """
    if not found.layers:
        return None
    names = [layer.name for layer in layers]
    end = names.index(found.last) + 1
    below = _below(layers, end, trainable)
    if live:
        return BoundaryLine(
            found.last,
            f"frozen above — {below}",
            f"frozen above and into {{}} — {below}",
            "Live augmentation makes other pictures in each epoch, so that every layer runs in "
            "each.\nWith augmentation off, or cached views, what is frozen above is run once.",
        )
    everything = end == len(layers) and not trainable
    share = _percent(found.share)
    return BoundaryLine(
        found.last,
        f"{'all' if everything else f'{share} of the work'} done once — {below}",
        f"{share} done once, into {{}} — {below}",
        f"{found.reason}\nWhat is above the line{_but(layers[:end], trainable)} is run once for "
        "each picture, and kept for all epochs and later trainings. The rest is run in each epoch.",
    )


def _below(layers: Sequence[LayerRow], end: int, trainable: AbstractSet[str]) -> str:
    above = any(layer.name in trainable for layer in layers[:end])
    if not trainable and end == len(layers):
        return "the head is trained"
    if not any(layer.name in trainable for layer in layers[end:]):
        return "the rest each epoch"
    if above:
        return "trained below and beside"
    # BatchNorm costs next to nothing, and stays frozen in what is trained.
    frozen = any(
        layer.params and layer.type != BATCH_NORM and layer.name not in trainable
        for layer in layers[end:]
    )
    return "the rest each epoch" if frozen else "trained below"


def _but(above: Sequence[LayerRow], trainable: AbstractSet[str]) -> str:
    """Branches beside the prefix come before its end."""
    trained = any(layer.name in trainable for layer in above)
    return ", but for what is trained and what depends on that," if trained else ""


def _percent(share: float) -> str:
    """A share that is less than all, and more than nothing, as one."""
    if share > 0.99:
        return "over 99 %"
    return f"{100 * share:.0f} %" if share > 0.01 else "under 1 %"

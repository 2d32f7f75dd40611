"""What a head costs in parameters: plain arithmetic that the window can do while one types."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from tlstudio.events import HeadRow
from tlstudio.project.spec import Head, Pooling

POOLING_TYPES: dict[Pooling, str] = {
    "gap": "GlobalAveragePooling2D",
    "gmp": "GlobalMaxPooling2D",
    "flatten": "Flatten",
}
POOLING_LABELS: dict[Pooling, str] = {"gap": "GAP", "gmp": "GMP", "flatten": "Flatten"}


def head_rows(head: Head, features: Sequence[int], classes: int) -> tuple[HeadRow, ...]:
    """The layers that the head consists of, on features of shape (rows, columns, channels)."""
    width = prod(features) if head.pooling == "flatten" else features[-1]
    rows = [HeadRow("pooling", POOLING_TYPES[head.pooling], (width,), 0)]
    for number, dense in enumerate(head.dense, start=1):
        params = (width + 1) * dense.units
        width = dense.units
        rows.append(HeadRow(f"dense_{number}", "Dense", (width,), params))
        if dense.dropout:
            rows.append(HeadRow(f"dropout_{number}", "Dropout", (width,), 0))
    if head.dropout:
        rows.append(HeadRow("dropout", "Dropout", (width,), 0))
    rows.append(HeadRow("predictions", "Dense", (classes,), (width + 1) * classes))
    return tuple(rows)


def head_params(head: Head, features: Sequence[int], classes: int) -> int:
    return sum(row.params for row in head_rows(head, features, classes))


@dataclass(frozen=True, slots=True)
class PoolingComparison:
    """The same head with each pooling, and one sentence on which suits the channel count."""

    params: dict[Pooling, int]
    advice: str


def compare_pooling(head: Head, features: Sequence[int], classes: int) -> PoolingComparison:
    """Parameters by pooling and advice, for features of shape (rows, columns, channels).

    With many channels one average a channel says enough, and Flatten multiplies the first Dense
    layer by rows times columns (Lin et al. 2013, Network in Network); with few channels the
    average loses what the positions still hold.
    """
    poolings: tuple[Pooling, ...] = ("gap", "gmp", "flatten")
    params = {
        pooling: head_params(head.model_copy(update={"pooling": pooling}), features, classes)
        for pooling in poolings
    }
    channels, cells = features[-1], prod(features[:-1])
    ratio = params["flatten"] / params["gap"]
    if cells == 1:
        advice = "The features are one cell, so Flatten and GAP are the same here."
    elif channels >= 256:
        advice = f"With {channels} channels GAP is the better choice."
    elif ratio < 4:
        advice = f"With only {channels} channels Flatten keeps positions at little cost."
    else:
        advice = (
            f"With only {channels} channels GAP may lose detail; "
            "Flatten is worth a try when there is much data."
        )
    return PoolingComparison(params, advice)

"""What a layer is, in words: its kind, shapes, and what training does to it. Plain text, no Qt."""

from math import prod

from tlstudio.layer_events import LayerSeen
from tlstudio.ui import layer_words, numbers


def fact_rows(layer: LayerSeen, is_trained: bool, moved: float | None) -> list[tuple[str, str]]:
    """(what, value) of all that there is to say; `moved` is a share, None where nothing trained."""
    params = sum(prod(weight.shape) for weight in layer.weights)
    rows = [
        ("type", layer.type),
        ("block", layer.block),
        ("input", _shapes(layer.input_shapes)),
        ("output", _shapes(layer.output_shapes)),
        ("parameters", numbers.exact(params) if params else "none"),
    ]
    if params:
        rows.append(("training", "is trained" if is_trained else "stays frozen"))
    if moved is not None:
        rows.append(("moved", f"{layer_words.share(moved)} of its size before training"))
    return [row for row in rows if row[1]]


def _shapes(shapes: tuple[tuple[int | None, ...], ...]) -> str:
    return ", ".join(map(numbers.shape, shapes))

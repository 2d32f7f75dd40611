import pytest

from tlstudio.events import LayerRow
from tlstudio.ui import expected_disk

LAYERS = (
    LayerRow("input", "InputLayer", "a", (224, 224, 3), 0, False, 0),
    LayerRow("conv", "Conv2D", "a", (14, 14, 112), 864, False, 864),
    LayerRow("top", "Conv2D", "b", (7, 7, 100), 3456, False, 3456),
)
NONE: frozenset[str] = frozenset()
TOP, ALL = frozenset({"top"}), frozenset({"conv", "top"})


@pytest.mark.parametrize(
    ("trainable", "pooled", "precision", "size"),
    [
        (NONE, True, "auto", 2 * 4 * 100),
        (NONE, True, "float16", 2 * 2 * 100),
        (NONE, False, "auto", 4 * 7 * 7 * 100),
        (TOP, True, "auto", 2 * 14 * 14 * 112),
        (TOP, True, "float32", 4 * 14 * 14 * 112),
        (ALL, True, "auto", 0),
    ],
)
def test_what_is_kept_is_the_output_of_the_last_frozen_layer(
    trainable: frozenset[str], pooled: bool, precision: str, size: int
) -> None:
    assert expected_disk.per_picture(LAYERS, trainable, pooled, precision) == size

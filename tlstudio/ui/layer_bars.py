"""What the tree shows as bars: probes of blocks, and how far training moved each layer. No Qt."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tlstudio.ui import layer_words
from tlstudio.ui.layer_node import Node


@dataclass(frozen=True, slots=True)
class LayerBars:
    probes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By block: (accuracy, standard deviation), both 0 to 1."""
    moved: Mapping[str, float] = field(default_factory=dict)
    """By layer, as a share of the norm that its weights began with."""

    def probe_of(self, row: Node) -> tuple[float, float] | None:
        """Only blocks have one."""
        return self.probes.get(row.name) if row.is_block else None

    def moved_most(self, row: Node) -> tuple[str, float] | None:
        """Of the layers of a row that can move, the one that moved most."""
        moved = [
            (layer.name, self.moved[layer.name])
            for layer in row.layers
            if layer.params and layer.name in self.moved
        ]
        return max(moved, key=lambda pair: (math.isnan(pair[1]), pair[1]), default=None)

    def probe_bar(self, row: Node) -> float | None:
        """How long it is, 0 to 1."""
        probe = self.probe_of(row)
        return probe[0] if probe else None

    def moved_bar(self, row: Node) -> float | None:
        """How long it is, 0 to 1, beside that of the layer that moved most of all."""
        most = self.moved_most(row)
        if most is None:
            return None
        farthest = max(filter(math.isfinite, self.moved.values()), default=0.0)
        share = most[1] / farthest if farthest else 0.0
        return share if math.isfinite(share) else 1.0

    def spoken(self, row: Node) -> str:
        """What a screen reader says after the row."""
        probe, most = self.probe_of(row), self.moved_most(row)
        words = f", probe {layer_words.percent(probe[0])}" if probe else ""
        return words + (f", moved {layer_words.share(most[1])}" if most else "")

"""How much of the top is trained: a slider over the blocks, and its position in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from tlstudio.events import LayerRow
from tlstudio.project.freeze_plan import blocks_in_order
from tlstudio.ui import freeze_edit, numbers
from tlstudio.ui.card import label
from tlstudio.ui.slider import Slider


@dataclass(frozen=True, slots=True)
class Depth:
    """Which of the blocks that can be trained are, from `first` on; none where it is their count.
    BatchNorm alone makes no block.
    """

    blocks: tuple[str, ...]
    """From input to output."""
    trained: int
    """Blocks of which anything is trained."""
    first: int
    """The first of these."""
    params: int
    """Trained parameters of the backbone."""

    @property
    def words(self) -> str:
        """As 3 of 9 blocks."""
        return f"{self.trained} of {numbers.count(len(self.blocks), 'block')}"


def depth(layers: Sequence[LayerRow], trainable: frozenset[str]) -> Depth:
    can = freeze_edit.choices(layers, batchnorm=False)
    blocks = blocks_in_order(can)
    trained = blocks_in_order(layer for layer in can if layer.name in trainable)
    return Depth(
        tuple(blocks),
        len(trained),
        blocks.index(trained[0]) if trained else len(blocks),
        sum(layer.trainable_params for layer in layers if layer.name in trainable),
    )


class DepthSlider(QWidget):
    """From left to right as the network runs: what is left of the handle is frozen."""

    moved = Signal(str)
    """The block that a person lets training begin with."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._blocks: tuple[str, ...] = ()
        self.slider = Slider(
            "The block from which layers are trained",
            "Further left more blocks are trained, further right fewer",
        )
        self.slider.setObjectName("depth")
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._move)
        self.place = label("", "muted")
        self.place.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.words = label("", "muted")
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.slider, 1)
        line.addWidget(self.place)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addLayout(line)
        box.addWidget(self.words)

    def show_depth(self, shown: Depth) -> None:
        """Show a plan that trains the top, without passing it on as an edit."""
        self._blocks = shown.blocks
        with QSignalBlocker(self.slider):
            # So that the share of the line that is green is the share of the blocks.
            self.slider.setRange(0, len(shown.blocks))
            self.slider.setValue(shown.first)
        self.slider.setEnabled(len(shown.blocks) > 2)
        places = [_place(block, shown.blocks[-1]) for block in shown.blocks]
        # So wide that the slider keeps its length while it is moved.
        width = max(map(self.place.fontMetrics().horizontalAdvance, places))
        self.place.setMinimumWidth(width + 2)
        self.place.setText(places[shown.first])
        self.words.setText(f"{shown.words}, {numbers.short(shown.params)} parameters")
        self.words.setToolTip(f"{shown.params:,} parameters of the backbone are trained")
        self.slider.setAccessibleDescription(f"{self.place.text()}: {self.words.text()}")

    def _move(self, first: int) -> None:
        # All or none of the blocks would be another strategy.
        within = min(max(first, 1), len(self._blocks) - 1)
        if within == first:
            self.moved.emit(self._blocks[first])
        else:
            self.slider.setValue(within)


def _place(begin: str, end: str) -> str:
    return f"{end} alone" if begin == end else f"{begin} to {end}"

"""One network in words and figures: its idea, its paper, its input, its weights."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from tlstudio.backbone_events import Measured
from tlstudio.model import catalog
from tlstudio.model.catalog import BackboneFacts
from tlstudio.model.families import family_of, preprocessing_words
from tlstudio.project.spec import Backbone
from tlstudio.ui import catalog_words, numbers
from tlstudio.ui.card import label
from tlstudio.ui.catalog_idea import CatalogIdea
from tlstudio.ui.elided import ElidedLabel

ROWS = (
    "Family",
    "Top-1",
    "Parameters",
    "Input",
    "Preprocessing",
    "Time here",
    "Weights",
    "File",
    "Address",
)
LONG = ("File", "Address")
"""These do not wrap, and are whole in the tooltip."""


class CatalogDetail(QWidget):
    by_hand_asked = Signal()
    """The weights of the network shown are to be brought by hand."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", "headline")
        self.idea = CatalogIdea()
        self.values: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        top, middle = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignVCenter
        for row, name in enumerate(ROWS):
            value = ElidedLabel() if name in LONG else label("")
            value.setWordWrap(not isinstance(value, ElidedLabel))
            value.setAccessibleName(name)
            # The address has a button beside it, which is higher than a line.
            grid.addWidget(label(name, "muted"), row, 0, middle if name == "Address" else top)
            grid.addWidget(value, row, 1, 1, 1 if name == "Address" else 2)
            self.values[name] = value
        self.by_hand = QPushButton("By hand…")
        self.by_hand.setObjectName("link")
        self.by_hand.setAutoDefault(False)
        self.by_hand.setToolTip(
            "Where the weights are and where they belong, for a machine without a network"
        )
        self.by_hand.clicked.connect(self.by_hand_asked)
        grid.addWidget(self.by_hand, ROWS.index("Address"), 2)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self.title)
        box.addWidget(self.idea)
        box.addSpacing(4)
        box.addLayout(grid)
        box.addStretch(1)

    def show_network(self, facts: BackboneFacts, measured: Measured | None) -> None:
        family = family_of(facts)
        self.title.setText(facts.label)
        self.idea.show_family(family)
        rows, columns = facts.input_shape
        spec = Backbone(name=facts.name, weights="imagenet", input_shape=facts.input_shape)
        address = catalog.weights_address(facts, spec)
        texts = {
            "Family": f"{family.name}, {family.year}",
            "Top-1": f"{catalog_words.top1(facts)} of ImageNet's pictures are named right",
            "Parameters": catalog_words.classifier(facts),
            "Input": f"{rows}×{columns} pixels as published, at least "
            f"{facts.min_input}×{facts.min_input}",
            "Preprocessing": preprocessing_words(facts),
            "Weights": _weights(facts, spec),
            "File": str(catalog.weights_file(facts, spec)),
            "Address": address or "comes with tlstudio",
            "Time here": _time(measured),
        }
        for name, text in texts.items():
            self.values[name].setText(text)
        self.by_hand.setVisible(bool(address))


def _time(measured: Measured | None) -> str:
    if measured is None:
        return "not measured yet"
    return f"{catalog_words.time(measured)} a picture, on {catalog_words.device(measured)}"


def _weights(facts: BackboneFacts, spec: Backbone) -> str:
    if catalog.is_cached(facts, spec):
        return "on this machine"
    size = numbers.size(catalog_words.download_bytes(facts))
    return f"not on this machine yet, about {size}"

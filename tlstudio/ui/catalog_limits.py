"""The fields above the table of networks, which say what is listed."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QWidget

from tlstudio.model import catalog
from tlstudio.ui.catalog_model import CatalogFilter
from tlstudio.ui.fields import Choice, Whole

MILLION = 1_000_000
MOST_MILLIONS = 999


class CatalogLimits(QWidget):
    changed = Signal()

    def __init__(self, filtered: CatalogFilter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLineEdit()
        self.text.setPlaceholderText("Filter")
        self.text.setAccessibleName("Filter by name")
        self.text.setClearButtonEnabled(True)
        self.text.textChanged.connect(filtered.set_text)
        self.family = Choice("Family")
        self.family.addItem("All families", "")
        for family in dict.fromkeys(facts.family for facts in catalog.CATALOG):
            self.family.addItem(family, family)
        self.family.setMinimumContentsLength(12)
        self.family.currentIndexChanged.connect(
            lambda _: filtered.set_family(self.family.currentData())
        )
        self.most = Whole("At most so many million parameters", 0, MOST_MILLIONS, 5)
        self.most.setSpecialValueText("any size")
        self.most.setPrefix("≤ ")
        self.most.setSuffix(" M")
        self.most.setKeyboardTracking(True)
        self.most.setToolTip("Lists networks with at most so many million parameters")
        self.most.valueChanged.connect(lambda most: filtered.set_most_params(most * MILLION))
        self.at_hand = QCheckBox("Weights here")
        self.at_hand.setToolTip("Lists networks whose ImageNet weights need no download")
        self.at_hand.toggled.connect(filtered.set_at_hand)
        for signal in (
            self.text.textChanged,
            self.family.currentIndexChanged,
            self.most.valueChanged,
            self.at_hand.toggled,
        ):
            signal.connect(lambda _: self.changed.emit())
        self.text.setMinimumWidth(110)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.text, 1)
        row.addWidget(self.family)
        row.addWidget(self.most)
        row.addWidget(self.at_hand, 0, Qt.AlignmentFlag.AlignVCenter)

    def clear(self) -> None:
        """List all networks again."""
        self.text.clear()
        self.family.setCurrentIndex(0)
        self.most.setValue(0)
        self.at_hand.setChecked(False)

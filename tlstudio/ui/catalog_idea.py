"""What the idea of a family of networks was, and the paper that says so."""

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from tlstudio.model.families import Family
from tlstudio.ui.card import label


class CatalogIdea(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.idea = label("")
        self.idea.setWordWrap(True)
        self.paper = QLabel()
        self.paper.setTextFormat(Qt.TextFormat.RichText)
        self.paper.setWordWrap(True)
        self.paper.setOpenExternalLinks(True)
        self.paper.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self.idea)
        box.addWidget(self.paper)

    def show_family(self, family: Family) -> None:
        self.idea.setText(family.idea)
        self.paper.setText(f'<a href="{escape(family.address)}">{escape(family.paper)}</a>')
        self.paper.setToolTip(family.address)

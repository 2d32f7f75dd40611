"""The card that every panel sits in: a title, a grey note at its right, and the content below."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from tlstudio.ui.theme import CARD_PADDING, SPACING


def label(text: str = "", role: str = "", parent: QWidget | None = None) -> QLabel:
    """Plain text styled by `role`: title, headline, muted, amber, error, trained or frozen."""
    made = QLabel(text, parent)
    # Names of folders, classes and files may look like markup.
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setObjectName(role)
    return made


class Card(QFrame):
    """Add the content to `body`; `note` is the grey text at the right of the title."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(title)
        self.title = label(title, "title")
        self.note = label("", "muted")
        self.header = QHBoxLayout()
        self.header.setSpacing(SPACING)
        self.header.addWidget(self.title)
        self.header.addStretch(1)
        self.header.addWidget(self.note)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(CARD_PADDING, 10, CARD_PADDING, CARD_PADDING)
        self.body.setSpacing(8)
        if title:
            self.body.addLayout(self.header)

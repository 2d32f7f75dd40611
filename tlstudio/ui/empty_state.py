"""What a card shows while it has nothing to show."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from tlstudio.ui.card import label


def empty_state(headline: str, detail: str) -> QWidget:
    """Two centred lines: what is missing, and what will come."""
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    layout.addStretch(1)
    for text, role in ((headline, "title"), (detail, "muted")):
        words = label(text, role)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        words.setWordWrap(True)
        layout.addWidget(words)
    layout.addStretch(1)
    return page

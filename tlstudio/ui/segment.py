"""One of a row of buttons of which one is pressed."""

from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QPushButton

from tlstudio.ui.fonts import bold
from tlstudio.ui.tooltip import explain

AROUND = 24
"""Pixels of padding and border beside the text."""


def segment(text: str, tip: str) -> QPushButton:
    """As wide as its text is while it is pressed, which is in bold."""
    button = QPushButton(text)
    button.setObjectName("segment")
    button.setCheckable(True)
    button.setAutoDefault(False)
    button.ensurePolished()
    metrics = QFontMetrics(bold(button.font()))
    button.setMinimumWidth(metrics.horizontalAdvance(text) + AROUND)
    explain(button, tip)
    return button

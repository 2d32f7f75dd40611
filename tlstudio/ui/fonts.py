"""Variants of a widget's font, for what is painted."""

from PySide6.QtGui import QFont


def bold(font: QFont) -> QFont:
    """As headings are."""
    made = QFont(font)
    made.setWeight(QFont.Weight.DemiBold)
    return made


def small(font: QFont) -> QFont:
    """As what is written beside figures is."""
    made = QFont(font)
    made.setPointSizeF(8.5)
    return made

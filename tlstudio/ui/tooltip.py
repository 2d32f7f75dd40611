"""Tooltips that show what they are given: Qt would take a name such as <b>x</b> for markup."""

from PySide6.QtGui import Qt


def plain(text: str) -> str:
    """The text as a tooltip that shows it literally, whatever is in it."""
    return Qt.convertFromPlainText(text) if Qt.mightBeRichText(text) else text

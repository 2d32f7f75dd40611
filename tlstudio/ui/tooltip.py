"""Tooltips that show what they are given: Qt would take a name such as <b>x</b> for markup."""

from PySide6.QtGui import Qt
from PySide6.QtWidgets import QToolTip, QWidget


def plain(text: str) -> str:
    """The text as a tooltip that shows it literally, whatever is in it."""
    return Qt.convertFromPlainText(text) if Qt.mightBeRichText(text) else text


def show_below(widget: QWidget, text: str) -> None:
    """Show it at once, to say why what a person typed has become something else."""
    QToolTip.showText(widget.mapToGlobal(widget.rect().bottomLeft()), text, widget)


def explain(widget: QWidget, text: str) -> None:
    """Give a widget a tooltip of one or two sentences, which wraps where Qt would show plain text
    as one long line; screen readers get the text.
    """
    widget.setToolTip(Qt.convertFromPlainText(text, Qt.WhiteSpaceMode.WhiteSpaceNormal))
    widget.setAccessibleDescription(text)

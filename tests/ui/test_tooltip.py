import pytest
from PySide6.QtGui import Qt, QTextDocument
from PySide6.QtWidgets import QLabel, QPushButton

from tlstudio.ui import tooltip


@pytest.mark.parametrize("text", ["<b>x</b>.png", "a & b\n<i>two</i> lines", "&lt;b&gt;", "plain"])
def test_what_looks_like_markup_is_shown_as_it_is(qapp, text: str) -> None:
    shown = QTextDocument()
    # As Qt does with a tooltip.
    made = tooltip.plain(text)
    (shown.setHtml if made != text else shown.setPlainText)(made)
    assert shown.toPlainText().strip() == text


def test_a_long_explanation_wraps_and_is_plain_to_a_screen_reader(qtbot) -> None:
    button = QPushButton("Cutout")
    qtbot.addWidget(button)
    text = "A grey square <somewhere> in the picture, " * 4
    tooltip.explain(button, text)
    assert button.accessibleDescription() == text
    shown = QLabel(button.toolTip())
    qtbot.addWidget(shown)
    # As Qt does with rich tooltips.
    shown.setWordWrap(Qt.mightBeRichText(button.toolTip()))
    assert shown.sizeHint().width() < 0.5 * shown.fontMetrics().horizontalAdvance(text)
    document = QTextDocument()
    document.setHtml(button.toolTip())
    assert document.toPlainText().strip() == text.strip()

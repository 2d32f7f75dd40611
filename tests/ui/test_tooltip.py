import pytest
from PySide6.QtGui import QTextDocument

from tlstudio.ui import tooltip


@pytest.mark.parametrize("text", ["<b>x</b>.png", "a & b\n<i>two</i> lines", "&lt;b&gt;", "plain"])
def test_what_looks_like_markup_is_shown_as_it_is(qapp, text: str) -> None:
    shown = QTextDocument()
    # As Qt does with a tooltip.
    made = tooltip.plain(text)
    (shown.setHtml if made != text else shown.setPlainText)(made)
    assert shown.toPlainText().strip() == text

"""The text that follows its source, and its colours."""

import pytest
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication

from tlstudio.ui import theme
from tlstudio.ui.script_view import ScriptView


def lines(*numbers: int) -> str:
    return "".join(f"line {number}\n" for number in numbers)


@pytest.fixture
def view(qtbot) -> ScriptView:
    made = ScriptView("Script")
    qtbot.addWidget(made)
    made.resize(300, 120)
    made.show()
    made.show_script(lines(*range(100)))
    QApplication.processEvents()
    return made


def marked(view: ScriptView) -> list[str]:
    return [mark.cursor.block().text() for mark in view.extraSelections()]


def at_the_top(view: ScriptView) -> str:
    QApplication.processEvents()
    return view.firstVisibleBlock().text()


def test_the_first_text_marks_nothing(view) -> None:
    assert view.toPlainText() == lines(*range(100))
    assert marked(view) == []


def test_changed_and_new_lines_are_marked_for_a_while(view, qtbot) -> None:
    view._unmark.setInterval(50)
    new = lines(0, 500, 2, 3, 4, 5, 600, 601, *range(6, 100))
    view.show_script(new)
    assert view.toPlainText() == new
    assert marked(view) == ["line 500", "line 600", "line 601"]
    qtbot.waitUntil(lambda: marked(view) == [])


def test_the_same_text_marks_nothing(view) -> None:
    view.show_script(lines(*range(100)))
    assert marked(view) == []


def test_what_is_at_the_top_stays_there(view) -> None:
    view.verticalScrollBar().setValue(40)
    assert at_the_top(view) == "line 40"
    view.show_script(lines(*range(10), 500, 501, *range(10, 100)))
    assert at_the_top(view) == "line 40"
    view.show_script(lines(*range(20, 70), 700, *range(70, 100)))
    assert at_the_top(view) == "line 40"


def test_a_selection_stays(view) -> None:
    cursor = QTextCursor(view.document().findBlockByNumber(30))
    cursor.select(QTextCursor.SelectionType.LineUnderCursor)
    view.setTextCursor(cursor)
    view.show_script(lines(*range(10), 500, *range(10, 100)))
    assert view.textCursor().selectedText() == "line 30"


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (97, 100), (0, 100), (40, 60)])
def test_lines_can_go_anywhere(view, start: int, stop: int) -> None:
    rest = lines(*range(start), *range(stop, 100))
    view.show_script(rest)
    assert view.toPlainText() == rest
    view.show_script(lines(*range(100)))
    assert view.toPlainText() == lines(*range(100))


# Colours


def coloured(view: ScriptView, text: str) -> dict[str, str]:
    """The coloured pieces of the text with their colours."""
    view.setPlainText(text)
    QApplication.processEvents()
    found = {}
    block = view.document().firstBlock()
    while block.isValid():
        for one in block.layout().formats():
            piece = block.text().encode("utf-16-le")[2 * one.start : 2 * (one.start + one.length)]
            found[piece.decode("utf-16-le")] = one.format.foreground().color().name()
        block = block.next()
    return found


def test_keywords_strings_numbers_and_comments_have_their_colours(view) -> None:
    colors = theme.current().colors
    assert coloured(view, 'import x\nx = f(12, 1e-05, "a # b")  # not "this"') == {
        "import": colors.accent,
        "12": colors.amber,
        "1e-05": colors.amber,
        '"a # b"': colors.trained,
        '# not "this"': colors.muted,
    }


def test_a_docstring_goes_over_lines_and_three_quotes_in_a_string_begin_none(view) -> None:
    colors = theme.current().colors
    assert coloured(view, '"""One\nimport 2\n"""\n\'😀 """\' + 3\n"""of one"""') == {
        '"""One': colors.muted,
        "import 2": colors.muted,
        '"""': colors.muted,
        '\'😀 """\'': colors.trained,
        "3": colors.amber,
        '"""of one"""': colors.muted,
    }

"""A script to read, which follows its source without losing the reader's place."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QFontDatabase,
    QFontMetrics,
    QTextCursor,
    QTextFormat,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit, QWidget

from tlstudio.ui import theme
from tlstudio.ui.python_highlighter import PythonHighlighter

MARKED_MS = 2_500
"""How long lines that have changed stand out."""

Change = tuple[int, int, Sequence[str]]
"""First line and the one after the last, in the text as it was, and what is there instead."""


class ScriptView(QPlainTextEdit):
    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._highlighter = PythonHighlighter(self.document())
        self._unmark = QTimer(self, singleShot=True, interval=MARKED_MS)
        self._unmark.timeout.connect(lambda: self.setExtraSelections([]))

    def width_of(self, columns: int) -> int:
        """Pixels that so many columns take, with the scroll bar."""
        self.ensurePolished()
        letters = QFontMetrics(self.font()).horizontalAdvance("0" * columns)
        margins = 2 * self.document().documentMargin() + self.contentsMargins().left()
        return round(letters + margins) + self.verticalScrollBar().sizeHint().width()

    def show_script(self, text: str) -> None:
        """Change the lines that differ from `text`, which ends with a line break, and mark them
        for a while. What is at the top and what is selected stay, where they are still there.
        """
        if not self.toPlainText():
            self.setPlainText(text)
            return
        changes = _changes(self.toPlainText(), text)
        bar = self.verticalScrollBar()
        top = bar.value()
        # From the end, so that the numbers of the lines before stay right.
        for change in reversed(changes):
            self._replace(change)
        bar.setValue(top + _moved(top, changes))
        self._mark(changes)

    def _replace(self, change: Change) -> None:
        first, after, lines = change
        document = self.document()
        cursor = QTextCursor(document)
        cursor.setPosition(document.findBlockByNumber(first).position())
        cursor.setPosition(
            document.findBlockByNumber(after).position(), QTextCursor.MoveMode.KeepAnchor
        )
        cursor.insertText("".join(f"{line}\n" for line in lines))

    def _mark(self, changes: Sequence[Change]) -> None:
        marks = []
        moved = 0
        for first, after, lines in changes:
            marks += [self._mark_of(first + moved + number) for number in range(len(lines))]
            moved += len(lines) - (after - first)
        self.setExtraSelections(marks)
        self._unmark.start()

    def _mark_of(self, line: int) -> QTextEdit.ExtraSelection:
        mark = QTextEdit.ExtraSelection()
        mark.cursor = QTextCursor(self.document().findBlockByNumber(line))
        mark.format.setBackground(QColor(theme.current().colors.accent_soft))
        mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
        return mark


def _changes(old: str, new: str) -> list[Change]:
    """From the first to the last; the end of the text, after the last line break, is none."""
    before, now = (text.split("\n")[:-1] for text in (old, new))
    matcher = SequenceMatcher(None, before, now, autojunk=False)
    return [
        (first, after, now[start:stop])
        for kind, first, after, start, stop in matcher.get_opcodes()
        if kind != "equal"
    ]


def _moved(line: int, changes: Sequence[Change]) -> int:
    """How many lines further down a line is after the changes."""
    return sum(len(new) - (after - first) for first, after, new in changes if after <= line)

"""Colours for Python source: comments, strings, numbers and keywords, as the theme has them."""

import keyword
import re

from PySide6.QtGui import QColor, QSyntaxHighlighter, QTextDocument

from tlstudio.ui import theme

QUOTES = '"""'
TOKEN = re.compile(
    r"""
    (?P<comment>\#.*)
    | (?P<docstring>\"{3}.*?(?:\"{3}|$))
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<word>[^\W\d]\w*)
    | (?P<number>\d[\w.]*(?:(?<=e)-\d+)?)
    """,
    re.VERBOSE,
)
INSIDE, OUTSIDE = 1, 0
"""States of the end of a line: within a docstring or not."""


class PythonHighlighter(QSyntaxHighlighter):
    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        theme.current().changed.connect(self.rehighlight)

    def highlightBlock(self, text: str) -> None:
        colors = theme.current().colors
        start = 0
        if self.previousBlockState() == INSIDE:
            end = text.find(QUOTES)
            start = len(text) if end < 0 else end + len(QUOTES)
            self._colour(text, 0, start, colors.muted)
            if end < 0:
                self.setCurrentBlockState(INSIDE)
                return
        self.setCurrentBlockState(OUTSIDE)
        for token in TOKEN.finditer(text, start):
            match token.lastgroup:
                case "comment" | "docstring":
                    color = colors.muted
                case "string":
                    color = colors.trained
                case "number":
                    color = colors.amber
                case _:
                    color = colors.accent if keyword.iskeyword(token[0]) else ""
            if color:
                self._colour(text, token.start(), token.end(), color)
            if token.lastgroup == "docstring" and not token[0].endswith(QUOTES, len(QUOTES)):
                self.setCurrentBlockState(INSIDE)

    def _colour(self, text: str, start: int, end: int, color: str) -> None:
        # Qt counts in UTF-16, where some letters are two.
        self.setFormat(_units(text[:start]), _units(text[start:end]), QColor(color))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2

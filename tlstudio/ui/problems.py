"""What a scan found wrong with files: a summary, and the list that it opens."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tlstudio.events import Problem
from tlstudio.ui import numbers, tooltip
from tlstudio.ui.card import label
from tlstudio.ui.index import Index

WORDS = {
    "unreadable": "cannot be read",
    "truncated": "damaged",
    "not_a_picture": "no picture",
    "too_large": "too large",
    "duplicate": "duplicate",
    "near_duplicate": "nearly a duplicate",
    "conflicting_label": "in two classes",
    "empty_class": "empty class",
}
UNUSABLE = ("unreadable", "truncated", "not_a_picture", "too_large")
LISTED = 2000
WIDTH = 860
REMEDY = 2
"""The column that says what to do; its sentences are wrapped, never cut."""


def summary(kinds: Mapping[str, int]) -> str:
    """The problems in a few words: 3 files cannot be used, 2 to look at."""
    unusable = sum(kinds.get(kind, 0) for kind in UNUSABLE)
    others = sum(kinds.values()) - unusable
    if not unusable:
        return f"{others:,} to look at"
    text = f"{numbers.count(unusable, 'file')} cannot be used"
    return f"{text}, {others:,} to look at" if others else text


class ProblemList(QFrame):
    """A popup with file, what is wrong and how to mend it; Esc or a press elsewhere closes it."""

    def __init__(self, problems: Sequence[Problem], source: Path, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("card")
        self.setAccessibleName("Problems with the pictures")
        self.list = QTreeWidget()
        self.list.setAccessibleName("Files with problems")
        self.list.setHeaderLabels(["File", "Problem", "What to do"])
        self.list.setRootIsDecorated(False)
        self.list.setWordWrap(True)
        self.list.setItemDelegateForColumn(REMEDY, _Wrapped(self.list))
        for problem in problems[:LISTED]:
            path = Path(problem.path)
            name = str(path.relative_to(source)) if path.is_relative_to(source) else path.name
            row = [name, WORDS.get(problem.kind, problem.kind), problem.detail]
            item = QTreeWidgetItem(row)
            item.setToolTip(0, tooltip.plain(problem.path))
            item.setToolTip(REMEDY, tooltip.plain(problem.detail))
            self.list.addTopLevelItem(item)
        header = self.list.header()
        header.setStretchLastSection(True)
        header.sectionResized.connect(self.list.scheduleDelayedItemsLayout)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.setColumnWidth(0, 190)
        box = QVBoxLayout(self)
        box.setContentsMargins(14, 10, 14, 14)
        box.addWidget(label(numbers.count(len(problems), "problem"), "title"))
        box.addWidget(self.list)
        if len(problems) > LISTED:
            box.addWidget(label(f"The first {LISTED:,} are listed.", "muted"))
        self.resize(WIDTH, min(460, 110 + 40 * len(problems)))

    def show_below(self, widget: QWidget) -> None:
        at = widget.mapToGlobal(QPoint(0, widget.height() + 4))
        area = (QGuiApplication.screenAt(at) or QGuiApplication.primaryScreen()).availableGeometry()
        self.move(
            max(area.left(), min(at.x(), area.right() - self.width())),
            max(area.top(), min(at.y(), area.bottom() - self.height())),
        )
        self.show()
        self.list.setFocus()


class _Wrapped(QStyledItemDelegate):
    """As high as the sentence needs in its column; Qt's own knows no column's width."""

    def __init__(self, tree: QTreeWidget) -> None:
        super().__init__(tree)
        self._tree = tree

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        room = QRect(0, 0, self._tree.columnWidth(REMEDY) - 12, 10_000)
        words = option.fontMetrics.boundingRect(room, Qt.TextFlag.TextWordWrap, index.data())
        return QSize(words.width(), words.height() + 8)

"""The pictures: the classes with a few thumbnails and their counts, the split, the problems."""

from collections import Counter
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QProgressBar,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from tlstudio.events import Scan
from tlstudio.ui import numbers, theme, thumbnails, tooltip
from tlstudio.ui.card import Card, label
from tlstudio.ui.index import Index
from tlstudio.ui.problems import ProblemList, summary
from tlstudio.ui.session import Session

COUNT_ROLE = Qt.ItemDataRole.UserRole + 1
SHARE_ROLE = Qt.ItemDataRole.UserRole + 2
"""The count as a share of the largest class, 0 to 1."""
PATHS_ROLE = Qt.ItemDataRole.UserRole + 3

ROW_HEIGHT = 26
THUMBNAILS = 4
SHORTEST_BAR, LONGEST_BAR = 36, 90
SIDE = 20
ROWS_SHOWN = 6
LONGEST_NAME = 110
"""Pixels; a longer name of a class is elided."""


class PicturesPanel(Card):
    open_asked = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Pictures", parent)
        self._session = session
        self.classes = QStandardItemModel(self)
        self.list = QListView()
        self.list.setAccessibleName("Classes")
        self.list.setModel(self.classes)
        self._delegate = _ClassDelegate(self.list)
        self.list.setItemDelegate(self._delegate)
        self.list.setUniformItemSizes(True)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        thumbnails.current().loaded.connect(self.list.viewport().update)
        self.message = label("", "muted")
        self.message.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of reading the pictures")
        self.open_button = QPushButton("Open folder…")
        self.open_button.clicked.connect(self.open_asked)
        self.split_line = label("", "muted")
        self.split_notes = label("", "amber")
        self.split_notes.setWordWrap(True)
        self.problems = QPushButton()
        self.problems.setObjectName("link")
        self.problems.clicked.connect(self._show_problems)
        problem_row = QHBoxLayout()
        problem_row.addWidget(self.problems)
        problem_row.addStretch(1)
        button_row = QHBoxLayout()
        button_row.addWidget(self.open_button)
        button_row.addStretch(1)
        for part in (self.list, self.message, self.bar):
            self.body.addWidget(part)
        self.body.addLayout(button_row)
        self.body.addWidget(self.split_line)
        self.body.addWidget(self.split_notes)
        self.body.addLayout(problem_row)
        self._shown: Scan | None = None
        session.scan_changed.connect(self._refresh)
        session.decided.connect(self._decided)
        self._refresh()

    def _decided(self, part: str) -> None:
        if part == "pictures":
            self._refresh()

    def _refresh(self) -> None:
        session = self._session
        scan, failed = session.scan, session.scan_failed
        if scan is not self._shown:
            self._shown = scan
            self._fill(scan)
        self.list.setVisible(scan is not None)
        self.bar.setVisible(session.scanning is not None)
        self.open_button.setVisible(scan is None and session.scanning is None)
        self.message.setObjectName("error" if failed else "muted")
        self.message.style().polish(self.message)
        self.message.setVisible(scan is None)
        pictures = session.decisions.pictures
        self.setToolTip(tooltip.plain(str(pictures.source)) if pictures else "")
        if session.scanning:
            progress = session.scanning
            self.bar.setRange(0, progress.total)
            self.bar.setValue(progress.done)
            done = f", {progress.done:,} of {progress.total:,}" if progress.total else ""
            name = pictures.source.name if pictures else ""
            self.message.setText(f"Reading {name}{done}")
        elif failed:
            self.message.setText(f"{failed.message} {failed.hint}")
        else:
            self.message.setText("One subfolder a class. Drop a folder anywhere, or open one.")
        self._show_split(scan)
        self._show_summary(scan)

    def _fill(self, scan: Scan | None) -> None:
        self.classes.clear()
        if scan is None:
            return
        largest = max(scan.classes.values(), default=1)
        paths: dict[str, list[str]] = {name: [] for name in scan.classes}
        for picture in scan.pictures:
            if len(paths[picture.label]) < THUMBNAILS:
                paths[picture.label].append(picture.path)
        for name, count in scan.classes.items():
            item = QStandardItem(name)
            item.setData(count, COUNT_ROLE)
            item.setData(count / largest, SHARE_ROLE)
            item.setData(paths[name], PATHS_ROLE)
            words = f"{name}: {numbers.count(count, 'picture')}"
            item.setToolTip(tooltip.plain(words))
            item.setAccessibleText(words)
            self.classes.appendRow(item)
        metrics = self.list.fontMetrics()
        longest = max(metrics.horizontalAdvance(name) for name in scan.classes)
        self._delegate.name_width = min(longest, LONGEST_NAME) + 10
        rows = min(len(scan.classes), ROWS_SHOWN)
        self.list.setFixedHeight(rows * ROW_HEIGHT + 2)

    def _show_split(self, scan: Scan | None) -> None:
        split, pictures = self._session.split, self._session.decisions.pictures
        self.split_line.setVisible(scan is not None and split is not None)
        self.split_notes.setVisible(bool(split and split.notes))
        if not scan or not split or not pictures:
            return
        own = any(picture.split == "val" for picture in scan.pictures)
        how = "as the folder says"
        if not own:
            how = f"stratified, seed {self._session.decisions.training.seed}"
        self.split_line.setText(f"{len(split.train):,} train, {len(split.val):,} validation, {how}")
        count = len(split.notes)
        more = (
            f" And {numbers.count(count - 1, 'other class', 'other classes')}." if count > 1 else ""
        )
        self.split_notes.setText((split.notes[0] + more) if split.notes else "")
        self.split_notes.setToolTip(tooltip.plain("\n".join(split.notes)))

    def _show_summary(self, scan: Scan | None) -> None:
        self.note.setText("")
        self.problems.hide()
        if scan is None:
            return
        classes = numbers.count(len(scan.classes), "class", "classes")
        self.note.setText(f"{len(scan.pictures):,} in {classes}")
        if scan.problems:
            self.problems.setText(summary(Counter(p.kind for p in scan.problems)))
            self.problems.setToolTip("What is wrong, and how to mend it")
            self.problems.show()

    def _show_problems(self) -> None:
        if self._shown:
            source = Path(self._shown.source)
            popup = ProblemList(self._shown.problems, source, self)
            popup.show_below(self.problems)


class _ClassDelegate(QStyledItemDelegate):
    """Name, thumbnails, a bar and the count, in columns that line up from row to row."""

    name_width = LONGEST_NAME

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(160, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colors = theme.current().colors
        rect = option.rect
        metrics = option.fontMetrics
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(option.font)
        middle = rect.center().y()
        count_width = metrics.horizontalAdvance("0,000")
        strip = THUMBNAILS * (SIDE + 6) + 8
        room = rect.width() - strip - count_width - 12
        name_width = min(self.name_width, room - SHORTEST_BAR)
        bar_width = min(room - name_width, LONGEST_BAR)

        painter.setPen(QColor(colors.text))
        name = metrics.elidedText(index.data(), Qt.TextElideMode.ElideRight, name_width - 6)
        painter.drawText(
            QRect(rect.left(), rect.top(), name_width, rect.height()),
            Qt.AlignmentFlag.AlignVCenter,
            name,
        )
        left = rect.left() + rect.width() - strip - bar_width - count_width - 12
        ratio = option.widget.devicePixelRatioF()
        for number, path in enumerate(index.data(PATHS_ROLE)):
            place = QRectF(left + number * (SIDE + 6), middle - SIDE / 2 + 0.5, SIDE, SIDE)
            pixmap = thumbnails.current().get(path, SIDE, ratio)
            thumbnails.paint(painter, place, pixmap, colors)
        bar = QRectF(left + strip, middle - 2.5, bar_width, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.track))
        painter.drawRoundedRect(bar, 3, 3)
        bar.setWidth(max(6.0, bar_width * index.data(SHARE_ROLE)))
        painter.setBrush(QColor(colors.accent))
        painter.drawRoundedRect(bar, 3, 3)
        painter.setPen(QColor(colors.muted))
        painter.drawText(
            rect.adjusted(0, 0, -2, 0),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            f"{index.data(COUNT_ROLE):,}",
        )
        painter.restore()

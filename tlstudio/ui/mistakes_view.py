"""The pictures a model got wrong: each with what it is and what was said."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from tlstudio.events import Judged
from tlstudio.ui import theme, thumbnails, tooltip
from tlstudio.ui.index import Index
from tlstudio.ui.picture_strip import CAPTION_ROLE, ITEM_ROLE, PATH_ROLE, PictureList

SIDE = 46
CELL = QSize(80, 88)


class MistakesModel(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._mistakes: list[Judged] = []

    def show_mistakes(self, mistakes: Sequence[Judged]) -> None:
        self.beginResetModel()
        self._mistakes = list(mistakes)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._mistakes)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        mistake = self._mistakes[index.row()]
        sentence = f"{Path(mistake.path).name}: {_words(mistake)}"
        return {
            PATH_ROLE: mistake.path,
            ITEM_ROLE: mistake,
            CAPTION_ROLE: _words(mistake),
            Qt.ItemDataRole.AccessibleTextRole: sentence,
            Qt.ItemDataRole.ToolTipRole: tooltip.plain(sentence),
        }.get(role)


class MistakesView(PictureList):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mistakes = MistakesModel(self)
        self.setModel(self._mistakes)
        self.setItemDelegate(_MistakeDelegate(self))
        self.setAccessibleName("Mistakes")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(CELL.width() + 12)

    def sizeHint(self) -> QSize:
        return QSize(2 * CELL.width() + 14, 140)

    def show_mistakes(self, mistakes: Sequence[Judged]) -> None:
        self._mistakes.show_mistakes(mistakes)


class _MistakeDelegate(QStyledItemDelegate):
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return CELL

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colors = theme.current().colors
        mistake: Judged = index.data(ITEM_ROLE)
        cell = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Selected):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.field))
            painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), 7, 7)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(colors.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), 7, 7)
        ratio = option.widget.devicePixelRatioF()
        pixmap = thumbnails.current().get(mistake.path, SIDE, ratio)
        place = QRectF(cell.center().x() - SIDE / 2, cell.top() + 4, SIDE, SIDE)
        thumbnails.paint(painter, place, pixmap, colors)
        font = QFont(option.font)
        font.setPointSizeF(8.5)
        painter.setFont(font)
        fonts = QFontMetricsF(font)
        line = QRectF(cell.left() + 3, place.bottom() + 3, cell.width() - 6, fonts.height())
        for text, color in (
            (mistake.true, colors.muted),
            (f"said {mistake.predicted}", colors.amber),
        ):
            painter.setPen(QColor(color))
            painter.drawText(
                line,
                Qt.AlignmentFlag.AlignHCenter,
                fonts.elidedText(text, Qt.TextElideMode.ElideRight, line.width()),
            )
            line.translate(0, fonts.height())
        painter.restore()


def _words(mistake: Judged) -> str:
    sure = f"{mistake.probability * 100:.1f} %"
    return f"true: {mistake.true}, said: {mistake.predicted} ({sure} sure)"

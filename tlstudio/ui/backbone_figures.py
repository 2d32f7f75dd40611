"""The list of backbones: each name with its parameters and accuracy in columns at the right."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from tlstudio.model.catalog import BackboneFacts
from tlstudio.ui import numbers, theme
from tlstudio.ui.index import Index

FIGURES_ROLE = Qt.ItemDataRole.UserRole + 1
"""(parameters, top-1) as words."""
COLUMN = 70
"""Pixels of each figure."""


def figures(facts: BackboneFacts) -> tuple[str, str]:
    """The parameters without the top, and the published ImageNet top-1, as words."""
    top1 = "" if facts.top1 is None else f"{facts.top1 * 100:.1f} %"
    return numbers.short(facts.params), top1


class FiguresDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return super().sizeHint(option, index) + QSize(2 * COLUMN + 16, 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        painter.save()
        painter.setPen(QColor(theme.current().colors.muted))
        right = option.rect.right() - 8
        side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for words in reversed(index.data(FIGURES_ROLE) or ()):
            place = QRect(right - COLUMN, option.rect.top(), COLUMN, option.rect.height())
            painter.drawText(place, side, words)
            right -= COLUMN
        painter.restore()

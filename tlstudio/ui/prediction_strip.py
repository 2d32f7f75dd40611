"""Predicted pictures in a row: each with its top classes as bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QTextOption, QWheelEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from tlstudio.events import Prediction
from tlstudio.ui import theme, thumbnails, tooltip
from tlstudio.ui.fonts import small
from tlstudio.ui.index import Index
from tlstudio.ui.picture_strip import CAPTION_ROLE, ITEM_ROLE, PATH_ROLE, PictureList

SIDE = 60
HEIGHT = 92
WORDS = "vehicles 100 %"
"""What must fit in a line of an answer."""
LINE = 20.0
LINES = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """A picture that was asked about; `prediction` is None until the model has answered."""

    path: str
    prediction: Prediction | None = None


class AnswersModel(QAbstractListModel):
    """One row a picture, in the order asked; asking again about one renews its row."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._answers: list[Answer] = []
        self._rows: dict[str, int] = {}

    @property
    def predictions(self) -> list[Prediction]:
        """What has been answered so far."""
        return [answer.prediction for answer in self._answers if answer.prediction]

    @property
    def paths(self) -> list[str]:
        """The pictures in the row, in order."""
        return list(self._rows)

    @property
    def waiting(self) -> set[str]:
        """The pictures that have no answer yet."""
        return {answer.path for answer in self._answers if answer.prediction is None}

    def ask(self, paths: Sequence[str]) -> int:
        """Rows that wait for an answer; returns the row of the first."""
        first = len(self._answers)
        for path in paths:
            first = min(first, self._put(Answer(path)))
        return first

    def answer(self, prediction: Prediction) -> None:
        self._put(Answer(prediction.path, prediction))

    def clear(self) -> None:
        self.beginResetModel()
        self._answers, self._rows = [], {}
        self.endResetModel()

    def _put(self, answer: Answer) -> int:
        row = self._rows.get(answer.path)
        if row is None:
            row = len(self._answers)
            self.beginInsertRows(QModelIndex(), row, row)
            self._answers.append(answer)
            self._rows[answer.path] = row
            self.endInsertRows()
        else:
            self._answers[row] = answer
            self.dataChanged.emit(self.index(row), self.index(row))
        return row

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._answers)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        answer = self._answers[index.row()]
        name = Path(answer.path).name
        match role:
            case Qt.ItemDataRole.AccessibleTextRole:
                shown: object = f"{name}: {words(answer, ', ')}"
            case Qt.ItemDataRole.ToolTipRole:
                shown = tooltip.plain(f"{answer.path}\n{words(answer, chr(10))}")
            case _:
                shown = {
                    PATH_ROLE: answer.path,
                    ITEM_ROLE: answer,
                    CAPTION_ROLE: words(answer, "\n"),
                }.get(role)
        return shown


class PredictionStrip(PictureList):
    """A row that scrolls sideways; hundreds of pictures cost no more than those in sight."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.answers = AnswersModel(self)
        self.setModel(self.answers)
        self.setItemDelegate(_AnswerDelegate(self))
        self.setAccessibleName("Predicted pictures")
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(HEIGHT + 12)

    def ask(self, paths: Sequence[str]) -> None:
        row = self.answers.ask(paths)
        self.scrollTo(self.answers.index(self.answers.rowCount() - 1))
        self.scrollTo(self.answers.index(row))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A plain wheel moves along the row, since there is nothing above or below."""
        delta = event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (delta.x() or delta.y()))
        event.accept()


class _AnswerDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        words = QFontMetricsF(_bold(option.font)).horizontalAdvance(WORDS)
        return QSize(SIDE + 32 + round(words), HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colors = theme.current().colors
        answer: Answer = index.data(ITEM_ROLE)
        cell = QRectF(option.rect).adjusted(1, 1, -9, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.field))
            painter.drawRoundedRect(cell, 7, 7)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(colors.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cell, 7, 7)
        plain = small(option.font)
        fonts = QFontMetricsF(plain)
        name = QRectF(cell.left() + 6, cell.top() + 3, cell.width() - 12, fonts.height())
        painter.setFont(plain)
        painter.setPen(QColor(colors.muted))
        painter.drawText(
            name, Qt.AlignmentFlag.AlignVCenter, caption(answer.path, fonts, name.width())
        )
        place = QRectF(cell.left() + 4, cell.bottom() - 4 - SIDE, SIDE, SIDE)
        ratio = option.widget.devicePixelRatioF()
        pixmap = thumbnails.current().get(answer.path, SIDE, ratio)
        thumbnails.paint(painter, place, pixmap, colors)
        text = QRectF(place.right() + 10, place.top(), 0, SIDE)
        text.setRight(cell.right() - 6)
        self._paint_words(painter, text, answer, option.font)
        painter.restore()

    def _paint_words(self, painter: QPainter, area: QRectF, answer: Answer, font: QFont) -> None:
        colors = theme.current().colors
        plain = small(font)
        prediction = answer.prediction
        if prediction is None or prediction.error:
            waiting = prediction is None
            painter.setFont(plain)
            painter.setPen(QColor(colors.muted if waiting else colors.error))
            text = "Asking the model…" if prediction is None else prediction.error
            option = QTextOption(Qt.AlignmentFlag.AlignVCenter)
            option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
            painter.drawText(area, text, option)
            return
        bold = _bold(font)
        color = QColor(colors.amber if prediction.unknown else colors.accent)
        line = QRectF(area.left(), area.top(), area.width(), LINE)
        scores = list(prediction.top[:LINES])
        if prediction.unknown:
            painter.setFont(bold)
            painter.setPen(color)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, "unknown")
            line.translate(0, LINE)
            scores = scores[: LINES - 1]
        for rank, score in enumerate(scores):
            first = rank == 0 and not prediction.unknown
            painter.setFont(bold if first else plain)
            painter.setPen(QColor(colors.text if first else colors.muted))
            _paint_score(painter, line, score.label, score.probability, color)
            line.translate(0, LINE)


def caption(path: str, fonts: QFontMetricsF, width: float) -> str:
    """The file's name within `width` pixels; its ending stays in sight."""
    return fonts.elidedText(Path(path).name, Qt.TextElideMode.ElideMiddle, width)


def _bold(font: QFont) -> QFont:
    bold = QFont(font)
    bold.setPointSizeF(9.0)
    bold.setWeight(QFont.Weight.DemiBold)
    return bold


def _paint_score(
    painter: QPainter, line: QRectF, name: str, probability: float, color: QColor
) -> None:
    fonts = QFontMetricsF(painter.font())
    figure = "<1 %" if probability < 0.005 else f"{probability * 100:.0f} %"
    room = line.width() - fonts.horizontalAdvance(figure) - 6
    text = line.adjusted(0, 0, 0, -4)
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(text, middle, fonts.elidedText(name, Qt.TextElideMode.ElideRight, room))
    painter.drawText(text, middle | Qt.AlignmentFlag.AlignRight, figure)
    bar = QRectF(line.left(), line.bottom() - 4, line.width(), 3)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.current().colors.track))
    painter.drawRoundedRect(bar, 1.5, 1.5)
    bar.setWidth(max(bar.width() * probability, 1.0))
    painter.setBrush(color)
    painter.drawRoundedRect(bar, 1.5, 1.5)


def words(answer: Answer, between: str) -> str:
    """All that is known of a picture, exactly."""
    prediction = answer.prediction
    if prediction is None:
        return "waiting for the model"
    if prediction.error:
        return prediction.error
    scores = [f"{score.label} {score.probability * 100:.2f} %" for score in prediction.top]
    return between.join(["unknown", *scores] if prediction.unknown else scores)

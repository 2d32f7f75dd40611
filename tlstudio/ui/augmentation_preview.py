"""Some of the training pictures, each beside random versions of it as a training would see them."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from tlstudio.data.split import Split
from tlstudio.events import Picture
from tlstudio.ui import numbers, theme, thumbnails
from tlstudio.ui.session import Session
from tlstudio.ui.versions import Row, Versions, Wanted

ROWS, VERSIONS = 4, 4
EDGE = 1
"""Room for the line around a picture, in pixels."""
LARGEST = 192
"""Longest side of a version in pixels; the changes are shares of the size and look the same."""
GAP = 8
ASIDE = 12
"""More room after the originals, in pixels."""
EMPTY = "Open pictures to see here what each change does to them."
READING = "The pictures are still being read."
OFF = "Every epoch sees the pictures as they are."
PER_CLASS = 64
"""Examples of a class from which some are shown."""


class AugmentationPreview(QWidget):
    """Follows the decisions of the session. `close_versions` must be called before it goes."""

    remade = Signal()
    """Other versions are shown."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shuffle = 0
        self._split: Split | None = None
        """What the shown pictures were taken from."""
        self._examples: tuple[str, ...] = ()
        self._paths: tuple[str, ...] = ()
        self._rows: list[list[QPixmap]] = []
        self._wanted: Wanted | None = None
        self._versions = Versions(self)
        self._versions.made.connect(self._show)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        session.decided.connect(self._ask)
        session.scan_changed.connect(self._ask)
        self._ask()

    @property
    def rows(self) -> list[list[QPixmap]]:
        """What is shown: for each picture itself and its versions."""
        return self._rows

    def shuffle(self) -> None:
        """Show other pictures and versions."""
        self._shuffle += 1
        self._ask()

    def close_versions(self) -> None:
        """Nothing is made any more when this returns."""
        self._versions.close()

    def sizeHint(self) -> QSize:
        side = 104
        return QSize(ASIDE + 5 * side + 4 * GAP, 24 + 4 * side + 3 * GAP)

    def minimumSizeHint(self) -> QSize:
        return QSize(360, 240)

    def _ask(self) -> None:
        split = self._session.split
        if split is not self._split:
            self._split = split
            self._examples = examples(split.train, PER_CLASS) if split else ()
        self._paths = _window(self._examples, ROWS, self._shuffle)
        decisions = self._session.decisions
        rows, columns = decisions.backbone.input_shape
        scale = min(1.0, LARGEST / max(rows, columns))
        size = (max(1, round(scale * rows)), max(1, round(scale * columns)))
        how = decisions.training.augmentation
        versions = 0 if how.mode == "off" else VERSIONS
        wanted = Wanted(self._paths, size, how, versions, self._shuffle)
        if wanted != self._wanted:
            self._wanted = wanted
            self._versions.ask(wanted)
        self.setAccessibleName(
            f"Preview: {numbers.count(len(self._paths), 'picture')} and {versions} versions of each"
            if self._paths and versions
            else self._instead()
        )
        self.update()

    def _instead(self) -> str:
        """What stands there in place of versions."""
        if self._paths:
            return OFF
        return READING if self._session.scanning else EMPTY

    def _show(self, wanted: Wanted, rows: Sequence[Row]) -> None:
        if self._wanted and wanted.paths == self._wanted.paths:
            self._rows = [[QPixmap.fromImage(image) for image in row] for row in rows]
            self.update()
            self.remade.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        colors = theme.current().colors
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(colors.muted))
        wanted = self._wanted
        if wanted is None or not wanted.paths:
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), middle.value, self._instead())
            painter.end()
            return
        head = self.fontMetrics().height() + GAP
        cell = self._cell(wanted, head)
        line = self.fontMetrics().ascent()
        painter.drawText(QPointF(0, line), "Original")
        left = self._left(1, cell.width())
        if wanted.count:
            painter.drawText(QPointF(left - EDGE, line), "As a training may see it")
        else:
            rest = self.rect().adjusted(round(left), head, 0, 0)
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(rest, middle.value, OFF)
        for row in range(len(wanted.paths)):
            top = head + row * (cell.height() + GAP)
            for column in range(1 + wanted.count):
                place = QRectF(QPointF(self._left(column, cell.width()), top), cell)
                thumbnails.paint(painter, place, self._pixmap(row, column), colors)
                # A white picture on a white card has no edge of its own.
                painter.setPen(QPen(QColor(colors.border), 1.5))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(place, thumbnails.RADIUS, thumbnails.RADIUS)
        painter.end()

    def _cell(self, wanted: Wanted, head: int) -> QSizeF:
        """As large as all of them can be, in the pictures' aspect."""
        rows, columns = wanted.size
        across = (self.width() - 2 * EDGE - VERSIONS * GAP - ASIDE) / (1 + VERSIONS)
        down = (self.height() - EDGE - head - (ROWS - 1) * GAP) / ROWS
        most = QSizeF(max(across, 1.0), max(down, 1.0))
        return QSizeF(columns, rows).scaled(most, Qt.AspectRatioMode.KeepAspectRatio)

    @staticmethod
    def _left(column: int, width: float) -> float:
        return EDGE + column * (width + GAP) + (ASIDE if column else 0)

    def _pixmap(self, row: int, column: int) -> QPixmap | None:
        """None while it is being made, null for a file that is no picture."""
        if row >= len(self._rows):
            return None
        made = self._rows[row]
        if not made:
            return QPixmap()
        return made[column] if column < len(made) else None


def examples(pictures: Sequence[Picture], per_class: int) -> tuple[str, ...]:
    """The paths of up to `per_class` pictures of each class, of all classes in turn."""
    by_class: dict[str, list[str]] = {}
    for picture in pictures:
        paths = by_class.setdefault(picture.label, [])
        if len(paths) < per_class:
            paths.append(picture.path)
    return tuple(
        paths[turn] for turn in range(per_class) for paths in by_class.values() if turn < len(paths)
    )


def _window(paths: Sequence[str], count: int, turn: int) -> tuple[str, ...]:
    """The next `count` paths in each turn, from the first again after the last."""
    number = min(count, len(paths))
    return tuple(paths[(turn * number + i) % len(paths)] for i in range(number))

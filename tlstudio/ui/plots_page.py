"""The live curves: loss and accuracy, by batch or by epoch, with crosshair, zoom and export."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import (
    QBuffer,
    QByteArray,
    QEvent,
    QIODevice,
    QMargins,
    QPoint,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import (
    QColor,
    QImage,
    QImageWriter,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from tlstudio.errors import TlstudioError
from tlstudio.events import Event
from tlstudio.paths import write_whole
from tlstudio.ui import theme
from tlstudio.ui.card import label
from tlstudio.ui.curve_plot import CurvePlot
from tlstudio.ui.curves import Curves
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.segment import segment
from tlstudio.ui.theme import CARD_PADDING

EXPORT_SCALE = 2


class PlotsPage(QWidget):
    """Give it the events of a training with `add`; it draws each curve once a call."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves = Curves()
        self.loss = CurvePlot("Loss", percent=False)
        self.accuracy = CurvePlot("Accuracy", percent=True)
        self.accuracy.follow_time_of(self.loss)
        self.best = ElidedLabel("muted")
        self.problem = label("", "error")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.by_batch = segment("Batch", "Training by batch, with its running mean")
        self.by_epoch = segment("Epoch", "Training by epoch")
        self.by_batch.setChecked(True)
        modes = QButtonGroup(self)
        modes.addButton(self.by_batch)
        modes.addButton(self.by_epoch)
        modes.buttonToggled.connect(self._draw)
        self.reset_button = QPushButton("Reset zoom")
        self.reset_button.setObjectName("link")
        self.reset_button.clicked.connect(self._reset_zoom)
        self.reset_button.hide()
        self.accuracy.header.addWidget(self.reset_button)
        self.save_button = QToolButton()
        self.save_button.setText("Save…")
        self.save_button.setToolTip("Save the curves as a picture or as a table")
        self.save_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.save_button)
        menu.addAction("Save as PNG…", self._ask_png)
        menu.addAction("Save as CSV…", self._ask_csv)
        self.save_button.setMenu(menu)

        for plot, other in ((self.loss, self.accuracy), (self.accuracy, self.loss)):
            plot.zoomed.connect(self._zoomed)
            plot.resetAsked.connect(self._reset_zoom)
            plot.timeZoomed.connect(self._fit_values)
            plot.pointed.connect(other.point_at)
        self._lay_out()

    def clear(self, epochs: int, steps: int) -> None:
        """Begin a training of `epochs` epochs of `steps` batches."""
        self.curves = Curves(epochs, steps)
        self.best.setText("")
        self.problem.hide()
        self._reset_zoom()

    def add(self, events: Sequence[Event]) -> None:
        """Draw what came since the last call: one setData a curve, none when nothing came."""
        if not self.curves.add(events):
            return
        self._draw()
        best = self.curves.best
        if best is not None:
            self.best.setText(f"best {best.val_accuracy * 100:.1f} %, epoch {best.epoch}")
            self.best.setToolTip(
                f"Epoch {best.epoch}: validation accuracy {best.val_accuracy:.6f}, "
                f"loss {best.val_loss:.6f}"
            )

    def save_png(self, path: Path) -> None:
        """Save both plots and their legend as they look now. Raises JobError."""
        margin = CARD_PADDING
        size = QSize(self._plots.width(), self._plots.height() + margin + self._legend.height())
        size = size.grownBy(QMargins(margin, margin, margin, margin))
        image = QImage(size * EXPORT_SCALE, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(EXPORT_SCALE)
        image.fill(QColor(theme.current().colors.card))
        children = QWidget.RenderFlag.DrawChildren
        self._plots.render(image, QPoint(margin, margin), renderFlags=children)
        below = QPoint(margin, 2 * margin + self._plots.height())
        self._legend.render(image, below, renderFlags=children)
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        QImageWriter(buffer, QByteArray(b"png")).write(image)
        write_whole(path, bytes(buffer.data().data()))

    def save_csv(self, path: Path) -> None:
        """Save every batch and epoch as a row. Raises JobError."""
        write_whole(path, self.curves.csv())

    def _lay_out(self) -> None:
        self._plots = QWidget()
        pair = QHBoxLayout(self._plots)
        pair.setContentsMargins(0, 0, 0, 0)
        pair.setSpacing(18)
        pair.addWidget(self.loss, 1)
        pair.addWidget(self.accuracy, 1)

        self._legend = QWidget()
        legend = QHBoxLayout(self._legend)
        legend.setContentsMargins(0, 0, 0, 0)
        legend.setSpacing(6)
        legend.addWidget(_Swatch("accent", dashed=False))
        legend.addWidget(label("training", "muted"))
        legend.addSpacing(8)
        legend.addWidget(_Swatch("amber", dashed=True))
        legend.addWidget(label("validation", "muted"))
        legend.addStretch(1)
        legend.addWidget(self.best)

        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self._legend, 1)
        row.addSpacing(12)
        row.addWidget(self.by_batch)
        row.addWidget(self.by_epoch)
        row.addSpacing(8)
        row.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._plots, 1)
        layout.addLayout(row)
        layout.addWidget(self.problem)

    def _draw(self) -> None:
        by_batch = self.by_batch.isChecked()
        self.loss.draw(self.curves, self.curves.loss, by_batch)
        self.accuracy.draw(self.curves, self.curves.accuracy, by_batch)

    def _zoomed(self) -> None:
        self.loss.following = False
        self.accuracy.following = False
        self.reset_button.show()

    def _fit_values(self) -> None:
        self.loss.fit_values()
        self.accuracy.fit_values()

    def _reset_zoom(self) -> None:
        self.reset_button.hide()
        self.loss.following = True
        self.accuracy.following = True
        self._draw()

    def _ask_png(self) -> None:
        self._ask(
            "Save the curves as a picture", "curves.png", "PNG picture (*.png)", self.save_png
        )

    def _ask_csv(self) -> None:
        self._ask("Save the curves as a table", "curves.csv", "CSV table (*.csv)", self.save_csv)

    def _ask(self, title: str, name: str, kind: str, save: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self, title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(kind)
        # Added before the dialog asks whether to replace a file.
        dialog.setDefaultSuffix(Path(name).suffix.lstrip("."))
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda chosen: self._save(save, Path(chosen)))
        dialog.open()

    def _save(self, save: Callable[[Path], None], path: Path) -> None:
        self.problem.hide()
        try:
            save(path)
        except TlstudioError as error:
            self.problem.setText(str(error))
            self.problem.show()


class _Swatch(QWidget):
    """A short stroke as its curve is drawn."""

    def __init__(self, color: str, dashed: bool) -> None:
        super().__init__()
        self._color = color
        self._dashed = dashed
        self.setFixedSize(QSize(22, 12))

    def paintEvent(self, _event: QPaintEvent) -> None:
        color = QColor(getattr(theme.current().colors, self._color))
        middle = self.height() / 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        style = Qt.PenStyle.DashLine if self._dashed else Qt.PenStyle.SolidLine
        painter.setPen(QPen(color, 1.6, style))
        painter.drawLine(0, round(middle), self.width(), round(middle))
        if self._dashed:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(QRectF(self.width() / 2 - 3, middle - 3, 6, 6))
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.update()
        super().changeEvent(event)

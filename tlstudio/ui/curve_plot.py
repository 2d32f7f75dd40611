"""One plot of a metric over the epochs, drawn with pyqtgraph in the theme's colours."""

# PySide6 first: pyqtgraph takes the Qt binding that is already there.
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

import pyqtgraph as pg  # isort: skip

from tlstudio.ui import theme
from tlstudio.ui.card import label
from tlstudio.ui.curves import Column, Curves, Metric, nearest, span
from tlstudio.ui.fonts import small

DENSE = 3000
"""Batches from which their strokes overlap: smoothing them costs time and shows no more."""

MOST_DOTS = 100


class CurvePlot(QWidget):
    """Follows the data until it is zoomed; `following` says which."""

    zoomed = Signal()
    timeZoomed = Signal()
    """The wheel zoomed along the epochs; the values want to be fitted to what is in sight."""
    resetAsked = Signal()
    pointed = Signal(object)
    """The position of the mouse in epochs, or None when it left."""

    def __init__(self, title: str, percent: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.following = True
        self._title = title
        self._percent = percent
        self._curves = Curves()
        self._metric = Metric()
        self._by_batch = True
        self._pointed: float | None = None
        self.words = label(title)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setTextFormat(Qt.TextFormat.RichText)
        self.words.setToolTip(
            "The wheel zooms along the epochs, a drag into a rectangle.\n"
            "Double-click shows all again; arrow keys read from epoch to epoch."
        )
        # What the crosshair reads must not widen the window.
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.header = QHBoxLayout()
        self.header.addWidget(self.words, 1)
        self.view = _View()
        self.view.setAccessibleName(title)
        self.plot = self.view.getPlotItem()
        self.train = _curve(self.plot)
        self.mean = _curve(self.plot)
        self.val = _curve(self.plot)
        # Loss falls and accuracy rises: their curves leave another corner free.
        self.phase_line = pg.InfiniteLine(
            angle=90,
            movable=False,
            label="fine-tuning",
            labelOpts={
                "position": 0.06 if percent else 0.94,
                "anchors": [(0, 0.5), (0, 0.5)],
            },
        )
        self.phase_line.setVisible(False)
        self.phase_line.setZValue(-10)
        self.plot.addItem(self.phase_line, ignoreBounds=True)
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._marks = pg.ScatterPlotItem(size=8, pxMode=True)
        for item in (self._line, self._marks):
            item.setVisible(False)
            item.setZValue(10)
            self.plot.addItem(item, ignoreBounds=True)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(self.header)
        layout.addWidget(self.view, 1)
        self.plot.vb.sigRangeChangedManually.connect(self.zoomed)
        self.view.resetAsked.connect(self.resetAsked)
        self.view.wheeled.connect(self._wheeled)
        self.view.left.connect(self._left)
        self.view.stepped.connect(self._step)
        self.view.scene().sigMouseMoved.connect(self._moved)
        theme.current().changed.connect(self._recolour)
        self._recolour()

    def follow_time_of(self, other: "CurvePlot") -> None:
        """Zoom and pan along the epochs together with another plot."""
        self.plot.setXLink(other.plot)

    def draw(self, curves: Curves, metric: Metric, by_batch: bool) -> None:
        """Show the curves as they are now: exactly one setData a curve."""
        if by_batch != self._by_batch:
            self._by_batch = by_batch
            self._recolour()
        self._curves, self._metric = curves, metric
        at = curves.epoch_at.values
        if by_batch:
            sparse = len(metric.batch) < DENSE
            self.train.setData(curves.batch_at.values, metric.batch.values, antialias=sparse)
            self.mean.setData(curves.batch_at.values, metric.mean.values)
        else:
            self.train.setData(at, metric.train.values, antialias=True)
            self.mean.setData(_NOTHING, _NOTHING)
        self.val.setData(at, metric.val.values)
        # Dots that touch would hide the line.
        self.val.setSymbol("o" if len(at) <= MOST_DOTS else None)
        self.phase_line.setVisible(curves.head_until is not None)
        if curves.head_until is not None:
            self.phase_line.setValue(curves.head_until)
        if self.following:
            self._fit()
        if self._pointed is not None:
            self.point_at(self._pointed)

    def point_at(self, epoch: float | None) -> None:
        """Put the crosshair at a position in epochs and read the nearest values out."""
        self._pointed = epoch
        read = [] if epoch is None else self._read(epoch)
        self._line.setVisible(bool(read))
        self._marks.setVisible(bool(read))
        if not read:
            self.words.setText(self._title)
            return
        colors = theme.current().colors
        self._line.setValue(read[0][1])
        self._marks.setData(
            [at for _, at, _, _ in read],
            [value for _, _, value, _ in read],
            brush=[pg.mkBrush(color) for _, _, _, color in read],
        )
        parts = [(self._title, colors.text), (f"epoch {_position(read[0][1])}", colors.muted)]
        parts += [(f"{name} {self._number(value)}", color) for name, _, value, color in read]
        plain = "   ".join(text for text, _ in parts)
        if self.words.fontMetrics().horizontalAdvance(plain) > self.words.width():
            parts = parts[1:]  # the figures are what was asked for
        self.words.setText(
            "&nbsp;&nbsp; ".join(
                f'<span style="color:{color}">{text}</span>' for text, color in parts
            )
        )

    def _read(self, epoch: float) -> list[tuple[str, float, float, str]]:
        """(name, position, value, colour) of each curve's point nearest to `epoch`."""
        colors = theme.current().colors
        if self._by_batch:
            train: tuple[Column, Column] = (self._curves.batch_at, self._metric.mean)
        else:
            train = (self._curves.epoch_at, self._metric.train)
        found = []
        for name, (positions, values), color in (
            ("train", train, colors.accent),
            ("val", (self._curves.epoch_at, self._metric.val), colors.amber),
        ):
            index = nearest(positions.values, epoch)
            if index >= 0:
                at, value = float(positions.values[index]), float(values.values[index])
                found.append((name, at, value, color))
        return found

    def _number(self, value: float) -> str:
        return f"{value * 100:.1f} %" if self._percent else f"{value:.3f}"

    def fit_values(self) -> None:
        """Fit the values' axis to what is in sight, so that nothing of it is cut."""
        left, right = self.plot.viewRange()[0]
        self.plot.setYRange(*self._value_range(left, right), padding=0)

    def _value_range(self, left: float, right: float) -> tuple[float, float]:
        """The range of the values between two epochs, with room for the dots at its top."""
        metric, curves = self._metric, self._curves
        train = (
            (curves.batch_at, metric.batch) if self._by_batch else (curves.epoch_at, metric.train)
        )
        in_sight = (
            values.values[(at.values >= left) & (at.values <= right)]
            for at, values in (train, (curves.epoch_at, metric.val))
        )
        step, high = (0.1, 1.0) if self._percent else (0.2, float("inf"))
        bottom, top = span(in_sight, step, 0.0, high)
        return bottom, top + (top - bottom) * 0.04

    def _wheeled(self) -> None:
        left, right = self.plot.viewRange()[0]
        if left <= 0 and right >= self._end:
            self.resetAsked.emit()
        else:
            self.timeZoomed.emit()

    @property
    def _end(self) -> float:
        """Where the time axis ends, in epochs, with room for the last dot."""
        return max(self._curves.epochs, 1) * 1.03

    def _fit(self) -> None:
        right = max(self._curves.epochs, 1)
        # The limits first: they also bound the range that is set.
        self.plot.vb.setLimits(
            xMin=-0.02 * right, xMax=1.05 * right, minXRange=0.02, minYRange=1e-4
        )
        self.plot.setRange(xRange=(0, self._end), yRange=self._value_range(0, self._end), padding=0)

    def _moved(self, where: QPointF) -> None:
        inside = self.plot.vb.sceneBoundingRect().contains(where)
        epoch = self.plot.vb.mapSceneToView(where).x() if inside else None
        self.point_at(epoch)
        self.pointed.emit(epoch)

    def _step(self, by: int) -> None:
        """Move the crosshair by an epoch, from the last one where it is not shown."""
        last = self._curves.epoch_at.values[-1:].sum()
        epoch = last if self._pointed is None else round(self._pointed) + by
        epoch = float(min(max(epoch, 1), last))
        self.point_at(epoch)
        self.pointed.emit(epoch)

    def _left(self) -> None:
        self.point_at(None)
        self.pointed.emit(None)

    def _recolour(self) -> None:
        colors = theme.current().colors
        faint = QColor(colors.accent)
        faint.setAlphaF(0.35)
        self.train.setPen(pg.mkPen(faint if self._by_batch else colors.accent, width=1))
        self.mean.setPen(pg.mkPen(colors.accent, width=1))
        self.val.setPen(pg.mkPen(colors.amber, width=1, dash=[5, 4]))
        self.val.setSymbolSize(6)
        self.val.setSymbolPen(None)
        self.val.setSymbolBrush(pg.mkBrush(colors.amber))
        self._line.setPen(pg.mkPen(colors.muted, width=1, style=Qt.PenStyle.DotLine))
        self._marks.setPen(pg.mkPen(colors.card, width=1.5))
        font = small(self.font())
        self.phase_line.setPen(pg.mkPen(colors.border, width=1))
        self.phase_line.label.setColor(colors.muted)
        self.phase_line.label.setFont(font)
        grid = QColor(colors.border)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(grid, width=1))
            axis.setTextPen(pg.mkPen(colors.muted))
            axis.setTickFont(font)
        self.plot.vb.rbScaleBox.setPen(pg.mkPen(colors.accent, width=1))
        soft = QColor(colors.accent)
        soft.setAlphaF(0.15)
        self.plot.vb.rbScaleBox.setBrush(pg.mkBrush(soft))


class _View(pg.PlotWidget):  # type: ignore[misc]
    """A plot without pyqtgraph's menus and buttons; a drag zooms, a double click asks to reset."""

    resetAsked = Signal()
    wheeled = Signal()
    left = Signal()
    stepped = Signal(int)

    def __init__(self) -> None:
        super().__init__(background=None)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("background: transparent")
        self.setMinimumSize(180, 110)
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.vb.setMouseMode(pg.ViewBox.RectMode)
        # The wheel turns time alone: values zoomed by it run out of sight.
        plot.vb.setMouseEnabled(x=True, y=False)
        plot.vb.disableAutoRange()
        plot.vb.setDefaultPadding(0)
        for side in ("left", "bottom"):
            axis = plot.getAxis(side)
            axis.setStyle(tickLength=0, maxTextLevel=0 if side == "bottom" else 1)
            axis.enableAutoSIPrefix(False)

    def sizeHint(self) -> QSize:
        # No higher than it must be: a low window would have to scroll for it.
        return QSize(320, self.minimumHeight())

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event)
        self.wheeled.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps:
            self.stepped.emit(steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.left.emit()
        super().focusOutEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.resetAsked.emit()
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self.left.emit()
        super().leaveEvent(event)


_NOTHING = Column().values


def _position(epoch: float) -> str:
    return f"{epoch:.2f}".rstrip("0").rstrip(".")


def _curve(plot: pg.PlotItem) -> pg.PlotDataItem:
    curve = plot.plot(antialias=True)
    curve.setDownsampling(auto=True, method="peak")
    curve.setClipToView(True)
    return curve

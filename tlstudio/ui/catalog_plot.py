"""Every network as a dot: its published accuracy against its parameters or its time here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10

# PySide6 first: pyqtgraph takes the Qt binding that is already there.
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent
from PySide6.QtWidgets import QWidget

import pyqtgraph as pg  # isort: skip

from tlstudio.ui import catalog_names, theme
from tlstudio.ui.fonts import small
from tlstudio.ui.still_plot import StillPlot

NEAR = 14
"""Pixels from a dot within which the mouse means it."""
SMALL, LARGE = 8, 13
MOST_NAMES = 3
"""Of selected networks, that have a name in any case."""
ROOM = 0.06
"""Beyond the outermost dots, as a share of the range."""
LEAST_ACROSS, LEAST_UP = 1.0, 0.1
"""That are shown, in powers of ten and in top-1."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A network at its place; `across` is positive, and drawn on a logarithmic axis."""

    name: str
    label: str
    across: float
    top1: float
    words: str
    """What the mouse reads there."""


class CatalogPlot(StillPlot):
    """Show dots with `show_dots`; a click chooses one of those listed."""

    chosen = Signal(str, bool)
    """A network's name, and whether it is one more (Ctrl) or the only one."""
    pointed = Signal(str)
    """What the dot under the mouse says; empty where there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Accuracy of each network", parent)
        self.setMinimumSize(260, 160)
        self._dots: dict[str, Dot] = {}
        self._listed: frozenset[str] = frozenset()
        self._selected: tuple[str, ...] = ()
        self._pointed = ""
        self._ticks: Mapping[float, str] = {}
        plot = self.getPlotItem()
        self._scatter = pg.ScatterPlotItem(pxMode=True)
        plot.addItem(self._scatter)
        self._names: dict[str, pg.TextItem] = {}
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        plot.vb.sigResized.connect(self._draw_names)
        theme.current().changed.connect(self._draw)
        self._draw()

    @property
    def names(self) -> dict[str, QRectF]:
        """The networks whose names are drawn, and where in the widget."""
        return {
            name: QRectF(self.mapFromScene(item.sceneBoundingRect()).boundingRect())
            for name, item in self._names.items()
        }

    @property
    def shown(self) -> dict[str, str]:
        """How each dot is drawn, by network: selected, listed or faint."""
        return {name: self._kind(name) for name in self._dots}

    def sizeHint(self) -> QSize:
        return QSize(380, 240)

    def show_dots(self, dots: Sequence[Dot], ticks: Mapping[float, str]) -> None:
        """Draw these; `ticks` are the words along the horizontal axis by position."""
        self._dots = {dot.name: dot for dot in dots}
        self._ticks = ticks
        self._pointed = ""
        self._fit()
        self._draw()

    def mark(self, listed: frozenset[str], selected: Sequence[str]) -> None:
        """Which networks pass the filter; the others are faint. Those selected last have a name in
        any case, and others where there is room.
        """
        if (listed, tuple(selected)) != (self._listed, self._selected):
            self._listed, self._selected = listed, tuple(selected)
            self._draw()

    def near(self, where: QPointF) -> str:
        """The listed network whose dot is nearest to a place in the widget, if it is near."""
        found, least = "", float(NEAR)
        for name, dot in self._dots.items():
            away = QPointF(self.place_of(dot) - where)
            distance = (away.x() ** 2 + away.y() ** 2) ** 0.5
            if distance < least and name in self._listed:
                found, least = name, distance
        return found

    def place_of(self, dot: Dot) -> QPointF:
        """Where a dot is in the widget, in pixels."""
        scene = self.getPlotItem().vb.mapViewToScene(QPointF(log10(dot.across), dot.top1))
        return QPointF(self.mapFromScene(scene))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self.near(event.position()))
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        name = self.near(event.position())
        if name and event.button() == Qt.MouseButton.LeftButton:
            more = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self.chosen.emit(name, more)
        super().mouseReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._point("")
        super().leaveEvent(event)

    def _point(self, name: str) -> None:
        if name != self._pointed:
            self._pointed = name
            hand = Qt.CursorShape.PointingHandCursor if name else Qt.CursorShape.ArrowCursor
            self.viewport().setCursor(hand)
            self.pointed.emit(self._dots[name].words if name else "")
            self._draw_names()

    def _kind(self, name: str) -> str:
        if name in self._selected:
            return "selected"
        return "listed" if name in self._listed else "faint"

    def _fit(self) -> None:
        if not self._dots:
            return
        left, right = _spread([log10(dot.across) for dot in self._dots.values()], LEAST_ACROSS)
        bottom, top = _spread([dot.top1 for dot in self._dots.values()], LEAST_UP)
        # The name of the best one may stand above it.
        top += (top - bottom) * ROOM
        self.getPlotItem().setRange(xRange=(left, right), yRange=(bottom, top), padding=0)

    def _draw(self) -> None:
        colors = theme.current().colors
        faint = QColor(colors.muted)
        faint.setAlphaF(0.3)
        looks = {
            "faint": (SMALL, pg.mkBrush(faint)),
            "listed": (SMALL, pg.mkBrush(colors.accent)),
            "selected": (LARGE, pg.mkBrush(colors.amber)),
        }
        order = sorted(self._dots.values(), key=lambda dot: list(looks).index(self._kind(dot.name)))
        styles = [looks[self._kind(dot.name)] for dot in order]
        self._scatter.setData(
            [log10(dot.across) for dot in order],
            [dot.top1 for dot in order],
            size=[size for size, _ in styles],
            brush=[brush for _, brush in styles],
            pen=pg.mkPen(colors.card, width=1),
        )
        self._draw_names()
        self._draw_axes()

    def _draw_names(self) -> None:
        plot, colors = self.getPlotItem(), theme.current().colors
        for item in self._names.values():
            plot.removeItem(item)
        self._names.clear()
        behind = QColor(colors.card)
        behind.setAlphaF(0.7)
        marked = {*self._selected, self._pointed}
        for name, room in self._rooms().items():
            color = colors.text if name in marked else colors.muted
            item = pg.TextItem(self._dots[name].label, color=color, fill=behind, anchor=(0, 0))
            item.textItem.document().setDocumentMargin(0)
            item.setFont(small(self.font()))
            item.setPos(plot.vb.mapSceneToView(self.mapToScene(room.topLeft().toPoint())))
            item.setZValue(10)
            plot.addItem(item, ignoreBounds=True)
            self._names[name] = item

    def _rooms(self) -> dict[str, QRectF]:
        """Where the names are, in the widget. The one under the mouse hides others, so that those
        stay where they are.
        """
        metrics = QFontMetricsF(small(self.font()))
        dots = {name: self._around(dot) for name, dot in self._dots.items()}
        inside = self.mapFromScene(self.getPlotItem().vb.sceneBoundingRect()).boundingRect()

        def named(name: str) -> catalog_names.Name:
            size = QSizeF(metrics.horizontalAdvance(self._dots[name].label), metrics.height())
            return catalog_names.Name(name, dots[name], size)

        selected = [name for name in reversed(self._selected) if name in dots]
        must, may = selected[:MOST_NAMES], [*selected[MOST_NAMES:], *self._notable()]
        rooms = catalog_names.places(
            [named(name) for name in must],
            [named(name) for name in may if name not in must],
            list(dots.values()),
            QRectF(inside),
        )
        if self._pointed and self._pointed not in rooms:
            kept = [*(rooms[name] for name in must), *(dots[name] for name in must)]
            room = catalog_names.best(
                named(self._pointed), kept, list(dots.values()), QRectF(inside)
            )
            rooms = {
                name: other
                for name, other in rooms.items()
                if name in must or not other.intersects(room)
            }
            rooms[self._pointed] = room
        return rooms

    def _notable(self) -> list[str]:
        """The listed networks, first those that none is better than for less or as much."""
        listed = [dot for dot in self._dots.values() if dot.name in self._listed]
        front: list[Dot] = []
        for dot in sorted(listed, key=lambda dot: (dot.across, -dot.top1)):
            if not front or dot.top1 > front[-1].top1:
                front.append(dot)
        return [dot.name for dot in front] + [dot.name for dot in listed if dot not in front]

    def _around(self, dot: Dot) -> QRectF:
        """The room of a dot in the widget."""
        size = LARGE if dot.name in self._selected else SMALL
        room = QRectF(0, 0, size, size)
        room.moveCenter(self.place_of(dot))
        return room

    def _draw_axes(self) -> None:
        plot = self.getPlotItem()
        bottom, left = plot.getAxis("bottom"), plot.getAxis("left")
        low, high = plot.viewRange()[0]
        # Words so near to an end would not be drawn.
        edge = (high - low) * ROOM
        ticks = [(log10(at), words) for at, words in self._ticks.items()]
        bottom.setTicks([[tick for tick in ticks if low + edge < tick[0] < high - edge]])
        left.setTicks([[(share / 100, f"{share} %") for share in range(60, 100, 5)]])
        self.color_axes()


def _spread(values: Sequence[float], least: float) -> tuple[float, float]:
    """From where to where to show: all values with room around, and never less than `least`."""
    low, high = min(values), max(values)
    room = max((high - low) * ROOM, (least - (high - low)) / 2)
    return low - room, high + room

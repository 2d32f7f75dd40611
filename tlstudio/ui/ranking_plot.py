"""Scored backbones as dots, score against time or size; a line joins those no other one beats."""

from collections.abc import Sequence
from math import ceil, floor, log10

# PySide6 first: pyqtgraph takes the Qt binding that is already there.
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QWidget

import pyqtgraph as pg  # isort: skip

from tlstudio.advice_events import BackboneScore
from tlstudio.model import catalog
from tlstudio.ui import theme
from tlstudio.ui.fonts import small
from tlstudio.ui.ranking_front import COSTS, front
from tlstudio.ui.still_plot import StillPlot

DOT, LARGE_DOT = 10, 14
ROOM = 0.12
"""Beyond the outermost dots, as a share of the range."""
LEAST_ACROSS, LEAST_UP = 0.8, 0.05
"""That are shown, in powers of ten and in LogME."""


class RankingPlot(StillPlot):
    """A click selects; the cost is on a logarithmic axis."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Score of each backbone against its cost", parent)
        self.setMinimumSize(240, 180)
        self._scores: list[BackboneScore] = []
        self._selected = ""
        self._cost = "time"
        plot = self.getPlotItem()
        for side in ("left", "bottom"):
            plot.getAxis(side).setStyle(maxTickLevel=0)
        self._line = pg.PlotCurveItem()
        self._dots = pg.ScatterPlotItem(pxMode=True, hoverable=True, tip=_tip)
        self._dots.sigClicked.connect(self._clicked)
        self._names: list[pg.TextItem] = []
        plot.addItem(self._line)
        plot.addItem(self._dots)
        theme.current().changed.connect(self._draw)
        self._draw()

    @property
    def joined(self) -> tuple[str, ...]:
        """The names of those on the line, cheapest first."""
        return tuple(one.name for one in front(self._scores, COSTS[self._cost]))

    def sizeHint(self) -> QSize:
        return QSize(420, 300)

    def show_scores(self, scores: Sequence[BackboneScore], cost: str, selected: str) -> None:
        """`cost` is time or size; `selected` is a backbone's name, or empty."""
        # There is no place for no cost on a logarithmic axis.
        scores = [one for one in scores if COSTS[cost](one) > 0]
        if (scores, cost, selected) != (self._scores, self._cost, self._selected):
            self._scores, self._cost, self._selected = scores, cost, selected
            self._draw()

    def _clicked(self, _dots: object, points: Sequence[pg.SpotItem], _event: object) -> None:
        self.chosen.emit(points[0].data())

    def _draw(self) -> None:
        self._fit()
        self._draw_dots()
        self._draw_names()
        self._draw_axes()

    def _place(self, one: BackboneScore) -> tuple[float, float]:
        return log10(COSTS[self._cost](one)), one.score

    def _fit(self) -> None:
        if not self._scores:
            return
        across, up = zip(*map(self._place, self._scores), strict=True)
        left, right = _spread(across, LEAST_ACROSS)
        bottom, top = _spread(up, LEAST_UP)
        self.getPlotItem().setRange(xRange=(left, right), yRange=(bottom, top), padding=0)

    def _draw_dots(self) -> None:
        colors = theme.current().colors
        joined = front(self._scores, COSTS[self._cost])
        places = [self._place(one) for one in joined]
        self._line.setData([x for x, _ in places], [y for _, y in places])
        self._line.setPen(pg.mkPen(colors.accent, width=1, style=Qt.PenStyle.DashLine))
        self._dots.setData(
            [
                {
                    "pos": self._place(one),
                    "data": one.name,
                    "size": LARGE_DOT if one.name == self._selected else DOT,
                    "brush": pg.mkBrush(
                        colors.amber
                        if one.name == self._selected
                        else colors.accent
                        if one in joined
                        else colors.frozen
                    ),
                    "pen": pg.mkPen(colors.card, width=1),
                }
                for one in self._scores
            ]
        )

    def _draw_names(self) -> None:
        """Of those on the line, and of the selected one."""
        plot, colors = self.getPlotItem(), theme.current().colors
        for item in self._names:
            plot.removeItem(item)
        self._names = []
        left, right = plot.viewRange()[0]
        joined = self.joined
        for one in self._scores:
            if one.name in joined or one.name == self._selected:
                at, score = self._place(one)
                # Towards the middle, so that none runs out of the plot.
                side = 0.0 if at < (left + right) / 2 else 1.0
                words = catalog.facts(one.name).label
                item = pg.TextItem(words, color=colors.text, anchor=(side, 1.15))
                item.setFont(small(self.font()))
                item.setPos(at, score)
                plot.addItem(item, ignoreBounds=True)
                self._names.append(item)

    def _draw_axes(self) -> None:
        plot = self.getPlotItem()
        scale, unit = (1000, "ms") if self._cost == "time" else (1, "MB")
        plot.getAxis("bottom").setTicks([_ticks(plot.viewRange()[0], scale, unit)])
        self.color_axes()


def _spread(values: Sequence[float], least: float) -> tuple[float, float]:
    """From and to where to show, with room around the values and never less than `least`."""
    low, high = min(values), max(values)
    room = max((high - low) * ROOM, (least - high + low) / 2)
    return low - room, high + room


def _ticks(within: Sequence[float], scale: int, unit: str) -> list[tuple[float, str]]:
    """1, 2 and 5 of each power of ten `within` two logarithms."""
    low, high = within
    powers = range(floor(low + log10(scale)) - 1, ceil(high + log10(scale)) + 1)
    values = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    ticks = [(log10(value / scale), f"{value:,.4g} {unit}") for value in values]
    return [(at, words) for at, words in ticks if low <= at <= high]


def _tip(x: float, y: float, data: str) -> str:
    return f"{catalog.facts(data).label}: LogME {y:.3f}"

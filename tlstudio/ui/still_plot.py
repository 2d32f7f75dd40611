"""A plot of dots that stays as it is drawn: no menu, no buttons, nothing to drag."""

# PySide6 first: pyqtgraph takes the Qt binding that is already there.
from PySide6.QtWidgets import QFrame, QWidget

import pyqtgraph as pg  # isort: skip

from tlstudio.ui import theme
from tlstudio.ui.fonts import small


class StillPlot(pg.PlotWidget):  # type: ignore[misc]
    """What is in it sets the range and the ticks, and calls `color_axes` when it draws."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None)
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("background: transparent")
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.vb.setMouseEnabled(x=False, y=False)
        plot.vb.disableAutoRange()
        plot.vb.setDefaultPadding(0)
        plot.showGrid(x=True, y=True, alpha=0.25)
        for side in ("left", "bottom"):
            plot.getAxis(side).setStyle(tickLength=0)

    def color_axes(self) -> None:
        """Draw the axes in the colours of the theme."""
        colors = theme.current().colors
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(pg.mkPen(colors.muted, width=1))
            axis.setTextPen(pg.mkPen(colors.muted))
            axis.setTickFont(small(self.font()))

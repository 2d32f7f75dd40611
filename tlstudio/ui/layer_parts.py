"""The parts of the layer window: what a layer is, its configuration and its weights."""

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from tlstudio.layer_events import WeightFigures
from tlstudio.ui import numbers
from tlstudio.ui.card import label
from tlstudio.ui.layer_histogram import LayerHistogram
from tlstudio.ui.tooltip import explain

NAME_WIDTH = 128
"""Pixels of the names at the left of a table, so that the values of two tables line up."""


class LayerTable(QWidget):
    """Names in grey at the left of their values, which can be selected."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnMinimumWidth(0, NAME_WIDTH)
        self._grid.setColumnStretch(1, 1)
        self.rows: list[tuple[str, str]] = []

    def show_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        if list(rows) == self.rows:
            return
        self.rows = list(rows)
        _clear(self._grid)
        for number, (name, value) in enumerate(rows):
            words = label(value)
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            words.setAccessibleName(f"{name}: {value}")
            top = Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(label(name, "muted"), number, 0, top)
            self._grid.addWidget(words, number, 1, top)


class LayerWeights(QWidget):
    """A row a weight: what it is, its figures and its histogram."""

    def __init__(self) -> None:
        super().__init__()
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(10)
        self.texts: list[str] = []

    def show_weights(self, weights: Sequence[WeightFigures]) -> None:
        _clear(self._box)
        self.texts = []
        for weight in weights:
            head = label(weight.name, "title")
            kind = "" if weight.trainable else ", a statistic, which training does not learn"
            shape = label(f"{numbers.shape(weight.shape)}  {weight.dtype}{kind}", "muted")
            figures = label(_figures(weight), "error" if weight.not_finite else "")
            figures.setWordWrap(True)
            figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.texts.append(figures.text())
            told = QVBoxLayout()
            told.setSpacing(1)
            for words in (head, shape, figures):
                told.addWidget(words)
            told.addStretch(1)
            histogram = LayerHistogram(weight.histogram, weight.minimum, weight.maximum)
            histogram.setAccessibleName(f"Histogram of {weight.name}: {figures.text()}")
            explain(
                histogram,
                f"How the values of {weight.name} are spread, from {_number(weight.minimum)} to "
                f"{_number(weight.maximum)}; the dotted line is zero",
            )
            row = QWidget()
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(12)
            line.addLayout(told, 1)
            line.addWidget(histogram)
            self._box.addWidget(row)


def _figures(weight: WeightFigures) -> str:
    if not weight.histogram:
        return "None of its values is a number."
    text = (
        f"{_number(weight.minimum)} to {_number(weight.maximum)}, "
        f"mean {_number(weight.mean)} ± {_number(weight.deviation)}"
    )
    if weight.not_finite:
        lost = numbers.count(weight.not_finite, "value is", "values are")
        text += f". {lost} no number or infinite; the figures are of the others."
    return text


def _number(value: float) -> str:
    """Three figures, and a real minus."""
    return f"{value:.3g}".replace("-", "−") if math.isfinite(value) else "–"


def _clear(layout: QGridLayout | QVBoxLayout) -> None:
    while item := layout.takeAt(0):
        widget = item.widget()
        if widget:
            widget.hide()
            widget.deleteLater()

"""How the training is doing, in a quiet row: speed, cache, memory and device."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from tlstudio.events import Figures
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.numbers import size

UNKNOWN = "–"
WHERE = "Where the training runs"


class LiveFigures(QWidget):
    """Each figure has a place of its own, which does not move when digits change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Live figures")
        self.speed = _Figure("88,888", "pictures/s", "Pictures trained on, or read, in a second")
        self.cached = _Figure("88,888 of 88,888", "cached", "")
        self.memory = _Figure("88.88 GB", "memory", "")
        self.device = _Figure("CPU", "", WHERE)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        for figure in (self.speed, self.cached, self.memory, self.device):
            row.addWidget(figure)
        row.addStretch(1)
        self.clear()

    def clear(self) -> None:
        """There is no training to tell of."""
        self.hide()
        self.speed.set(UNKNOWN)
        self.cached.set(UNKNOWN, tip="Pictures whose features were there already")
        self.memory.set(UNKNOWN, tip="Memory that the engine's process takes")
        self.device.set("")

    def show_device(self, name: str) -> None:
        self.device.set(_device(name), "")
        self.show()

    def show_figures(self, figures: Figures) -> None:
        speed = figures.pictures_per_second
        self.speed.set(_rate(speed) if speed else UNKNOWN)
        hits, total = figures.cache.hits, figures.cache.hits + figures.cache.misses
        self.cached.set(
            f"{_brief(hits)} of {_brief(total)}" if total else UNKNOWN,
            tip=f"Of {total:,} pictures, each augmented version counted, the features of {hits:,} "
            "were there already; the others go through the frozen layers",
        )
        self.memory.set(
            size(figures.memory_bytes),
            tip=f"Memory that the engine's process takes: {figures.memory_bytes:,} bytes",
        )
        in_use = figures.device_memory_bytes
        self.device.set(
            _device(figures.device),
            f"{size(in_use)} in use" if in_use else "",
            f"{WHERE}; {in_use:,} bytes of its memory are in use" if in_use else WHERE,
        )
        self.show()

    def stand_still(self) -> None:
        """Nothing is being done now."""
        self.speed.set(UNKNOWN)


class _Figure(QWidget):
    """A value and, in grey, what it is of. Has room for `widest`, the longest usual value, and
    gives way where the window is narrow.
    """

    def __init__(self, widest: str, unit: str, tip: str) -> None:
        super().__init__()
        self.value = ElidedLabel()
        self.unit = ElidedLabel("muted", unit)
        self._widest = widest
        self.setToolTip(tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for text in (self.value, self.unit):
            _with_tabular_digits(text)
            row.addWidget(text)
        row.addStretch(1)

    @property
    def text(self) -> str:
        return f"{self.value.text()} {self.unit.text()}".strip()

    def set(self, value: str, unit: str | None = None, tip: str | None = None) -> None:
        self.value.setText(value)
        if unit is not None:
            self.unit.setText(unit)
        if tip is not None:
            self.setToolTip(tip)
        self.setAccessibleName(self.text)

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        # A label is a little wider than its text.
        usual = self.value.fontMetrics().horizontalAdvance(self._widest) + 4
        hint.setWidth(hint.width() + max(0, usual - self.value.sizeHint().width()))
        return hint

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())


def _with_tabular_digits(text: QLabel) -> None:
    """All digits as wide as each other, in fonts that know how."""
    font = text.font()
    font.setFeature(QFont.Tag("tnum"), 1)
    text.setFont(font)


def _brief(number: int) -> str:
    """Pictures, as long as there is room for all digits."""
    return f"{number:,}" if number < 100_000 else f"{number // 1000:,} k"


def _rate(speed: float) -> str:
    """Three figures: 9.7, 97.3, 973, 9,730."""
    return f"{round(speed, -1 if speed >= 1000 else 0):,.0f}" if speed >= 100 else f"{speed:.1f}"


def _device(name: str) -> str:
    """cpu:0 and gpu:0 as CPU and GPU 0; a name in full stays as it is."""
    kind, _, number = name.upper().partition(":")
    if kind == "CPU":
        return kind
    return f"{kind} {number}".strip() if kind == "GPU" else name

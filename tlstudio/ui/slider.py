"""A slider whose handle jumps to where it is clicked; scrolling past does not move it."""

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QSlider, QStyle, QStyleOptionSlider, QWidget

from tlstudio.ui.tooltip import explain


class Slider(QSlider):
    def __init__(self, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setAccessibleName(name)
        explain(self, tip)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._jump_to(round(event.position().x()))
        # The handle is below the pointer now, which drags it.
        super().mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()

    def _jump_to(self, x: int) -> None:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        part = partial(self.style().subControlRect, QStyle.ComplexControl.CC_Slider, option)
        groove = part(QStyle.SubControl.SC_SliderGroove, self)
        handle = part(QStyle.SubControl.SC_SliderHandle, self)
        if handle.left() <= x <= handle.right():
            return
        at = x - groove.left() - handle.width() // 2
        room = groove.width() - handle.width()
        low, high = self.minimum(), self.maximum()
        self.setValue(QStyle.sliderValueFromPosition(low, high, at, room, option.upsideDown))

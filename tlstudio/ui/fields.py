"""Input fields that scrolling past does not change: the wheel turns them only in focus."""

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QPaintEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from tlstudio.ui.tooltip import show_below

AROUND_CHOICE = 32
"""Pixels of padding and arrow beside the text of a `Choice`."""

MOST_DIGITS = 9
"""That can be typed into a field of whole numbers, however small its largest one."""


class Whole(QSpinBox):
    """A whole number within bounds."""

    def __init__(
        self, name: str, low: int, high: int, step: int = 1, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setRange(low, high)
        self.setSingleStep(step)
        _quiet(self)

    def show_value(self, value: int) -> None:
        """Show a decision without passing it on as an edit."""
        with QSignalBlocker(self):
            self.setValue(value)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        # Qt would refuse the digit that makes a number too large, and leave another number.
        if _beyond(self._number(text), self.maximum()):
            return QValidator.State.Intermediate, text, position
        return super().validate(text, position)

    def fixup(self, text: str) -> str:
        """The nearest number that there is, and why."""
        number = self._number(text)
        if not number.isdecimal():
            return self.textFromValue(self.value())
        why = self.toolTip() or f"From {self.minimum()} to {self.maximum()}"
        show_below(self, why)
        return self.textFromValue(min(max(int(number), self.minimum()), self.maximum()))

    def _number(self, text: str) -> str:
        """What was typed, without what stands around it."""
        return text.removeprefix(self.prefix()).removesuffix(self.suffix()).strip()

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class Decimal(QDoubleSpinBox):
    """A number shown without trailing zeros: 0.001, not 0.001000."""

    def __init__(
        self, name: str, low: float, high: float, decimals: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setDecimals(decimals)
        self.setRange(low, high)
        _quiet(self)

    def show_value(self, value: float) -> None:
        """Show a decision without passing it on as an edit."""
        with QSignalBlocker(self):
            self.setValue(value)

    def textFromValue(self, value: float) -> str:
        text = f"{value:.{self.decimals()}f}".rstrip("0").rstrip(".")
        return text.replace(".", self.locale().decimalPoint())

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class Choice(QComboBox):
    """A list to choose from; narrow enough for a side column."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)

    def choose(self, data: object) -> None:
        """Select the entry with this data."""
        self.setCurrentIndex(self.findData(data))

    def paintEvent(self, _event: QPaintEvent) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideRight, self.width() - AROUND_CHOICE
        )
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


def _beyond(text: str, most: int) -> bool:
    return text.isdecimal() and len(text) <= MOST_DIGITS and int(text) > most


def commit_edit() -> None:
    """Take what is typed into the field in focus, as leaving it would: a shortcut leaves none."""
    field = QApplication.focusWidget()
    if isinstance(field, QAbstractSpinBox):
        field.interpretText()


def _quiet(field: QAbstractSpinBox) -> None:
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    field.setCorrectionMode(QAbstractSpinBox.CorrectionMode.CorrectToNearestValue)
    # A value counts when it is complete, not digit by digit.
    field.setKeyboardTracking(False)
    field.setMinimumWidth(56)
    # The style sheet's padding does not reach the text of a spin box.
    field.lineEdit().setTextMargins(5, 0, 0, 0)

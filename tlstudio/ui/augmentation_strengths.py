"""How strong each random change to the training pictures is: a slider for each."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from tlstudio.project.spec import Augmentation
from tlstudio.ui.card import label
from tlstudio.ui.slider import Slider


@dataclass(frozen=True, slots=True)
class Strength:
    """A field of `Augmentation`; its slider counts degrees, or percent where `scale` is 100."""

    name: str
    text: str
    tip: str
    most: int
    scale: int = 100
    either_side: bool = True

    def words(self, value: float) -> str:
        if not value:
            return "off"
        sign = "± " if self.either_side else ""
        unit = " %" if self.scale == 100 else "°"
        return f"{sign}{value * self.scale:.4g}{unit}"


STRENGTHS = (
    Strength(
        "flip",
        "Flip",
        "How likely left and right are swapped; leave it out where they differ, as in text",
        100,
        either_side=False,
    ),
    Strength(
        "flip_vertical",
        "Flip up and down",
        "How likely up and down are swapped; for pictures that have no up, as from a microscope",
        100,
        either_side=False,
    ),
    Strength("rotation", "Rotation", "Turns by at most so many degrees to either side", 180, 1),
    Strength("zoom", "Zoom", "Makes what is in the picture at most so much larger or smaller", 90),
    Strength("shift", "Shift", "Moves by at most so much of the width and the height", 90),
    Strength("brightness", "Brightness", "Makes at most so much lighter or darker", 90),
    Strength("contrast", "Contrast", "Spreads or flattens light and dark by at most so much", 90),
    Strength("colour", "Colour", "Makes colours at most so much stronger or paler", 90),
    Strength(
        "cutout",
        "Cutout",
        "The side of a grey square somewhere in the picture, as a share of the shorter side, so "
        "that no single part decides",
        90,
        either_side=False,
    ),
)


class Strengths(QWidget):
    """`change` is called with the fields of an Augmentation that were edited."""

    def __init__(self, change: Callable[..., None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sliders: dict[str, StrengthSlider] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(7)
        grid.setColumnStretch(1, 1)
        for row, strength in enumerate(STRENGTHS):
            slider = StrengthSlider(strength)
            slider.valueChanged.connect(
                lambda value, one=strength: change(**{one.name: value / one.scale})
            )
            words = label(strength.text, "muted")
            words.setToolTip(slider.toolTip())
            words.setBuddy(slider)
            grid.addWidget(words, row, 0)
            grid.addWidget(slider, row, 1)
            grid.addWidget(slider.words, row, 2)
            self.sliders[strength.name] = slider

    def show_strengths(self, how: Augmentation) -> None:
        for name, slider in self.sliders.items():
            slider.show_strength(getattr(how, name))


class StrengthSlider(Slider):
    """`words` is the label that says its strength exactly."""

    def __init__(self, strength: Strength) -> None:
        super().__init__(strength.text, strength.tip)
        self._strength = strength
        self.setRange(0, strength.most)
        self.setPageStep(10)
        self.words = label("", "value")
        self.words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.words.setFixedWidth(self.fontMetrics().horizontalAdvance("± 88.88 %"))

    def show_strength(self, value: float) -> None:
        """Show a decision without passing it on as an edit."""
        with QSignalBlocker(self):
            self.setValue(round(value * self._strength.scale))
        self.words.setText(self._strength.words(value))
        self.setAccessibleDescription(f"{self.words.text()}. {self._strength.tip}")

"""The field of a learning rate."""

from tlstudio.ui.fields import Decimal
from tlstudio.ui.tooltip import explain


class LearningRate(Decimal):
    """0 stands for automatic: the rate that suits the optimizer and what is trained."""

    def __init__(self, name: str, tip: str) -> None:
        super().__init__(name, 0.0, 10.0, 12)
        self._suited = 0.0
        self.setStepType(Decimal.StepType.AdaptiveDecimalStepType)
        explain(self, tip)

    def show_rate(self, rate: float | None, suited: float) -> None:
        self._suited = suited
        self.setSpecialValueText(f"{self.textFromValue(suited)}, automatic")
        self.show_value(rate or 0.0)

    def stepBy(self, steps: int) -> None:
        if not self.value():
            self.show_value(self._suited)
        super().stepBy(steps)

    def valueFromText(self, text: str) -> float:
        return 0.0 if text == self.specialValueText() else super().valueFromText(text)

"""How to train: the few numbers that matter."""

from PySide6.QtWidgets import QGridLayout, QWidget

from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.spec import Optimizer, Pictures
from tlstudio.ui.card import Card, label
from tlstudio.ui.fields import Choice, Decimal, Whole
from tlstudio.ui.session import Session

OPTIMIZERS: dict[Optimizer, str] = {
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
}


class LearningRate(Decimal):
    """0 stands for automatic: the rate that suits the optimizer and what is trained."""

    def __init__(self) -> None:
        super().__init__("Learning rate", 0.0, 10.0, 12)
        self._suited = 0.0
        self.setStepType(Decimal.StepType.AdaptiveDecimalStepType)
        self.setToolTip("The size of a step of the optimizer; 0 chooses what suits the plan")

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


class TrainingPanel(Card):
    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Training", parent)
        self._session = session
        self.epochs = Whole("Epochs", 1, 10_000)
        self.epochs.setToolTip("How often every training picture is seen")
        self.learning_rate = LearningRate()
        self.batch_size = Whole("Batch size", 1, 4096)
        self.batch_size.setToolTip("Pictures in one step of the optimizer")
        self.optimizer = Choice("Optimizer")
        for name, text in OPTIMIZERS.items():
            self.optimizer.addItem(text, name)
        self.seed = Whole("Seed", 0, 2**31 - 1)
        self.seed.setToolTip("The same seed gives the same split and the same training")
        self.validation = Whole("Validation share", 1, 99, 5)
        self.validation.setSuffix(" %")
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        fields: dict[str, QWidget] = {
            "Epochs": self.epochs,
            "Learning rate": self.learning_rate,
            "Batch size": self.batch_size,
            "Optimizer": self.optimizer,
            "Seed": self.seed,
            "Validation": self.validation,
        }
        for row, (text, widget) in enumerate(fields.items()):
            words = label(text, "muted")
            words.setBuddy(widget)
            grid.addWidget(words, row, 0)
            grid.addWidget(widget, row, 1)
        self.body.addLayout(grid)

        self.epochs.valueChanged.connect(lambda number: self._change(epochs=number))
        self.learning_rate.valueChanged.connect(
            lambda rate: self._change(learning_rate=rate or None)
        )
        self.batch_size.valueChanged.connect(lambda size: self._change(batch_size=size))
        self.seed.valueChanged.connect(lambda seed: self._change(seed=seed))
        self.optimizer.activated.connect(
            lambda: self._change(optimizer=self.optimizer.currentData())
        )
        self.validation.valueChanged.connect(self._share_edited)
        session.decided.connect(self._refresh)
        session.scan_changed.connect(self._refresh)
        session.description_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        training = self._session.decisions.training
        pictures = self._session.decisions.pictures
        share = pictures.validation if pictures else Pictures.model_fields["validation"].default
        self.epochs.show_value(training.epochs)
        suited = suited_rate(training.optimizer, bool(self._session.trainable))
        self.learning_rate.show_rate(training.learning_rate, suited)
        self.batch_size.show_value(training.batch_size)
        self.seed.show_value(training.seed)
        self.validation.show_value(round(share * 100))
        self.optimizer.choose(training.optimizer)
        scan = self._session.scan
        own = scan is not None and any(picture.split == "val" for picture in scan.pictures)
        self.validation.setEnabled(pictures is not None and not own)
        self.validation.setToolTip(
            "The folder has its own validation pictures, and those are used"
            if own
            else "The share of each class that is held out to check the model"
        )

    def _change(self, **fields: object) -> None:
        """Decide what was edited, and leave the rest as it is, shown exactly or not."""
        training = self._session.decisions.training
        self._session.decide(training=training.model_copy(update=fields))

    def _share_edited(self, percent: int) -> None:
        pictures = self._session.decisions.pictures
        if pictures:
            changed = pictures.model_copy(update={"validation": percent / 100})
            self._session.decide(pictures=changed)

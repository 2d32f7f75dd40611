"""How to train, the finer points: phases, the rate's course, classes, stopping, precision."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.spec import Pictures
from tlstudio.ui.fields import Choice, Decimal, Whole
from tlstudio.ui.form import Form
from tlstudio.ui.learning_rate import LearningRate
from tlstudio.ui.session import Session
from tlstudio.ui.tooltip import explain
from tlstudio.ui.training_words import FEATURE_PRECISIONS, PRECISIONS, SCHEDULES

MOST_EPOCHS = 10_000
GROUPS = (
    {
        "Head first": "head_epochs",
        "Its rate": "head_learning_rate",
        "Schedule": "schedule",
        "Warm-up": "warmup",
        "Halve rate": "reduce_on_plateau",
        "Early stop": "early_stopping",
    },
    {
        "Class weights": "class_weights",
        "Smoothing": "label_smoothing",
        "Clipping": "clip_norm",
    },
    {"Validation": "validation", "Seed": "seed"},
    {"Precision": "precision", "Kept features": "features"},
)
"""The rows, by label: fields of a Training, and the validation share of the Pictures."""
TIPS = {
    "head_epochs": "Trains the new head alone for so long before the backbone's layers are trained "
    "with it, so that its random beginnings do not spoil what they know",
    "head_learning_rate": "The learning rate of the epochs in which the head is trained alone; "
    "0 chooses what suits the optimizer",
    "schedule": "Constant keeps the learning rate; cosine lets it fall smoothly to 0, which "
    "settles the weights at the end",
    "warmup": "Lets the learning rate rise from 0 in the first epochs, so that the first steps, "
    "which know least, are small",
    "reduce_on_plateau": "Halves the learning rate after so many epochs without a better "
    "validation loss",
    "early_stopping": "Ends the training after so many epochs without a better one; "
    "the best epoch is kept in any case",
    "class_weights": "Pictures of rare classes count more, so that classes with many pictures do "
    "not drown them",
    "label_smoothing": "Asks the model to be a little less than certain, which helps against "
    "overconfidence and wrong labels; 0.1 is usual",
    "clip_norm": "The largest norm of the gradients: a step that would be larger is shortened, "
    "which keeps a training from running away; 1 is usual",
    "validation": "The share of each class that is held out to check the model",
    "seed": "The same seed gives the same split and the same training",
    "precision": "Mixed half computes with 16 bits where that is safe: faster on newer GPUs, "
    "slower on CPUs; automatic takes what suits the device",
    "features": "How what the frozen layers say of each picture is kept: half takes half the "
    "disk; automatic takes half where there is much to keep",
}
OWN_SPLIT = "The folder has its own validation pictures, and those are used"


class TrainingDetails(QWidget):
    """`change` is called with the fields of a Training that were edited."""

    def __init__(
        self, session: Session, change: Callable[..., None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self.head_epochs = EpochCount("Epochs for the head first", "none")
        self.head_rate = LearningRate("Learning rate of the head first", TIPS["head_learning_rate"])
        self.schedule = _choice("Learning rate schedule", SCHEDULES)
        self.warmup = EpochCount("Warm-up epochs", "none")
        self.reduce_on_plateau = EpochCount("Halve the rate on a plateau", "never", "after ")
        self.early_stopping = EpochCount("Early stopping", "never", "after ")
        self.class_weights = QCheckBox("balanced")
        self.class_weights.setAccessibleName("Class weights")
        self.class_weights.setMinimumHeight(24)
        self.label_smoothing = _amount("Label smoothing", 0.99, 2, 0.05)
        self.clip_norm = _amount("Gradient clipping", 1e6, 3, 0.5)
        self.validation = Whole("Validation share", 1, 99, 5)
        self.validation.setSuffix(" %")
        self.seed = Whole("Seed", 0, 2**31 - 1)
        self.precision = _choice("Precision", PRECISIONS)
        self.features = _choice("Precision of kept features", FEATURE_PRECISIONS)
        self._numbers: dict[str, Whole | Decimal] = {
            "head_epochs": self.head_epochs,
            "warmup": self.warmup,
            "reduce_on_plateau": self.reduce_on_plateau,
            "early_stopping": self.early_stopping,
            "label_smoothing": self.label_smoothing,
            "clip_norm": self.clip_norm,
            "seed": self.seed,
        }
        self._choices = {
            "schedule": self.schedule,
            "precision": self.precision,
            "features": self.features,
        }
        self.form = Form()
        self._lay_out()
        for name, field in self._numbers.items():
            field.valueChanged.connect(lambda value, name=name: change(**{name: value}))
        for name, choice in self._choices.items():
            choice.activated.connect(
                lambda _, name=name, choice=choice: change(**{name: choice.currentData()})
            )
        self.head_rate.valueChanged.connect(lambda rate: change(head_learning_rate=rate or None))
        self.class_weights.clicked.connect(lambda on: change(class_weights=on))
        self.validation.valueChanged.connect(self._share_edited)
        session.scan_changed.connect(self._look_for_own_split)
        self._own_split = False
        self._look_for_own_split()

    def _lay_out(self) -> None:
        fields: dict[str, QWidget] = {
            **self._numbers,
            **self._choices,
            "class_weights": self.class_weights,
            "validation": self.validation,
            "head_learning_rate": self.head_rate,
        }
        for group in GROUPS:
            for text, name in group.items():
                explain(fields[name], TIPS[name])
                self.form.add_row(text, fields[name])
            self.form.add_gap()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 6, 0, 0)
        box.addLayout(self.form)

    def refresh(self) -> None:
        """Show what is decided."""
        session = self._session
        training = session.decisions.training
        for name, field in self._numbers.items():
            field.show_value(getattr(training, name))
        for name, choice in self._choices.items():
            choice.choose(getattr(training, name))
        self.class_weights.setChecked(training.class_weights)
        self.form.show_row(self.head_epochs, bool(session.trainable))
        suited = suited_rate(training.optimizer, trains_backbone=False)
        self.head_rate.show_rate(training.head_learning_rate, suited)
        self.form.show_row(self.head_rate, bool(session.trainable and training.head_epochs))
        devices = session.devices.devices if session.devices else ()
        faster = any(device.name != "cpu" for device in devices)
        self.form.show_row(self.precision, faster or training.precision != "auto")
        pictures = session.decisions.pictures
        share = pictures.validation if pictures else Pictures.model_fields["validation"].default
        self.validation.show_value(round(share * 100))
        self.validation.setEnabled(pictures is not None and not self._own_split)

    def _look_for_own_split(self) -> None:
        """Once a scan, which may be of very many pictures."""
        scan = self._session.scan
        self._own_split = scan is not None and any(p.split == "val" for p in scan.pictures)
        explain(self.validation, OWN_SPLIT if self._own_split else TIPS["validation"])
        self.refresh()

    def _share_edited(self, percent: int) -> None:
        pictures = self._session.decisions.pictures
        if pictures:
            changed = pictures.model_copy(update={"validation": percent / 100})
            self._session.decide(pictures=changed)


class EpochCount(Whole):
    """So many epochs; `nothing` stands for 0."""

    def __init__(self, name: str, nothing: str, before: str = "") -> None:
        super().__init__(name, 0, MOST_EPOCHS)
        self.setSpecialValueText(nothing)
        self.setPrefix(before)
        self._name_unit(0)
        self.valueChanged.connect(self._name_unit)

    def show_value(self, value: int) -> None:
        super().show_value(value)
        self._name_unit(value)

    def _name_unit(self, value: int) -> None:
        self.setSuffix(" epoch" if value == 1 else " epochs")


def _choice(name: str, words: Mapping[Any, str]) -> Choice:
    made = Choice(name)
    for data, text in words.items():
        made.addItem(text, data)
    return made


def _amount(name: str, most: float, decimals: int, step: float) -> Decimal:
    made = Decimal(name, 0.0, most, decimals)
    made.setSpecialValueText("none")
    made.setSingleStep(step)
    return made

"""How to train, the finer points: phases, the rate's course, classes, stopping, precision."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from tlstudio.project.spec import Pictures
from tlstudio.ui.fields import Choice, Decimal, Whole
from tlstudio.ui.form import Form
from tlstudio.ui.session import Session
from tlstudio.ui.training_words import FEATURE_PRECISIONS, PRECISIONS, SCHEDULES

MOST_EPOCHS = 10_000


class TrainingDetails(QWidget):
    """`change` is called with the fields of a Training that were edited."""

    def __init__(
        self, session: Session, change: Callable[..., None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self.head_epochs = EpochCount("Epochs for the head first", "none")
        self.head_epochs.setToolTip(
            "Trains the new head alone for so long before the backbone's layers are trained with "
            "it, so that its random beginnings do not spoil what they know"
        )
        self.schedule = _choice("Learning rate schedule", SCHEDULES)
        self.schedule.setToolTip(
            "Constant keeps the learning rate; cosine lets it fall smoothly to 0, which settles "
            "the weights at the end"
        )
        self.warmup = EpochCount("Warm-up epochs", "none")
        self.warmup.setToolTip(
            "Lets the learning rate rise from 0 in the first epochs, so that the first steps, "
            "which know least, are small"
        )
        self.reduce_on_plateau = EpochCount("Halve the rate on a plateau", "never", "after ")
        self.reduce_on_plateau.setToolTip(
            "Halves the learning rate after so many epochs without a better validation loss"
        )
        self.clip_norm = Decimal("Gradient clipping", 0.0, 1e6, 3)
        self.clip_norm.setSpecialValueText("none")
        self.clip_norm.setSingleStep(0.5)
        self.clip_norm.setToolTip(
            "The largest norm of the gradients: steps that would be larger are shortened, which "
            "keeps a training from running away; 1 is usual"
        )
        self.early_stopping = EpochCount("Early stopping", "never", "after ")
        self.early_stopping.setToolTip(
            "Ends the training after so many epochs without a better validation loss; the best "
            "epoch is kept in any case"
        )
        self.class_weights = QCheckBox("all count alike")
        self.class_weights.setAccessibleName("Class weights")
        self.class_weights.setMinimumHeight(24)
        self.class_weights.setToolTip(
            "Class weights: pictures of rare classes count more, so that classes with many "
            "pictures do not drown them"
        )
        self.label_smoothing = Decimal("Label smoothing", 0.0, 0.99, 2)
        self.label_smoothing.setSpecialValueText("none")
        self.label_smoothing.setSingleStep(0.05)
        self.label_smoothing.setToolTip(
            "Asks the model to be a little less than certain, such as 0.9 for 0.1 here, which "
            "helps against overconfidence and wrong labels"
        )
        self.precision = _choice("Precision", PRECISIONS)
        self.precision.setToolTip(
            "Mixed half computes with 16 bits where that is safe: about twice as fast on newer "
            "GPUs, slower on CPUs; automatic takes what suits the device"
        )
        self.features = _choice("Precision of kept features", FEATURE_PRECISIONS)
        self.features.setToolTip(
            "How what the frozen layers say of each picture is kept: half takes half the disk; "
            "automatic takes half where it is large, which has not been seen to change accuracy"
        )
        self.validation = Whole("Validation share", 1, 99, 5)
        self.validation.setSuffix(" %")
        self.seed = Whole("Seed", 0, 2**31 - 1)
        self.seed.setToolTip("The same seed gives the same split and the same training")

        self.form = Form()
        self.form.setContentsMargins(0, 0, 0, 0)
        groups: tuple[dict[str, QWidget], ...] = (
            {
                "Head first": self.head_epochs,
                "Schedule": self.schedule,
                "Warm-up": self.warmup,
                "Halve rate": self.reduce_on_plateau,
                "Early stop": self.early_stopping,
            },
            {
                "Class weights": self.class_weights,
                "Smoothing": self.label_smoothing,
                "Clipping": self.clip_norm,
            },
            {"Validation": self.validation, "Seed": self.seed},
            {"Precision": self.precision, "Kept features": self.features},
        )
        for rows in groups:
            for text, field in rows.items():
                self.form.add_row(text, field)
            self.form.add_gap()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 6, 0, 0)
        box.addLayout(self.form)

        self._numbers: dict[str, Whole | Decimal] = {
            "head_epochs": self.head_epochs,
            "warmup": self.warmup,
            "reduce_on_plateau": self.reduce_on_plateau,
            "clip_norm": self.clip_norm,
            "early_stopping": self.early_stopping,
            "label_smoothing": self.label_smoothing,
            "seed": self.seed,
        }
        for name, field in self._numbers.items():
            field.valueChanged.connect(lambda value, name=name: change(**{name: value}))
        self._choices = {
            "schedule": self.schedule,
            "precision": self.precision,
            "features": self.features,
        }
        for name, choice in self._choices.items():
            choice.activated.connect(
                lambda _, name=name, choice=choice: change(**{name: choice.currentData()})
            )
        self.class_weights.clicked.connect(lambda on: change(class_weights=on))
        self.validation.valueChanged.connect(self._share_edited)

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
        devices = session.devices.devices if session.devices else ()
        faster = any(device.name != "cpu" for device in devices)
        self.form.show_row(self.precision, faster or training.precision != "auto")
        self._show_share()

    def _show_share(self) -> None:
        pictures, scan = self._session.decisions.pictures, self._session.scan
        share = pictures.validation if pictures else Pictures.model_fields["validation"].default
        self.validation.show_value(round(share * 100))
        own = scan is not None and any(picture.split == "val" for picture in scan.pictures)
        self.validation.setEnabled(pictures is not None and not own)
        self.validation.setToolTip(
            "The folder has its own validation pictures, and those are used"
            if own
            else "The share of each class that is held out to check the model"
        )

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

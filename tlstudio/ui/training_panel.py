"""How to train: the few numbers that matter, the rest behind “More”."""

from PySide6.QtWidgets import QPushButton, QWidget

from tlstudio.project.learning_rate import suited_rate
from tlstudio.ui.augmentation_dialog import AugmentationDialog
from tlstudio.ui.card import Card
from tlstudio.ui.disclosure import Disclosure
from tlstudio.ui.fields import Choice, Whole
from tlstudio.ui.form import Form, align
from tlstudio.ui.learning_rate import LearningRate
from tlstudio.ui.recipe_button import RecipeButton
from tlstudio.ui.session import Session
from tlstudio.ui.tooltip import explain
from tlstudio.ui.training_details import TrainingDetails
from tlstudio.ui.training_words import OPTIMIZERS, augmentation, switched_on


class TrainingPanel(Card):
    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Training", parent)
        self._session = session
        self.recipe = RecipeButton(session)
        self.header.addWidget(self.recipe)
        self.epochs = Whole("Epochs", 1, 10_000)
        explain(self.epochs, "How often every training picture is seen")
        self.learning_rate = LearningRate(
            "Learning rate", "The size of a step of the optimizer; 0 chooses what suits the plan"
        )
        self.batch_size = Whole("Batch size", 1, 4096)
        explain(self.batch_size, "Pictures in one step of the optimizer")
        self.optimizer = Choice("Optimizer")
        explain(self.optimizer, "The rule by which each step changes the weights; Adam is usual")
        for name, text in OPTIMIZERS.items():
            self.optimizer.addItem(text, name)
        self.augmentation = QPushButton()
        self.augmentation.setObjectName("field")
        explain(
            self.augmentation,
            "Randomly changed versions of the training pictures, so that the model learns what "
            "does not matter; opens with a preview of your pictures",
        )
        self.augmentation.clicked.connect(self._open_augmentation)
        form = Form()
        form.add_row("Epochs", self.epochs)
        form.add_row("Learning rate", self.learning_rate)
        form.add_row("Batch size", self.batch_size)
        form.add_row("Optimizer", self.optimizer)
        form.add_row("Augmentation", self.augmentation)
        self.details = TrainingDetails(session, self._change)
        align(form, self.details.form)
        self.more = Disclosure("More", self.details)
        explain(self.more.toggle, "Phases, schedule, stopping, class weights, precision, seed")
        self.body.addLayout(form)
        self.body.addWidget(self.more)

        self.epochs.valueChanged.connect(lambda number: self._change(epochs=number))
        self.learning_rate.valueChanged.connect(
            lambda rate: self._change(learning_rate=rate or None)
        )
        self.batch_size.valueChanged.connect(lambda size: self._change(batch_size=size))
        self.optimizer.activated.connect(
            lambda: self._change(optimizer=self.optimizer.currentData())
        )
        session.decided.connect(self._refresh)
        session.scan_changed.connect(self._refresh)
        session.description_changed.connect(self._refresh)
        session.devices_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        self.recipe.refresh()  # which may decide anew
        training = self._session.decisions.training
        decisions = self._session.decisions
        trains_backbone = bool(self._session.trainable)
        if self._session.description is None:  # nor is known which layers there are to train
            trains_backbone = decisions.freeze.strategy != "head"
        self.epochs.show_value(training.epochs)
        suited = suited_rate(training.optimizer, trains_backbone, decisions.backbone.pretrained)
        self.learning_rate.show_rate(training.learning_rate, suited)
        self.batch_size.show_value(training.batch_size)
        self.optimizer.choose(training.optimizer)
        words = augmentation(training.augmentation)
        self.augmentation.setText(f"{words}…")
        self.augmentation.setAccessibleName(f"Augmentation: {words}")
        self.details.refresh()
        self.more.summarise(", ".join(switched_on(training, trains_backbone)))

    def _change(self, **fields: object) -> None:
        """Decide what was edited, and leave the rest as it is, shown exactly or not."""
        training = self._session.decisions.training
        self._session.decide(training=training.model_copy(update=fields))

    def _open_augmentation(self) -> None:
        AugmentationDialog(self._session, self._change, self.window()).open()

"""The usual recipe in one click, and back."""

from PySide6.QtWidgets import QPushButton, QWidget

from tlstudio.project.recipe import usual_recipe
from tlstudio.project.spec import Training
from tlstudio.ui import tooltip
from tlstudio.ui.session import Session
from tlstudio.ui.training_words import augmentation, switched_on


class RecipeButton(QPushButton):
    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("link")
        self._session = session
        self._used: tuple[Training, Training] | None = None
        """What was decided when the recipe was asked for, and what it made of that."""
        self.clicked.connect(self._use_or_undo)
        session.taken_over.connect(self._forget)
        self.refresh()

    def refresh(self) -> None:
        training = self._session.decisions.training
        recipe = self._recipe(training)
        session = self._session
        being_read = session.scan is None and session.decisions.pictures is not None
        known = session.description is not None and not being_read
        if self._used and self._in_force(training) and training != recipe and known:
            # Another plan or other pictures, and nothing was edited by hand.
            self._used = (self._used[0], recipe)
            session.decide(training=recipe)
            training = recipe
        if recipe == training or self._in_force(training):
            self.setText("Undo the recipe")
            tooltip.explain(self, "Sets back what the usual recipe had set")
        else:
            self.setText("Use the usual recipe")
            tooltip.explain(self, f"Sets what suits most plans like this: {self._words()}")

    def _in_force(self, training: Training) -> bool:
        """Whether this is what the recipe was last seen to make."""
        return self._used is not None and training == self._used[1]

    def _forget(self) -> None:
        """What is taken over stays as it is."""
        self._used = None

    def _recipe(self, training: Training) -> Training:
        """The recipe for what is trained on which pictures; it keeps what it says nothing of."""
        session = self._session
        counts = [count for count in session.scan.classes.values() if count] if session.scan else []
        imbalance = max(counts) / min(counts) if counts else 1.0
        return usual_recipe(training, bool(session.trainable), imbalance)

    def _words(self) -> str:
        recipe = self._recipe(Training())
        words = switched_on(recipe, bool(self._session.trainable))
        if self._session.decisions.training.augmentation.mode == "off":
            words.append(f"augmentation, {augmentation(recipe.augmentation).lower()}")
        return ", ".join(words)

    def _use_or_undo(self) -> None:
        training = self._session.decisions.training
        recipe = self._recipe(training)
        if self._used and self._in_force(training):
            self._session.decide(training=self._used[0])
        elif recipe != training:
            self._used = (training, recipe)
            self._session.decide(training=recipe)
        else:
            plain = Training()
            ours = self._recipe(plain)
            back = {
                name: getattr(plain, name)
                for name in Training.model_fields
                if getattr(training, name) == getattr(ours, name)
            }
            self._session.decide(training=training.model_copy(update=back))

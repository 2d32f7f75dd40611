"""How good the model is: the confusion matrix, the figures by class, and the mistakes."""

from math import sqrt

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from tlstudio.events import Evaluation, Judged
from tlstudio.ui.card import Card
from tlstudio.ui.class_table import ClassTable
from tlstudio.ui.confusion_view import Cell, ConfusionView
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.empty_state import empty_state
from tlstudio.ui.mistakes_view import MistakesView
from tlstudio.ui.numbers import count
from tlstudio.ui.tooltip import explain

MISTAKES_SHOWN = 60


class ResultsPanel(Card):
    """Shows one evaluation. A press on a cell of the matrix shows only that cell's mistakes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Validation", parent)
        self.confusion = ConfusionView()
        self.table = ClassTable()
        self.mistakes = MistakesView()
        self.mistakes_words = ElidedLabel("muted")
        self.confusion.chosen.connect(self._show_mistakes)

        self._stack = QStackedWidget()
        self._stack.addWidget(
            empty_state("Nothing judged yet", "After a training: what is mistaken for what")
        )
        self._stack.addWidget(self._page())
        self.body.addWidget(self._stack, 1)
        self._classes: tuple[str, ...] = ()
        self._wrong: list[Judged] = []
        self.clear()

    @property
    def is_empty(self) -> bool:
        return self._stack.currentIndex() == 0

    def clear(self) -> None:
        """The empty state."""
        self.title.setText("Validation")
        self.note.setText("")
        self._stack.setCurrentIndex(0)

    def show_evaluation(self, evaluation: Evaluation, title: str = "Validation") -> None:
        self.title.setText(title)
        self._classes = evaluation.classes
        pictures = sum(sum(row) for row in evaluation.confusion)
        right = sum(row[index] for index, row in enumerate(evaluation.confusion))
        low, high = wilson(right, pictures)
        self.note.setText(
            f"{evaluation.accuracy * 100:.1f} % of {pictures:,}, "
            f"interval {low * 100:.0f} to {high * 100:.0f} %"
        )
        self.note.setToolTip(
            f"{right:,} of {pictures:,} right. With so many pictures the accuracy on new ones lies "
            f"between {low * 100:.2f} and {high * 100:.2f} % (Wilson, 95 % sure).\n"
            f"Loss {evaluation.loss:.4f}. Calibration error {evaluation.calibration.ece:.3f}."
        )
        self._wrong = sorted(
            (judged for judged in evaluation.pictures if judged.true != judged.predicted),
            key=lambda judged: -judged.probability,
        )
        self.confusion.show_matrix(evaluation.classes, evaluation.confusion)
        self.table.show_figures(evaluation.per_class)
        self._show_mistakes(None)
        self._stack.setCurrentIndex(1)

    def _page(self) -> QWidget:
        page = QWidget()
        columns = QHBoxLayout(page)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(14)
        how = ElidedLabel("muted", "True down, said across")
        explain(how, "A row holds the pictures of one class, by what the model said of them")
        for words, content, stretch in (
            (how, self.confusion, 5),
            (ElidedLabel("muted", "By class"), self.table, 0),
            (self.mistakes_words, self.mistakes, 4),
        ):
            column = QVBoxLayout()
            column.setSpacing(4)
            column.addWidget(words)
            column.addWidget(content, 1)
            columns.addLayout(column, stretch)
        return page

    def _show_mistakes(self, cell: Cell | None) -> None:
        shown = self._wrong
        if cell is not None:
            true, said = (self._classes[index] for index in cell)
            shown = [one for one in shown if one.true == true and one.predicted == said]
            words = f"{count(len(shown), 'mistake')}: {true}, said {said}"
        else:
            words = count(len(shown), "mistake")
        if len(shown) > MISTAKES_SHOWN:
            words += f", the {MISTAKES_SHOWN} surest"
        self.mistakes_words.setText(words)
        self.mistakes.show_mistakes(shown[:MISTAKES_SHOWN])


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval (0 to 1) of a share, after E. B. Wilson, JASA 22 (1927), 209-212."""
    if of == 0:
        return 0.0, 1.0
    z = 1.959964
    share = right / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(middle - half, 0.0), min(middle + half, 1.0)

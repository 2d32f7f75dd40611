"""Rows of a label and its field, as they stand in the cards at the right."""

from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from tlstudio.ui.card import label


class Form(QGridLayout):
    """Add it to a card's body. A row hides with `show_row`."""

    def __init__(self) -> None:
        super().__init__()
        self.setHorizontalSpacing(10)
        self.setVerticalSpacing(6)
        self.setColumnStretch(1, 1)
        self._labels: dict[QWidget, QLabel] = {}

    def add_row(self, text: str, field: QWidget) -> None:
        """The field's tooltip, if it has one by now, is the label's too."""
        words = label(text, "muted")
        words.setBuddy(field)
        words.setToolTip(field.toolTip())
        row = self.rowCount()
        self.addWidget(words, row, 0)
        self.addWidget(field, row, 1)
        self._labels[field] = words

    def add_gap(self) -> None:
        """A little more room before the next row."""
        self.setRowMinimumHeight(self.rowCount(), 4)

    @property
    def label_width(self) -> int:
        return max(words.sizeHint().width() for words in self._labels.values())

    def show_row(self, field: QWidget, shown: bool) -> None:
        field.setVisible(shown)
        self._labels[field].setVisible(shown)


def align(*forms: Form) -> None:
    """Let the fields of all of them begin at one line."""
    width = max(form.label_width for form in forms)
    for form in forms:
        form.setColumnMinimumWidth(0, width)

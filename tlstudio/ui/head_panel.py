"""The head: pooling, Dense layers and dropout, with what each costs beside it."""

from collections.abc import Callable
from functools import partial
from typing import get_args

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from tlstudio.events import HeadRow
from tlstudio.project.head_size import POOLING_LABELS, compare_pooling, head_rows
from tlstudio.project.spec import Activation, DenseLayer, Head, Pooling
from tlstudio.ui import numbers
from tlstudio.ui.card import Card, label
from tlstudio.ui.fields import Choice, Decimal, Whole
from tlstudio.ui.session import Session

POOLING_NAMES: dict[Pooling, str] = {
    "gap": "Global average pooling",
    "gmp": "Global maximum pooling",
    "flatten": "Flatten",
}
POOLING_TIPS: dict[Pooling, str] = {
    "gap": "Global average pooling: the mean of each channel",
    "gmp": "Global maximum pooling: the largest value of each channel",
    "flatten": "Every value of every channel, positions kept",
}
DROPOUT = 0.2
CLASSES_UNKNOWN = 2


class HeadPanel(Card):
    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Head", parent)
        self._session = session
        self._poolings: dict[Pooling, QPushButton] = {}
        segments = QHBoxLayout()
        segments.setSpacing(0)
        group = QButtonGroup(self)
        for pooling, text in POOLING_LABELS.items():
            button = QPushButton(text)
            button.setObjectName("segment")
            button.setCheckable(True)
            button.setToolTip(POOLING_TIPS[pooling])
            button.setAccessibleName(POOLING_NAMES[pooling])
            button.clicked.connect(lambda _=False, chosen=pooling: self._change(pooling=chosen))
            group.addButton(button)
            segments.addWidget(button, 1)
            self._poolings[pooling] = button

        self._features = _Row("Backbone output")
        self._pooling = _Row("")
        self._dense: list[_DenseRow] = []
        self._dense_box = QVBoxLayout()
        self._dense_box.setSpacing(6)
        self._dropout = _DropoutRow(lambda rate: self._change(dropout=rate))
        self._classifier = _Row("")
        rows = QVBoxLayout()
        rows.setSpacing(6)
        rows.addWidget(self._features)
        rows.addWidget(self._pooling)
        rows.addLayout(self._dense_box)
        rows.addWidget(self._dropout)
        rows.addWidget(self._classifier)

        self.add_dense = QPushButton("+ Dense")
        self.add_dense.setToolTip("Add a Dense layer before the classifier")
        self.add_dense.clicked.connect(self._add_dense)
        self.add_dropout = QPushButton("+ Dropout")
        self.add_dropout.clicked.connect(self._add_dropout)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.add_dense)
        buttons.addWidget(self.add_dropout)
        buttons.addStretch(1)
        self.comparison = label("", "muted")
        self.comparison.setWordWrap(True)
        self.comparison.setTextFormat(Qt.TextFormat.RichText)
        self.body.addLayout(segments)
        self.body.addLayout(rows)
        self.body.addLayout(buttons)
        self.body.addWidget(self.comparison)

        session.decided.connect(self._decided)
        session.description_changed.connect(self._refresh)
        session.scan_changed.connect(self._refresh)
        self._refresh()

    @property
    def dense_rows(self) -> list["_DenseRow"]:
        return self._dense

    def _decided(self, part: str) -> None:
        if part == "head":
            self._refresh()

    def _refresh(self) -> None:
        head = self._session.decisions.head
        self._poolings[head.pooling].setChecked(True)
        self._match_dense_rows(len(head.dense))
        for row, dense in zip(self._dense, head.dense, strict=True):
            row.show_layer(dense)
        self._dropout.setVisible(head.dropout > 0)
        self._dropout.show_rate(head.dropout)
        bare = [dense for dense in head.dense if not dense.dropout]
        self.add_dropout.setEnabled(not head.dropout or bool(bare))
        where = (
            "after the last Dense layer that has none"
            if head.dropout
            else ("before the classifier")
        )
        self.add_dropout.setToolTip(
            f"Add dropout {where}" if self.add_dropout.isEnabled() else "Every layer has dropout"
        )
        self._show_sizes(head)

    def _show_sizes(self, head: Head) -> None:
        scan, description = self._session.scan, self._session.description
        classes = len(scan.classes) if scan else CLASSES_UNKNOWN
        self._pooling.set_name(POOLING_NAMES[head.pooling])
        self._classifier.set_name(f"Dense {classes}, softmax" if scan else "Classifier, softmax")
        if description is None:
            for row in (self._features, self._pooling, *self._dense, self._dropout):
                row.show_size("")
            self._classifier.show_size("")
            self.note.setText("")
            self.comparison.hide()
            return
        features = description.output_shape
        sizes = list(head_rows(head, features, classes))
        self._features.show_size(numbers.shape(features).replace("×", " × "))
        self._pooling.show_layer_size(sizes[0])
        by_name = {size.name: size for size in sizes}
        for number, row in enumerate(self._dense, start=1):
            row.show_layer_size(by_name[f"dense_{number}"])
        if "dropout" in by_name:
            self._dropout.show_layer_size(by_name["dropout"])
        self._classifier.show_layer_size(sizes[-1])
        total = sum(size.params for size in sizes)
        self.note.setText(
            f"{total:,} parameters" if total < 1e6 else f"{numbers.short(total)} parameters"
        )
        self.note.setToolTip(f"{total:,} parameters, all of them trained")
        self._compare(head, features, classes)

    def _compare(self, head: Head, features: tuple[int, ...], classes: int) -> None:
        """The parameters with the other kind of pooling, at the layer where they differ."""
        compared = compare_pooling(head, features, classes)
        gap, flatten = compared.params["gap"], compared.params["flatten"]
        if head.pooling == "flatten":
            other = f"GAP here: <b>{gap:,}</b>, {flatten / gap:.0f} times fewer than {flatten:,}."
        else:
            other = f"Flatten here: <b>{flatten:,}</b>, {flatten / gap:.0f} times as many."
        if flatten == gap:
            other = ""
        self.comparison.setText(f"{other} {compared.advice}".strip())
        if head.dense:
            units = head.dense[0].units
            first = {
                name: (width + 1) * units
                for name, width in (
                    ("Flatten", features[0] * features[1] * features[2]),
                    ("GAP", features[2]),
                )
            }
            self.comparison.setToolTip(
                "First Dense layer: " + ", ".join(f"{k} {v:,}" for k, v in first.items())
            )
        else:
            self.comparison.setToolTip(f"Whole head: Flatten {flatten:,}, GAP {gap:,}")
        self.comparison.show()

    def _match_dense_rows(self, count: int) -> None:
        """Keep the rows that are there, so that editing one does not lose the focus."""
        while len(self._dense) > count:
            row = self._dense.pop()
            self._dense_box.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self._dense) < count:
            position = len(self._dense)
            row = _DenseRow(
                position + 1,
                changed=partial(self._set_dense, position),
                moved=partial(self._move_dense, position),
                removed=partial(self._remove_dense, position),
            )
            self._dense.append(row)
            self._dense_box.addWidget(row)
        for position, row in enumerate(self._dense):
            row.up.setEnabled(position > 0)
            row.down.setEnabled(position < count - 1)

    def _change(self, **fields: object) -> None:
        head = self._session.decisions.head
        self._session.decide(head=head.model_copy(update=fields))

    def _set_dense(self, position: int, **fields: object) -> None:
        dense = list(self._session.decisions.head.dense)
        dense[position] = dense[position].model_copy(update=fields)
        self._change(dense=tuple(dense))

    def _move_dense(self, position: int, by: int) -> None:
        dense = list(self._session.decisions.head.dense)
        dense.insert(position + by, dense.pop(position))
        self._change(dense=tuple(dense))
        row = self._dense[position + by]
        button = row.up if by < 0 else row.down
        (button if button.isEnabled() else row.remove).setFocus()

    def _remove_dense(self, position: int) -> None:
        dense = list(self._session.decisions.head.dense)
        dense.pop(position)
        self._change(dense=tuple(dense))
        self.add_dense.setFocus()

    def _add_dense(self) -> None:
        self._change(dense=(*self._session.decisions.head.dense, DenseLayer()))

    def _add_dropout(self) -> None:
        head = self._session.decisions.head
        if not head.dropout:
            self._change(dropout=DROPOUT)
            return
        for position in reversed(range(len(head.dense))):
            if not head.dense[position].dropout:
                self._set_dense(position, dropout=DROPOUT)
                return


class _Row(QFrame):
    """A layer of the head: its name, and its shape and parameters at the right."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName("row")
        self._name = label(name)
        self.size_label = label("", "muted")
        self.line = QHBoxLayout()
        self.line.setSpacing(6)
        self.line.addWidget(self._name)
        self.line.addStretch(1)
        self.line.addWidget(self.size_label)
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(10, 5, 10, 5)
        self.box.setSpacing(5)
        self.box.addLayout(self.line)

    def set_name(self, name: str) -> None:
        self._name.setText(name)

    def show_size(self, text: str, tip: str = "") -> None:
        self.size_label.setText(text)
        self.size_label.setToolTip(tip)

    def show_layer_size(self, row: HeadRow) -> None:
        params = f"{row.params:,}" if row.params < 1e6 else numbers.short(row.params)
        self.show_size(
            f"{numbers.shape(row.output_shape)}   {params}",
            f"{row.type}: output {numbers.shape(row.output_shape)}, {row.params:,} parameters",
        )


class _DropoutRow(_Row):
    def __init__(self, changed: Callable[[float], None]) -> None:
        super().__init__("Dropout")
        self.box.setContentsMargins(10, 2, 4, 2)
        self.rate = _rate_field("Dropout before the classifier")
        self.rate.valueChanged.connect(changed)
        remove = _tool("✕", "Remove the dropout")
        remove.clicked.connect(lambda: changed(0.0))
        self.line.insertWidget(1, self.rate)
        self.line.addWidget(remove)

    def show_rate(self, rate: float) -> None:
        self.rate.show_value(rate)


class _DenseRow(_Row):
    def __init__(
        self,
        number: int,
        changed: Callable[..., None],
        moved: Callable[[int], None],
        removed: Callable[[], None],
    ) -> None:
        super().__init__("Dense")
        self.box.setContentsMargins(10, 4, 4, 5)
        self.units = Whole(f"Units of Dense layer {number}", 1, 65536)
        self.units.setToolTip("Units")
        self.activation = Choice(f"Activation of Dense layer {number}")
        for name in get_args(Activation):
            self.activation.addItem(name, name)
        self.rate = _rate_field(f"Dropout after Dense layer {number}")
        self.up = _tool("↑", "Move up")
        self.down = _tool("↓", "Move down")
        self.remove = _tool("✕", "Remove this layer")
        self.up.clicked.connect(lambda: moved(-1))
        self.down.clicked.connect(lambda: moved(1))
        self.remove.clicked.connect(lambda _=False: removed())
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        for button in (self.up, self.down, self.remove):
            buttons.addWidget(button)
        self.line.addLayout(buttons)
        second = QHBoxLayout()
        second.setSpacing(6)
        second.addWidget(self.units, 2)
        second.addWidget(self.activation, 2)
        second.addWidget(self.rate, 2)
        second.addSpacing(4)
        self.box.addLayout(second)
        self.units.valueChanged.connect(lambda units: changed(units=units))
        self.activation.activated.connect(lambda: changed(activation=self.activation.currentData()))
        self.rate.valueChanged.connect(lambda rate: changed(dropout=round(rate, 2)))

    def show_layer(self, layer: DenseLayer) -> None:
        self.units.show_value(layer.units)
        self.rate.show_value(layer.dropout)
        self.activation.choose(layer.activation)


def _rate_field(name: str) -> Decimal:
    field = Decimal(name, 0.0, 0.99, 2)
    field.setSingleStep(0.05)
    field.setToolTip("Dropout: the share of outputs dropped in training")
    return field


def _tool(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName("plain")
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setFixedSize(24, 24)
    return button

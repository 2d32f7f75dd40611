"""Augmentation: none, a few versions computed once or new ones each epoch, with a preview."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from tlstudio.project.spec import Augmentation, AugmentationMode
from tlstudio.ui import expected_disk, expected_time, numbers
from tlstudio.ui.augmentation_preview import AugmentationPreview
from tlstudio.ui.augmentation_strengths import Strengths
from tlstudio.ui.card import Card, label
from tlstudio.ui.expected_time import in_words
from tlstudio.ui.fields import Whole
from tlstudio.ui.session import Session
from tlstudio.ui.tooltip import explain

MODES: dict[AugmentationMode, str] = {
    "off": "Off",
    "views": "A few versions of each picture",
    "live": "New versions in each epoch",
}
LEFT_WIDTH = 316
INDENT = 21
"""Of the words below a radio button, in pixels: where its text begins."""


class AugmentationDialog(QDialog):
    """Edits are decided at once: `change` is called with the fields of a Training."""

    def __init__(
        self, session: Session, change: Callable[..., None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Augmentation")
        self._session = session
        self._change_training = change
        self.modes: dict[AugmentationMode, QRadioButton] = {}
        self.costs: dict[AugmentationMode, QLabel] = {}
        group = QButtonGroup(self)
        for mode, text in MODES.items():
            button = QRadioButton(text)
            button.clicked.connect(lambda _=False, chosen=mode: self._change(mode=chosen))
            group.addButton(button)
            cost = label("", "muted")
            cost.setWordWrap(True)
            cost.setIndent(INDENT)
            self.modes[mode] = button
            self.costs[mode] = cost
        self.views = Whole("Versions of each picture", 1, 64)
        explain(self.views, "How many versions of each picture are made; an epoch takes one")
        self.views.valueChanged.connect(lambda count: self._change(views=count))
        self.strengths = Strengths(self._change)
        self.usual = QPushButton("Usual strengths")
        explain(self.usual, "Sets all strengths back to what suits most photographs")
        self.usual.clicked.connect(self._set_usual)
        self.preview = AugmentationPreview(session)
        self.shuffle = QPushButton("Shuffle")
        explain(self.shuffle, "Shows other pictures and random versions")
        self.shuffle.clicked.connect(self.preview.shuffle)
        self.done_button = QPushButton("Done")
        self.done_button.setObjectName("primary")
        self.done_button.setDefault(True)
        self.done_button.clicked.connect(self.accept)
        self.usual.setObjectName("link")
        self.usual.setAutoDefault(False)
        self.shuffle.setAutoDefault(False)
        self._lay_out()
        self.finished.connect(self.preview.close_versions)
        session.decided.connect(self._refresh)
        session.scan_changed.connect(self._refresh)
        session.description_changed.connect(self._refresh)
        session.devices_changed.connect(self._refresh)
        self._refresh()
        self.modes[session.decisions.training.augmentation.mode].setFocus()

    def _lay_out(self) -> None:
        modes = Card("Versions")
        for mode, button in self.modes.items():
            line = QHBoxLayout()
            line.addWidget(button, 1)
            if mode == "views":
                line.addWidget(self.views)
            told = QVBoxLayout()
            told.setSpacing(2)
            told.addLayout(line)
            told.addWidget(self.costs[mode])
            modes.body.addLayout(told)
        strengths = Card("Changes")
        strengths.header.addWidget(self.usual)
        strengths.body.addWidget(self.strengths)
        left = QVBoxLayout()
        left.setSpacing(10)
        left.addWidget(modes)
        left.addWidget(strengths)
        left.addStretch(1)
        side = _Side()
        left.setContentsMargins(0, 0, 0, 0)
        side.setLayout(left)
        preview = Card("Your pictures")
        preview.header.addWidget(self.shuffle)
        preview.body.addWidget(self.preview, 1)
        columns = QHBoxLayout()
        columns.setSpacing(10)
        columns.addWidget(side)
        columns.addWidget(preview, 1)
        end = QHBoxLayout()
        end.addWidget(label("None of this is in the saved model.", "muted"))
        end.addStretch(1)
        end.addWidget(self.done_button)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 12)
        box.setSpacing(10)
        box.addLayout(columns, 1)
        box.addLayout(end)

    def _refresh(self) -> None:
        how = self._session.decisions.training.augmentation
        self.modes[how.mode].setChecked(True)
        self.views.show_value(how.views)
        self.views.setEnabled(how.mode == "views")
        for part in (self.strengths, self.usual):
            part.setEnabled(how.mode != "off")
        self.strengths.show_strengths(how)
        for mode, cost in self.costs.items():
            cost.setText(self._cost(mode))

    def _cost(self, mode: AugmentationMode) -> str:
        """What a mode takes, in words and, where the speed is roughly known, in time."""
        session = self._session
        how = session.decisions.training.augmentation.model_copy(update={"mode": mode})
        training = session.decisions.training.model_copy(update={"augmentation": how})
        words = _words(how, self._anything_frozen(), expected_disk.of(session, training))
        time = expected_time.of(session, training)
        return words if time is None else f"{words} {_whole(f'In all {in_words(time)}.')}"

    def _anything_frozen(self) -> bool:
        description, trainable = self._session.description, self._session.trainable
        return not description or bool(expected_time.frozen_layers(description.layers, trainable))

    def _change(self, **fields: object) -> None:
        how = self._session.decisions.training.augmentation
        self._change_training(augmentation=how.model_copy(update=fields))

    def _set_usual(self) -> None:
        how = self._session.decisions.training.augmentation
        self._change_training(augmentation=Augmentation(mode=how.mode, views=how.views))


class _Side(QWidget):
    """As high as its wrapped words need at its width: a window asks for less by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(LEFT_WIDTH)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEFT_WIDTH, self.heightForWidth(LEFT_WIDTH))

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()


def _words(how: Augmentation, anything_frozen: bool, kept: int | None) -> str:
    """`kept` are bytes, where they are known."""
    if not anything_frozen:
        return {
            "off": "Every epoch sees the pictures as they are.",
            "views": f"An epoch sees one of {how.views}. Hardly any cost here, where all layers "
            "are trained.",
            "live": "The most variety. Hardly any cost here, where all layers are trained.",
        }[how.mode]
    passes = numbers.count(how.views, "pass", "passes")
    times = f" and {how.views} times the disk" if how.views > 1 else ""
    size = "" if kept is None else f", {_whole(f'about {numbers.size(kept)}')}"
    return {
        "off": "The frozen layers see each picture once; epochs are quick.",
        "views": f"{passes} through the frozen layers once{times}{size}; epochs stay quick.",
        "live": "The most variety, but a pass through the frozen layers each epoch.",
    }[how.mode]


def _whole(text: str) -> str:
    """With no-break spaces, so that all of it stands on one line."""
    return text.replace(" ", "\u00a0")

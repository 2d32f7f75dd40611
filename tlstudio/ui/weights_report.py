"""What of a weights file fits a backbone, layer by layer."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tlstudio.backbone_events import WeightsMatched
from tlstudio.ui import numbers, tooltip
from tlstudio.ui.card import Card, label

SIZE = (560, 460)


def groups(matched: WeightsMatched, file: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What fits worst first: a heading, and its layers."""
    return (
        (f"Not in {file}", matched.missing),
        (f"Of another shape in {file}", matched.different),
        (f"Only in {file}, not used", matched.unused),
        ("Found by name and shape", matched.matched),
    )


def in_words(matched: WeightsMatched, file: str) -> str:
    """How much fits, in a sentence."""
    whole = len(matched.matched) + len(matched.missing) + len(matched.different)
    layers = numbers.count(whole, "layer")
    missing, different = len(matched.missing), len(matched.different)
    if matched.refused:
        return matched.refused
    if not missing and not different:
        return f"All {layers} found in {file}." if whole > 1 else f"The layer was found in {file}."
    if not different:
        return f"{missing} of {layers} {_are(missing)} not in {file}, and {_start(missing)}."
    if not missing:
        shapes = f"{_are(different)} of another shape in {file}"
        return f"{different} of {layers} {shapes}, and {_start(different)}."
    return (
        f"{missing + different} of {layers} are not in {file} or of another shape there, and "
        "start untrained."
    )


class WeightsReport(QDialog):
    def __init__(self, matched: WeightsMatched, file: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"What {file} holds")
        self.resize(*SIZE)
        self._file = file
        self._groups = groups(matched, file)
        self._told = in_words(matched, file)
        told = label(self._told, "title")
        told.setWordWrap(True)
        self.list = QTreeWidget()
        self.list.setHeaderHidden(True)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setAccessibleName("Layers by how they fit")
        self._fill()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.setToolTip("Copies the whole report as text")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text))
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(20, 18, 20, 16)
        box.setSpacing(10)
        box.addWidget(told)
        layers = Card("")
        layers.body.addWidget(self.list)
        box.addWidget(layers, 1)
        box.addWidget(buttons)

    @property
    def text(self) -> str:
        """The report as it is copied."""
        lines = [self._told]
        for heading, layers in self._groups:
            if layers:
                lines += ["", f"{heading} ({len(layers)}):", *(f"  {layer}" for layer in layers)]
        return "\n".join(lines)

    def _fill(self) -> None:
        opened = False
        for heading, layers in self._groups:
            if not layers:
                continue
            top = QTreeWidgetItem([f"{heading}: {len(layers)}"])
            for layer in layers:
                row = QTreeWidgetItem([layer])
                row.setToolTip(0, tooltip.plain(layer))
                top.addChild(row)
            self.list.addTopLevelItem(top)
            # What fits worst, or what fits where all does.
            top.setExpanded(not opened)
            opened = True


def _start(number: int) -> str:
    return "starts untrained" if number == 1 else "start untrained"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"

"""What is not always needed: a line that opens, and that says closed what is in it."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QScrollArea, QVBoxLayout, QWidget

from tlstudio.ui.elided import ElidedLabel


class Disclosure(QWidget):
    """Shows `content` below `toggle` when that is checked, and `summary` when not."""

    def __init__(self, text: str, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = content
        self.toggle = QCheckBox(text)
        self.toggle.setObjectName("disclosure")
        self.summary = ElidedLabel("muted")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.toggle)
        box.addWidget(self.summary)
        box.addWidget(content)
        content.hide()
        self.summary.hide()
        self.toggle.toggled.connect(self._toggled)

    def summarise(self, text: str) -> None:
        self.summary.setText(text)
        self._show_summary()
        self.toggle.setAccessibleDescription(text)

    def _toggled(self, opened: bool) -> None:
        self._content.setVisible(opened)
        self._show_summary()
        if opened:
            # When the layout has made room.
            QTimer.singleShot(0, self._bring_into_sight)

    def _show_summary(self) -> None:
        self.summary.setVisible(bool(self.summary.text()) and not self.toggle.isChecked())

    def _bring_into_sight(self) -> None:
        around = self.parentWidget()
        while around and not isinstance(around, QScrollArea):
            around = around.parentWidget()
        if isinstance(around, QScrollArea):
            around.ensureWidgetVisible(self._content, 0, 0)
            # Where there is no room for all of it, its beginning.
            around.ensureWidgetVisible(self.toggle, 0, 0)

"""The line under the header that says what went wrong and how to mend it."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from tlstudio.ui.card import label


class Notice(QFrame):
    """Hidden until `tell`, which stays until closed or replaced, or `say`, which goes by itself.
    Never takes the focus.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._text = label()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        close = QToolButton()
        close.setObjectName("plain")
        close.setText("✕")
        close.setAccessibleName("Close the message")
        close.setToolTip("Close the message")
        close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 6, 6)
        row.addWidget(self._text, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.news_ms = 8_000
        """How long good news stays."""
        self._goes = QTimer(self, singleShot=True)
        self._goes.timeout.connect(self.hide)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def tell(self, message: str, hint: str = "") -> None:
        """Something went wrong."""
        self._goes.stop()
        self._show("notice", message, hint)

    def say(self, message: str) -> None:
        """Something went well."""
        self._goes.start(self.news_ms)
        self._show("news", message, "")

    def _show(self, role: str, message: str, hint: str) -> None:
        self.setObjectName(role)
        self.style().polish(self)
        self._text.setText(f"{message} {hint}".strip())
        self.setAccessibleName(self._text.text())
        self.show()

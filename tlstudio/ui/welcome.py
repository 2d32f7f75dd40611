"""The empty state: what to do in a window that has no pictures yet."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from tlstudio.paths import resource
from tlstudio.ui.card import label

ICON_SIDE = 72


class WelcomePanel(QWidget):
    """Asks for pictures. Dropping is the window's affair, since it may happen anywhere."""

    openRequested = Signal()
    sampleRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Welcome")
        self._icon = label()
        icon_file = resource("icons", "tlstudio.svg")
        self._icon.setVisible(icon_file.is_file())
        if icon_file.is_file():
            self._icon.setPixmap(QIcon(str(icon_file)).pixmap(ICON_SIDE, ICON_SIDE))
        headline = label("Drop a folder of pictures", "headline")
        detail = label("One subfolder a class. Or try the sample: 370 emoji in 5 classes.", "muted")
        detail.setWordWrap(True)
        detail.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open_button = QPushButton("Open folder…")
        self.open_button.setObjectName("primary")
        self.open_button.clicked.connect(self.openRequested)
        self.sample_button = QPushButton("Try the sample")
        self.sample_button.clicked.connect(self.sampleRequested)

        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.sample_button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addStretch(2)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(8)
        layout.addWidget(headline, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(detail)
        layout.addSpacing(10)
        layout.addLayout(buttons)
        layout.addStretch(3)

"""The code twin: the project as a plain Keras script, which follows the decisions."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import Scan
from tlstudio.model.keras_pictures import FoundPictures, found_pictures
from tlstudio.model.keras_script import keras_script
from tlstudio.model.python_source import LINE_LENGTH
from tlstudio.paths import write_whole
from tlstudio.project.spec import Pictures, Project
from tlstudio.ui import file_dialogs, numbers
from tlstudio.ui.card import Card, label
from tlstudio.ui.script_view import ScriptView
from tlstudio.ui.session import Session
from tlstudio.ui.theme import CARD_PADDING, SPACING
from tlstudio.ui.tooltip import explain

PLACEHOLDER = Pictures(source=Path("path/to/pictures"))
FOLLOWS = "Follows your decisions."
NO_PICTURES = "No pictures are chosen yet, so their folder is made up."
READING = "The script follows when the layers of the network are known."
HEIGHT = 720


def show_script(session: Session, parent: QWidget) -> None:
    """Open the window, or bring it to the front."""
    window = parent.findChild(ScriptWindow) or ScriptWindow(session, parent)
    window.show()
    window.raise_()
    window.activateWindow()


class ScriptWindow(QDialog):
    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keras script")
        self._session = session
        self._scan: Scan | None = None
        self._found = FoundPictures()
        self.view = ScriptView("Keras script")
        self.copy_button = QPushButton("Copy")
        explain(self.copy_button, "Copies the whole script")
        self.copy_button.clicked.connect(self._copy)
        self.save_button = QPushButton("Save…")
        explain(self.save_button, "Saves the script as a file that Python runs")
        self.save_button.clicked.connect(self._ask_where_to_save)
        self.status = label("", "muted")
        self.status.setWordWrap(True)
        self._card = Card("Your project in plain Keras")
        self._lay_out()
        # Several decisions at once are one change.
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._refresh)
        for signal in (session.decided, session.scan_changed, session.description_changed):
            signal.connect(self._refresh_soon)
        self._refresh()

    def _lay_out(self) -> None:
        self._card.body.addWidget(self.view, 1)
        end = QHBoxLayout()
        end.setSpacing(SPACING)
        end.addWidget(self.status, 1)
        for button in (self.copy_button, self.save_button):
            button.setAutoDefault(False)
            end.addWidget(button)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 12)
        box.setSpacing(SPACING)
        box.addWidget(self._card, 1)
        box.addLayout(end)
        width = self.view.width_of(LINE_LENGTH + 2) + 2 * (12 + CARD_PADDING)
        room = self.screen().availableSize()
        self.resize(min(width, room.width()), min(HEIGHT, room.height()))

    def _refresh_soon(self) -> None:
        self._later.start()

    def _refresh(self) -> None:
        session = self._session
        if session.scan is not self._scan:
            self._scan = session.scan
            self._found = found_pictures(session.scan) if session.scan else FoundPictures()
        text, problem = self._script()
        for button in (self.copy_button, self.save_button):
            button.setEnabled(not problem)
        if text:
            self.view.show_script(text)
            self._card.note.setText(numbers.count(text.count("\n"), "line"))
        if problem:
            self._say_why(problem)
        else:
            self._say(FOLLOWS if session.decisions.pictures else NO_PICTURES)

    def _say_why(self, problem: str) -> None:
        """Where there is no script there is room for it."""
        empty = not self.view.toPlainText()
        self.view.setPlaceholderText(problem if empty else "")
        self._say("" if empty else problem)

    def _say(self, words: str, role: str = "muted") -> None:
        self.status.setObjectName(role)
        self.status.style().polish(self.status)
        self.status.setText(words)

    def _script(self) -> tuple[str, str]:
        """The script, or why there is none."""
        session = self._session
        if session.describe_failed:
            return "", f"{session.describe_failed.message} {session.describe_failed.hint}"
        if session.description is None:
            return "", READING
        decided = session.decisions
        project = Project(
            pictures=decided.pictures or PLACEHOLDER,
            backbone=decided.backbone,
            freeze=decided.freeze,
            head=decided.head,
            training=decided.training,
        )
        try:
            return keras_script(project, session.description.layers, self._found), ""
        except TlstudioError as error:
            return "", f"{error.message} {error.hint}"

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.view.toPlainText())
        self._say("The script was copied.")

    def _ask_where_to_save(self) -> None:
        pictures = self._session.decisions.pictures
        name = pictures.source.stem if pictures else "transfer_learning"
        project = self._session.project_path
        folder = project.parent if project else Path.home()
        proposed = str(folder / f"{name}.py")
        file_dialogs.ask_where_to_save(
            self, "Save the script", proposed, "Python (*.py)", self.save
        )

    def save(self, path: Path) -> None:
        try:
            write_whole(path, self.view.toPlainText())
        except JobError as error:
            self._say(f"{error.message} {error.hint}", "error")
        else:
            self._say(f"The script was saved as {path}.")

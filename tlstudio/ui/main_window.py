"""The window: what you have at the left, what you decide at the right, what happens between."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSettings, QSize, Qt, QUrl
from PySide6.QtGui import QAction, QCloseEvent, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QMainWindow,
    QMessageBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from tlstudio import __version__
from tlstudio.errors import TlstudioError
from tlstudio.paths import log_file, resource
from tlstudio.project import store
from tlstudio.project.unfinished import is_unfinished, read_unfinished
from tlstudio.ui import drop, fields, file_dialogs, menus, questions, settings, theme
from tlstudio.ui.backbone_panel import BackbonePanel
from tlstudio.ui.centre import Centre
from tlstudio.ui.closing import Closing
from tlstudio.ui.head_panel import HeadPanel
from tlstudio.ui.header import MARGIN, Header
from tlstudio.ui.notice import Notice
from tlstudio.ui.pictures_panel import PicturesPanel
from tlstudio.ui.preferences import PreferencesDialog
from tlstudio.ui.resuming import Resuming
from tlstudio.ui.save_model import ModelCopy
from tlstudio.ui.script_window import show_script
from tlstudio.ui.session import Session
from tlstudio.ui.strategy_panel import StrategyPanel
from tlstudio.ui.theme import SPACING
from tlstudio.ui.trainer import State
from tlstudio.ui.training_panel import TrainingPanel
from tlstudio.ui.vertical_scroll import VerticalScroll

DEFAULT_SIZE = (1440, 900)
TITLE_BAR = 30
"""Room for what the desktop puts around the window, in pixels."""
LEFT_WIDTH, RIGHT_WIDTH = 336, 268
PROJECT_FILES = f"Project (*{store.SUFFIX})"


class MainWindow(QMainWindow):
    def __init__(self, session: Session, stored: QSettings) -> None:
        super().__init__()
        self.setWindowTitle("tlstudio")
        self.setMinimumHeight(560)
        self._session = session
        self._stored = stored
        self._closing = Closing(self, session, self.save)
        self._copy: ModelCopy | None = None
        session.train_in_window = settings.flag(stored, "training/in_window", False)
        if chosen := settings.text(stored, "runs/folder"):
            session.runs_folder = Path(chosen)

        # First, since a style sheet is applied anew to all widgets that are there.
        theme_name = settings.text(stored, "window/theme", "System")
        if theme_name not in menus.THEMES:
            theme_name = "System"
        theme.current().choose(menus.THEMES[theme_name])

        self.pictures = PicturesPanel(session)
        self.backbone = BackbonePanel(session)
        self.backbone.times.keep_in(stored)
        self.centre = Centre(session)
        self.head = HeadPanel(session)
        self.strategy = StrategyPanel(session)
        self.training = TrainingPanel(session)
        self.panels: dict[str, QWidget] = {
            "Pictures": self.pictures,
            "Backbone": self.backbone,
            "Progress": self.centre.progress,
            "Curves": self.centre.plots,
            "Validation": self.centre.results,
            "Predictions": self.centre.predict,
            "Head": self.head,
            "Strategy": self.strategy,
            "Training": self.training,
        }
        hidden = settings.text(stored, "window/hidden").split("/")
        for name in self.panels:
            self.panels[name].setVisible(name not in hidden)
        self.menus = menus.build(self, theme_name, self)
        self.header = Header(session, self.menus)
        self.notice = Notice()
        self.resuming = Resuming(self, session, self.notice, self.when_replaceable)
        self.columns = self._columns()
        self._lay_out()
        self._drop = drop.DropZone(self)
        self._connect()
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFocus()
        room = self.screen().availableSize() - QSize(0, TITLE_BAR)
        self.resize(QSize(*DEFAULT_SIZE).boundedTo(room))
        self.restoreGeometry(settings.layout(stored, "window/geometry"))
        self.columns.restoreState(settings.layout(stored, "window/columns"))
        self.centre.split.restoreState(settings.layout(stored, "window/centre"))

    # Building

    def _columns(self) -> QSplitter:
        left = QWidget()
        left_box = QVBoxLayout(left)
        left_box.setContentsMargins(0, 0, 0, 0)
        left_box.setSpacing(SPACING)
        left_box.addWidget(self.pictures)
        left_box.addWidget(self.backbone, 1)

        right = QWidget()
        right.setObjectName("scrolled")
        right_box = QVBoxLayout(right)
        right_box.setContentsMargins(0, 0, 0, 0)
        right_box.setSpacing(SPACING)
        for card in (self.head, self.strategy, self.training):
            right_box.addWidget(card)
        right_box.addStretch(1)
        scroll = VerticalScroll(right)

        columns = QSplitter(Qt.Orientation.Horizontal)
        columns.setHandleWidth(SPACING)
        columns.setChildrenCollapsible(False)
        for column, stretch in ((left, 0), (self.centre, 1), (scroll, 0)):
            columns.addWidget(column)
            columns.setStretchFactor(columns.count() - 1, stretch)
        self._set_widths(columns)
        return columns

    def _set_widths(self, columns: QSplitter) -> None:
        rest = DEFAULT_SIZE[0] - 2 * MARGIN - 2 * SPACING - LEFT_WIDTH - RIGHT_WIDTH
        columns.setSizes([LEFT_WIDTH, rest, RIGHT_WIDTH])

    def _lay_out(self) -> None:
        body = QWidget()
        box = QVBoxLayout(body)
        box.setContentsMargins(MARGIN, 10, MARGIN, 14)
        box.setSpacing(SPACING)
        box.addWidget(self.notice)
        box.addWidget(self.resuming.offer)
        box.addWidget(self.columns, 1)
        whole = QWidget()
        outer = QVBoxLayout(whole)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.header)
        outer.addWidget(body, 1)
        self.setCentralWidget(whole)

    def _connect(self) -> None:
        session = self._session
        session.told.connect(self.notice.tell)
        session.project_changed.connect(self._show_title)
        self.header.run_chosen.connect(self.open_run)
        self.header.unfinished_chosen.connect(self.resuming.propose)
        self.header.other_run_asked.connect(self.ask_for_run)
        self.header.save_model_asked.connect(self.ask_where_to_save_model)
        self.centre.progress.resumeRunRequested.connect(self.resuming.resume_last)
        self.strategy.advisor.probes_changed.connect(self.backbone.model.set_probes)
        self.centre.progress.weightsFileAsked.connect(self.backbone.ask_for_weights)
        self.pictures.open_asked.connect(self.ask_for_folder)
        self.centre.welcome.openRequested.connect(self.ask_for_folder)
        self.centre.welcome.sampleRequested.connect(self.open_sample)
        self._drop.dropped.connect(self.open_paths)

    def _show_title(self) -> None:
        path = self._session.project_path
        self.setWindowTitle(f"{path.stem}[*] – tlstudio" if path else "tlstudio[*]")
        self.setWindowModified(self._session.unsaved and path is not None)

    # Opening

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open or predict what was dropped or named on the command line."""
        if not paths:
            return
        what = drop.meaning(paths)
        if what == "predict":
            self.centre.ask(paths)
        elif what == "pictures":
            self.open_pictures(paths[0])
        elif what == "project":
            self.open_project(paths[0])
        else:
            self.open_run(paths[0])

    def open_pictures(self, source: Path) -> None:
        def replace() -> None:
            self._session.open_pictures(source)
            if not source.is_relative_to(resource()):
                self._stored.setValue("files/last_folder", str(source.parent))

        self.when_replaceable(replace)

    def open_project(self, path: Path) -> None:
        self.when_replaceable(lambda: self._try(lambda: self._session.open_project(path)))

    def open_run(self, folder: Path) -> None:
        self.when_replaceable(lambda: self._try(lambda: self._open_run(folder)))

    def _open_run(self, folder: Path) -> None:
        self._session.open_run(folder)
        if is_unfinished(folder):
            # It says what the notice says, and does something about it.
            self.notice.hide()
            self.resuming.propose(read_unfinished(folder))
        elif self._session.evaluation:
            accuracy = self._session.evaluation.accuracy
            right = f"{accuracy * 100:.1f} %"
            self.notice.say(f"The run {folder.name} is open: {right} of its validation.")

    def open_sample(self) -> None:
        self.open_pictures(resource("samples", "emoji"))

    def when_replaceable(self, replace: Callable[[], None]) -> None:
        """Replace what is open, unless a training runs or the person wants to keep changes."""
        if self._session.state != State.IDLE:
            self.notice.tell("A training is running.", "Stop it first, or wait for its end.")
            return
        self.notice.hide()
        if not self._session.unsaved:
            replace()
            return

        questions.ask_to_save(self, lambda: self.save(replace), replace)

    def ask_for_folder(self) -> None:
        start = self._last_folder()
        file_dialogs.ask_for_folder(self, "Open a folder of pictures", start, self.open_pictures)

    def ask_for_project(self) -> None:
        start = self._last_folder()
        file_dialogs.ask_for_file(self, "Open a project", start, PROJECT_FILES, self.open_project)

    def ask_for_run(self) -> None:
        start = str(self._session.runs_folder)
        file_dialogs.ask_for_folder(self, "Open a run", start, self.open_run)

    def _last_folder(self) -> str:
        return settings.text(self._stored, "files/last_folder") or str(Path.home())

    # Saving

    def save(self, then: Callable[[], object] | None = None) -> None:
        """Save the project; `then` is called when that has been done."""
        path = self._session.project_path
        if path:
            self._save_to(path, then)
        else:
            self.save_as(then)

    def save_as(self, then: Callable[[], object] | None = None) -> None:
        pictures = self._session.decisions.pictures
        if pictures is None:
            self.notice.tell("There is nothing to save yet.", "Open a folder of pictures first.")
            return
        folder = Path(self._last_folder())
        path = self._session.project_path or folder / f"{pictures.source.stem}{store.SUFFIX}"
        file_dialogs.ask_where_to_save(
            self,
            "Save the project",
            str(path),
            PROJECT_FILES,
            lambda path: self._save_to(path, then),
        )

    def _save_to(self, path: Path, then: Callable[[], object] | None) -> None:
        self._try(lambda: self._session.save_project(path))
        if self._session.unsaved:
            return
        self.notice.say(f"The project was saved as {path}.")
        if then:
            then()

    def ask_where_to_save_model(self) -> None:
        pictures = self._session.decisions.pictures
        if self._session.model is None:
            self.notice.tell("There is no trained model to save yet.", "Press Train first.")
        else:
            name = pictures.source.stem if pictures else "model"
            proposed = str(Path(self._last_folder()) / f"{name}.keras")
            kind = "Keras model (*.keras)"
            file_dialogs.ask_where_to_save(self, "Save the model", proposed, kind, self.save_model)

    def save_model(self, target: Path) -> None:
        """Copy the model of the run that predicts to `target`."""
        model = self._session.model
        if model and self._copy is None:
            self._copy = ModelCopy(model / "model.keras", target, self)
            self._copy.finished.connect(self._model_saved)
            self._copy.start()

    def _model_saved(self) -> None:
        copy, self._copy = self._copy, None
        if copy is None:
            return
        if copy.problem:
            self.notice.tell(copy.problem.message, copy.problem.hint)
        else:
            self.notice.say(f"The model was saved as {copy.target}.")
        copy.deleteLater()

    def _try(self, action: Callable[[], None]) -> None:
        """Say what a person can mend, in place."""
        try:
            action()
        except TlstudioError as error:
            self.notice.tell(error.message, error.hint)

    # Other commands

    def train(self) -> None:
        missing = self._session.missing()
        if missing:
            self.notice.tell(missing)
        else:
            self._session.train()

    def paste(self) -> None:
        if self._session.model is None:
            self.notice.tell("There is no trained model to ask yet.", "Press Train first.")
        else:
            self.centre.predict.paste()

    def choose_theme(self, name: str) -> None:
        self._stored.setValue("window/theme", name)
        theme.current().choose(menus.THEMES[name])

    def show_panel(self, name: str, shown: bool) -> None:
        self.panels[name].setVisible(shown)
        hidden = [key for key, panel in self.panels.items() if panel.isHidden()]
        self._stored.setValue("window/hidden", "/".join(hidden))

    def reset_layout(self) -> None:
        self._set_widths(self.columns)
        for entry in self.menus.findChildren(QAction):
            if entry.text() in self.panels:
                entry.setChecked(True)

    def show_preferences(self) -> None:
        session = self._session
        training = session.state != State.IDLE
        dialog = PreferencesDialog(session.train_in_window, session.runs_folder, training, self)
        dialog.kept.cleared.connect(session.forget_kept)
        dialog.accepted.connect(lambda: self._take_preferences(dialog))
        dialog.open()

    def _take_preferences(self, dialog: PreferencesDialog) -> None:
        self._session.train_in_window = dialog.train_in_window
        if dialog.runs_folder != self._session.runs_folder:
            self._session.runs_folder = dialog.runs_folder
            self._session.unfinished.look(dialog.runs_folder)
        self._stored.setValue("training/in_window", str(dialog.train_in_window).lower())
        self._stored.setValue("runs/folder", str(dialog.runs_folder))

    def show_script(self) -> None:
        show_script(self._session, self)

    def show_about(self) -> None:
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("About tlstudio")
        box.setText(f"<b>tlstudio {__version__}</b>")
        box.setInformativeText("A desktop studio for transfer learning on pictures.\nApache-2.0")
        box.setIconPixmap(QGuiApplication.windowIcon().pixmap(64, 64))
        box.open()

    def open_log_folder(self) -> None:
        folder = log_file().parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.notice.say(f"The log folder is {folder}.")

    # Closing

    def closeEvent(self, event: QCloseEvent) -> None:
        fields.commit_edit()
        if not self._closing.allowed():
            event.ignore()
            return
        self._stored.setValue("window/geometry", self.saveGeometry())
        self._stored.setValue("window/columns", self.columns.saveState())
        self._stored.setValue("window/centre", self.centre.split.saveState())
        self._stored.sync()
        if self._copy:
            self._copy.wait()
        self._session.close()
        event.accept()

    def close_without_asking(self) -> None:
        """End cleanly: a training stops first, and keeps its best epoch."""
        self._closing.without_asking()

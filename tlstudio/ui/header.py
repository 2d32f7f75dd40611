"""The row at the top: menus and project; runs, saving a model, the device and Train."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QMenuBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from tlstudio.ui import run_folders, tooltip
from tlstudio.ui.card import label
from tlstudio.ui.fields import Choice, commit_edit
from tlstudio.ui.resume_offer import epochs_of
from tlstudio.ui.session import Session

MARGIN = 12


class Header(QWidget):
    run_chosen = Signal(Path)
    other_run_asked = Signal()
    unfinished_chosen = Signal(object)
    """An `Unfinished`."""
    save_model_asked = Signal()

    def __init__(self, session: Session, menus: QMenuBar, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.project = label()
        self.project.setAccessibleName("Project")
        self.unsaved = label("●", "amber")
        self.unsaved.setAccessibleName("Unsaved changes")
        self.unsaved.setToolTip("There are unsaved changes. Ctrl+S saves the project.")
        self.runs = QToolButton()
        self.runs.setObjectName("button")
        self.runs.setText("Runs")
        self.runs.setToolTip("Open an earlier training: its settings, results and model")
        self.runs.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._run_menu = QMenu(self.runs)
        self._run_menu.aboutToShow.connect(self._fill_runs)
        self.runs.setMenu(self._run_menu)
        self.save_model = QPushButton("Save model…")
        self.save_model.clicked.connect(self.save_model_asked)
        self.device = Choice("Device")
        self.device.setFixedWidth(190)
        self.device.activated.connect(self._device_chosen)
        self.train = QPushButton("Train")
        self.train.setObjectName("primary")
        self.train.setMinimumWidth(86)
        # Where buttons take no focus, a click leaves no field.
        self.train.clicked.connect(commit_edit)
        self.train.clicked.connect(session.train)

        row = QHBoxLayout(self)
        row.setContentsMargins(MARGIN, 8, MARGIN, 0)
        row.setSpacing(8)
        row.addWidget(label("tlstudio", "brand"))
        row.addSpacing(2)
        menus.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        row.addWidget(menus)
        row.addSpacing(10)
        row.addWidget(self.project)
        row.addWidget(self.unsaved)
        row.addStretch(1)
        for control in (self.runs, self.save_model, self.device, self.train):
            row.addWidget(control)

        for signal in (
            session.scan_changed,
            session.description_changed,
            session.state_changed,
            session.decided,
            session.weights.changed,
        ):
            signal.connect(self._refresh_train)
        session.project_changed.connect(self._refresh_project)
        session.model_changed.connect(self._refresh_model)
        session.devices_changed.connect(self._fill_devices)
        session.decided.connect(self._decided)
        self._refresh_train()
        self._refresh_project()
        self._refresh_model()
        self._fill_devices()

    def _decided(self, part: str) -> None:
        if part == "training":
            self.device.choose(self._session.decisions.training.device)
        if part == "pictures":
            self._refresh_project()

    def _refresh_train(self) -> None:
        missing = self._session.missing()
        self.train.setEnabled(not missing)
        self.train.setToolTip(tooltip.plain(missing) or "Train with these decisions (Ctrl+R)")
        self.train.setAccessibleDescription(missing)

    def _refresh_project(self) -> None:
        session = self._session
        pictures = session.decisions.pictures
        if session.project_path:
            name, tip = session.project_path.stem, str(session.project_path)
        elif pictures:
            name, tip = pictures.source.stem, f"Not saved as a project yet. {pictures.source}"
        else:
            name, tip = "", ""
        if len(name) > 40:
            name = f"{name[:38]}…"
        self.project.setText(name)
        self.project.setToolTip(tooltip.plain(tip))
        self.unsaved.setVisible(session.unsaved and pictures is not None)

    def _refresh_model(self) -> None:
        model = self._session.model
        self.save_model.setEnabled(model is not None)
        self.save_model.setToolTip(
            tooltip.plain(f"Save the model of {model.name} as a .keras file")
            if model
            else "Train a model first, or open a run"
        )

    def _fill_devices(self) -> None:
        found = self._session.devices
        self.device.clear()
        self.device.addItem("Automatic" if found else "Looking for devices…", "auto")
        self.device.setToolTip("Where training runs")
        if found:
            for device in found.devices:
                self.device.addItem(" ".join(device.label.split()), device.name)
            best = found.devices[0].label if found.devices else "CPU"
            self.device.setItemText(0, f"Automatic: {best.split()[0]}")
            self.device.setToolTip(f"Where training runs. {found.note}".strip())
            self.device.view().setMinimumWidth(self.device.view().sizeHintForColumn(0) + 24)
        self.device.choose(self._session.decisions.training.device)

    def _device_chosen(self) -> None:
        training = self._session.decisions.training
        chosen = training.model_copy(update={"device": self.device.currentData()})
        self._session.decide(training=chosen)

    def _fill_runs(self) -> None:
        menu = self._run_menu
        menu.clear()
        for run in run_folders.recent(self._session.runs_folder):
            menu.addAction(_literal(run.summary), _emitter(self.run_chosen, run.folder))
        if menu.isEmpty():
            menu.addAction("No runs yet").setEnabled(False)
        menu.addSeparator()
        if unfinished := self._session.unfinished.runs:
            below = menu.addMenu(f"Unfinished runs ({len(unfinished)})")
            for cut_off in unfinished:
                text = f"{cut_off.folder.name}   {epochs_of(cut_off)}"
                below.addAction(_literal(text), _emitter(self.unfinished_chosen, cut_off))
        menu.addAction("Other folder…", self.other_run_asked.emit)


def _literal(text: str) -> str:
    """An ampersand would underline the next letter."""
    return text.replace("&", "&&")


def _emitter(signal: SignalInstance, value: object) -> Callable[[], None]:
    return lambda: signal.emit(value)

"""The layer window: what is in the layer that is selected in the tree."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QButtonGroup, QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from tlstudio.data.decode import PICTURE_SUFFIXES
from tlstudio.events import Event, Failed, LayerRow, Progress, Warned
from tlstudio.host.jobs import InspectRequest, SaveWeightsRequest, WeightValuesRequest
from tlstudio.layer_events import LayerSeen, WeightsSaved, WeightValues
from tlstudio.ui import file_dialogs, layer_numpy, numbers
from tlstudio.ui.card import Card, label
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.layer_config import config_rows
from tlstudio.ui.layer_facts import fact_rows
from tlstudio.ui.layer_parts import LayerTable, LayerWeights
from tlstudio.ui.layer_pictures import LayerPictures
from tlstudio.ui.layer_save import LayerSave
from tlstudio.ui.layer_tree import LayerTree
from tlstudio.ui.segment import segment
from tlstudio.ui.session import Session
from tlstudio.ui.theme import SPACING
from tlstudio.ui.tooltip import explain
from tlstudio.ui.trained_run import trained_run
from tlstudio.ui.vertical_scroll import VerticalScroll

ASK_AFTER_MS = 80
"""Several layers in a row, by an arrow key that is held, are one question."""
WIDTH, HEIGHT = 580, 740
CHOOSE = "Choose a layer in the tree."
FILTER_SIDE, ACTIVATION_SIDE = 44, 76


def look_inside(session: Session, tree: LayerTree, layer: str) -> None:
    """Open the window with a layer, or bring it to the front with this one."""
    parent = tree.window()
    window = parent.findChild(LayerWindow) or LayerWindow(session, tree, parent)
    window.show_layer(layer)
    window.show()
    window.raise_()
    window.activateWindow()


class LayerWindow(QDialog):
    """Follows the tree's selection while it is open."""

    def __init__(self, session: Session, tree: LayerTree, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Inside a layer")
        self.setAcceptDrops(True)
        self._session, self._tree = session, tree
        self._name = ""
        self._run: Path | None = None
        self._chosen: Path | None = None
        """A picture that the person chose."""
        self._asked: InspectRequest | None = None
        """The last question."""
        self._seen: LayerSeen | None = None
        self._seen_by: InspectRequest | None = None
        """The question that it answers: what is copied and saved."""
        self._warnings: list[str] = []
        """What was warned of while the layer was read: of its weights, or of the picture."""
        self._ticket = 0
        self.heading = ElidedLabel("headline")
        self.pretrained = segment("Pretrained", "The weights that a training begins with")
        self.trained = segment("Trained", "The weights that the last training, or run, ended with")
        self._switch = QButtonGroup(self)
        for button in (self.pretrained, self.trained):
            self._switch.addButton(button)
            button.clicked.connect(self._ask_soon)
        self.pretrained.setChecked(True)
        self.facts, self.config, self.weights = LayerTable(), LayerTable(), LayerWeights()
        self.filters = LayerPictures("Filters", "Filter", FILTER_SIDE)
        self.activations = LayerPictures("Activations", "Channel", ACTIVATION_SIDE)
        self.copy_button = self._button("Copy as NumPy", self._copy)
        self.save_button = self._button("Save as .npy…", self._ask_where_to_save)
        explain(self.save_button, "Saves the weights as NumPy reads them: .npz where several")
        self.picture_button = self._button("Choose picture…", self._ask_for_picture)
        explain(self.picture_button, "Shows what the layer makes of a picture; or drop one here")
        self.picture_name = ElidedLabel("muted")
        self.status = label(CHOOSE, "muted")
        self.status.setWordWrap(True)
        self._lay_out()
        self._soon = QTimer(self, singleShot=True, interval=ASK_AFTER_MS)
        self._soon.timeout.connect(self._ask)
        tree.selectionModel().currentChanged.connect(self._selected)
        session.decided.connect(self._decided)
        session.description_changed.connect(self._layers_changed)
        session.scan_changed.connect(self._scanned)
        session.model_changed.connect(self._layers_changed)
        self.finished.connect(self._closed)
        self._update_run()
        self._show_nothing(CHOOSE)

    def _button(self, text: str, pressed: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName("link")
        button.setAutoDefault(False)
        button.clicked.connect(pressed)
        return button

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(self.heading, 1)
        head.addSpacing(SPACING)
        head.addWidget(self.pretrained)
        head.addWidget(self.trained)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(SPACING)
        self._cards: dict[str, Card] = {}
        for title, content in {
            "What it is": self.facts,
            "Weights": self.weights,
            "Filters": self.filters,
            "Activations": self.activations,
            "Configuration": self.config,
        }.items():
            self._cards[title] = card = Card(title)
            if title == "Activations":
                card.body.addWidget(self.picture_name)
            card.body.addWidget(content)
            column.addWidget(card)
        for button in (self.copy_button, self.save_button):
            self._cards["Weights"].header.addWidget(button)
        self._cards["Activations"].header.addWidget(self.picture_button)
        column.addStretch(1)
        content = QWidget()
        content.setLayout(column)
        self._content = VerticalScroll(content)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 12)
        box.setSpacing(SPACING)
        box.addLayout(head)
        box.addWidget(self._content, 1)
        box.addWidget(self.status)
        room = self.screen().availableSize()
        self.resize(min(WIDTH, room.width()), min(HEIGHT, room.height()))

    # Following

    def show_layer(self, name: str) -> None:
        """Show another layer, or the same anew."""
        self._name = name
        self.heading.setText(name)
        self._ask_soon()

    def show_picture(self, path: Path) -> None:
        """Show what the layer makes of a picture."""
        self._chosen = path
        self._ask_soon()

    def _selected(self) -> None:
        name = self._tree.current_layer()
        if name and name != self._name:
            self.show_layer(name)

    def _decided(self, part: str) -> None:
        if part == "backbone":
            self._layers_changed()
        elif part == "freeze" and self._seen:
            self._show_facts(self._seen)

    def _layers_changed(self) -> None:
        self._update_run()
        if self._row() is None:
            self._show_nothing("" if self._session.description is None else CHOOSE)
        else:
            self._ask_soon()

    def _scanned(self) -> None:
        # A scan tells of each step.
        if self._picture() != self._asked_about and self._row():
            self._ask_soon()

    def _update_run(self) -> None:
        """Only where a run trained this backbone is there something to switch to."""
        self._run = trained_run(self._session)
        if self._run is None:
            self.pretrained.setChecked(True)
        for button in (self.pretrained, self.trained):
            button.setVisible(self._run is not None)

    def _row(self) -> LayerRow | None:
        described = self._session.description
        rows = described.layers if described else ()
        return next((row for row in rows if row.name == self._name), None)

    def _picture(self) -> Path | None:
        scan = self._session.scan
        first = Path(scan.pictures[0].path) if scan and scan.pictures else None
        return self._chosen or first

    # Asking

    def _ask_soon(self) -> None:
        # What can be copied or saved until then is still that of another layer.
        for button in (self.copy_button, self.save_button):
            button.setEnabled(False)
        self._soon.start()

    def _ask(self) -> None:
        self._session.withdraw(self._ticket)
        if self._row() is None:
            return
        self._warnings = []
        self._say("Reading the layer…")
        backbone, run = self._session.decisions.backbone, self._run_asked()
        seed = self._session.decisions.training.seed
        self._asked = InspectRequest(backbone, self._name, run, self._picture(), seed)
        self._ticket = self._session.ask(self._asked, self._told)

    @property
    def _asked_about(self) -> Path | None:
        """The picture of the last question."""
        return self._asked.picture if self._asked else None

    def _run_asked(self) -> Path | None:
        return self._run if self.trained.isChecked() else None

    def _closed(self) -> None:
        """What is being saved or copied goes on."""
        self._soon.stop()
        self._session.withdraw(self._ticket)

    def _told(self, event: Event) -> None:
        match event:
            case LayerSeen():
                self._say("\n".join(self._warnings), "error")
                self._seen_by = self._asked
                self._show(event)
            case Progress(stage="build", detail=name):
                self._say(f"Loading {name}…")
            case Warned():
                self._warnings.append(f"{event.message} {event.hint}")
            case Failed():
                self._say(f"{event.message} {event.hint}", "error")
                if self._seen is not None and self._is_of_the_last_question():
                    self._show_copying(self._seen)
                else:
                    self._seen = None
                    self._content.hide()

    def _is_of_the_last_question(self) -> bool:
        """Whether the layer that is shown is the one asked about, though with another picture."""
        shown, asked = self._seen_by, self._asked
        if shown is None or asked is None:
            return False
        return replace(shown, picture=asked.picture) == asked

    # Showing

    def _show_nothing(self, why: str) -> None:
        self._soon.stop()
        self._session.withdraw(self._ticket)
        self._seen = None
        self.heading.setText("")
        self._content.hide()
        self._say(why or "Reading the layers of the network…")

    def _show(self, layer: LayerSeen) -> None:
        self._seen = layer
        self.heading.setText(layer.name)
        self._show_facts(layer)
        self.config.show_rows(config_rows(layer.config))
        self.weights.show_weights(layer.weights)
        self._cards["Weights"].setVisible(bool(layer.weights))
        self._show_copying(layer)
        self._cards["Filters"].setVisible(layer.filters is not None)
        if layer.filters is not None:
            self.filters.show_pictures(layer.filters)
            self._cards["Filters"].note.setText(f"{len(layer.filters)}, in RGB")
        self._show_activations(layer)
        self._content.show()

    def _show_facts(self, layer: LayerSeen) -> None:
        moved = self._tree.layers.moved.get(layer.name) if self._run else None
        is_trained = layer.name in self._session.trainable
        self.facts.show_rows(fact_rows(layer, is_trained, moved))

    def _show_copying(self, layer: LayerSeen) -> None:
        values = layer_numpy.value_count(layer)
        small = values <= layer_numpy.MOST_PASTED
        self.copy_button.setEnabled(small)
        self.save_button.setEnabled(True)
        explain(
            self.copy_button,
            "Copies Python that makes the same arrays"
            if small
            else f"{values:,} values are too many to paste; save them instead",
        )
        self.save_button.setText(f"Save as {layer_numpy.suffix(len(layer.weights))}…")

    def _show_activations(self, layer: LayerSeen) -> None:
        shape = layer.output_shapes[0] if layer.output_shapes else ()
        card = self._cards["Activations"]
        card.setVisible(len(shape) == 3)
        self.activations.setVisible(layer.activations is not None)
        if layer.activations is None:
            card.note.setText("")
            asked = self._asked_about
            other = f"{asked.name} cannot be shown. Choose another" if asked else "Choose a picture"
            self.picture_name.setText(f"{other}, or drop one here.")
            return
        self.activations.show_pictures(layer.activations)
        shown, channels = self.activations.count, shape[-1]
        whole = numbers.count(shown, "channel")
        card.note.setText(whole if shown == channels else f"the first {shown} of {channels}")
        picture = self._picture()
        self.picture_name.setText(
            f"For {picture.name}; black is a channel's least value, white its most"
            if picture
            else ""
        )

    def _say(self, words: str, role: str = "muted") -> None:
        if not isValid(self):  # closed while it saved
            return
        self.status.setObjectName(role)
        self.status.style().polish(self.status)
        self.status.setText(words)
        self.status.setVisible(bool(words))

    # Copying, saving and choosing

    def _copy(self) -> None:
        if of := self._seen_by:
            request = WeightValuesRequest(of.backbone, of.layer, of.run, of.seed)
            self._session.ask(request, self._take_copy)

    def _take_copy(self, event: Event) -> None:
        match event:
            case WeightValues():
                QGuiApplication.clipboard().setText(layer_numpy.as_python(event))
                self._say("Copied, as Python that makes the same arrays.")
            case Failed():
                self._say(f"{event.message} {event.hint}", "error")

    def _ask_where_to_save(self) -> None:
        if self._seen is None or self._seen_by is None:
            return
        ending = layer_numpy.suffix(len(self._seen.weights))
        name = str(Path.home() / f"{self._seen.name}{ending}")
        kind = f"NumPy (*{ending})"
        # Whatever is looked at, or trained, while the person chooses a place.
        save = partial(self._save, self._seen_by)
        file_dialogs.ask_where_to_save(self, "Save the weights", name, kind, save)

    def _save(self, of: InspectRequest, path: Path) -> None:
        def heard(event: Event) -> None:
            match event:
                case WeightsSaved():
                    self._say(f"The weights were saved as {event.path}.")
                case Failed() if isValid(self) and self.isVisible():
                    self._say(f"{event.message} {event.hint}", "error")
                case Failed():  # closed while it saved
                    self._session.told.emit(event.message, event.hint)

        request = SaveWeightsRequest(of.backbone, of.layer, path, of.run, of.seed)
        self._say("Saving the weights…")
        LayerSave(self._session, request, heard)

    def _ask_for_picture(self) -> None:
        picture = self._picture()
        start = str(picture.parent) if picture else str(Path.home())
        kinds = " ".join(f"*{ending}" for ending in sorted(PICTURE_SUFFIXES))
        file_dialogs.ask_for_file(
            self, "Choose a picture", start, f"Pictures ({kinds})", self.show_picture
        )

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event)
        if path:
            event.acceptProposedAction()
            self.show_picture(path)


def _dropped(event: QDropEvent) -> Path | None:
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return paths[0] if paths else None

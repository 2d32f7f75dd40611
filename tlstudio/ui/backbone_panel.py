"""The backbone: which network, its weights and input, and the tree of its layers."""

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QStackedLayout,
    QWidget,
)

from tlstudio.errors import TlstudioError
from tlstudio.model import catalog
from tlstudio.model.catalog import BackboneFacts
from tlstudio.project.spec import Backbone
from tlstudio.ui import freeze_edit, numbers
from tlstudio.ui.backbone_arguments import BackboneArguments, as_published, is_published
from tlstudio.ui.backbone_figures import FIGURES_ROLE, FiguresDelegate, figures
from tlstudio.ui.boundary_question import BoundaryQuestion
from tlstudio.ui.card import Card, label
from tlstudio.ui.catalog_times import CatalogTimes
from tlstudio.ui.decisions import other_network
from tlstudio.ui.fields import Choice, Whole
from tlstudio.ui.layer_model import LayerModel
from tlstudio.ui.layer_tree import LayerTree
from tlstudio.ui.layer_window import look_inside
from tlstudio.ui.moved_question import MovedQuestion
from tlstudio.ui.session import Session
from tlstudio.ui.top_switch import TopSwitch
from tlstudio.ui.totals import totals
from tlstudio.ui.weights_note import WeightsNote

CHOOSE_FILE = "file"


class BackbonePanel(Card):
    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Backbone", parent)
        self._session = session
        self.network = _network_choice()
        self.weights = Choice("Weights")
        self.network.activated.connect(lambda _: self.use(self.network.currentData()))
        self.times = CatalogTimes(session, self)
        self.compare = QPushButton("Compare…")
        self.compare.setObjectName("link")
        self.compare.setToolTip("All networks as a table and a plot, to compare and choose from")
        self.compare.clicked.connect(self.show_catalog)
        self.weights.activated.connect(self._weights_chosen)
        self.rows_field = Whole("Input rows in pixels", 32, catalog.LARGEST_INPUT, 32)
        self.columns_field = Whole("Input columns in pixels", 32, catalog.LARGEST_INPUT, 32)
        self.arguments = BackboneArguments(self._change_arguments)
        self.rows_field.valueChanged.connect(lambda rows: self._change_size(rows=rows))
        self.columns_field.valueChanged.connect(lambda columns: self._change_size(columns=columns))
        self.weights_note = WeightsNote(session)

        self.model = LayerModel(self)
        self.tree = LayerTree(self.model)
        self.model.toggled.connect(self._toggled)
        self.tree.unfreeze_from.connect(self._unfreeze_from)
        self._follow_layers()
        self.message = label("", "muted")
        self.message.setWordWrap(True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.message)
        self._stack.addWidget(self.tree)

        self.freeze_all = QPushButton("Freeze all")
        self.freeze_all.setToolTip("Train no layer of the backbone")
        self.freeze_all.clicked.connect(lambda: self._train(frozenset()))
        self.unfreeze_all = QPushButton("Unfreeze all")
        self.unfreeze_all.setToolTip("Train every layer of the backbone")
        self.unfreeze_all.clicked.connect(self._unfreeze_everything)
        self.from_here = QPushButton("From here")
        self.from_here.setToolTip("Train the selected layer and all after it")
        self.from_here.clicked.connect(lambda: self._unfreeze_from(self.tree.current_layer()))
        self.tree.selectionModel().currentChanged.connect(self._update_buttons)

        self.trained = label("", "trained")
        self.frozen = label("", "frozen")
        self.batchnorm = QCheckBox("BatchNorm stays frozen")
        self.batchnorm.setToolTip(
            "BatchNorm layers keep their statistics when their block is trained,\n"
            "which is what small sets of pictures need"
        )
        self.batchnorm.toggled.connect(self._batchnorm_switched)
        self.top = TopSwitch(session, self.tree)
        self._lay_out()

        session.decided.connect(self._decided)
        session.description_changed.connect(self._description_changed)
        session.scan_changed.connect(self._show_totals)
        self._show_backbone()
        self._description_changed()

    def _follow_layers(self) -> None:
        """The tree shows what the engine knows of layers, and opens the window about one."""
        session = self._session
        self.tree.look_inside.connect(lambda name: look_inside(session, self.tree, name))
        BoundaryQuestion(session, self.model, self)
        MovedQuestion(session, self.model, self)

    def _lay_out(self) -> None:
        network = QHBoxLayout()
        network.setSpacing(8)
        network.addWidget(self.network, 1)
        network.addWidget(self.compare)
        weights = QHBoxLayout()
        weights.setSpacing(6)
        weights.addWidget(self.weights, 1)
        weights.addSpacing(2)
        weights.addWidget(self.rows_field)
        weights.addWidget(label("×", "muted"))
        weights.addWidget(self.columns_field)
        weights.addWidget(label("px", "muted"))
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.freeze_all, self.unfreeze_all, self.from_here):
            button.setObjectName("compact")
            buttons.addWidget(button, 1)
        totals = QHBoxLayout()
        totals.setSpacing(4)
        totals.addWidget(self.trained)
        totals.addWidget(label("trained", "muted"))
        totals.addSpacing(6)
        totals.addWidget(self.frozen)
        totals.addWidget(label("frozen", "muted"))
        totals.addStretch(1)
        tree = QWidget()
        tree.setLayout(self._stack)
        self.body.addLayout(network)
        self.body.addLayout(weights)
        self.body.addWidget(self.arguments)
        self.body.addWidget(self.weights_note)
        self.body.addLayout(buttons)
        self.body.addWidget(tree, 1)
        self.body.addLayout(totals)
        switches = QHBoxLayout()
        switches.addWidget(self.batchnorm)
        switches.addStretch(1)
        switches.addWidget(self.top)
        self.body.addLayout(switches)

    # Showing

    def _decided(self, part: str) -> None:
        if part == "backbone":
            self._show_backbone()
        elif part == "freeze":
            self._show_plan()
        elif part == "head":
            self._show_totals()

    def _show_backbone(self) -> None:
        spec = self._session.decisions.backbone
        for row in range(len(catalog.CATALOG), self.network.count()):
            self.network.removeItem(row)
        try:
            facts = catalog.facts(spec.name)
        except TlstudioError as error:
            self._show_unknown(spec, error)
            return
        self.network.choose(facts.name)
        self._fill_weights(facts, spec)
        self.weights_note.show_backbone(spec)
        for field, pixels in zip(
            (self.rows_field, self.columns_field), spec.input_shape, strict=True
        ):
            with QSignalBlocker(field):
                field.setRange(facts.min_input, catalog.LARGEST_INPUT)
            field.show_value(pixels)
            field.setToolTip(
                f"Input in pixels, rows × columns. From {facts.min_input} to "
                f"{catalog.LARGEST_INPUT}; the network was trained at {facts.input_shape[0]}."
            )
        self.arguments.show_backbone(facts, spec)
        self._show_note(facts, spec)

    def _show_note(self, facts: BackboneFacts, spec: Backbone) -> None:
        """The figures at the top right, of the network as it is built."""
        description = self._session.description
        published = is_published(spec)
        params = facts.params
        if not published:
            if description is None:
                self.note.setText("")
                return
            params = description.params.backbone
        # The published accuracy is that of the published weights.
        top1 = facts.top1 if published and spec.weights in ("bundled", "imagenet") else None
        accuracy = f", {top1 * 100:.1f} % top-1" if top1 else ""
        self.note.setText(f"{numbers.short(params)} parameters{accuracy}")
        whole = f", and {facts.params_with_top:,} with the ImageNet classifier" if published else ""
        self.note.setToolTip(
            f"{params:,} parameters{whole}.\nTop-1 is the share of ImageNet's validation pictures "
            "that the published network names right."
        )

    def _show_unknown(self, spec: Backbone, error: TlstudioError) -> None:
        """A project may name a backbone that is not in the catalogue."""
        self.network.addItem(f"{spec.name}, unknown", spec.name)
        self.network.choose(spec.name)
        self.weights.clear()
        self.weights.addItem(Path(spec.weights).name, spec.weights)
        for field, pixels in zip(
            (self.rows_field, self.columns_field), spec.input_shape, strict=True
        ):
            field.show_value(pixels)
        self.arguments.hide()
        self.note.setText("unknown")
        self.note.setToolTip("")
        self.weights_note.show_unknown(f"{error.message} Choose one from the list.")

    def _fill_weights(self, facts: BackboneFacts, spec: Backbone) -> None:
        self.weights.clear()
        for kind in facts.weights:
            self.weights.addItem("ImageNet", kind)
        chosen = spec.weights
        if chosen == "imagenet" and "bundled" in facts.weights:
            chosen = "bundled"
        if chosen not in (*facts.weights, "random"):
            self.weights.addItem(Path(chosen).name, chosen)
        self.weights.addItem("From a file…", CHOOSE_FILE)
        self.weights.addItem("Random", "random")
        self.weights.choose(chosen)

    def _description_changed(self) -> None:
        description, failed = self._session.description, self._session.describe_failed
        self.message.setText(f"{failed.message} {failed.hint}" if failed else "Reading the layers…")
        self.message.setObjectName("error" if failed else "muted")
        self.message.style().polish(self.message)
        if description and description.layers != self.model.layers:
            self.model.set_layers(description.layers)
        self._stack.setCurrentIndex(1 if description and not failed else 0)
        spec = self._session.decisions.backbone
        if not is_published(spec):
            self._show_note(catalog.facts(spec.name), spec)
        self._show_plan()

    def _show_plan(self) -> None:
        description = self._session.description
        batchnorm = self._session.decisions.freeze.batchnorm
        with QSignalBlocker(self.batchnorm):
            self.batchnorm.setChecked(not batchnorm)
        self._update_buttons()
        for control in (self.trained, self.frozen):
            control.setText("–")
        if description is None:
            return
        self.model.set_trainable(self._session.trainable, batchnorm)
        self._show_totals()

    def _show_totals(self) -> None:
        counted = totals(self._session)
        if counted is None:
            return
        self.trained.setText(numbers.short(counted.trained))
        self.trained.setToolTip(
            f"{counted.backbone_trained:,} parameters of the backbone and {counted.head:,} of "
            "the head, which is always trained"
        )
        self.frozen.setText(numbers.short(counted.frozen))
        self.frozen.setToolTip(f"{counted.frozen:,} parameters of the backbone stay as they are")

    def _update_buttons(self) -> None:
        described = self._session.description is not None
        self.freeze_all.setEnabled(described)
        self.unfreeze_all.setEnabled(described)
        self.from_here.setEnabled(described and bool(self.tree.current_layer()))
        self.batchnorm.setEnabled(described)

    # Editing

    def use(self, name: str) -> None:
        """Take another network of the catalogue."""
        old = self._session.decisions.backbone
        self._session.decide(backbone=other_network(old, catalog.facts(name)))

    def show_catalog(self) -> None:
        """Open the window that compares all networks."""
        # Imports pyqtgraph, which a window can be shown without.
        from tlstudio.ui.catalog_window import CatalogWindow

        dialog = CatalogWindow(self._session, self.times, self.use, self.window())
        dialog.finished.connect(self.weights_note.look_for_download)
        dialog.open()

    def _weights_chosen(self) -> None:
        chosen = self.weights.currentData()
        if chosen == CHOOSE_FILE:
            self.ask_for_weights()
        else:
            self._change_arguments(weights=chosen)

    def ask_for_weights(self) -> None:
        """Let the person choose a weights file."""
        self.weights.choose(self._session.decisions.backbone.weights)
        dialog = QFileDialog(self, "Choose a weights file")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["Weights (*.h5 *.keras)", "All files (*)"])
        dialog.fileSelected.connect(self._take_file)
        dialog.open()

    def _take_file(self, path: str) -> None:
        self._change(weights=path)
        # The same file may hold something else by now.
        self.weights_note.look()

    def _change_size(self, rows: int = 0, columns: int = 0) -> None:
        """Change one side, and leave the other as it is."""
        old_rows, old_columns = self._session.decisions.backbone.input_shape
        self._change(input_shape=(rows or old_rows, columns or old_columns))

    def _change(self, **fields: object) -> None:
        backbone = self._session.decisions.backbone
        self._session.decide(backbone=backbone.model_copy(update=fields))

    def _change_arguments(self, **fields: object) -> None:
        """Change what ImageNet weights depend on: of these there are only some."""
        backbone = self._session.decisions.backbone.model_copy(update=fields)
        if backbone.weights == "imagenet":
            backbone = as_published(catalog.facts(backbone.name), backbone)
        self._session.decide(backbone=backbone)

    def _toggled(self, trainable: frozenset[str]) -> None:
        self._train(trainable)

    def _train(self, trainable: frozenset[str]) -> None:
        self._session.set_trainable(trainable, self._session.decisions.freeze.batchnorm)

    def _unfreeze_everything(self) -> None:
        batchnorm = self._session.decisions.freeze.batchnorm
        names = freeze_edit.choices(self.model.layers, batchnorm)
        self._train(frozenset(layer.name for layer in names))

    def _unfreeze_from(self, name: str) -> None:
        if name:
            batchnorm = self._session.decisions.freeze.batchnorm
            self._train(freeze_edit.from_here(self.model.layers, name, batchnorm))

    def _batchnorm_switched(self, frozen: bool) -> None:
        changed = freeze_edit.with_batchnorm(self._session.trainable, self.model.layers, not frozen)
        self._session.set_trainable(changed, not frozen)


def _network_choice() -> Choice:
    made = Choice("Backbone")
    made.setMaxVisibleItems(16)
    for row, facts in enumerate(catalog.CATALOG):
        made.addItem(facts.label, facts.name)
        made.setItemData(row, figures(facts), FIGURES_ROLE)
    made.setItemDelegate(FiguresDelegate(made))
    made.view().setMinimumWidth(made.view().sizeHintForColumn(0) + 24)
    return made

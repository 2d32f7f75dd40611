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
from tlstudio.project.store import NAMED_WEIGHTS
from tlstudio.ui import freeze_edit, numbers
from tlstudio.ui.backbone_figures import FIGURES_ROLE, FiguresDelegate, figures
from tlstudio.ui.boundary_question import BoundaryQuestion
from tlstudio.ui.card import Card, label
from tlstudio.ui.fields import Choice, Decimal, Whole
from tlstudio.ui.layer_model import LayerModel
from tlstudio.ui.layer_tree import LayerTree
from tlstudio.ui.session import Session
from tlstudio.ui.totals import totals

CHOOSE_FILE = "file"
LARGEST_INPUT = 1024


class BackbonePanel(Card):
    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Backbone", parent)
        self._session = session
        self.network = _network_choice()
        self.weights = Choice("Weights")
        self.network.activated.connect(self._network_chosen)
        self.weights.activated.connect(self._weights_chosen)
        self.rows_field = Whole("Input rows in pixels", 32, LARGEST_INPUT, 32)
        self.columns_field = Whole("Input columns in pixels", 32, LARGEST_INPUT, 32)
        self.alpha = Decimal("Width multiplier alpha", 0.25, 2.0, 2)
        self.alpha.setSingleStep(0.25)
        self.alpha.setToolTip("The width of the network: 1 is as published")
        self.alpha_label = label("alpha", "muted")
        self.rows_field.valueChanged.connect(lambda rows: self._change_size(rows=rows))
        self.columns_field.valueChanged.connect(lambda columns: self._change_size(columns=columns))
        self.alpha.valueChanged.connect(lambda alpha: self._change(alpha=round(alpha, 2)))
        self.weights_note = label("", "muted")
        self.weights_note.setWordWrap(True)

        self.model = LayerModel(self)
        self.tree = LayerTree(self.model)
        self.model.toggled.connect(self._toggled)
        self.tree.unfreeze_from.connect(self._unfreeze_from)
        BoundaryQuestion(session, self.model, self)
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
        self._lay_out()

        session.decided.connect(self._decided)
        session.description_changed.connect(self._description_changed)
        session.scan_changed.connect(self._show_totals)
        self._show_backbone()
        self._description_changed()

    def _lay_out(self) -> None:
        choices = QHBoxLayout()
        choices.setSpacing(8)
        choices.addWidget(self.network, 1)
        choices.addWidget(self.weights, 1)
        size = QHBoxLayout()
        size.setSpacing(6)
        size.addWidget(label("Input", "muted"))
        size.addWidget(self.rows_field)
        size.addWidget(label("×", "muted"))
        size.addWidget(self.columns_field)
        size.addWidget(label("px", "muted"))
        size.addStretch(1)
        size.addWidget(self.alpha_label)
        size.addWidget(self.alpha)
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
        self.body.addLayout(choices)
        self.body.addLayout(size)
        self.body.addWidget(self.weights_note)
        self.body.addLayout(buttons)
        self.body.addWidget(tree, 1)
        self.body.addLayout(totals)
        self.body.addWidget(self.batchnorm)

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
        for field, pixels in zip(
            (self.rows_field, self.columns_field), spec.input_shape, strict=True
        ):
            with QSignalBlocker(field):
                field.setRange(facts.min_input, LARGEST_INPUT)
            field.show_value(pixels)
            field.setToolTip(
                f"At least {facts.min_input} pixels; the network was trained at "
                f"{facts.input_shape[0]}"
            )
        self.alpha.show_value(spec.alpha)
        self.alpha.setVisible(facts.has_alpha)
        self.alpha_label.setVisible(facts.has_alpha)
        # The published accuracy is that of the published weights.
        top1 = facts.top1 if spec.weights in ("bundled", "imagenet") else None
        accuracy = f", {top1 * 100:.1f} % top-1" if top1 else ""
        self.note.setText(f"{numbers.short(facts.params)} parameters{accuracy}")
        self.note.setToolTip(
            f"{facts.params:,} parameters, and {facts.params_with_top:,} with the ImageNet "
            "classifier.\nTop-1 is the share of ImageNet's validation pictures that the "
            "published network names right."
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
        self.alpha.hide()
        self.alpha_label.hide()
        self.note.setText("unknown")
        self.note.setToolTip("")
        self._show_weights_note(f"{error.message} Choose one from the list.", "error")

    def _fill_weights(self, facts: BackboneFacts, spec: Backbone) -> None:
        self.weights.clear()
        for kind in facts.weights:
            if kind in ("bundled", "imagenet"):
                text = "ImageNet, bundled" if kind == "bundled" else "ImageNet"
                self.weights.addItem(text, kind)
        if spec.weights not in NAMED_WEIGHTS:
            self.weights.addItem(Path(spec.weights).name, spec.weights)
        self.weights.addItem("From a file…", CHOOSE_FILE)
        self.weights.addItem("Random, untrained", "random")
        self.weights.choose(spec.weights)
        left_off = "Your head replaces the ImageNet classifier."
        role = "muted"
        match spec.weights:
            case "bundled":
                text = left_off
            case "imagenet" if catalog.is_cached(facts):
                text = f"Downloaded already. {left_off}"
            case "imagenet":
                text = f"About {facts.params * 4 / 1e6:.0f} MB are downloaded once. {left_off}"
            case "random":
                text = "Untrained: random weights know nothing of pictures yet."
                role = "amber"
            case _:
                text = f"From {spec.weights}. {left_off}"
                if not Path(spec.weights).is_file():
                    text, role = f"The file {spec.weights} is not there.", "error"
        self._show_weights_note(text, role)

    def _show_weights_note(self, text: str, role: str) -> None:
        self.weights_note.setText(text)
        self.weights_note.setObjectName(role)
        self.weights_note.style().polish(self.weights_note)

    def _description_changed(self) -> None:
        description, failed = self._session.description, self._session.describe_failed
        self.message.setText(f"{failed.message} {failed.hint}" if failed else "Reading the layers…")
        self.message.setObjectName("error" if failed else "muted")
        self.message.style().polish(self.message)
        if description and description.layers != self.model.layers:
            self.model.set_layers(description.layers)
        self._stack.setCurrentIndex(1 if description and not failed else 0)
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

    def _network_chosen(self) -> None:
        facts = catalog.facts(self.network.currentData())
        old = self._session.decisions.backbone
        if facts.name == old.name:
            return
        # Pretrained weights of one network are no use to another; random ones are for all.
        weights = old.weights if old.weights in (*facts.weights, "random") else facts.weights[0]
        self._session.decide(
            backbone=Backbone(name=facts.name, weights=weights, input_shape=facts.input_shape)
        )

    def _weights_chosen(self) -> None:
        chosen = self.weights.currentData()
        if chosen == CHOOSE_FILE:
            self.ask_for_weights()
        else:
            self._change(weights=chosen)

    def ask_for_weights(self) -> None:
        """Let the person choose a weights file."""
        self.weights.choose(self._session.decisions.backbone.weights)
        dialog = QFileDialog(self, "Choose a weights file")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["Weights (*.h5 *.keras)", "All files (*)"])
        dialog.fileSelected.connect(lambda path: self._change(weights=path))
        dialog.open()

    def _change_size(self, rows: int = 0, columns: int = 0) -> None:
        """Change one side, and leave the other as it is."""
        old_rows, old_columns = self._session.decisions.backbone.input_shape
        self._change(input_shape=(rows or old_rows, columns or old_columns))

    def _change(self, **fields: object) -> None:
        backbone = self._session.decisions.backbone
        self._session.decide(backbone=backbone.model_copy(update=fields))

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

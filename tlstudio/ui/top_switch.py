"""The switch that shows the ImageNet classifier of a backbone (include_top) in the layer tree."""

from collections.abc import Sequence

from PySide6.QtWidgets import QCheckBox

from tlstudio.errors import TlstudioError
from tlstudio.events import Description, Event, Failed, LayerRow
from tlstudio.host.jobs import DescribeRequest
from tlstudio.model import catalog
from tlstudio.project.spec import Backbone
from tlstudio.ui import layer_words
from tlstudio.ui.layer_tree import LayerTree
from tlstudio.ui.session import Session
from tlstudio.ui.tooltip import explain

WHAT = (
    "Shows the layers of the network's own classifier of 1000 classes (include_top) at the end of "
    "the tree; your head takes its place, so it is neither loaded nor trained"
)


class TopSwitch(QCheckBox):
    """Only for looking: no decision depends on it."""

    def __init__(self, session: Session, tree: LayerTree) -> None:
        super().__init__(layer_words.TOP)
        self._session = session
        self._tree = tree
        self._ticket = 0
        self.toggled.connect(self._look)
        session.description_changed.connect(self._look)
        self._look()

    def _look(self) -> None:
        session = self._session
        session.withdraw(self._ticket)
        self._tree.layers.set_top(())
        spec = session.decisions.backbone
        reason = why_not(spec)
        explain(self, reason or WHAT)
        self.setEnabled(session.description is not None and not reason)
        if reason:
            self.setChecked(False)
        elif self.isChecked() and session.description:
            random = spec.model_copy(update={"weights": "random"})
            self._ticket = session.ask(DescribeRequest(random, include_top=True), self._described)

    def _described(self, event: Event) -> None:
        match event:
            case Description() if described := self._session.description:
                without = {layer.name for layer in described.layers}
                self._show([row for row in event.layers if row.name not in without])
            case Failed():
                self._session.told.emit(event.message, event.hint)

    def _show(self, layers: Sequence[LayerRow]) -> None:
        model = self._tree.layers
        model.set_top(layers)
        top = model.index(model.rowCount() - 1, 0)
        self._tree.expand(top)
        self._tree.scrollTo(model.index(len(layers) - 1, 0, top))


def why_not(spec: Backbone) -> str:
    """Why the classifier cannot be on this backbone, as a sentence; empty where it can."""
    try:
        facts = catalog.facts(spec.name)
    except TlstudioError as error:
        return error.message
    if not facts.top_tied or spec.input_shape == facts.input_shape:
        return ""
    rows, columns = facts.input_shape
    return (
        f"The classifier of {facts.label} flattens what it gets, so that it fits pictures of "
        f"{rows} × {columns} alone."
    )

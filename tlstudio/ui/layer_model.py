"""The Qt model of the layer tree: blocks, the layers in them, and the line at the boundary."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from itertools import groupby

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    Qt,
    Signal,
)

from tlstudio.events import LayerRow
from tlstudio.project.freeze_plan import BATCH_NORM
from tlstudio.ui import freeze_edit, layer_words, numbers
from tlstudio.ui.boundary_line import LOOKING, BoundaryLine
from tlstudio.ui.boundary_place import boundary_place
from tlstudio.ui.index import Index
from tlstudio.ui.layer_bars import LayerBars
from tlstudio.ui.layer_node import Node

ROOT = QModelIndex()

BOUNDARY_ROLE = Qt.ItemDataRole.UserRole + 1
"""The text of the boundary line, None for every other row."""
NAME_ROLE = Qt.ItemDataRole.UserRole + 2
"""The name of the layer, or of a block's first layer; None in the ImageNet classifier."""
FROZEN_NORM_ROLE = Qt.ItemDataRole.UserRole + 3
"""True for a BatchNorm layer that stays frozen."""
OUTDATED_ROLE = Qt.ItemDataRole.UserRole + 4
"""True for the boundary line while it is not known where it must go."""
BAR_ROLE = Qt.ItemDataRole.UserRole + 5
"""How long the bar of a cell is, 0 to 1; None where it has none."""


class Column(IntEnum):
    LAYER = 0
    PROBE = 1
    TYPE = 2
    OUTPUT = 3
    PARAMS = 4
    MOVED = 5


HEADINGS = {
    Column.LAYER: "Layer",
    Column.PROBE: "Probe",
    Column.TYPE: "Type",
    Column.OUTPUT: "Output",
    Column.PARAMS: "Params",
    Column.MOVED: "Moved",
}
HEADING_TIPS = {
    Column.PROBE: "How many held-out pictures a linear classifier on the features after each "
    "block got right",
    Column.MOVED: "How far training moved each layer from the weights that it began with",
}


class LayerModel(QAbstractItemModel):
    """Built once for a backbone; afterwards only check states and the boundary line change."""

    toggled = Signal(object)
    """The frozenset of trainable layer names after a person checked or unchecked something."""
    figures_changed = Signal()
    """There are other probes, or other layers that moved, or none any more."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layers: tuple[LayerRow, ...] = ()
        self._trainable: frozenset[str] = frozenset()
        self._batchnorm = False
        self._root = Node("")
        self._boundary: Node | None = None
        self._line: BoundaryLine | None = None
        self._outdated = False
        self._bars = LayerBars()

    @property
    def layers(self) -> tuple[LayerRow, ...]:
        return self._layers

    @property
    def probes(self) -> Mapping[str, tuple[float, float]]:
        return self._bars.probes

    @property
    def moved(self) -> Mapping[str, float]:
        return self._bars.moved

    def set_layers(self, layers: Sequence[LayerRow]) -> None:
        """Show another backbone, with everything frozen."""
        self.beginResetModel()
        self._layers = tuple(layers)
        self._trainable = frozenset()
        self._root = Node("")
        self._boundary = self._line = None
        self._bars = LayerBars()
        for name, members in groupby(self._layers, key=lambda layer: layer.block):
            block = Node(name, tuple(members), self._root)
            if len(block.layers) > 1 or block.layers[0].name != name:
                block.children = [Node(row.name, (row,), block) for row in block.layers]
            self._root.children.append(block)
        self.endResetModel()
        self.figures_changed.emit()

    def set_top(self, layers: Sequence[LayerRow]) -> None:
        """Show the ImageNet classifier after the backbone; empty shows none."""
        children = self._root.children
        if children and children[-1].is_top:
            self.beginRemoveRows(ROOT, len(children) - 1, len(children) - 1)
            children.pop()
            self.endRemoveRows()
        if layers:
            top = Node(layer_words.TOP, tuple(layers), self._root, is_top=True)
            top.children = [Node(one.name, (one,), top, is_top=True) for one in layers]
            self.beginInsertRows(ROOT, len(children), len(children))
            children.append(top)
            self.endInsertRows()

    def set_trainable(self, trainable: frozenset[str], batchnorm: bool) -> None:
        """Show which layers are trained, announcing only the rows that changed."""
        changed = self._trainable ^ trainable
        if batchnorm != self._batchnorm:
            changed |= {layer.name for layer in self._layers if layer.type == BATCH_NORM}
        self._trainable, self._batchnorm = trainable, batchnorm
        for block in self._root.children:
            if any(layer.name in changed for layer in block.layers):
                self._announce(block, block)
                rows = [node for node in block.children if node.name in changed]
                if rows:
                    self._announce(rows[0], rows[-1])

    def set_probes(self, probes: Mapping[str, tuple[float, float]]) -> None:
        """Show beside blocks, by name, what a linear classifier on their features gets right:
        (accuracy, standard deviation), both 0 to 1. Empty shows nothing of the kind.
        """
        self._bars = replace(self._bars, probes=dict(probes))
        self._announce_column(Column.PROBE)

    def set_moved(self, moved: Mapping[str, float]) -> None:
        """Show how far each layer, by name, is from its pretrained weights, as a share of their
        norm. Empty shows nothing of the kind.
        """
        self._bars = replace(self._bars, moved=dict(moved))
        self._announce_column(Column.MOVED)

    def set_boundary(self, line: BoundaryLine | None) -> None:
        """Show where the frozen part ends, or nothing."""
        self._line = line
        self._set_outdated(False)
        self._place_boundary()

    def outdate_boundary(self) -> None:
        """The line may be wrong for now."""
        self._set_outdated(True)

    def open_block(self, index: Index) -> None:
        """A view shows the layers of a block; a line in it stands among them."""
        self._node(index).is_open = True
        self._place_boundary()

    def close_block(self, index: Index) -> None:
        """A view hides the layers of a block; a line in it stands above the block."""
        self._node(index).is_open = False
        self._place_boundary()

    def index_of(self, layer: str) -> QModelIndex:
        """The row of a layer, invalid where there is none."""
        for block in self._root.children:
            for node in block.children or [block]:
                if not node.is_boundary and node.layers[0].name == layer:
                    return self._index(node)
        return QModelIndex()

    def boundary_index(self) -> QModelIndex:
        return self._index(self._boundary) if self._boundary else QModelIndex()

    # Structure

    def index(self, row: int, column: int, parent: Index = ROOT) -> QModelIndex:
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, self._node(parent).children[row])

    def parent(self, index: Index = ROOT) -> QModelIndex:  # type: ignore[override]
        node = self._node(index).parent
        return self._index(node) if node else QModelIndex()

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.column() > 0 else len(self._node(parent).children)

    def columnCount(self, parent: Index = ROOT) -> int:
        return len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[Column(section)]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        if role == Qt.ItemDataRole.ToolTipRole:
            return HEADING_TIPS.get(Column(section))
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid() or self._node(index).is_boundary:
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == Column.LAYER and self._choices(self._node(index)):
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    # Data

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        node = self._node(index)
        if node.is_boundary:
            return self._boundary_data(node, role)
        value: object = None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                value = self._text(node, Column(index.column()))
            case Qt.ItemDataRole.CheckStateRole if index.column() == Column.LAYER:
                value = self._state(node)
            case Qt.ItemDataRole.TextAlignmentRole:
                value = _alignment(index.column())
            case Qt.ItemDataRole.ToolTipRole:
                value = self._tooltip(node, Column(index.column()))
            case Qt.ItemDataRole.AccessibleTextRole if index.column() == Column.LAYER:
                value = self._spoken(node)
            case _ if role == NAME_ROLE:
                value = None if node.is_top else node.layers[0].name
            case _ if role == FROZEN_NORM_ROLE:
                value = self._is_frozen_norm(node)
            case _ if role == BAR_ROLE:
                value = self._bar(node, Column(index.column()))
        return value

    def _boundary_data(self, node: Node, role: int) -> object:
        if role == OUTDATED_ROLE:
            return self._outdated
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return self._line.tooltip if self._line and not self._outdated else None
        if role in (BOUNDARY_ROLE, Qt.ItemDataRole.AccessibleTextRole):
            return LOOKING if self._outdated else node.name
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not self.flags(index) & (
            Qt.ItemFlag.ItemIsUserCheckable
        ):
            return False
        train = Qt.CheckState(value) == Qt.CheckState.Checked
        trainable = freeze_edit.with_layers(
            self._trainable, self._node(index).layers, train, self._batchnorm
        )
        self.set_trainable(trainable, self._batchnorm)
        self.toggled.emit(trainable)
        return True

    def _text(self, node: Node, column: Column) -> str:
        last = node.layers[-1]
        match column:
            case Column.LAYER:
                name = node.inner_name
                return name + layer_words.STAYS_FROZEN if self._is_frozen_norm(node) else name
            case Column.TYPE:
                return "" if node.children else last.type
            case Column.OUTPUT:
                return numbers.shape(last.output_shape)
            case Column.PARAMS:
                params = sum(layer.params for layer in node.layers)
                return numbers.short(params) if params else ""
            case Column.PROBE:
                probe = self._bars.probe_of(node)
                return layer_words.percent(probe[0]) if probe else ""
            case Column.MOVED:
                moved = self._bars.moved_most(node)
                return layer_words.short_share(moved[1]) if moved and moved[1] else ""

    def _bar(self, node: Node, column: Column) -> float | None:
        match column:
            case Column.PROBE:
                return self._bars.probe_bar(node)
            case Column.MOVED:
                return self._bars.moved_bar(node)
            case _:
                return None

    def _state(self, node: Node) -> Qt.CheckState | None:
        flags = {layer.name in self._trainable for layer in self._choices(node)}
        if not flags:
            return None
        if len(flags) == 2:
            return Qt.CheckState.PartiallyChecked
        return Qt.CheckState.Checked if flags.pop() else Qt.CheckState.Unchecked

    def _tooltip(self, node: Node, column: Column) -> str:
        probe, moved = self._bars.probe_of(node), self._bars.moved_most(node)
        if column == Column.PROBE and probe:
            return layer_words.probe(*probe)
        if column == Column.MOVED and moved:
            return layer_words.moved(*moved, node.name)
        params = numbers.exact(sum(layer.params for layer in node.layers))
        if node.children:
            head = f"{node.name}: {numbers.count(len(node.layers), 'layer')}"
        else:
            head = f"{node.name}: {node.layers[0].type}"
        lines = [
            head,
            f"{params} parameters",
            f"Output {numbers.shape(node.layers[-1].output_shape)}",
        ]
        if node.is_top:
            lines.append("Your head takes its place.")
        if self._is_frozen_norm(node):
            lines.append("BatchNorm stays frozen. The switch below the tree changes that.")
        return "\n".join(lines)

    def _spoken(self, node: Node) -> str:
        words = {
            Qt.CheckState.Checked: "trained",
            Qt.CheckState.Unchecked: "frozen",
            Qt.CheckState.PartiallyChecked: "partly trained",
            None: "stays frozen" if self._is_frozen_norm(node) else "no parameters",
        }
        if node.is_top:
            return f"{node.name}, not used"
        return f"{node.name}, {words[self._state(node)]}{self._bars.spoken(node)}"

    def _choices(self, node: Node) -> list[LayerRow]:
        return [] if node.is_top else freeze_edit.choices(node.layers, self._batchnorm)

    def _is_frozen_norm(self, node: Node) -> bool:
        return len(node.layers) == 1 and node.layers[0].type == BATCH_NORM and not self._batchnorm

    # Rows

    def _node(self, index: Index) -> Node:
        node: Node = index.internalPointer() if index.isValid() else self._root
        return node

    def _index(self, node: Node, column: int = 0) -> QModelIndex:
        if node is self._root:
            return QModelIndex()
        return self.createIndex(node.row, column, node)

    def _announce(self, first: Node, last: Node) -> None:
        self.dataChanged.emit(self._index(first), self._index(last, len(Column) - 1))

    def _announce_column(self, column: Column) -> None:
        for parent in (self._root, *self._root.children):
            if parent.children:
                first, last = parent.children[0], parent.children[-1]
                self.dataChanged.emit(self._index(first, column), self._index(last, column))
        self.figures_changed.emit()

    def _set_outdated(self, outdated: bool) -> None:
        if outdated != self._outdated:
            self._outdated = outdated
            if self._boundary:
                self._announce(self._boundary, self._boundary)

    def _place_boundary(self) -> None:
        """Move the line to where it must be now, if it is not there already."""
        place = boundary_place(self._line, self._root) if self._line else None
        line = self._boundary
        if line and line.parent:
            row = line.row
            following = line.parent.children[row + 1 :]
            if place == (line.parent, following[0] if following else None, line.name):
                return
            self.beginRemoveRows(self._index(line.parent), row, row)
            line.parent.children.pop(row)
            self._boundary = None
            self.endRemoveRows()
        if place:
            parent, before, text = place
            row = before.row if before else len(parent.children)
            self.beginInsertRows(self._index(parent), row, row)
            self._boundary = Node(text, (), parent)
            parent.children.insert(row, self._boundary)
            self.endInsertRows()


def _alignment(column: int) -> Qt.AlignmentFlag:
    numeric = column not in (Column.LAYER, Column.TYPE)
    side = Qt.AlignmentFlag.AlignRight if numeric else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter

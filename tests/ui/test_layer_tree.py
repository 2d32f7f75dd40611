from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from window_fakes import layers

from tlstudio.ui.boundary_line import BoundaryLine
from tlstudio.ui.layer_delegate import box_rect, fitting
from tlstudio.ui.layer_model import BOUNDARY_ROLE, Column, LayerModel
from tlstudio.ui.layer_tree import LayerTree

CHECK = Qt.ItemDataRole.CheckStateRole


LINE = BoundaryLine("block0_relu", "LINE", "LINE into {}", "Because.")


@pytest.fixture
def tree(qtbot) -> LayerTree:
    model = LayerModel()
    model.set_layers(layers())
    made = LayerTree(model)
    model.setParent(made)
    qtbot.addWidget(made)
    made.resize(320, 300)
    made.show()
    return made


def test_a_click_on_the_square_toggles_and_one_beside_it_does_not(tree, qtbot) -> None:
    def click(right_by: int = 0) -> Qt.CheckState:
        index = tree.model().index_of("block1_conv").parent()
        point = box_rect(tree.visualRect(index)).center() + QPoint(right_by, 0)
        qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=point)
        return index.data(CHECK)

    assert click() == Qt.CheckState.Checked
    assert click(right_by=60) == Qt.CheckState.Checked
    assert click() == Qt.CheckState.Unchecked


def test_space_toggles_and_arrows_skip_the_boundary_line(tree, qtbot) -> None:
    tree.setCurrentIndex(tree.model().index(0, 0))
    qtbot.keyClick(tree, Qt.Key.Key_Down)
    qtbot.keyClick(tree, Qt.Key.Key_Space)
    tree.model().set_boundary(LINE)
    qtbot.keyClick(tree, Qt.Key.Key_Up)
    assert tree.current_layer() == "block0_conv"
    qtbot.keyClick(tree, Qt.Key.Key_Down)
    assert tree.current_layer() == "block1_conv"
    assert tree.currentIndex().data(CHECK) == Qt.CheckState.Checked


def test_the_type_column_shows_only_where_there_is_room(tree) -> None:
    assert tree.isColumnHidden(Column.TYPE)
    tree.resize(600, 300)
    assert not tree.isColumnHidden(Column.TYPE)


def test_everything_can_be_painted(tree) -> None:
    tree.model().set_trainable(frozenset({"block1_conv"}), batchnorm=True)
    tree.model().set_boundary(LINE)
    tree.show_layers(True)
    assert not tree.grab().isNull()


def test_a_cut_in_a_block_is_shown_above_it_and_among_its_layers_when_it_is_open(tree) -> None:
    model = tree.model()
    model.set_boundary(replace(LINE, after="block1_conv"))

    def above() -> object:
        return tree.indexAbove(model.index_of("block1_conv").parent()).data(BOUNDARY_ROLE)

    assert above() == "LINE into block1"
    tree.expand(model.index_of("block1_conv").parent())
    assert above() is None
    below = tree.indexBelow(model.index_of("block1_conv"))
    assert below.data(BOUNDARY_ROLE) == "LINE"
    tree.collapse(below.parent())
    assert above() == "LINE into block1"
    for shown in (True, False, True):
        tree.show_layers(shown)
        names = [f"block{number}_conv" for number in range(4)]
        assert {tree.isExpanded(model.index_of(name).parent()) for name in names} == {shown}
        assert (above() is None) == shown


def test_probes_and_what_moved_are_shown_while_there_are_any_and_output_yields(tree) -> None:
    model = tree.model()

    def shown() -> set[Column]:
        return {column for column in Column if not tree.isColumnHidden(column)}

    usual = {Column.LAYER, Column.OUTPUT, Column.PARAMS}
    assert shown() == usual
    model.set_probes({"block1": (0.8, 0.1)})
    assert shown() == {Column.LAYER, Column.PROBE, Column.PARAMS}
    model.set_moved({"block1_conv": 0.0})
    assert shown() == {Column.LAYER, Column.PROBE, Column.PARAMS}
    model.set_moved({"block1_conv": 0.1})
    assert shown() == {Column.LAYER, Column.PROBE, Column.PARAMS, Column.MOVED}
    tree.show_layers(True)
    assert not tree.grab().isNull()
    tree.resize(600, 300)
    assert shown() == set(Column)
    tree.resize(320, 300)
    model.set_probes({})
    model.set_moved({})
    assert shown() == usual


def test_enter_and_a_double_click_look_inside_a_layer_and_open_a_block(tree, qtbot) -> None:
    looked: list[str] = []
    tree.look_inside.connect(looked.append)
    block = tree.model().index_of("block1_conv").parent()

    def double_click(index, on_box: bool = False) -> None:
        rect = tree.visualRect(index)
        point = box_rect(rect).center() if on_box else rect.center()
        # Qt's own begins without the first click.
        for click in (qtbot.mouseClick, qtbot.mouseDClick):
            click(tree.viewport(), Qt.MouseButton.LeftButton, pos=point)

    double_click(block)
    assert tree.isExpanded(block)
    double_click(tree.model().index_of("block1_conv"), on_box=True)
    assert looked == []
    double_click(tree.model().index_of("block1_relu"))
    tree.setCurrentIndex(tree.model().index_of("block1_bn"))
    qtbot.keyClick(tree, Qt.Key.Key_Return)
    assert looked == ["block1_relu", "block1_bn"]


def test_a_frozen_norm_never_hides_its_parameters(tree) -> None:
    """Its words take the room of the column beside it, but never that of the figures."""
    model = tree.model()
    model.set_moved({"block1_conv": 0.1})
    tree.show_layers(True)
    assert has_ink(tree, model.index_of("block1_bn").siblingAtColumn(Column.PARAMS))


def has_ink(tree: LayerTree, cell: QModelIndex) -> bool:
    picture = tree.viewport().grab().toImage().copy(tree.visualRect(cell))
    colors = {picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height())}
    return len(colors) > 2


def test_a_long_name_takes_the_room_of_an_empty_cell_beside_it(tree) -> None:
    model = tree.model()
    conv, *others = layers()
    long = "block0_with_a_name_that_is_long"
    model.set_layers([replace(conv, name=long), *others])
    model.set_probes({"block0": (0.8, 0.1)})
    model.set_moved({long: 0.1})
    tree.show_layers(True)
    assert has_ink(tree, model.index_of(long).siblingAtColumn(Column.PROBE))
    assert not has_ink(tree, model.index_of("block0_relu").siblingAtColumn(Column.PROBE))


def test_the_words_after_a_name_go_before_the_name(tree) -> None:
    metrics = tree.fontMetrics()
    text = "project_bn, stays frozen"
    whole, name = metrics.horizontalAdvance(text), metrics.horizontalAdvance("project_bn")
    assert fitting(text, metrics, whole + 1) == text
    assert fitting(text, metrics, whole - 1) == "project_bn"
    assert fitting(text, metrics, name - 8).endswith("…")

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from window_fakes import layers

from tlstudio.ui.boundary_line import BoundaryLine
from tlstudio.ui.layer_model import BOUNDARY_ROLE, Column, LayerModel
from tlstudio.ui.layer_tree import LayerTree, box_rect

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

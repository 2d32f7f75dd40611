import pytest
from PySide6.QtCore import QPoint, Qt
from window_fakes import layers

from tlstudio.ui.layer_model import Column, LayerModel
from tlstudio.ui.layer_tree import LayerTree, box_rect

CHECK = Qt.ItemDataRole.CheckStateRole


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
        # The row is looked up anew each time: the boundary line moves the rows below it.
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
    # The line now stands between block0 and block1.
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
    tree.expandAll()
    assert not tree.grab().isNull()

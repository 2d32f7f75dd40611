import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from window_fakes import convs, layers

from tlstudio.ui.layer_model import BOUNDARY_ROLE, HEAD_BELOW, TRAINED_BELOW, Column, LayerModel

CHECK = Qt.ItemDataRole.CheckStateRole
State = Qt.CheckState


@pytest.fixture
def model(qapp) -> LayerModel:
    made = LayerModel()
    mode = QAbstractItemModelTester.FailureReportingMode.Fatal
    made.tester = QAbstractItemModelTester(made, mode)
    made.set_layers(layers())
    return made


def block(model: LayerModel, number: int):
    return model.index_of(f"block{number}_conv").parent()


def state(index) -> State:
    return index.data(CHECK)


def rows(model: LayerModel) -> list[str]:
    return [
        model.index(row, 0).data() or model.index(row, 0).data(BOUNDARY_ROLE)
        for row in range(model.rowCount())
    ]


def test_blocks_hold_their_layers(model: LayerModel) -> None:
    assert rows(model)[:4] == ["block0", "block1", "block2", "block3"]
    assert model.rowCount(block(model, 0)) == 3
    assert block(model, 0).siblingAtColumn(Column.PARAMS).data() == "116"
    assert block(model, 0).siblingAtColumn(Column.OUTPUT).data() == "8×8×4"


def test_checking_a_block_trains_its_layers_but_not_its_batchnorm(model, qtbot) -> None:
    with qtbot.waitSignal(model.toggled) as toggled:
        # Views hand over the plain number.
        assert model.setData(block(model, 1), State.Checked.value, CHECK)
    assert toggled.args == [convs(1)]
    assert state(block(model, 1)) == State.Checked
    assert state(model.index_of("block1_bn")) is None
    assert "stays frozen" in model.index_of("block1_bn").data()


def test_a_block_is_partly_checked_when_some_of_it_is_trained(model: LayerModel) -> None:
    model.set_trainable(convs(1), batchnorm=True)
    assert state(block(model, 1)) == State.PartiallyChecked
    assert state(model.index_of("block1_conv")) == State.Checked
    assert state(model.index_of("block1_bn")) == State.Unchecked


def test_layers_without_parameters_have_no_checkbox_and_cannot_be_set(model: LayerModel) -> None:
    relu = model.index_of("block1_relu")
    assert state(relu) is None
    assert not relu.flags() & Qt.ItemFlag.ItemIsUserCheckable
    assert not model.setData(relu, State.Checked.value, CHECK)


@pytest.mark.parametrize(
    ("trained", "expected"),
    [
        ((), ["block0", "block1", "block2", "block3", HEAD_BELOW]),
        ((2, 3), ["block0", "block1", TRAINED_BELOW, "block2", "block3"]),
        ((1, 3), ["block0", TRAINED_BELOW, "block1", "block2", "block3"]),
        ((0, 1, 2, 3), ["block0", "block1", "block2", "block3"]),
    ],
)
def test_the_line_stands_where_the_frozen_part_ends(model, trained, expected) -> None:
    for before in ((0,), (3,), ()):
        model.set_trainable(convs(*before), batchnorm=False)
        model.set_trainable(convs(*trained), batchnorm=False)
        assert rows(model) == expected


def test_the_line_goes_into_a_block_that_is_frozen_at_first(model: LayerModel) -> None:
    model.set_trainable(frozenset({"block1_bn"}), batchnorm=True)
    parent = block(model, 1)
    inside = [model.index(row, 0, parent).data(BOUNDARY_ROLE) for row in range(4)]
    assert inside == [None, TRAINED_BELOW, None, None]


def test_only_changed_rows_are_announced(model, qtbot) -> None:
    announced = []
    model.dataChanged.connect(lambda first, last: announced.append(first.data()))
    model.set_trainable(convs(2), batchnorm=False)
    assert announced == ["block2", "conv"]
    announced.clear()
    model.set_trainable(convs(2), batchnorm=False)
    assert announced == []


def test_a_screen_reader_hears_the_state(model: LayerModel) -> None:
    model.set_trainable(convs(1), batchnorm=False)
    role = Qt.ItemDataRole.AccessibleTextRole
    assert model.index_of("block1_conv").data(role) == "block1_conv, trained"
    assert model.index_of("block1_bn").data(role) == "block1_bn, stays frozen"
    assert block(model, 0).data(role) == "block0, frozen"


def test_six_hundred_layers_toggle_within_a_frame_or_two(qapp) -> None:
    model = LayerModel()
    model.set_layers(layers(200))
    start = time.perf_counter()
    model.set_trainable(convs(*range(100, 200)), batchnorm=False)
    assert time.perf_counter() - start < 0.1

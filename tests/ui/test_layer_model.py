import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from window_fakes import TOP, convs, layers

from tlstudio.ui.boundary_line import BoundaryLine
from tlstudio.ui.layer_model import (
    BAR_ROLE,
    BOUNDARY_ROLE,
    NAME_ROLE,
    OUTDATED_ROLE,
    Column,
    LayerModel,
)

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


def line(after: str) -> BoundaryLine:
    return BoundaryLine(after, "LINE", "LINE into {}", "Because.")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("block0_relu", ["block0", "LINE", "block1", "block2", "block3"]),
        ("block3_relu", ["block0", "block1", "block2", "block3", "LINE"]),
        ("block2_conv", ["block0", "block1", "LINE into block2", "block2", "block3"]),
        ("", ["block0", "block1", "block2", "block3"]),
    ],
)
def test_the_line_stands_after_the_last_layer_of_the_prefix(model, after, expected) -> None:
    for before in ("block0_relu", "block2_bn", ""):
        model.set_boundary(line(before) if before else None)
        model.set_boundary(line(after) if after else None)
        assert rows(model) == expected


def test_the_imagenet_classifier_stands_at_the_end_to_be_looked_at_alone(model) -> None:
    model.set_boundary(line("block3_relu"))
    model.set_top(TOP)
    assert rows(model)[-3:] == ["block3", "LINE", "ImageNet top"]
    dense = model.index_of("predictions")
    assert (dense.data(), dense.parent().data()) == ("predictions", "ImageNet top")
    assert dense.siblingAtColumn(Column.PARAMS).data() == "5.00 k"
    assert "Your head takes its place." in dense.data(Qt.ItemDataRole.ToolTipRole)
    for index in (dense, dense.parent()):
        assert state(index) is None
        assert index.data(NAME_ROLE) is None
        assert "not used" in index.data(Qt.ItemDataRole.AccessibleTextRole)
        assert not model.setData(index, State.Checked.value, CHECK)
    model.set_boundary(line("block0_relu"))
    model.set_boundary(line("block3_relu"))
    assert rows(model)[-2:] == ["LINE", "ImageNet top"]
    assert model.layers == layers()
    model.set_top(())
    assert rows(model)[-2:] == ["block3", "LINE"]
    model.set_top(TOP)
    model.set_layers(layers())
    assert rows(model)[-1] == "block3"


def test_the_line_goes_into_its_block_while_that_is_open(model: LayerModel) -> None:
    model.set_boundary(line("block1_conv"))
    model.open_block(block(model, 1))
    assert rows(model) == ["block0", "block1", "block2", "block3"]
    parent = block(model, 1)
    inside = [model.index(row, 0, parent).data(BOUNDARY_ROLE) for row in range(4)]
    assert inside == [None, "LINE", None, None]
    model.open_block(block(model, 0))
    assert model.rowCount(block(model, 1)) == 4
    model.close_block(block(model, 1))
    assert rows(model) == ["block0", "LINE into block1", "block1", "block2", "block3"]
    assert model.rowCount(block(model, 1)) == 3


def test_the_line_stays_where_it_is_until_it_is_set_anew(model: LayerModel, qtbot) -> None:
    model.set_boundary(line("block0_relu"))
    model.set_trainable(convs(0, 1, 2, 3), batchnorm=False)
    assert rows(model)[1] == "LINE"
    with qtbot.assertNotEmitted(model.rowsRemoved):
        model.set_boundary(line("block0_relu"))
    model.set_layers(layers())
    assert rows(model) == ["block0", "block1", "block2", "block3"]


def test_the_line_says_why_and_when_it_may_be_wrong(model: LayerModel) -> None:
    model.set_boundary(line("block0_relu"))
    index = model.boundary_index()
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "LINE"
    assert index.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "Because."
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "Because."
    assert not index.data(OUTDATED_ROLE)
    model.outdate_boundary()
    assert index.data(OUTDATED_ROLE)
    assert "looking" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert index.data(Qt.ItemDataRole.ToolTipRole) is None
    model.set_boundary(line("block0_relu"))
    assert not model.boundary_index().data(OUTDATED_ROLE)


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


def test_probes_stand_beside_their_blocks_and_say_what_they_mean(model, qtbot) -> None:
    with qtbot.waitSignal(model.figures_changed):
        model.set_probes({"block1": (0.864, 0.021)})
    cell = block(model, 1).siblingAtColumn(Column.PROBE)
    assert cell.data() == "86 %"
    assert cell.data(BAR_ROLE) == 0.864
    assert cell.data(Qt.ItemDataRole.ToolTipRole) == (
        "A linear classifier on the features after this block got 86 % (± 2) of held-out "
        "pictures right"
    )
    assert "probe 86 %" in block(model, 1).data(Qt.ItemDataRole.AccessibleTextRole)
    for other in (block(model, 0), model.index_of("block1_conv")):
        assert other.siblingAtColumn(Column.PROBE).data() == ""
        assert other.siblingAtColumn(Column.PROBE).data(BAR_ROLE) is None
    model.set_layers(layers())
    assert not model.probes


def test_what_moved_is_a_bar_and_a_block_shows_its_farthest(model) -> None:
    model.set_moved({"block1_conv": 0.02, "block1_bn": 0.0, "block2_conv": 0.04, "block1_relu": 0})

    def cell(index):
        return index.siblingAtColumn(Column.MOVED)

    assert cell(model.index_of("block1_conv")).data(BAR_ROLE) == 0.5
    assert cell(block(model, 1)).data(BAR_ROLE) == 0.5
    assert cell(block(model, 2)).data(BAR_ROLE) == 1
    assert cell(model.index_of("block1_bn")).data(BAR_ROLE) == 0
    assert cell(model.index_of("block1_relu")).data(BAR_ROLE) is None
    assert cell(block(model, 1)).data() == "2.0 %"
    assert cell(model.index_of("block1_bn")).data() == ""
    tip = cell(block(model, 1)).data(Qt.ItemDataRole.ToolTipRole)
    assert "block1_conv moved farthest" in tip
    assert "2.0 %" in tip
    still = cell(model.index_of("block1_bn")).data(Qt.ItemDataRole.ToolTipRole)
    assert "did not move" in still


def test_weights_that_training_broke_are_told_from_those_that_moved(model) -> None:
    model.set_moved({"block1_conv": float("nan"), "block1_bn": 0.5})
    cell = block(model, 1).siblingAtColumn(Column.MOVED)
    assert cell.data(BAR_ROLE) == 1
    assert cell.data() == "broken"
    assert "no numbers" in cell.data(Qt.ItemDataRole.ToolTipRole)

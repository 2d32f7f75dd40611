from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from window_fakes import described
from window_fakes import session as make_session

from tlstudio.project.spec import DenseLayer, Head
from tlstudio.ui.head_panel import HeadPanel
from tlstudio.ui.session import Session


@pytest.fixture
def session(qapp, tmp_path: Path) -> Session:
    return make_session(tmp_path)[0]


@pytest.fixture
def panel(qtbot, session: Session) -> HeadPanel:
    made = HeadPanel(session)
    qtbot.addWidget(made)
    return made


def click(qtbot, button) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_before_the_layers_are_known_there_are_no_sizes(panel: HeadPanel) -> None:
    assert panel.note.text() == ""
    assert panel.comparison.isHidden()


def test_sizes_stand_beside_each_layer(panel, session) -> None:
    described(session)
    # GAP on 4 channels, then two classes: 4 * 2 + 2.
    assert panel.note.text() == "10 parameters"
    assert panel._features.size_label.text() == "8 × 8 × 4"
    assert panel._classifier.size_label.text() == "2   10"


def test_pooling_is_a_decision_and_is_compared_with_the_other_kind(panel, session, qtbot) -> None:
    described(session)
    assert "514" in panel.comparison.text()
    click(qtbot, panel._poolings["flatten"])
    assert session.decisions.head.pooling == "flatten"
    assert panel.note.text() == "514 parameters"
    assert "GAP here: <b>10</b>" in panel.comparison.text()


def test_dense_layers_are_added_edited_moved_and_removed(panel, session, qtbot) -> None:
    described(session)
    click(qtbot, panel.add_dense)
    click(qtbot, panel.add_dense)
    first, second = panel.dense_rows
    first.units.setValue(8)
    second.activation.setCurrentIndex(second.activation.findData("tanh"))
    second.activation.activated.emit(second.activation.currentIndex())
    second.rate.setValue(0.5)
    eight = DenseLayer(units=8)
    tanh = DenseLayer(activation="tanh", dropout=0.5)
    assert session.decisions.head.dense == (eight, tanh)
    assert first.size_label.text() == "8   40"
    click(qtbot, second.up)
    assert session.decisions.head.dense == (tanh, eight)
    assert panel.dense_rows[0].activation.currentData() == "tanh"
    click(qtbot, panel.dense_rows[0].remove)
    assert session.decisions.head.dense == (eight,)
    assert len(panel.dense_rows) == 1


def test_the_first_and_the_last_layer_cannot_move_out(panel, session, qtbot) -> None:
    session.decide(head=Head(dense=(DenseLayer(), DenseLayer())))
    first, last = panel.dense_rows
    assert not first.up.isEnabled()
    assert first.down.isEnabled()
    assert not last.down.isEnabled()


def test_editing_keeps_the_row_and_so_the_focus(panel, qtbot) -> None:
    click(qtbot, panel.add_dense)
    row = panel.dense_rows[0]
    row.units.setValue(64)
    assert panel.dense_rows[0] is row


def test_dropout_is_removed_and_added_again(panel, session, qtbot) -> None:
    session.decide(head=Head(dense=(DenseLayer(),), dropout=0.0))
    assert panel._dropout.isHidden()
    click(qtbot, panel.add_dropout)
    assert session.decisions.head.dropout == 0.2
    click(qtbot, panel.add_dropout)
    assert session.decisions.head.dense[0].dropout == 0.2
    assert not panel.add_dropout.isEnabled()


def test_an_edit_of_a_dense_layer_changes_its_own_field_alone(panel, session) -> None:
    session.decide(head=Head(dense=(DenseLayer(units=4, dropout=0.995),)))
    panel.dense_rows[0].units.setValue(8)
    assert session.decisions.head.dense == (DenseLayer(units=8, dropout=0.995),)

"""The strategy card: three strategies, the slider over blocks, and the tree reflected back."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from PySide6.QtCore import Qt
from window_fakes import convs, described, layers
from window_fakes import session as make_session

from tlstudio.events import LayerRow
from tlstudio.project.freeze_plan import BATCH_NORM
from tlstudio.project.spec import FreezePlan, Strategy
from tlstudio.ui import strategy_bars
from tlstudio.ui.session import Session
from tlstudio.ui.strategy_depth import depth
from tlstudio.ui.strategy_panel import TEXTS, StrategyPanel


@pytest.fixture
def session(qapp, tmp_path: Path) -> Session:
    return make_session(tmp_path)[0]


@pytest.fixture
def panel(qtbot, session: Session) -> StrategyPanel:
    made = StrategyPanel(session)
    qtbot.addWidget(made)
    return made


def highlighted(panel: StrategyPanel) -> list[str]:
    return [name for name, card in panel.cards.items() if card.isChecked()]


def test_a_card_is_a_decision(panel, session, qtbot) -> None:
    described(session)
    qtbot.mouseClick(panel.cards["top"], Qt.MouseButton.LeftButton)
    assert session.decisions.freeze.strategy == "top"
    assert highlighted(panel) == ["top"]
    qtbot.keyClick(panel.cards["all"], Qt.Key.Key_Space)
    can = frozenset(row.name for row in layers() if row.params and row.type != BATCH_NORM)
    assert session.trainable == can


def test_cards_follow_the_tree_and_custom_highlights_none(panel, session) -> None:
    described(session)
    session.set_trainable(convs(1, 2, 3), batchnorm=False)
    assert highlighted(panel) == ["top"]
    session.set_trainable(convs(0, 2), batchnorm=False)
    assert highlighted(panel) == []
    assert "2 of 4 layers" in panel.custom.text()
    assert not panel.custom.isHidden()
    assert not panel.grab().isNull()


def test_there_is_a_bar_for_each_block_of_the_network(panel, session) -> None:
    def bars() -> dict[str, tuple[int, int]]:
        return {name: card.bars for name, card in panel.cards.items()}

    assert bars() == {"all": (9, 9), "top": (3, 9), "head": (0, 9)}  # of none in particular
    described(session)
    assert bars() == {"all": (4, 4), "top": (1, 4), "head": (0, 4)}
    session.set_trainable(convs(1, 2, 3), batchnorm=False)
    assert bars() == {"all": (4, 4), "top": (3, 4), "head": (0, 4)}
    session.decide(freeze=FreezePlan(strategy="head"))
    assert bars()["top"] == (1, 4)


def test_every_strategy_is_offered() -> None:
    assert set(TEXTS) == set(strategy_bars.TRAINED) == set(get_args(Strategy)) - {"custom"}


def test_the_slider_is_there_only_with_the_top_layers(panel, session) -> None:
    described(session)
    shown = []
    for strategy in ("all", "top", "head"):
        session.decide(freeze=FreezePlan(strategy=strategy))
        shown.append(not panel.how_deep.isHidden())
    assert shown == [False, True, False]
    session.set_trainable(convs(0, 2), batchnorm=False)
    assert panel.how_deep.isHidden()


def test_the_slider_is_where_the_tree_begins_to_train_and_says_how_much(panel, session) -> None:
    described(session)
    session.set_trainable(convs(1, 2, 3), batchnorm=False)
    slider = panel.how_deep.slider
    assert (slider.minimum(), slider.value(), slider.maximum()) == (0, 1, 4)
    assert panel.how_deep.place.text() == "block1 to block3"
    assert panel.how_deep.words.text() == "3 of 4 blocks, 300 parameters"
    session.set_trainable(convs(3), batchnorm=False)
    assert slider.value() == 3
    assert panel.how_deep.place.text() == "block3 alone"
    assert panel.how_deep.words.text() == "1 of 4 blocks, 100 parameters"


def test_moving_the_slider_decides_from_which_block_on_and_keeps_batchnorm(panel, session) -> None:
    described(session)
    session.decide(freeze=FreezePlan(strategy="top", unfreeze_from="block3_conv", batchnorm=True))
    panel.how_deep.slider.setValue(2)
    plan = FreezePlan(strategy="top", unfreeze_from="block2_conv", batchnorm=True)
    assert session.decisions.freeze == plan
    assert session.trainable == convs(2, 3) | {"block2_bn", "block3_bn"}
    assert highlighted(panel) == ["top"]


def test_the_ends_of_the_slider_leave_a_block_frozen_and_a_block_trained(
    panel, session, qtbot
) -> None:
    described(session)
    session.decide(freeze=FreezePlan(strategy="top"))
    slider = panel.how_deep.slider
    for key, place, trained in (
        (Qt.Key.Key_End, 3, convs(3)),
        (Qt.Key.Key_Right, 3, convs(3)),
        (Qt.Key.Key_Home, 1, convs(1, 2, 3)),
    ):
        qtbot.keyClick(slider, key)
        assert slider.value() == place
        assert session.trainable == trained


def test_showing_a_plan_decides_nothing(panel, session) -> None:
    described(session)
    plan = FreezePlan(strategy="top", unfreeze_from="block2_relu")
    session.decide(freeze=plan)
    assert session.decisions.freeze == plan
    assert panel.how_deep.slider.value() == 3  # nothing of the second is trained


def test_training_that_begins_within_the_first_block_is_the_slider_at_its_left(
    panel, session
) -> None:
    described(session)
    two_in_one = [*layers()[:3], LayerRow("more", "Conv2D", "block0", (8, 8, 4), 7, False, 7)]
    rows = (*two_in_one, *layers()[3:])
    session.description = replace(session.description, layers=rows)
    session.set_trainable(convs(1, 2, 3) | {"more"}, batchnorm=False)
    assert highlighted(panel) == ["top"]
    assert panel.how_deep.slider.value() == panel.how_deep.slider.minimum()
    assert panel.how_deep.place.text() == "block0 to block3"
    assert panel.how_deep.words.text().startswith("4 of 4 blocks")


def test_a_backbone_of_two_blocks_leaves_the_slider_nothing_to_choose(panel, session) -> None:
    two = depth(layers(2), frozenset({"block1_conv"}))
    panel.how_deep.show_depth(two)
    assert not panel.how_deep.slider.isEnabled()


def test_arrow_keys_go_from_card_to_card_past_the_slider(panel, session, qtbot) -> None:
    described(session)
    session.decide(freeze=FreezePlan(strategy="top"))
    panel.show()
    panel.cards["top"].setFocus()
    qtbot.keyClick(panel.cards["top"], Qt.Key.Key_Down)
    assert panel.focusWidget() is panel.cards["head"]
    qtbot.keyClick(panel.cards["head"], Qt.Key.Key_Down)
    assert panel.focusWidget() is panel.cards["head"]
    qtbot.keyClick(panel.cards["head"], Qt.Key.Key_Up)
    assert panel.focusWidget() is panel.cards["top"]

"""The backbone, strategy and pictures panels over one session."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from PySide6.QtCore import Qt
from window_fakes import convs, described, layers, pictures
from window_fakes import session as make_session

from tlstudio.events import Failed, Picture, Problem, Progress, Scan
from tlstudio.model import catalog
from tlstudio.project.freeze_plan import BATCH_NORM
from tlstudio.project.head_size import POOLING_LABELS
from tlstudio.project.spec import (
    Backbone,
    FreezePlan,
    Pictures,
    Pooling,
    Strategy,
)
from tlstudio.ui.backbone_figures import FIGURES_ROLE
from tlstudio.ui.backbone_panel import BackbonePanel
from tlstudio.ui.head_panel import POOLING_NAMES, POOLING_TIPS
from tlstudio.ui.pictures_panel import PicturesPanel
from tlstudio.ui.problems import ProblemList
from tlstudio.ui.session import Session
from tlstudio.ui.strategy_panel import TEXTS, TRAINED_BARS, StrategyPanel


@pytest.fixture
def session(qapp, tmp_path: Path) -> Iterator[Session]:
    return make_session(tmp_path)[0]


@pytest.fixture
def backbone(qtbot, session: Session) -> BackbonePanel:
    made = BackbonePanel(session)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def strategy(qtbot, session: Session) -> StrategyPanel:
    made = StrategyPanel(session)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def shown(qtbot, session: Session) -> PicturesPanel:
    made = PicturesPanel(session)
    qtbot.addWidget(made)
    return made


def click(qtbot, button) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(combo, data: str) -> None:
    combo.choose(data)
    combo.activated.emit(combo.currentIndex())


# Backbone


def test_every_network_of_the_catalogue_can_be_chosen(backbone, session) -> None:
    assert backbone.network.count() == len(catalog.CATALOG)
    choose(backbone.network, "InceptionV3")
    assert session.decisions.backbone == Backbone(
        name="InceptionV3", weights="imagenet", input_shape=(299, 299)
    )
    assert backbone.rows_field.minimum() == 75
    assert backbone.note.text() == "21.8 M parameters, 77.9 % top-1"
    assert "87 MB" in backbone.weights_note.text()


def test_a_backbone_that_is_not_in_the_catalogue_is_named_and_can_be_replaced(
    backbone, session
) -> None:
    session.decide(backbone=Backbone(name="NoSuchNet", weights="imagenet", input_shape=(96, 64)))
    assert backbone.network.currentText() == "NoSuchNet, unknown"
    assert "NoSuchNet" in backbone.weights_note.text()
    assert backbone.weights_note.objectName() == "error"
    assert (backbone.rows_field.value(), backbone.columns_field.value()) == (96, 64)
    choose(backbone.network, "VGG16")
    assert session.decisions.backbone.name == "VGG16"
    assert backbone.network.count() == len(catalog.CATALOG)
    assert backbone.weights_note.objectName() == "muted"


def test_the_width_multiplier_is_there_only_where_the_network_has_one(backbone) -> None:
    assert backbone.alpha.isHidden()
    choose(backbone.network, "MobileNetV2")
    assert not backbone.alpha.isHidden()


def test_untrained_weights_are_marked_and_a_missing_file_is_named(backbone, session) -> None:
    choose(backbone.weights, "random")
    assert session.decisions.backbone.weights == "random"
    assert backbone.weights_note.objectName() == "amber"
    session.decide(backbone=Backbone(weights="/gone/net.h5"))
    assert backbone.weights_note.objectName() == "error"
    assert backbone.weights.currentText() == "net.h5"


def test_untrained_weights_have_no_published_accuracy_and_stay_untrained(backbone, session) -> None:
    assert "top-1" in backbone.note.text()
    choose(backbone.weights, "random")
    assert "top-1" not in backbone.note.text()
    choose(backbone.network, "VGG16")
    assert session.decisions.backbone.weights == "random"
    choose(backbone.weights, "imagenet")
    choose(backbone.network, "ResNet50")
    assert session.decisions.backbone.weights == "imagenet"
    assert "top-1" in backbone.note.text()


def test_backbones_are_listed_with_their_parameters_and_accuracy(backbone) -> None:
    row = backbone.network.findData("InceptionV3")
    assert backbone.network.itemData(row, FIGURES_ROLE) == ("21.8 M", "77.9 %")
    view = backbone.network.view()
    words = ("Inception-ResNet V2", "00.0 M", "00.0 %")
    assert view.minimumWidth() > sum(map(view.fontMetrics().horizontalAdvance, words))


def test_the_layers_take_the_place_of_the_message_and_errors_too(backbone, session) -> None:
    assert "Reading" in backbone.message.text()
    described(session)
    assert backbone._stack.currentWidget() is backbone.tree
    session._described(Failed("The input is too small.", "Use at least 32 pixels."))
    assert backbone._stack.currentWidget() is backbone.message
    assert backbone.message.text() == "The input is too small. Use at least 32 pixels."


def test_totals_and_decision_follow_the_buttons(backbone, session, qtbot) -> None:
    described(session)
    assert (backbone.trained.text(), backbone.frozen.text()) == ("0", "464")
    click(qtbot, backbone.unfreeze_all)
    assert session.decisions.freeze == FreezePlan(strategy="all")
    assert (backbone.trained.text(), backbone.frozen.text()) == ("400", "64")
    assert not backbone.from_here.isEnabled()
    backbone.tree.setCurrentIndex(backbone.model.index_of("block3_conv"))
    click(qtbot, backbone.from_here)
    assert session.trainable == convs(3)
    click(qtbot, backbone.freeze_all)
    assert session.decisions.freeze == FreezePlan()


def test_the_switch_lets_batchnorm_loose_with_its_block(backbone, session, qtbot) -> None:
    described(session)
    session.set_trainable(convs(3), batchnorm=False)
    backbone.batchnorm.setChecked(False)
    assert session.trainable == convs(3) | {"block3_bn"}
    assert session.decisions.freeze.batchnorm
    assert backbone.trained.text() == "108"
    backbone.batchnorm.setChecked(True)
    assert session.trainable == convs(3)


def test_a_click_in_the_tree_is_the_decision(backbone, session) -> None:
    described(session)
    index = backbone.model.index_of("block1_conv")
    backbone.model.setData(index, Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    assert session.decisions.freeze == FreezePlan(strategy="custom", layers=("block1_conv",))


# Strategy


def highlighted(panel: StrategyPanel) -> list[str]:
    return [name for name, card in panel.cards.items() if card.isChecked()]


def test_a_card_is_a_decision(strategy, session, qtbot) -> None:
    described(session)
    click(qtbot, strategy.cards["top"])
    assert session.decisions.freeze.strategy == "top"
    assert highlighted(strategy) == ["top"]
    qtbot.keyClick(strategy.cards["all"], Qt.Key.Key_Space)
    can = frozenset(row.name for row in layers() if row.params and row.type != BATCH_NORM)
    assert session.trainable == can


def test_cards_follow_the_tree_and_custom_highlights_none(strategy, session) -> None:
    described(session)
    session.set_trainable(convs(1, 2, 3), batchnorm=False)
    assert highlighted(strategy) == ["top"]
    assert strategy.cards["top"]._trained == 7  # three of four blocks, of nine bars
    session.set_trainable(convs(0, 2), batchnorm=False)
    assert highlighted(strategy) == []
    assert strategy.note.text() == "custom"
    assert "2 of 4 layers" in strategy.custom.text()
    assert not strategy.grab().isNull()


def test_an_edit_changes_its_own_field_alone(backbone, session) -> None:
    wide = Backbone(name="MobileNetV2", weights="random", input_shape=(64, 2048), alpha=0.125)
    session.decide(backbone=wide)
    backbone.rows_field.setValue(96)
    assert session.decisions.backbone == wide.model_copy(update={"input_shape": (96, 2048)})


def test_every_pooling_and_strategy_is_offered() -> None:
    for words in (POOLING_LABELS, POOLING_NAMES, POOLING_TIPS):
        assert set(words) == set(get_args(Pooling))
    assert set(TEXTS) == set(TRAINED_BARS) == set(get_args(Strategy)) - {"custom"}


# Pictures


def show_scan(session: Session, scan: Scan) -> None:
    session.decide(pictures=Pictures(source=Path(scan.source)))
    session._scanned(scan)


def scan_of(folder: Path, problems: tuple[Problem, ...] = ()) -> Scan:
    found = tuple(Picture(str(path), path.parent.name) for path in sorted(folder.rglob("*.png")))
    return Scan(str(folder), found, problems, {"cats": 4, "dogs": 4})


def test_an_empty_panel_says_what_to_do(shown, qtbot) -> None:
    assert "One subfolder a class" in shown.message.text()
    with qtbot.waitSignal(shown.open_asked):
        click(qtbot, shown.open_button)


def test_classes_counts_and_split_are_shown(shown, session, tmp_path: Path) -> None:
    show_scan(session, scan_of(pictures(tmp_path / "pets")))
    assert shown.note.text() == "8 in 2 classes"
    assert shown.classes.rowCount() == 2
    assert shown.split_line.text() == "6 train, 2 validation, stratified, seed 1"
    assert shown.problems.isHidden()
    assert not shown.grab().isNull()


def test_a_scan_shows_how_far_it_is(shown, session) -> None:
    session.decide(pictures=Pictures(source=Path("pets")))
    session._scanned(Progress("scan", 30, 120))
    assert shown.message.text() == "Reading pets, 30 of 120"
    assert shown.bar.value() == 30


def test_problems_open_a_list_with_a_remedy(shown, session, qtbot, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pets")
    problems = (
        Problem(str(folder / "cats" / "x.jpg"), "truncated", "It is cut off. Copy it again."),
        Problem(str(folder / "dogs" / "y.jpg"), "duplicate", "The same as z.jpg."),
    )
    show_scan(session, scan_of(folder, problems))
    assert shown.problems.text() == "1 file cannot be used, 1 to look at"
    click(qtbot, shown.problems)
    listed = shown.findChild(ProblemList).list
    first = listed.topLevelItem(0)
    assert Path(first.text(0)) == Path("cats") / "x.jpg"
    assert (first.text(1), first.text(2)) == ("damaged", "It is cut off. Copy it again.")
    shown.findChild(ProblemList).close()


def test_a_long_remedy_can_be_read_to_its_end(qtbot, tmp_path: Path) -> None:
    long = "It says what is wrong in many words, " * 6 + "and then how to mend it."
    listed = ProblemList([Problem("a.jpg", "truncated", long)], tmp_path, None)
    qtbot.addWidget(listed)
    listed.show()
    tree = listed.list
    tree.doItemsLayout()
    index = tree.model().index(0, 2)
    room = tree.visualRect(index)
    needed = tree.fontMetrics().boundingRect(
        0, 0, room.width() - 8, 1000, Qt.TextFlag.TextWordWrap, long
    )
    assert room.height() >= needed.height() > 2 * tree.fontMetrics().height()


def test_two_hundred_classes_scroll_in_a_list_of_fixed_height(shown, session) -> None:
    names = [f"class {number}" for number in range(200)]
    found = tuple(Picture(f"{name}/{n}.png", name) for name in names for n in range(2))
    show_scan(session, Scan("many", found, (), dict.fromkeys(names, 2)))
    assert shown.classes.rowCount() == 200
    assert shown.list.height() < 200
    assert not shown.grab().isNull()

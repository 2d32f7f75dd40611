"""The backbone's card: network, weights, input, arguments, and the tree of its layers."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from window_fakes import convs, described
from window_fakes import session as make_session

from tlstudio.events import Failed
from tlstudio.model import catalog
from tlstudio.project.spec import Backbone, FreezePlan
from tlstudio.ui.backbone_figures import FIGURES_ROLE
from tlstudio.ui.backbone_panel import BackbonePanel
from tlstudio.ui.session import Session


@pytest.fixture
def session(qapp, tmp_path: Path) -> Session:
    return make_session(tmp_path)[0]


@pytest.fixture
def backbone(qtbot, session: Session) -> BackbonePanel:
    made = BackbonePanel(session)
    qtbot.addWidget(made)
    return made


def click(qtbot, button) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(combo, data: str) -> None:
    combo.choose(data)
    combo.activated.emit(combo.currentIndex())


def test_every_network_of_the_catalogue_can_be_chosen(backbone, session) -> None:
    assert backbone.network.count() == len(catalog.CATALOG)
    choose(backbone.network, "InceptionV3")
    assert session.decisions.backbone == Backbone(
        name="InceptionV3", weights="imagenet", input_shape=(299, 299)
    )
    assert backbone.rows_field.minimum() == 75
    assert backbone.note.text() == "21.8 M parameters, 77.9 % top-1"
    assert "87.2 MB" in backbone.weights_note.words.text()


def test_a_backbone_that_is_not_in_the_catalogue_is_named_and_can_be_replaced(
    backbone, session
) -> None:
    session.decide(backbone=Backbone(name="NoSuchNet", weights="imagenet", input_shape=(96, 64)))
    assert backbone.network.currentText() == "NoSuchNet, unknown"
    assert "NoSuchNet" in backbone.weights_note.words.text()
    assert backbone.weights_note.words.objectName() == "error"
    assert (backbone.rows_field.value(), backbone.columns_field.value()) == (96, 64)
    choose(backbone.network, "VGG16")
    assert session.decisions.backbone.name == "VGG16"
    assert backbone.network.count() == len(catalog.CATALOG)
    assert backbone.weights_note.words.objectName() == "muted"


def test_the_width_multiplier_is_there_only_where_the_network_has_one(backbone) -> None:
    arguments = backbone.arguments
    assert arguments.isHidden()
    choose(backbone.network, "MobileNetV2")
    assert not arguments.isHidden()
    assert not arguments.alpha.isHidden()
    assert arguments.multiplier.isHidden()
    assert arguments.minimalistic.isHidden()
    choose(backbone.network, "MobileNet")
    assert not arguments.multiplier.isHidden()
    choose(backbone.network, "MobileNetV3Small")
    assert not arguments.minimalistic.isHidden()


def test_with_imagenet_weights_only_published_widths_can_be_set(backbone, session, qtbot) -> None:
    choose(backbone.network, "MobileNetV2")
    choose(backbone.weights, "imagenet")
    width = backbone.arguments.alpha
    width.stepUp()
    assert session.decisions.backbone.alpha == 1.3
    width.lineEdit().selectAll()
    qtbot.keyClicks(width, "0.6")
    qtbot.keyClick(width, Qt.Key.Key_Return)
    assert (width.value(), width.text()) == (0.5, "0.5")
    assert session.decisions.backbone.alpha == 0.5
    assert "0.35" in width.accessibleDescription()


def test_random_weights_have_any_width_and_imagenet_takes_the_nearest(backbone, session) -> None:
    choose(backbone.network, "MobileNetV2")
    choose(backbone.weights, "random")
    backbone.arguments.alpha.setValue(0.6)
    assert session.decisions.backbone.alpha == 0.6
    choose(backbone.weights, "imagenet")
    assert session.decisions.backbone.alpha == 0.5


def test_a_depth_multiplier_without_imagenet_weights_is_prevented_with_the_reason(
    backbone, session
) -> None:
    choose(backbone.network, "MobileNet")
    depth = backbone.arguments.multiplier
    choose(backbone.weights, "imagenet")
    assert not depth.isEnabled()
    assert "published" in depth.accessibleDescription()
    choose(backbone.weights, "random")
    assert depth.isEnabled()
    depth.setValue(2)
    assert session.decisions.backbone.depth_multiplier == 2
    choose(backbone.weights, "imagenet")
    assert session.decisions.backbone.depth_multiplier == 1


def test_a_minimalistic_network_has_imagenet_weights_at_width_one_alone(backbone, session) -> None:
    choose(backbone.network, "MobileNetV3Small")
    choose(backbone.weights, "imagenet")
    backbone.arguments.alpha.stepDown()
    assert session.decisions.backbone.alpha == 0.75
    backbone.arguments.minimalistic.click()
    assert session.decisions.backbone.minimalistic
    assert session.decisions.backbone.alpha == 1.0
    backbone.arguments.alpha.stepDown()
    assert session.decisions.backbone.alpha == 1.0


def test_figures_of_another_width_are_those_of_the_network_as_built(backbone, session) -> None:
    wide = Backbone(name="MobileNetV2", weights="imagenet", alpha=1.4)
    session.decide(backbone=wide)
    assert backbone.note.text() == ""
    described(session)
    assert backbone.note.text() == "464 parameters"
    session.decide(backbone=wide.model_copy(update={"alpha": 1.0}))
    assert backbone.note.text() == "2.26 M parameters, 71.3 % top-1"


def test_untrained_weights_are_marked_and_a_missing_file_is_named(backbone, session) -> None:
    choose(backbone.weights, "random")
    assert session.decisions.backbone.weights == "random"
    assert backbone.weights_note.words.objectName() == "amber"
    session.decide(backbone=Backbone(weights="/gone/net.h5"))
    assert backbone.weights_note.words.objectName() == "error"
    assert backbone.weights.currentText() == "net.h5"


def test_untrained_weights_have_no_published_accuracy_and_another_network_its_pretrained_ones(
    backbone, session
) -> None:
    assert "top-1" in backbone.note.text()
    choose(backbone.weights, "random")
    assert "top-1" not in backbone.note.text()
    choose(backbone.network, "VGG16")
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


def test_an_edit_changes_its_own_field_alone(backbone, session) -> None:
    wide = Backbone(name="MobileNetV2", weights="random", input_shape=(64, 2048), alpha=0.125)
    session.decide(backbone=wide)
    backbone.rows_field.setValue(96)
    assert session.decisions.backbone == wide.model_copy(update={"input_shape": (96, 2048)})


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        (Backbone(weights="imagenet"), "ImageNet"),
        (Backbone(name="VGG16", weights="bundled"), "bundled"),
        (Backbone(name="VGG16", weights="/a/net.h5"), "net.h5"),
        (Backbone(name="VGG16", weights="random"), "Random"),
    ],
)
def test_whatever_weights_a_project_names_are_shown(backbone, session, spec, shown) -> None:
    session.decide(backbone=spec)
    assert backbone.weights.currentText() == shown


@pytest.fixture
def answering(qtbot, session: Session):
    """A session that asks its engine."""
    session.start()
    qtbot.waitUntil(lambda: session.description is not None)
    yield session
    session.close()


def test_the_imagenet_classifier_is_shown_and_changes_no_decision(
    backbone, answering, qtbot
) -> None:
    before = answering.decisions, backbone.trained.text(), backbone.frozen.text()
    with qtbot.waitSignal(backbone.model.rowsInserted):
        backbone.top.click()
    index = backbone.model.index_of("predictions")
    assert backbone.tree.isExpanded(index.parent())
    backbone.tree.setCurrentIndex(index)
    assert not backbone.from_here.isEnabled()
    assert (answering.decisions, backbone.trained.text(), backbone.frozen.text()) == before
    with qtbot.waitSignal(backbone.model.rowsInserted):
        choose(backbone.network, "ResNet50")
        assert not backbone.model.index_of("predictions").isValid()
        qtbot.waitUntil(lambda: backbone.model.index_of("predictions").isValid())
    backbone.top.click()
    assert not backbone.model.index_of("predictions").isValid()


def test_a_classifier_that_flattens_is_prevented_at_another_input_with_the_reason(
    backbone, answering, qtbot
) -> None:
    choose(backbone.network, "VGG16")
    qtbot.waitUntil(backbone.top.isEnabled)
    backbone.top.click()
    backbone.rows_field.setValue(160)
    qtbot.waitUntil(lambda: answering.description is not None)
    assert not backbone.top.isEnabled()
    assert not backbone.top.isChecked()
    assert "224 × 224 alone" in backbone.top.accessibleDescription()
    choose(backbone.network, "ResNet50")
    backbone.rows_field.setValue(160)
    qtbot.waitUntil(backbone.top.isEnabled)

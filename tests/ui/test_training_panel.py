"""The card of the training decisions: the fields in sight, those behind “More”, the recipe."""

from pathlib import Path
from typing import get_args

import pytest
from PySide6.QtCore import Qt
from window_fakes import convs, described, pictures, write_run
from window_fakes import session as make_session

from tlstudio.events import Device, DevicesFound, Picture, Scan
from tlstudio.project import store
from tlstudio.project.learning_rate import HEAD_RATES
from tlstudio.project.recipe import usual_recipe
from tlstudio.project.spec import (
    Augmentation,
    Backbone,
    FeaturePrecision,
    FreezePlan,
    Optimizer,
    Pictures,
    Precision,
    Project,
    Schedule,
    Training,
)
from tlstudio.ui.augmentation_dialog import AugmentationDialog
from tlstudio.ui.fields import Choice
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.session import Session
from tlstudio.ui.settings import open_settings
from tlstudio.ui.training_details import TrainingDetails
from tlstudio.ui.training_panel import TrainingPanel
from tlstudio.ui.vertical_scroll import VerticalScroll


@pytest.fixture
def session(qapp, tmp_path: Path) -> Session:
    return make_session(tmp_path)[0]


@pytest.fixture
def training(qtbot, session: Session) -> TrainingPanel:
    made = TrainingPanel(session)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def details(training: TrainingPanel) -> TrainingDetails:
    return training.details


def click(qtbot, button) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(combo: Choice, data: str) -> None:
    combo.choose(data)
    combo.activated.emit(combo.currentIndex())


def offered(combo: Choice) -> set[str]:
    return {combo.itemData(i) for i in range(combo.count())}


def test_every_choice_of_a_project_is_offered(training, details) -> None:
    assert offered(training.optimizer) == set(get_args(Optimizer)) == set(HEAD_RATES)
    assert offered(details.schedule) == set(get_args(Schedule))
    assert offered(details.precision) == set(get_args(Precision))
    assert offered(details.features) == set(get_args(FeaturePrecision))


def test_fields_are_decisions_and_show_them(training, session) -> None:
    training.epochs.setValue(7)
    training.learning_rate.setValue(0.00025)
    choose(training.optimizer, "sgd")
    decided = session.decisions.training
    assert (decided.epochs, decided.learning_rate, decided.optimizer) == (7, 0.00025, "sgd")
    assert training.learning_rate.text() == "0.00025"
    training.learning_rate.setValue(0.0)
    assert session.decisions.training.learning_rate is None
    session.decide(training=decided.model_copy(update={"batch_size": 8}))
    assert training.batch_size.value() == 8


def test_an_edit_changes_its_own_field_alone(training, session) -> None:
    session.decide(training=Training(learning_rate=2e-14, batch_size=8, label_smoothing=0.123456))
    training.epochs.setValue(3)
    expected = Training(learning_rate=2e-14, batch_size=8, label_smoothing=0.123456, epochs=3)
    assert session.decisions.training == expected


@pytest.mark.parametrize("rate", [1e-8, 0.0003, 9.7])
def test_a_rate_is_shown_and_taken_as_it_is(training, session, rate: float) -> None:
    training.learning_rate.setValue(rate)
    assert session.decisions.training.learning_rate == rate
    assert float(training.learning_rate.text()) == rate


def test_the_automatic_rate_follows_the_plan_and_steps_from_what_it_is(training, session) -> None:
    session.decide(training=Training(optimizer="adam"))
    assert training.learning_rate.text() == "0.002, automatic"
    described(session)
    session.set_trainable(convs(0), batchnorm=False)
    assert training.learning_rate.text() == "0.0001, automatic"
    training.learning_rate.stepUp()
    assert session.decisions.training.learning_rate == pytest.approx(0.00011)


def test_the_automatic_rate_follows_the_weights_and_the_strategy_before_layers_are_known(
    training, session
) -> None:
    session.decide(freeze=FreezePlan(strategy="top"))
    assert session.description is None
    assert training.learning_rate.text() == "0.0001, automatic"
    session.decide(backbone=Backbone(name="MobileNetV2", weights="random"))
    assert training.learning_rate.text() == "0.001, automatic"
    session.decide(freeze=FreezePlan())
    assert training.learning_rate.text() == "0.002, automatic"


def test_the_share_waits_for_pictures_and_gives_way_to_their_own_split(details, session) -> None:
    assert not details.validation.isEnabled()
    session.decide(pictures=Pictures(source=Path("pets")))
    assert details.validation.isEnabled()
    details.validation.setValue(40)
    assert session.decisions.pictures.validation == 0.4
    session.scan = Scan("pets", (Picture("a", "x", "val"),), (), {"x": 1})
    session.scan_changed.emit()
    assert not details.validation.isEnabled()
    assert "its own validation" in details.validation.toolTip()


# Behind "More"


def test_all_behind_more_are_decisions(details, session, qtbot) -> None:
    details.warmup.setValue(2)
    details.reduce_on_plateau.setValue(3)
    details.early_stopping.setValue(8)
    details.clip_norm.setValue(1.5)
    details.label_smoothing.setValue(0.1)
    details.seed.setValue(7)
    choose(details.schedule, "cosine")
    choose(details.precision, "float32")
    choose(details.features, "float16")
    details.class_weights.click()
    assert session.decisions.training == Training(
        warmup=2,
        reduce_on_plateau=3,
        early_stopping=8,
        clip_norm=1.5,
        label_smoothing=0.1,
        seed=7,
        schedule="cosine",
        precision="float32",
        features="float16",
        class_weights=True,
    )


def test_what_is_decided_elsewhere_is_shown(training, details, session) -> None:
    described(session)
    session.set_trainable(convs(3), batchnorm=False)
    session.decide(
        training=Training(
            head_epochs=1,
            schedule="cosine",
            early_stopping=8,
            class_weights=True,
            label_smoothing=0.05,
            augmentation=Augmentation(mode="views", views=4),
        )
    )
    assert details.head_epochs.text() == "1 epoch"
    assert details.schedule.currentText() == "Cosine"
    assert details.early_stopping.text() == "after 8 epochs"
    assert details.reduce_on_plateau.text() == "never"
    assert details.class_weights.isChecked()
    assert details.label_smoothing.value() == 0.05
    assert training.augmentation.text() == "4 versions each…"


def test_epochs_for_the_head_are_asked_for_only_where_the_backbone_is_trained(
    training, details, session
) -> None:
    described(session)
    assert details.head_epochs.isHidden()
    session.decide(training=Training(head_epochs=5))
    assert "head first" not in training.more.summary.text()
    session.set_trainable(convs(3), batchnorm=False)
    assert not details.head_epochs.isHidden()
    assert details.head_rate.text() == "0.002, automatic"
    details.head_rate.setValue(0.5)
    assert session.decisions.training.head_learning_rate == 0.5
    session.decide(training=Training())
    assert details.head_rate.isHidden()
    session.decide(training=Training(head_epochs=5))
    details.head_epochs.setValue(4)
    assert session.decisions.training.head_epochs == 4
    assert "head first 4" in training.more.summary.text()


def test_precision_is_asked_for_only_where_there_is_a_gpu_or_it_was_chosen(
    details, session
) -> None:
    assert details.precision.isHidden()
    session.decide(training=Training(precision="mixed_float16"))
    assert not details.precision.isHidden()
    session.decide(training=Training())
    assert details.precision.isHidden()
    session._found_devices(DevicesFound((Device("gpu:0", "GPU"), Device("cpu", "CPU")), ""))
    assert not details.precision.isHidden()


def test_more_is_closed_at_first_and_says_what_it_holds(training, details, session, qtbot) -> None:
    training.show()
    assert not details.isVisible()
    assert not training.more.summary.isVisible()
    session.decide(training=Training(schedule="cosine", early_stopping=8))
    assert training.more.summary.isVisible()
    assert training.more.summary.text() == "cosine, early stop 8"
    qtbot.keyClick(training.more.toggle, Qt.Key.Key_Space)
    assert details.isVisible()
    assert not training.more.summary.isVisible()
    qtbot.keyClick(training.more.toggle, Qt.Key.Key_Space)
    assert not details.isVisible()
    assert training.more.summary.isVisible()


# The usual recipe


def scanned(session: Session, **classes: int) -> None:
    session.decide(pictures=Pictures(source=Path("pets")))
    found = tuple(
        Picture(f"{name}/{number}.png", name)
        for name, count in classes.items()
        for number in range(count)
    )
    session._scanned(Scan("pets", found, (), classes))


def test_one_click_decides_the_usual_recipe_for_the_plan_and_the_pictures(
    training, session, qtbot
) -> None:
    described(session)
    scanned(session, cats=9, dogs=3)
    session.set_trainable(convs(3), batchnorm=False)
    mine = Training(epochs=7, batch_size=8)
    session.decide(training=mine)
    click(qtbot, training.recipe)
    assert session.decisions.training == usual_recipe(mine, True, 3.0)
    assert session.decisions.training.class_weights
    assert session.decisions.training.head_epochs > 0


def test_the_recipe_is_undone_exactly(training, session, qtbot) -> None:
    mine = Training(epochs=7, warmup=3, early_stopping=2)
    session.decide(training=mine)
    click(qtbot, training.recipe)
    assert training.recipe.text() == "Undo the recipe"
    click(qtbot, training.recipe)
    assert session.decisions.training == mine
    assert training.recipe.text() == "Use the usual recipe"


def test_the_recipe_follows_the_plan_until_it_is_edited(training, session, qtbot) -> None:
    described(session)
    mine = Training(epochs=7, warmup=3)
    session.decide(training=mine)
    click(qtbot, training.recipe)
    session.set_trainable(convs(3), batchnorm=False)
    assert session.decisions.training == usual_recipe(mine, True, 1.0)
    assert "head first" in training.more.summary.text()
    assert training.recipe.text() == "Undo the recipe"
    click(qtbot, training.recipe)
    assert session.decisions.training == mine
    click(qtbot, training.recipe)
    training.details.clip_norm.setValue(0.5)
    edited = session.decisions.training
    session.set_trainable(frozenset(), batchnorm=False)
    assert session.decisions.training == edited


def test_the_recipe_follows_other_pictures_and_is_still_undone(training, session, qtbot) -> None:
    described(session)
    scanned(session, cats=9, dogs=3)
    mine = Training(epochs=7, warmup=3)
    session.decide(training=mine)
    click(qtbot, training.recipe)
    session.open_pictures(Path("furniture"))
    session._scanned(Scan("furniture", (), (), {"tables": 5, "chairs": 5}))
    assert session.decisions.training == usual_recipe(mine, False, 1.0)
    assert training.recipe.text() == "Undo the recipe"
    click(qtbot, training.recipe)
    assert session.decisions.training == mine


def test_while_other_pictures_are_read_the_recipe_can_be_undone(training, session, qtbot) -> None:
    described(session)
    scanned(session, cats=9, dogs=3)
    mine = session.decisions.training
    click(qtbot, training.recipe)
    session.open_pictures(Path("furniture"))
    assert training.recipe.text() == "Undo the recipe"
    click(qtbot, training.recipe)
    assert session.decisions.training == mine


def test_a_project_that_is_opened_keeps_its_training_whatever_the_recipe_was(
    training, session, qtbot, tmp_path: Path
) -> None:
    described(session)
    scanned(session, cats=9, dogs=3)
    click(qtbot, training.recipe)
    saved = session.decisions.training
    project = Project(pictures=Pictures(source=pictures(tmp_path / "pets")), training=saved)
    store.save(project, tmp_path / "pets.tlstudio")
    session.open_project(tmp_path / "pets.tlstudio")
    session._scanned(Scan("pets", (), (), {"cats": 4, "dogs": 4}))
    assert session.decisions.training == saved


def test_a_recipe_that_came_with_a_project_is_undone_to_plain_training(
    training, session, qtbot
) -> None:
    session.decide(training=usual_recipe(Training(epochs=7), False, 1.0))
    assert training.recipe.text() == "Undo the recipe"
    click(qtbot, training.recipe)
    assert session.decisions.training == Training(epochs=7)


def test_undoing_a_recipe_that_came_with_a_project_keeps_augmentation_that_was_chosen(
    training, session, qtbot
) -> None:
    mine = Training(augmentation=Augmentation(mode="live", rotation=90))
    session.decide(training=usual_recipe(mine, False, 1.0))
    assert "augmentation" not in training.recipe.toolTip()
    click(qtbot, training.recipe)
    assert session.decisions.training == mine


def test_the_recipe_says_before_what_it_sets_and_follows_the_plan(training, session) -> None:
    assert "early stop" in training.recipe.toolTip()
    assert "head first" not in training.recipe.toolTip()
    described(session)
    session.set_trainable(convs(3), batchnorm=False)
    assert "head first" in training.recipe.toolTip()


# Augmentation


def test_augmentation_opens_beside_its_value(training, session, qtbot) -> None:
    assert training.augmentation.text() == "Off…"
    click(qtbot, training.augmentation)
    dialog = training.findChild(AugmentationDialog)
    assert dialog.isVisible()
    dialog.modes["live"].click()
    assert session.decisions.training.augmentation.mode == "live"
    assert training.augmentation.text() == "New each epoch…"
    click(qtbot, dialog.done_button)
    qtbot.waitUntil(lambda: training.findChild(AugmentationDialog) is None)


# In the window


@pytest.mark.parametrize("opened", ["project", "run"])
def test_what_is_opened_shows_its_values(
    training, details, session, tmp_path: Path, opened: str
) -> None:
    project = Project(
        pictures=Pictures(source=pictures(tmp_path / "pets"), validation=0.5),
        training=Training(
            epochs=3,
            early_stopping=4,
            class_weights=True,
            augmentation=Augmentation(mode="views", views=6),
        ),
    )
    if opened == "project":
        store.save(project, tmp_path / "pets.tlstudio")
        session.open_project(tmp_path / "pets.tlstudio")
    else:
        write_run(tmp_path / "run", project, 1)
        session.open_run(tmp_path / "run")
    assert training.epochs.value() == 3
    assert details.early_stopping.text() == "after 4 epochs"
    assert details.class_weights.isChecked()
    assert details.validation.value() == 50
    assert training.augmentation.text() == "6 versions each…"
    assert training.more.summary.text() == "early stop 4, class weights"


def test_the_right_column_is_in_sight_at_1440_by_900_until_more_is_opened(
    qtbot, session, tmp_path: Path
) -> None:
    window = MainWindow(session, open_settings(tmp_path / "settings.ini"))
    qtbot.addWidget(window, before_close_func=lambda one: one.close_without_asking())
    described(session)
    session.set_trainable(convs(3), batchnorm=False)
    window.training.recipe.click()
    window.resize(1440, 900)
    window.show()
    assert window.training.more.summary.isVisible()
    column = next(
        scroll
        for scroll in window.findChildren(VerticalScroll)
        if scroll.isAncestorOf(window.training)
    )
    window.grab()
    assert column.verticalScrollBar().maximum() == 0
    window.training.more.toggle.click()
    details = window.training.details
    qtbot.waitUntil(lambda: column.verticalScrollBar().value() > 0)
    assert details.isVisible()
    last = details.features
    assert column.viewport().rect().contains(last.mapTo(column.viewport(), last.rect().center()))

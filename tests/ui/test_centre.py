"""What the middle of the window does with answers that come late, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from window_fakes import convs, described
from window_fakes import session as make_session

from tlstudio.events import (
    CacheUse,
    Device,
    DevicesFound,
    Failed,
    Figures,
    Picture,
    PictureCounts,
    Predicted,
    Prediction,
    Scan,
    Score,
    Started,
)
from tlstudio.project.spec import Backbone, Pictures, Training
from tlstudio.ui.centre import Centre, plan
from tlstudio.ui.decisions import Decisions
from tlstudio.ui.session import Session
from tlstudio.ui.trainer import State
from tlstudio.ui.vertical_scroll import VerticalScroll

CATS = (Score("cats", 0.9), Score("dogs", 0.1))

COUNTS = PictureCounts(276, 94, 0)
STARTED = Started("run", "b", "top", "", ("a", "b"), COUNTS, 10, 90, 20, 9, "gpu:0", 0.002)


@pytest.fixture
def session(qapp, tmp_path: Path) -> Session:
    """One whose engine never runs: a test answers in its place, by ticket (1, 2, ...)."""
    made = make_session(tmp_path)[0]
    made.model = tmp_path / "first"
    return made


@pytest.fixture
def centre(qtbot, session: Session) -> Centre:
    made = Centre(session)
    qtbot.addWidget(made)
    return made


def answers(centre: Centre) -> dict[str, str]:
    """What stands beside each picture: its class, its error, or nothing while it waits."""
    shown = {}
    model = centre.predict.strip.answers
    for path in model.paths:
        shown[path] = "waiting" if path in model.waiting else ""
    for prediction in model.predictions:
        shown[prediction.path] = prediction.error or prediction.top[0].label
    return shown


def another_model(session: Session) -> None:
    session.model = session.model.with_name("second")
    session.model_changed.emit()


def test_a_failure_marks_only_the_pictures_of_its_own_request(centre, session) -> None:
    centre.ask([Path("a.png")])
    centre.ask([Path("b.png")])
    session._engine._answered(1, Failed("No memory.", "Close other programs."))
    assert answers(centre) == {"a.png": "No memory.", "b.png": "waiting"}
    session._engine._answered(2, Prediction("b.png", CATS))
    session._engine._answered(2, Predicted(1))
    assert answers(centre) == {"a.png": "No memory.", "b.png": "cats"}


def test_another_model_is_asked_about_waiting_pictures_too(centre, session) -> None:
    centre.ask([Path("a.png"), Path("b.png")])
    session._engine._answered(1, Prediction("a.png", CATS))
    another_model(session)
    assert answers(centre) == {"a.png": "waiting", "b.png": "waiting"}
    session._engine._answered(1, Prediction("b.png", CATS))
    session._engine._answered(1, Failed("Stopped.", "", 130))
    assert answers(centre) == {"a.png": "waiting", "b.png": "waiting"}
    for path in ("a.png", "b.png"):
        session._engine._answered(2, Prediction(path, CATS))
    assert answers(centre) == {"a.png": "cats", "b.png": "cats"}


def test_another_model_reads_a_folder_from_its_beginning(centre, session, tmp_path: Path) -> None:
    centre.ask([tmp_path])
    session._engine._answered(1, Prediction(str(tmp_path / "a.png"), CATS))
    another_model(session)
    assert answers(centre) == {}
    session._engine._answered(2, Prediction(str(tmp_path / "a.png"), CATS))
    assert answers(centre) == {str(tmp_path / "a.png"): "cats"}


def test_pictures_that_were_cleared_do_not_come_back(centre, session) -> None:
    centre.ask([Path("a.png")])
    centre.predict.clear_button.click()
    session._engine._answered(1, Prediction("a.png", CATS))
    assert answers(centre) == {}


@pytest.mark.parametrize("training", [False, True])
def test_all_of_it_is_in_sight_in_a_window_of_1280_by_720(centre, session, training: bool) -> None:
    session.decide(pictures=Pictures(source=Path("pets")))
    if training:
        session.model = None
        session.model_changed.emit()
        session.state_changed.emit(State.TRAINING)
        session.trained.emit([STARTED, Figures(1937.0, 1_240_000_000, "gpu:0", 0, CacheUse(1, 1))])
        assert not centre.progress.figures.isHidden()
    else:
        centre.predict.show_prediction(Prediction("a.png", CATS))
    # What the header and the side columns of such a window leave.
    centre.resize(610, 656)
    centre.show()
    QApplication.processEvents()
    scroll = centre.findChild(VerticalScroll)
    assert scroll.verticalScrollBar().maximum() == 0
    assert scroll.widget().minimumSizeHint().height() <= centre.height()


@pytest.mark.parametrize(("weights", "offered"), [("imagenet", True), ("random", False)])
def test_a_failure_for_want_of_weights_offers_a_file(
    centre, session, qtbot, monkeypatch, tmp_path: Path, weights: str, offered: bool
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    session.decide(backbone=Backbone(name="VGG16", weights=weights))
    centre.progress.start(20)
    session.trained.emit([Failed("The weights could not be downloaded.", "Go online.")])
    session.state_changed.emit(State.IDLE)
    button = centre.progress.choose_weights
    assert button.isHidden() != offered
    if offered:
        with qtbot.waitSignal(centre.progress.weightsFileAsked):
            button.click()
        session.decide(backbone=Backbone(name="VGG16", weights="/some/vgg16.h5"))
        assert button.isHidden()


def test_the_plan_counts_the_epochs_of_both_phases_and_their_time(centre, session) -> None:
    described(session)
    session.decide(pictures=Pictures(source=Path("pets")))
    found = tuple(Picture(f"{number}.png", "cats") for number in range(8))
    session._scanned(Scan("pets", found, (), {"cats": 8}))
    session.decide(training=Training(epochs=20, head_epochs=5))
    assert plan(session)[1] == "20 epochs\n5 parameters on 6 pictures"
    session.set_trainable(convs(3), batchnorm=False)
    assert plan(session)[1].startswith("5 + 20 epochs\n")
    assert "about" not in plan(session)[1]
    session._found_devices(DevicesFound((Device("cpu", "CPU"),), ""))
    assert plan(session)[1].startswith("5 + 20 epochs, about 5 s\n")
    assert centre.progress.detail.text() == plan(session)[1]


def test_decisions_that_change_during_a_training_are_said_to_be_for_the_next(
    centre, session, tmp_path: Path
) -> None:
    own = replace(session.decisions, pictures=Pictures(source=tmp_path))
    session.decisions = session.started_with = own
    centre.progress.start(20)
    session.decide(training=Training(epochs=3))
    assert "for the next training" in centre.progress.hint.text()
    assert not centre.progress.hint.isHidden()
    session.decide(training=own.training)
    assert centre.progress.hint.isHidden()


def test_in_a_new_window_the_curves_have_the_most_room(centre, session, tmp_path: Path) -> None:
    session.decisions = Decisions(pictures=Pictures(source=tmp_path))
    session.decided.emit("pictures")
    centre.resize(760, 850)
    centre.show()
    plots, results = centre.split.sizes()
    assert plots > 1.4 * results

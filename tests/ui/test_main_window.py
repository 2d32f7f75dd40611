import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QMessageBox
from window_fakes import Hosts, pictures, write_unfinished
from window_fakes import session as make_session

from tlstudio.backbone_events import WeightsMatched
from tlstudio.events import Failed
from tlstudio.host.jobs import PredictRequest, TrainRequest
from tlstudio.project import runs, store
from tlstudio.project.spec import Backbone, Pictures, Project, Training
from tlstudio.ui import closing
from tlstudio.ui.demo import Demo
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.preferences import PreferencesDialog
from tlstudio.ui.session import Session
from tlstudio.ui.settings import open_settings
from tlstudio.ui.trainer import State

SEVEN = Training(epochs=7)


@pytest.fixture
def stored(tmp_path: Path) -> QSettings:
    return open_settings(tmp_path / "settings.ini")


@pytest.fixture
def parts(qtbot, stored: QSettings, tmp_path: Path) -> Iterator[tuple[MainWindow, Session, Hosts]]:
    session, hosts = make_session(tmp_path)
    # Not given to qtbot, which would delete it while a training still runs.
    window = MainWindow(session, stored)
    session.start()
    window.show()
    yield window, session, hosts
    window.close_without_asking()
    qtbot.waitUntil(lambda: not window.isVisible())
    window.deleteLater()


@pytest.fixture
def ready(parts, qtbot, tmp_path: Path) -> tuple[MainWindow, Session, Hosts]:
    window, session, hosts = parts
    drop(window, pictures(tmp_path / "pets"))
    qtbot.waitUntil(lambda: not session.missing() and session.description is not None)
    return window, session, hosts


def test_weights_that_do_not_fit_keep_train_from_being_pressed(
    ready, qtbot, tmp_path: Path
) -> None:
    window, session, hosts = ready
    (tmp_path / "net.h5").write_bytes(b"weights")
    hosts.engine.matches = WeightsMatched((), ("a",), (), (), "net.h5 does not fit.", "Mend it.")
    session.decide(backbone=Backbone(weights=str(tmp_path / "net.h5")))
    qtbot.waitUntil(lambda: not window.header.train.isEnabled())
    assert window.header.train.toolTip() == "net.h5 does not fit."
    assert window.backbone.weights_note.words.text() == "net.h5 does not fit. Mend it."
    session.decide(backbone=Backbone())
    assert window.header.train.isEnabled()


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, modifiers = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    action = Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(9, 9), action, data, buttons, modifiers)
    QApplication.sendEvent(window, enter)
    event = QDropEvent(QPointF(9, 9), action, data, buttons, modifiers)
    QApplication.sendEvent(window, event)


def press_train(window: MainWindow, session: Session, qtbot) -> None:
    events: list[object] = []
    session.trained.connect(events.extend)
    qtbot.mouseClick(window.header.train, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(events) >= 2)


def trained(ready, qtbot) -> None:
    window, session, hosts = ready
    hosts.training.go_on.set()
    press_train(window, session, qtbot)
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    hosts.training.go_on.clear()


def asks(window: MainWindow, text: str) -> list[QAbstractButton]:
    """The buttons with this text in the questions that are open."""
    boxes = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    return [b for box in boxes for b in box.buttons() if text in b.text().replace("&", "")]


def answer(window: MainWindow, text: str, qtbot) -> None:
    qtbot.mouseClick(asks(window, text)[0], Qt.MouseButton.LeftButton)


def test_a_new_window_welcomes_and_train_says_why_it_waits(parts) -> None:
    window, _, _ = parts
    assert window.centre.currentIndex() == 0
    assert not window.header.train.isEnabled()
    assert window.header.train.toolTip() == "Open a folder of pictures first."


def test_a_dropped_folder_is_opened_and_the_plan_is_shown(ready) -> None:
    window, _, _ = ready
    assert window.centre.currentIndex() == 1
    assert window.header.train.isEnabled()
    assert window.header.project.text() == "pets"
    assert window.centre.progress.headline.text() == "Ready to train the head"
    assert window.centre.progress.detail.text().endswith("10 parameters on 6 pictures")


def test_from_train_to_the_prediction_of_a_dropped_picture(ready, qtbot, tmp_path: Path) -> None:
    window, session, _ = ready
    trained(ready, qtbot)
    assert window.centre.results.note.text().startswith("50.0 % of 2")
    drop(window, tmp_path / "pets" / "cats" / "1.png")
    strip = window.centre.predict.strip
    qtbot.waitUntil(lambda: len(strip.answers.predictions) == 1)
    assert strip.answers.predictions[0].top[0].label == "cats"
    assert session.model is not None


def test_a_prediction_that_fails_leaves_no_picture_waiting(ready, qtbot, tmp_path: Path) -> None:
    window, _, hosts = ready
    trained(ready, qtbot)
    hosts.engine.failure = Failed("The model is damaged.", "Train again.")
    drop(window, tmp_path / "pets" / "cats" / "1.png")
    strip = window.centre.predict.strip
    qtbot.waitUntil(lambda: len(strip.answers.predictions) == 1)
    assert strip.answers.predictions[0].error == "The model is damaged."
    assert "damaged" in window.notice.text


def test_another_model_answers_the_pictures_in_the_row_anew(ready, qtbot, tmp_path: Path) -> None:
    window, session, hosts = ready
    trained(ready, qtbot)
    drop(window, tmp_path / "pets" / "cats" / "0.png")
    answers = window.centre.predict.strip.answers
    qtbot.waitUntil(lambda: len(answers.predictions) == 1)
    first = session.model
    trained(ready, qtbot)

    def asked() -> list[Path]:
        return [r.run for r in hosts.engine.requests if isinstance(r, PredictRequest)]

    qtbot.waitUntil(lambda: asked() == [first, session.model])
    qtbot.waitUntil(lambda: len(answers.predictions) == 1)
    assert first != session.model


def test_results_go_when_other_pictures_are_opened_or_another_training_starts(
    ready, qtbot, tmp_path: Path
) -> None:
    window, session, _ = ready
    trained(ready, qtbot)
    results = window.centre.results
    assert not results.is_empty
    press_train(window, session, qtbot)
    assert results.is_empty
    window.centre.progress.stop_button.click()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert not results.is_empty
    drop(window, pictures(tmp_path / "others"))
    assert results.is_empty


def test_opening_something_else_asks_about_changes_too(ready, qtbot, tmp_path: Path) -> None:
    window, session, _ = ready
    session.save_project(tmp_path / "mine.tlstudio")
    window.training.epochs.setValue(7)
    drop(window, pictures(tmp_path / "others"))
    assert session.decisions.pictures.source == tmp_path / "pets"
    answer(window, "Save", qtbot)
    assert session.decisions.pictures.source == tmp_path / "others"
    assert store.load(tmp_path / "mine.tlstudio").training.epochs == 7


def test_decisions_that_are_nowhere_else_are_asked_about(
    ready, qtbot, tmp_path: Path, monkeypatch
) -> None:
    """A project without a file: what a run has kept, or nobody has changed, is not asked about."""
    window, session, _ = ready
    assert not session.unsaved
    window.training.epochs.setValue(7)
    trained(ready, qtbot)
    assert not session.unsaved
    window.training.epochs.setValue(8)
    saved = tmp_path / "mine.tlstudio"

    def choose(_window, _title, _name, _kind, then) -> None:
        then(saved)

    monkeypatch.setattr("tlstudio.ui.file_dialogs.ask_where_to_save", choose)
    window.open_run(session.model)
    answer(window, "Save", qtbot)
    assert store.load(saved).training.epochs == 8
    assert session.decisions.training.epochs == 7
    assert "50.0 %" in window.notice.text
    qtbot.waitUntil(lambda: session.scan is not None)


def test_good_news_goes_by_itself_and_bad_news_stays(parts, qtbot) -> None:
    window, _, _ = parts
    window.notice.news_ms = 10
    window.notice.say("It was saved.")
    assert window.notice.isVisible()
    qtbot.waitUntil(window.notice.isHidden)
    window.notice.say("It was saved.")
    window.notice.tell("It is damaged.")
    qtbot.wait(50)
    assert window.notice.isVisible()


def test_pictures_dropped_before_any_training_say_so_in_place(ready, tmp_path: Path) -> None:
    window, _, _ = ready
    drop(window, tmp_path / "pets" / "cats" / "1.png")
    assert not window.notice.isHidden()
    assert "no trained model" in window.notice.text


def test_another_folder_waits_until_the_training_has_ended(ready, qtbot, tmp_path: Path) -> None:
    window, session, _ = ready
    press_train(window, session, qtbot)
    other = pictures(tmp_path / "other")
    drop(window, other)
    assert session.decisions.pictures.source == tmp_path / "pets"
    assert "running" in window.notice.text
    assert not window.header.train.isEnabled()


def test_pause_and_stop_live_in_the_progress(ready, qtbot) -> None:
    window, session, _ = ready
    press_train(window, session, qtbot)
    qtbot.mouseClick(window.centre.progress.pause_button, Qt.MouseButton.LeftButton)
    assert session.state == State.PAUSED
    qtbot.mouseClick(window.centre.progress.pause_button, Qt.MouseButton.LeftButton)
    assert session.state == State.TRAINING
    qtbot.mouseClick(window.centre.progress.stop_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert session.model is not None


def test_closing_while_training_asks_and_goes_on_if_told_so(ready, qtbot) -> None:
    window, session, _ = ready
    press_train(window, session, qtbot)
    assert not window.close()
    answer(window, "Go on", qtbot)
    assert window.isVisible()
    assert session.state == State.TRAINING


def test_closing_while_training_stops_keeps_the_run_and_closes(ready, qtbot) -> None:
    window, session, hosts = ready
    press_train(window, session, qtbot)
    window.close()
    answer(window, "Stop and close", qtbot)
    qtbot.waitUntil(lambda: not window.isVisible())
    assert session.model is not None
    assert "close" in hosts.training.calls
    assert "close" in hosts.engine.calls


def test_changes_are_asked_about_after_the_stop_that_closing_asked_for(
    ready, qtbot, tmp_path: Path
) -> None:
    window, session, _ = ready
    session.save_project(tmp_path / "pets.tlstudio")
    session.decide(training=Training(epochs=3))
    press_train(window, session, qtbot)
    window.close()
    answer(window, "Stop and close", qtbot)
    qtbot.waitUntil(lambda: asks(window, "Save") != [])
    answer(window, "Cancel", qtbot)
    assert window.isVisible()
    window.close()
    answer(window, "Discard", qtbot)
    qtbot.waitUntil(lambda: not window.isVisible())


def test_a_run_that_is_being_saved_is_not_cut_off_unless_a_person_says_so(
    ready, qtbot, monkeypatch
) -> None:
    monkeypatch.setattr(closing, "STOP_PATIENCE_MS", 10)
    window, session, hosts = ready
    hosts.training.saves.clear()
    press_train(window, session, qtbot)
    window.close()
    answer(window, "Stop and close", qtbot)
    qtbot.waitUntil(lambda: "stop" in hosts.training.calls)
    qtbot.wait(100)
    assert "close" not in hosts.training.calls
    window.close()
    answer(window, "Close now", qtbot)
    qtbot.waitUntil(lambda: not window.isVisible())


def test_a_signal_waits_only_while_the_training_goes_on(ready, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(closing, "STOP_PATIENCE_MS", 10)
    window, session, hosts = ready
    hosts.training.saves.clear()
    press_train(window, session, qtbot)
    window.close_without_asking()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert "close" in hosts.training.calls


def test_changes_to_a_saved_project_are_asked_about(ready, qtbot, tmp_path: Path) -> None:
    window, session, _ = ready
    path = tmp_path / "pets.tlstudio"
    session.save_project(path)
    assert window.header.unsaved.isHidden()
    session.decide(training=Training(epochs=3))
    assert not window.header.unsaved.isHidden()
    assert window.isWindowModified()
    window.close()
    answer(window, "Save", qtbot)
    qtbot.waitUntil(lambda: not window.isVisible())
    assert '"epochs": 3' in path.read_text(encoding="utf-8")


def test_a_damaged_project_is_named_in_place(parts, tmp_path: Path) -> None:
    window, session, _ = parts
    path = tmp_path / "bad.tlstudio"
    path.write_text("{", encoding="utf-8")
    drop(window, path)
    assert "damaged" in window.notice.text
    assert session.decisions.pictures is None


def test_panels_hide_and_come_back_with_the_layout(parts, stored) -> None:
    window, _, _ = parts
    action = next(a for a in window.menus.findChildren(QAction) if a.text() == "Strategy")
    action.setChecked(False)
    assert window.strategy.isHidden()
    assert stored.value("window/hidden") == "Strategy"
    window.reset_layout()
    assert not window.strategy.isHidden()


def test_the_layout_is_remembered(qtbot, stored, tmp_path: Path) -> None:
    first = MainWindow(make_session(tmp_path)[0], stored)
    first.show()
    first.resize(1400, 700)
    first.columns.moveSplitter(first.columns.sizes()[0] + 40, 1)
    first.show_panel("Head", False)
    columns = first.columns.saveState()
    first.close()
    # Not shown, since showing cuts it to the screen, which is small here.
    second = MainWindow(make_session(tmp_path)[0], stored)
    assert second.height() == 700
    assert second.columns.saveState() == columns
    assert second.head.isHidden()
    second.close()
    for window in (first, second):
        window.deleteLater()


def test_the_model_is_saved_where_a_person_wants_it(ready, qtbot, tmp_path: Path) -> None:
    window, _, _ = ready
    assert not window.header.save_model.isEnabled()
    trained(ready, qtbot)
    assert window.header.save_model.isEnabled()
    window.save_model(tmp_path / "mine.keras")
    qtbot.waitUntil(lambda: "was saved" in window.notice.text)
    assert (tmp_path / "mine.keras").read_bytes() == b"a model"


def test_earlier_runs_are_in_the_menu(ready, qtbot) -> None:
    window, session, _ = ready
    trained(ready, qtbot)
    menu = window.header.runs.menu()
    menu.aboutToShow.emit()
    assert menu.actions()[0].text() == f"{session.model.name}   EfficientNetLite0, 50.0 %"
    menu.actions()[0].trigger()
    assert session.evaluation is not None
    qtbot.waitUntil(lambda: session.scan is not None)


def interrupted(ready, qtbot) -> Path:
    """The folder of a training whose engine died after its first epoch."""
    _, session, hosts = ready
    hosts.training.dies = True
    trained(ready, qtbot)
    hosts.training.dies = False
    return session.run


def test_an_engine_that_dies_leaves_a_button_that_goes_on(ready, qtbot) -> None:
    window, session, hosts = ready
    folder = interrupted(ready, qtbot)
    progress = window.centre.progress
    assert progress.headline.text() == "Interrupted after 1 of 20 epochs"
    assert "ended unexpectedly" in progress.message.text()
    hosts.training.go_on.set()
    qtbot.mouseClick(progress.resume_run, Qt.MouseButton.LeftButton)
    assert session.state == State.TRAINING
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert session.model == folder
    assert list(window.centre.plots.page.curves.epoch_at.values) == [1, 2]
    assert progress.resume_run.isHidden()


def test_a_run_that_goes_on_keeps_its_judgement_until_the_next_one(ready, qtbot) -> None:
    window, session, hosts = ready
    trained(ready, qtbot)
    judged = window.centre.results.note.text()
    session.resume_run(session.run)
    assert session.state == State.TRAINING
    assert not window.centre.results.is_empty
    assert window.centre.results.note.text() == judged
    hosts.training.failure = Failed("The engine process ended unexpectedly.", "Try again.")
    hosts.training.go_on.set()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert not window.centre.results.is_empty


@pytest.mark.parametrize("leave", ["Ctrl+R", "Tab and click", "Ctrl+S"])
def test_what_is_typed_counts_however_the_field_is_left(
    ready, qtbot, tmp_path: Path, leave: str
) -> None:
    window, session, hosts = ready
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    epochs = window.training.epochs
    epochs.setFocus()
    epochs.selectAll()
    qtbot.keyClicks(epochs, "9")
    match leave:
        case "Ctrl+R":
            qtbot.keyClick(epochs, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
        case "Tab and click":
            qtbot.keyClick(epochs, Qt.Key.Key_Tab)
            qtbot.mouseClick(window.header.train, Qt.MouseButton.LeftButton)
        case "Ctrl+S":
            session.project_path = tmp_path / "pets.tlstudio"
            qtbot.keyClick(epochs, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
            assert store.load(session.project_path).training.epochs == 9
            return
    assert session.state == State.TRAINING
    qtbot.waitUntil(lambda: bool(hosts.training.requests))
    (asked,) = hosts.training.requests
    assert isinstance(asked, TrainRequest)
    assert asked.project.training.epochs == 9


def test_what_is_typed_is_no_less_unsaved_when_the_window_closes(ready, qtbot) -> None:
    window, session, _ = ready
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    session.project_path = Path("pets.tlstudio")
    window.training.epochs.setFocus()
    window.training.epochs.selectAll()
    qtbot.keyClicks(window.training.epochs, "9")
    window.close()
    assert window.isVisible()
    assert session.decisions.training.epochs == 9
    answer(window, "Cancel", qtbot)


def test_without_a_run_to_go_on_with_a_failure_has_no_button(ready, qtbot) -> None:
    window, session, hosts = ready
    hosts.training.failure = Failed("The engine process ended unexpectedly.", "Try again.")
    qtbot.mouseClick(window.header.train, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert "ended unexpectedly" in window.centre.progress.message.text()
    assert window.centre.progress.resume_run.isHidden()


@pytest.fixture
def reopened(qtbot, stored, tmp_path: Path) -> Iterator[tuple[MainWindow, Session, Hosts]]:
    """A window that opens beside two runs of `pets` that were killed, after 0 and 3 epochs."""
    project = Project(pictures=Pictures(source=pictures(tmp_path / "pets")), training=SEVEN)
    for number, done in enumerate((0, 3)):
        folder = tmp_path / "runs" / f"run {number}"
        write_unfinished(folder, project, done)
        os.utime(folder / runs.RUN, (number, number))
    session, hosts = make_session(tmp_path)
    window = MainWindow(session, stored)
    session.start()
    window.show()
    qtbot.waitUntil(window.resuming.offer.isVisible)
    yield window, session, hosts
    window.close_without_asking()
    qtbot.waitUntil(lambda: not window.isVisible())
    window.deleteLater()


def test_an_interrupted_training_is_offered_at_the_next_start(reopened, qtbot) -> None:
    window, session, hosts = reopened
    offer = window.resuming.offer
    assert offer.text == (
        "A training of pets was interrupted after 3 of 7 epochs. 1 more is under Runs."
    )
    hosts.training.go_on.set()
    qtbot.mouseClick(offer.resume, Qt.MouseButton.LeftButton)
    assert offer.isHidden()
    assert session.decisions.training == SEVEN
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert session.model.name == "run 1"
    assert list(window.centre.plots.page.curves.epoch_at.values) == [1, 2, 3, 4]
    qtbot.waitUntil(lambda: session.scan is not None)


def test_a_discarded_training_is_asked_about_once_and_then_gone(reopened, qtbot) -> None:
    window, session, _ = reopened
    offer = window.resuming.offer
    folder = session.runs_folder / "run 1"
    qtbot.mouseClick(offer.discard, Qt.MouseButton.LeftButton)
    answer(window, "Keep", qtbot)
    assert folder.exists()
    qtbot.mouseClick(offer.discard, Qt.MouseButton.LeftButton)
    answer(window, "Delete", qtbot)
    assert not folder.exists()
    assert offer.text == "A training of pets was interrupted before its first epoch ended."


def test_a_training_left_for_later_is_under_runs(reopened, qtbot) -> None:
    window, _, _ = reopened
    offer = window.resuming.offer
    qtbot.mouseClick(offer.later, Qt.MouseButton.LeftButton)
    assert offer.isHidden()
    menu = window.header.runs.menu()
    menu.aboutToShow.emit()
    below = next(a.menu() for a in menu.actions() if a.text() == "Unfinished runs (2)")
    assert [a.text() for a in below.actions()] == [
        "run 1   3 of 7 epochs",
        "run 0   no epoch done",
    ]
    below.actions()[0].trigger()
    assert offer.isVisible()
    assert offer.text == "A training of pets was interrupted after 3 of 7 epochs."


def test_opening_an_unfinished_run_offers_to_go_on_with_it(reopened, qtbot) -> None:
    window, session, _ = reopened
    (session.runs_folder / "run 0" / runs.LABELS).unlink()
    window.open_run(session.runs_folder / "run 0")
    assert window.notice.isHidden()
    assert "before its first epoch" in window.resuming.offer.text
    assert session.decisions.training == SEVEN
    qtbot.waitUntil(lambda: session.scan is not None)


def test_going_on_asks_about_changes_that_would_be_lost(reopened, qtbot, tmp_path: Path) -> None:
    window, session, hosts = reopened
    window.open_pictures(pictures(tmp_path / "others"))
    window.training.epochs.setValue(9)
    qtbot.mouseClick(window.resuming.offer.resume, Qt.MouseButton.LeftButton)
    assert session.state == State.IDLE
    hosts.training.go_on.set()
    answer(window, "Discard", qtbot)
    assert session.decisions.training == SEVEN
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    qtbot.waitUntil(lambda: session.scan is not None)


def test_devices_are_offered_with_the_reason_for_no_gpu(parts, qtbot) -> None:
    window, session, _ = parts
    device = window.header.device
    qtbot.waitUntil(lambda: session.devices is not None)
    assert [device.itemData(i) for i in range(device.count())] == ["auto", "cpu"]
    assert "No GPU was found." in device.toolTip()
    device.setCurrentIndex(1)
    device.activated.emit(1)
    assert session.decisions.training.device == "cpu"


def test_preferences_are_kept(parts, stored, tmp_path: Path) -> None:
    window, session, _ = parts
    window.show_preferences()
    dialog = window.findChild(PreferencesDialog)
    dialog.in_window.setChecked(True)
    dialog.folder.setText("not/absolute")
    dialog._accept()
    assert not dialog.problem.isHidden()
    dialog.folder.setText(str(tmp_path / "elsewhere"))
    dialog._accept()
    assert session.train_in_window
    assert session.runs_folder == tmp_path / "elsewhere"
    assert stored.value("training/in_window") == "true"


def test_an_engine_that_fails_is_said_in_place(qtbot, stored, tmp_path: Path) -> None:
    session, hosts = make_session(tmp_path)
    hosts.engine.failure = Failed("The engine ended.", "Try again.")
    window = MainWindow(session, stored)
    session.start()
    qtbot.waitUntil(lambda: "engine ended" in window.backbone.message.text())
    assert window.centre.isEnabled()
    window.close()
    window.deleteLater()


def test_the_demo_trains_once_and_asks_about_held_out_pictures(parts, qtbot) -> None:
    window, session, hosts = parts
    hosts.training.go_on.set()
    Demo(session, window.centre, Training(epochs=2))
    qtbot.waitUntil(lambda: len(window.centre.predict.strip.answers.predictions) == 2)
    assert hosts.training.requests[0].project.training.epochs == 2
    assert len(hosts.training.requests) == 1


@pytest.mark.parametrize("size", [(1280, 720), (1440, 900)])
def test_nothing_is_wider_than_its_column(ready, qtbot, size: tuple[int, int]) -> None:
    window, _, _ = ready
    trained(ready, qtbot)
    window.resize(*size)
    qtbot.wait(50)
    assert window.width() == size[0]
    for panel in window.panels.values():
        assert panel.minimumSizeHint().width() <= panel.width(), panel.accessibleName()
        right = panel.mapTo(window, QPoint(panel.width(), 0)).x()
        assert right <= window.width()

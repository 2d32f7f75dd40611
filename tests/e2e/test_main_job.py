"""The main job in the real window with the real engine: folder, freeze, head, train, predict."""

from pathlib import Path

import psutil
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from tlstudio.events import Batch, Failed, Finished, Prediction
from tlstudio.host.process import EngineProcess
from tlstudio.project import runs
from tlstudio.ui import numbers
from tlstudio.ui.layer_delegate import box_rect
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.session import Session
from tlstudio.ui.settings import open_settings
from tlstudio.ui.trainer import State

LONG = 60_000


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    position, action = window.rect().center(), Qt.DropAction.CopyAction
    buttons, modifiers = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(position, action, data, buttons, modifiers)
    QApplication.sendEvent(window, entering)
    assert entering.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(position), action, data, buttons, modifiers))


def open_small(qtbot: QtBot, window: MainWindow, session: Session, shapes: Path) -> None:
    """Drop the folder and make the training a small one, by the window's own fields."""
    drop(window, shapes)
    window.backbone.rows_field.setValue(64)
    window.backbone.columns_field.setValue(64)
    window.training.batch_size.setValue(8)
    qtbot.waitUntil(lambda: not session.missing() and session.description is not None, timeout=LONG)


def press_train(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.mouseClick(window.header.train, Qt.MouseButton.LeftButton)


def test_from_a_dropped_folder_to_the_prediction_of_a_dropped_picture(
    qtbot: QtBot, window: MainWindow, session: Session, shapes: Path
) -> None:
    open_small(qtbot, window, session, shapes)
    assert session.scan is not None
    assert session.scan.classes == {"bars": 10, "disc": 10, "half": 10}

    # Unfreeze the last block with a click on its checkbox, and freeze all again.
    tree = window.backbone.tree
    block = window.backbone.model.index_of("top_conv").parent()
    tree.scrollTo(block)
    box = box_rect(tree.visualRect(block)).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=box)
    assert session.trainable == {"top_conv"}
    assert session.decisions.freeze.strategy in ("top", "custom")
    head = 1280 * 3 + 3
    assert window.backbone.trained.text() == numbers.short(1280 * 320 + head)
    qtbot.mouseClick(window.backbone.freeze_all, Qt.MouseButton.LeftButton)
    assert session.trainable == frozenset()

    # A Dense layer in the head: 1280 * 256 + 256 and 256 * 3 + 3 parameters.
    qtbot.mouseClick(window.head.add_dense, Qt.MouseButton.LeftButton)
    assert len(session.decisions.head.dense) == 1
    assert "328,707" in window.head.note.text()

    window.training.epochs.setValue(25)
    finished: list[Finished] = []
    session.trained.connect(
        lambda events: finished.extend(e for e in events if isinstance(e, Finished))
    )
    press_train(qtbot, window)
    assert session.state == State.TRAINING
    qtbot.waitUntil(lambda: session.state == State.IDLE, timeout=LONG)
    assert len(finished) == 1
    assert finished[0].val_accuracy > 0.6
    run = Path(finished[0].run)
    assert session.model == run
    assert runs.read_run(run).project == session.decisions.project()

    # The plots hold every batch and epoch, the results the validation pictures.
    x, losses = window.centre.plots.page.loss.val.getData()
    assert len(x) == len(losses) == 25
    assert session.evaluation is not None
    assert sum(map(sum, session.evaluation.confusion)) == finished[0].pictures.val

    answers: list[Prediction] = []
    session.predicted.connect(lambda _, e: answers.append(e) if isinstance(e, Prediction) else None)
    fake = run.parent / "notes.jpg"
    fake.write_text("no picture", encoding="utf-8")
    drop(window, shapes / "disc" / "disc 3.png", fake)
    qtbot.waitUntil(lambda: len(answers) == 2, timeout=LONG)
    assert answers[0].top[0].label == "disc"
    assert "notes.jpg" in answers[1].error
    shown = window.centre.predict.strip.answers.predictions
    assert [Path(prediction.path).name for prediction in shown] == ["disc 3.png", "notes.jpg"]


def test_pause_resume_predict_meanwhile_and_stop(
    qtbot: QtBot, window: MainWindow, session: Session, shapes: Path
) -> None:
    open_small(qtbot, window, session, shapes)
    window.training.epochs.setValue(2)
    press_train(qtbot, window)
    qtbot.waitUntil(lambda: session.state == State.IDLE, timeout=LONG)
    first = session.model
    assert first is not None

    window.training.epochs.setValue(10_000)
    seen: list[object] = []
    session.trained.connect(seen.extend)
    press_train(qtbot, window)
    qtbot.waitUntil(lambda: any(getattr(e, "epoch", 0) >= 5 for e in seen), timeout=LONG)
    progress = window.centre.progress
    qtbot.mouseClick(progress.pause_button, Qt.MouseButton.LeftButton)
    assert session.state == State.PAUSED
    qtbot.wait(400)
    paused_at = len(seen)
    qtbot.wait(600)
    assert len(seen) == paused_at

    # The last finished model answers while the next one trains.
    answers: list[Prediction] = []
    session.predicted.connect(lambda _, e: answers.append(e) if isinstance(e, Prediction) else None)
    drop(window, shapes / "half" / "half 1.png")
    qtbot.waitUntil(lambda: len(answers) == 1, timeout=LONG)
    assert session.model == first

    qtbot.mouseClick(progress.pause_button, Qt.MouseButton.LeftButton)
    assert session.state == State.TRAINING
    qtbot.waitUntil(lambda: len(seen) > paused_at, timeout=LONG)
    qtbot.mouseClick(progress.stop_button, Qt.MouseButton.LeftButton)
    assert session.state == State.STOPPING
    assert "Stopping" in progress.headline.text()
    qtbot.waitUntil(lambda: session.state == State.IDLE, timeout=LONG)
    last = seen[-1]
    assert isinstance(last, Finished)
    assert last.stopped
    assert session.model == Path(last.run) != first

    # What was stopped is gone on with, and stopped again.
    qtbot.mouseClick(progress.resume_run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: getattr(seen[-1], "epoch", 0) > last.epochs + 1, timeout=LONG)
    qtbot.mouseClick(progress.stop_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.state == State.IDLE, timeout=LONG)
    assert isinstance(seen[-1], Finished)
    assert seen[-1].run == last.run
    assert seen[-1].epochs > last.epochs


def test_closing_while_training_asks_and_then_keeps_the_best_epoch(
    qtbot: QtBot, window: MainWindow, session: Session, shapes: Path
) -> None:
    open_small(qtbot, window, session, shapes)
    window.training.epochs.setValue(10_000)
    seen: list[object] = []
    session.trained.connect(seen.extend)
    press_train(qtbot, window)
    qtbot.waitUntil(lambda: any(getattr(e, "epoch", 0) >= 2 for e in seen), timeout=LONG)
    window.close()
    assert window.isVisible()
    question = window.findChild(QMessageBox)
    assert question is not None
    stop = next(b for b in question.buttons() if b.text() == "Stop and close")
    qtbot.mouseClick(stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    run = next((session.runs_folder).iterdir())
    assert (run / "model.keras").is_file()


def kill_engines() -> None:
    for child in psutil.Process().children(recursive=True):
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()


def killed_in_training(
    qtbot: QtBot, window: MainWindow, session: Session, shapes: Path, epochs: int
) -> Path:
    """The folder of a run whose engine process was killed after its third epoch."""
    open_small(qtbot, window, session, shapes)
    window.training.epochs.setValue(epochs)
    window.training.batch_size.setValue(1)
    seen: list[object] = []
    session.trained.connect(seen.extend)
    press_train(qtbot, window)
    qtbot.waitUntil(lambda: any(getattr(e, "epoch", 0) > 3 for e in seen), timeout=LONG)
    kill_engines()
    qtbot.waitUntil(lambda: session.state == State.IDLE, timeout=LONG)
    session.trained.disconnect(seen.extend)
    assert isinstance(seen[-1], Failed)
    assert session.run is not None
    return session.run


def test_a_training_whose_engine_dies_is_gone_on_with_in_place(
    qtbot: QtBot, window: MainWindow, session: Session, shapes: Path
) -> None:
    epochs = 60
    run = killed_in_training(qtbot, window, session, shapes, epochs)
    progress = window.centre.progress
    assert "ended unexpectedly" in progress.message.text()
    done = len(runs.read_history(run))
    # An epoch is told once it is written, and the kill may come between.
    said = progress.headline.text()
    assert any(f"after {heard} of {epochs}" in said for heard in (done - 1, done))

    seen: list[object] = []
    session.trained.connect(seen.extend)
    qtbot.mouseClick(progress.resume_run, Qt.MouseButton.LeftButton)
    assert session.state == State.TRAINING
    qtbot.waitUntil(lambda: session.state == State.IDLE, timeout=LONG)
    assert isinstance(seen[-1], Finished)
    assert Path(seen[-1].run) == session.model == run
    # Batches come only of epochs that were not done, or whose checkpoint the kill prevented; the
    # plots have all epochs, once each.
    assert min(e.epoch for e in seen if isinstance(e, Batch)) in (done, done + 1)
    assert list(window.centre.plots.page.curves.epoch_at.values) == list(range(1, epochs + 1))
    assert [epoch.epoch for epoch in runs.read_history(run)] == list(range(1, epochs + 1))
    assert session.evaluation is not None
    assert progress.resume_run.isHidden()


def test_an_interrupted_training_is_offered_at_the_next_start(
    qtbot: QtBot, window: MainWindow, session: Session, shapes: Path, tmp_path: Path
) -> None:
    run = killed_in_training(qtbot, window, session, shapes, 60)
    next_session = Session(EngineProcess, tmp_path / "runs")
    following = MainWindow(next_session, open_settings(tmp_path / "settings.ini"))
    following.show()
    next_session.start()
    offer = following.resuming.offer
    qtbot.waitUntil(offer.isVisible, timeout=LONG)
    assert f"of {shapes.stem} was interrupted" in offer.text
    qtbot.mouseClick(offer.resume, Qt.MouseButton.LeftButton)
    assert next_session.state == State.TRAINING
    qtbot.waitUntil(lambda: next_session.state == State.IDLE, timeout=LONG)
    assert next_session.model == run
    assert next_session.decisions == session.decisions
    following.close_without_asking()
    qtbot.waitUntil(lambda: not following.isVisible(), timeout=20_000)
    following.deleteLater()


def test_training_in_this_process_by_preference(
    qtbot: QtBot, window: MainWindow, session: Session, shapes: Path
) -> None:
    session.train_in_window = True
    open_small(qtbot, window, session, shapes)
    window.training.epochs.setValue(2)
    press_train(qtbot, window)
    qtbot.waitUntil(lambda: session.state == State.IDLE, timeout=LONG)
    assert session.model is not None
    assert (session.model / "model.keras").is_file()

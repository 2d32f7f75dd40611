from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox
from window_fakes import FakeHost, Hosts
from window_fakes import session as make_session

from tlstudio.events import Failed
from tlstudio.host.jobs import SaveWeightsRequest
from tlstudio.layer_events import WeightsSaved
from tlstudio.project.spec import Head
from tlstudio.ui.layer_save import LayerSave, saves_of
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.session import Session
from tlstudio.ui.settings import open_settings

Parts = tuple[MainWindow, Session, Hosts]


@pytest.fixture(autouse=True)
def saved(monkeypatch) -> None:
    """An engine that saves."""
    plain = FakeHost._answer

    def answer(self, request):
        if not isinstance(request, SaveWeightsRequest):
            yield from plain(self, request)
        elif self.failure:
            yield self.failure
        else:
            request.path.write_bytes(b"weights")
            yield WeightsSaved(request.layer, str(request.path))

    monkeypatch.setattr(FakeHost, "_answer", answer)


@pytest.fixture
def parts(qtbot, tmp_path: Path) -> Iterator[Parts]:
    session, hosts = make_session(tmp_path)
    window = MainWindow(session, open_settings(tmp_path / "settings.ini"))
    session.start()
    window.show()
    qtbot.waitUntil(lambda: session.description is not None)
    yield window, session, hosts
    window.close_without_asking()
    qtbot.waitUntil(lambda: not window.isVisible())
    window.deleteLater()


def save(parts: Parts, path: Path) -> None:
    """Ask for it, of an engine that does not answer yet."""
    _, session, hosts = parts
    hosts.engine.answers.clear()
    request = SaveWeightsRequest(session.decisions.backbone, "block0_conv", path)
    LayerSave(session, request, lambda _: None)


def test_the_window_closes_when_weights_are_saved(parts, qtbot, tmp_path: Path) -> None:
    window, session, hosts = parts
    save(parts, tmp_path / "kernel.npy")
    window.close()
    assert window.isVisible()
    assert "block0_conv are still being saved" in window.notice.text
    hosts.engine.answers.set()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert (tmp_path / "kernel.npy").is_file()
    assert not saves_of(session)


def test_the_window_waits_for_a_save_that_began_after_it_was_closed(
    parts, qtbot, tmp_path: Path
) -> None:
    window, _, hosts = parts
    save(parts, tmp_path / "kernel.npy")
    window.close()
    save(parts, tmp_path / "later.npy")
    hosts.engine.answers.set()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert (tmp_path / "later.npy").is_file()


def test_a_window_that_a_question_kept_open_waits_for_another_save(
    parts, qtbot, tmp_path: Path
) -> None:
    window, session, hosts = parts
    save(parts, tmp_path / "kernel.npy")
    window.close()
    session.decide(head=Head(dropout=0.5))
    hosts.engine.answers.set()
    qtbot.waitUntil(lambda: bool(window.findChildren(QMessageBox)))
    window.findChild(QMessageBox).reject()
    save(parts, tmp_path / "later.npy")
    window.close()
    question = next(box for box in window.findChildren(QMessageBox) if box.isVisible())
    question.button(QMessageBox.StandardButton.Discard).click()
    assert window.isVisible()
    hosts.engine.answers.set()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert (tmp_path / "later.npy").is_file()


def test_the_window_stays_to_tell_of_a_save_that_failed(parts, qtbot, tmp_path: Path) -> None:
    window, session, hosts = parts
    save(parts, tmp_path / "kernel.npy")
    window.close()
    hosts.engine.failure = Failed("The disk is full.", "Free some space.")
    hosts.engine.answers.set()
    qtbot.waitUntil(lambda: not saves_of(session))
    assert window.isVisible()
    window.close()
    assert not window.isVisible()


def test_who_closes_it_again_does_not_wait(parts, tmp_path: Path) -> None:
    window, _, _ = parts
    save(parts, tmp_path / "kernel.npy")
    window.close()
    window.close()
    assert not window.isVisible()


def test_weights_that_were_saved_hold_up_nothing(parts, qtbot, tmp_path: Path) -> None:
    window, session, hosts = parts
    save(parts, tmp_path / "kernel.npy")
    hosts.engine.answers.set()
    qtbot.waitUntil(lambda: not saves_of(session))
    window.close()
    assert not window.isVisible()

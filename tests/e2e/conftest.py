from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tlstudio.host.process import EngineProcess
from tlstudio.ui import thumbnails
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.session import Session
from tlstudio.ui.settings import open_settings
from tlstudio.ui.theme import Theme
from tlstudio.ui.trainer import State


@pytest.fixture(autouse=True, scope="session")
def theme(qapp: object) -> Iterator[Theme]:
    found = qapp.findChild(Theme) or Theme(qapp)  # type: ignore[attr-defined, arg-type]
    yield found
    thumbnails.current().close()


@pytest.fixture
def session(qtbot: QtBot, tmp_path: Path) -> Session:
    return Session(EngineProcess, tmp_path / "runs")


@pytest.fixture
def window(qtbot: QtBot, session: Session, tmp_path: Path) -> Iterator[MainWindow]:
    """The real window over real engine processes, closed as a person closes it."""
    made = MainWindow(session, open_settings(tmp_path / "settings.ini"))
    made.show()
    session.start()
    yield made
    made.close_without_asking()
    qtbot.waitUntil(lambda: not made.isVisible(), timeout=20_000)
    assert session.state == State.IDLE
    made.deleteLater()

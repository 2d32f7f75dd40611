"""Widgets need the theme that ui.app makes, and their thumbnails drained when the tests end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from window_fakes import Hosts
from window_fakes import session as make_session

from tlstudio.ui import thumbnails
from tlstudio.ui.session import Session
from tlstudio.ui.theme import Theme
from tlstudio.ui.trainer import State


@pytest.fixture(autouse=True, scope="session")
def theme(qapp):
    found = qapp.findChild(Theme) or Theme(qapp)
    yield found
    thumbnails.current().close()


@pytest.fixture
def made(qtbot, tmp_path: Path) -> Iterator[tuple[Session, Hosts]]:
    """A session that runs, and its scripted hosts."""
    session, hosts = make_session(tmp_path)
    session.start()
    yield session, hosts
    session.stop()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    session.close()

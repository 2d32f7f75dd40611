"""Widgets need the theme that ui.app makes, and their thumbnails drained when the tests end."""

import pytest

from tlstudio.ui import thumbnails
from tlstudio.ui.theme import Theme


@pytest.fixture(autouse=True, scope="session")
def theme(qapp):
    found = qapp.findChild(Theme) or Theme(qapp)
    yield found
    thumbnails.current().close()

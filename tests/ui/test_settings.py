from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray

from tlstudio.ui import settings


def test_what_was_stored_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "settings.ini"
    first = settings.open_settings(path)
    first.setValue("a/text", "한글, with comma")
    first.setValue("a/flag", "true")
    first.setValue("a/layout", QByteArray(b"\x00\x01"))
    first.sync()
    again = settings.open_settings(path)
    assert settings.text(again, "a/text") == "한글, with comma"
    assert settings.flag(again, "a/flag", False) is True
    assert settings.layout(again, "a/layout") == QByteArray(b"\x00\x01")


@pytest.mark.parametrize("content", [b"[General\nno end", b"\x00\xff\xfe\x80" * 50, b"=\n=="])
def test_a_damaged_file_is_ignored_and_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.ini"
    path.write_bytes(content)
    opened = settings.open_settings(path)
    opened.setValue("window/theme", "Dark")
    opened.sync()
    assert settings.text(settings.open_settings(path), "window/theme") == "Dark"


def test_values_of_the_wrong_kind_count_as_missing(tmp_path: Path) -> None:
    stored = settings.open_settings(tmp_path / "settings.ini")
    stored.setValue("list", ["a", "b"])
    stored.setValue("word", "perhaps")
    assert settings.text(stored, "list", "default") == "default"
    assert settings.flag(stored, "word", True) is True
    assert settings.layout(stored, "word").isEmpty()

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QMessageBox

from tlstudio.data import kept_features
from tlstudio.data.kept_features import GB, limit
from tlstudio.paths import feature_limit_file, features_folder, scans_file
from tlstudio.ui.preferences import PreferencesDialog

SIZE = 600


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def kept(home: Path) -> list[Path]:
    """Three shards of two freeze plans, and a file of scans."""
    made = []
    for plan, name in (("one", "a"), ("one", "b"), ("two", "c")):
        folder = features_folder() / plan
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.rows").write_bytes(bytes(SIZE))
        (folder / f"{name}.json").write_text("{}")
        made.append(folder / f"{name}.rows")
    scans_file().write_bytes(b"scans")
    return made


def opened(qtbot, home: Path) -> PreferencesDialog:
    dialog = PreferencesDialog(False, home / "runs")
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def answer(dialog: PreferencesDialog, text: str, qtbot) -> str:
    """Press this button of the question that is open; what was asked."""
    (box,) = (box for box in dialog.findChildren(QMessageBox) if box.isVisible())
    (button,) = (one for one in box.buttons() if one.text().replace("&", "") == text)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    return f"{box.text()} {box.informativeText()}"


def clear(dialog: PreferencesDialog, qtbot) -> None:
    dialog.kept.clear.click()
    answer(dialog, "Clear", qtbot)


def test_what_is_kept_is_counted_beside_the_window(qtbot, home, kept) -> None:
    dialog = opened(qtbot, home)
    assert dialog.kept.used.text() == "Counting…"
    assert not dialog.kept.clear.isEnabled()
    qtbot.waitUntil(lambda: dialog.kept.used.text() == "1.80 kB for 2 freeze plans")
    assert "5 B more" in dialog.kept.used.toolTip()
    assert dialog.kept.clear.isEnabled()


def test_clearing_leaves_nothing(qtbot, home, kept) -> None:
    dialog = opened(qtbot, home)
    qtbot.waitUntil(dialog.kept.clear.isEnabled)
    clear(dialog, qtbot)
    assert not dialog.kept.clear.isEnabled()
    qtbot.waitUntil(lambda: dialog.kept.used.text() == "Nothing is kept.")
    assert list(features_folder().iterdir()) == []
    assert not scans_file().exists()
    assert not dialog.kept.clear.isEnabled()


def test_while_a_training_runs_nothing_can_be_cleared(qtbot, home, kept) -> None:
    dialog = PreferencesDialog(False, home / "runs", training=True)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.kept.used.text() == "1.80 kB for 2 freeze plans")
    assert not dialog.kept.clear.isEnabled()
    assert "training that runs" in dialog.kept.clear.toolTip()


def test_that_all_was_cleared_is_told(qtbot, home, kept) -> None:
    dialog = opened(qtbot, home)
    qtbot.waitUntil(dialog.kept.clear.isEnabled)
    with qtbot.waitSignal(dialog.kept.cleared):
        clear(dialog, qtbot)


def test_clearing_is_asked_about_since_cancel_cannot_take_it_back(qtbot, home, kept) -> None:
    dialog = opened(qtbot, home)
    qtbot.waitUntil(dialog.kept.clear.isEnabled)
    dialog.kept.clear.click()
    asked = answer(dialog, "Keep", qtbot)
    assert "1.80 kB" in asked
    assert "cannot be undone" in asked
    assert dialog.kept.clear.isEnabled()
    assert all(path.exists() for path in kept)


def test_what_is_in_use_and_stays_is_said(qtbot, home, kept, monkeypatch) -> None:
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path in (kept[0], scans_file()):
            raise PermissionError(13, "in use")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    dialog = opened(qtbot, home)
    qtbot.waitUntil(dialog.kept.clear.isEnabled)
    clear(dialog, qtbot)
    said = "600 B are in use. Clear them when no training runs."
    qtbot.waitUntil(lambda: dialog.kept.used.text() == said)
    assert dialog.kept.clear.isEnabled()


def test_a_dialog_that_is_closed_meanwhile_lets_the_clearing_end(qtbot, home, kept) -> None:
    dialog = opened(qtbot, home)
    qtbot.waitUntil(dialog.kept.clear.isEnabled)
    clear(dialog, qtbot)
    dialog.reject()
    qtbot.waitUntil(lambda: not any(path.exists() for path in kept))


def test_the_limit_holds_for_all_trainings_once_it_is_accepted(qtbot, home, kept) -> None:
    dialog = opened(qtbot, home)
    assert dialog.kept.limit.value() == 10
    dialog.kept.limit.setValue(25)
    dialog.reject()
    assert limit() == 10 * GB
    dialog = opened(qtbot, home)
    dialog.kept.limit.setValue(25)
    dialog._accept()
    assert limit() == 25 * GB
    assert opened(qtbot, home).kept.limit.value() == 25


def test_a_limit_that_nobody_changed_is_not_written(qtbot, home) -> None:
    kept_features.set_limit(2.5)
    before = feature_limit_file().read_bytes()
    dialog = opened(qtbot, home)
    dialog._accept()
    assert feature_limit_file().read_bytes() == before


def test_a_limit_that_cannot_be_saved_keeps_the_dialog_open(qtbot, home) -> None:
    feature_limit_file().parent.parent.mkdir()
    feature_limit_file().parent.write_text("not a folder")
    dialog = opened(qtbot, home)
    dialog.kept.limit.setValue(25)
    dialog._accept()
    assert dialog.result() != QDialog.DialogCode.Accepted
    assert dialog.isVisible()
    assert "could not be written" in dialog.problem.text()

"""The window with the project as a Keras script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog
from window_fakes import described, pictures
from window_fakes import session as make_session

from tlstudio.events import Failed, Picture, Scan
from tlstudio.project.spec import DenseLayer, FreezePlan, Head, Pictures, Training
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.script_window import FOLLOWS, NO_PICTURES, READING, ScriptWindow
from tlstudio.ui.session import Session
from tlstudio.ui.settings import open_settings


@pytest.fixture
def session(qapp, tmp_path: Path) -> Session:
    return make_session(tmp_path)[0]


@pytest.fixture
def window(qtbot, session: Session) -> Iterator[ScriptWindow]:
    described(session)
    made = ScriptWindow(session)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(made)
    made.show()
    return made


def text(window: ScriptWindow) -> str:
    QApplication.processEvents()
    return window.view.toPlainText()


def scanned(session: Session, folder: Path) -> Path:
    found = tuple(
        Picture(str(path), path.parent.name) for path in sorted(pictures(folder).rglob("*.png"))
    )
    session.decide(pictures=Pictures(source=folder))
    session._scanned(Scan(str(folder), found, (), {"cats": 4, "dogs": 4}))
    return folder


def test_there_is_a_script_before_any_pictures_are_chosen(window) -> None:
    compile(text(window), "script.py", "exec")
    assert "path/to/pictures" in text(window)
    assert window.status.text() == NO_PICTURES


def test_it_follows_pictures_and_decisions(window, session, tmp_path) -> None:
    folder = scanned(session, tmp_path / "pets")
    assert str(folder) in text(window)
    assert 'CLASSES = ["cats", "dogs"]' in text(window)
    assert window.status.text() == FOLLOWS
    session.decide(head=Head(dense=(DenseLayer(units=77),)))
    assert "Dense(77" in text(window)
    session.decide(training=Training(epochs=41))
    assert "EPOCHS = 41" in text(window)
    session.decide(freeze=FreezePlan(strategy="custom", layers=("block2_conv",)))
    assert 'trained = ["block2_conv"]' in text(window)


def test_nothing_is_copied_or_saved_while_the_layers_are_not_known(
    qtbot, session, tmp_path
) -> None:
    window = ScriptWindow(session)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(window)
    assert text(window) == ""
    assert window.view.placeholderText() == READING
    assert not window.copy_button.isEnabled()
    assert not window.save_button.isEnabled()
    session._described(Failed("No such network.", "Choose another."))
    text(window)
    assert window.view.placeholderText() == "No such network. Choose another."
    session.describe_failed = None
    described(session)
    assert "def main" in text(window)
    assert window.copy_button.isEnabled()
    assert window.save_button.isEnabled()


def test_the_whole_script_is_copied(window, qtbot) -> None:
    window.copy_button.click()
    assert QGuiApplication.clipboard().text() == text(window)
    assert window.status.text() == "The script was copied."


def test_the_script_is_saved_whole(window, session, tmp_path) -> None:
    scanned(session, tmp_path / "my pets")
    text(window)
    window.save_button.click()
    dialog = window.findChild(QFileDialog)
    assert Path(dialog.selectedFiles()[0]).name == "my pets.py"
    dialog.close()
    target = tmp_path / "made.py"
    window.save(target)
    assert target.read_text(encoding="utf-8") == text(window)
    assert str(target) in window.status.text()


def test_it_says_why_a_script_could_not_be_saved(window, tmp_path) -> None:
    (tmp_path / "made.py").mkdir()
    window.save(tmp_path / "made.py")
    assert "is a folder" in window.status.text()
    assert window.status.objectName() == "error"


def test_the_menu_opens_one_window_and_brings_it_back(qtbot, session, tmp_path) -> None:
    main = MainWindow(session, open_settings(tmp_path / "settings.ini"))
    qtbot.addWidget(main)
    main.show_script()
    main.show_script()
    [shown] = main.findChildren(ScriptWindow)
    assert shown.isVisible()
    assert not shown.isModal()

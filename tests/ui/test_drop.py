from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget
from window_fakes import pictures

from tlstudio.ui.drop import DropZone, meaning


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_folder_of_classes_is_opened(tmp_path: Path) -> None:
    assert meaning([pictures(tmp_path / "pets")]) == "pictures"


def test_a_folder_with_train_and_val_is_opened(tmp_path: Path) -> None:
    pictures(tmp_path / "pets" / "train")
    touch(tmp_path / "pets" / "cover.JPG")
    assert meaning([tmp_path / "pets"]) == "pictures"


def test_a_folder_of_loose_pictures_is_predicted(tmp_path: Path) -> None:
    assert meaning([touch(tmp_path / "new" / "a.PNG").parent]) == "predict"


def test_an_empty_folder_is_opened_so_that_the_scan_says_what_is_wrong(tmp_path: Path) -> None:
    assert meaning([tmp_path]) == "pictures"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pets.tlstudio", "project"),
        ("labels.csv", "pictures"),
        ("cat.jpg", "predict"),
        ("run/run.json", "predict"),
    ],
)
def test_files_go_by_their_kind(tmp_path: Path, name: str, expected: str) -> None:
    assert meaning([touch(tmp_path / name)]) == expected


def test_a_run_folder_is_opened_as_a_run(tmp_path: Path) -> None:
    assert meaning([touch(tmp_path / "run" / "run.json").parent]) == "run"


def test_several_things_are_predicted(tmp_path: Path) -> None:
    assert meaning([pictures(tmp_path / "pets"), touch(tmp_path / "a.png")]) == "predict"


def data_of(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def enter(widget: QWidget, data: QMimeData) -> QDragEnterEvent:
    buttons, modifiers = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, buttons, modifiers)
    QApplication.sendEvent(widget, event)
    return event


def test_the_window_is_highlighted_while_something_hovers_and_takes_the_drop(
    qtbot, tmp_path: Path
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    zone = DropZone(window)
    overlay = zone._overlay
    data = data_of(tmp_path / "a b 한.png")
    assert enter(window, data).isAccepted()
    assert not overlay.isHidden()
    assert not overlay.grab().isNull()
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert overlay.isHidden()

    enter(window, data)
    buttons, modifiers = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, modifiers)
    with qtbot.waitSignal(zone.dropped) as dropped:
        QApplication.sendEvent(window, event)
    assert dropped.args == [[tmp_path / "a b 한.png"]]
    assert overlay.isHidden()


def test_text_and_web_addresses_are_not_taken(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    zone = DropZone(window)
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/a.png")])
    enter(window, data)
    assert zone._overlay.isHidden()

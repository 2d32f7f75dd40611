"""The dialog of the augmentation: modes with their cost, strengths, and the preview."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QImage
from window_fakes import described, pictures
from window_fakes import session as make_session

from tlstudio.events import Device, DevicesFound, Picture, Progress, Scan
from tlstudio.project.spec import Augmentation, Backbone, Pictures, Training
from tlstudio.ui import versions
from tlstudio.ui.augmentation_dialog import AugmentationDialog
from tlstudio.ui.augmentation_preview import EMPTY, OFF, READING, VERSIONS, examples
from tlstudio.ui.augmentation_strengths import STRENGTHS
from tlstudio.ui.session import Session


@pytest.fixture
def session(qapp, tmp_path: Path) -> Session:
    return make_session(tmp_path)[0]


@pytest.fixture
def dialog(qtbot, session: Session) -> Iterator[AugmentationDialog]:
    def change(**fields: object) -> None:
        training = session.decisions.training
        session.decide(training=training.model_copy(update=fields))

    made = AugmentationDialog(session, change)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(made, before_close_func=lambda one: one.accept())
    return made


def decided(session: Session) -> Augmentation:
    return session.decisions.training.augmentation


def open_pictures(session: Session, folder: Path) -> None:
    found = tuple(
        Picture(str(path), path.parent.name) for path in sorted(pictures(folder).rglob("*.png"))
    )
    session.decide(pictures=Pictures(source=folder))
    session._scanned(Scan(str(folder), found, (), {"cats": 4, "dogs": 4}))


# Decisions


def test_modes_and_versions_are_decisions(dialog, session) -> None:
    assert not dialog.views.isEnabled()
    dialog.modes["views"].click()
    dialog.views.setValue(3)
    assert decided(session) == Augmentation(mode="views", views=3)
    dialog.modes["live"].click()
    assert decided(session) == Augmentation(mode="live", views=3)
    dialog.modes["off"].click()
    assert decided(session).mode == "off"
    assert not dialog.strengths.isEnabled()


def test_every_strength_has_a_slider_that_decides_it_alone(dialog, session) -> None:
    named = {strength.name for strength in STRENGTHS}
    assert named == set(Augmentation.model_fields) - {"mode", "views"}
    session.decide(training=Training(augmentation=Augmentation(mode="live", zoom=0.123)))
    dialog.strengths.sliders["rotation"].setValue(45)
    dialog.strengths.sliders["cutout"].setValue(30)
    expected = Augmentation(mode="live", zoom=0.123, rotation=45.0, cutout=0.3)
    assert decided(session) == expected


@pytest.mark.parametrize("strength", STRENGTHS, ids=lambda strength: strength.name)
def test_both_ends_of_a_slider_are_allowed(dialog, session, strength) -> None:
    slider = dialog.strengths.sliders[strength.name]
    for end in (slider.maximum(), slider.minimum()):
        slider.setValue(end)
        assert Augmentation.model_validate(decided(session).model_dump()) == decided(session)


def test_what_is_decided_elsewhere_is_shown(dialog, session) -> None:
    how = Augmentation(mode="views", views=5, flip=0.0, rotation=90.0, shift=0.25)
    session.decide(training=Training(augmentation=how))
    assert dialog.modes["views"].isChecked()
    assert dialog.views.value() == 5
    said = {name: slider.words.text() for name, slider in dialog.strengths.sliders.items()}
    assert said["flip"] == "off"
    assert said["rotation"] == "± 90°"
    assert said["shift"] == "± 25 %"
    assert dialog.strengths.sliders["shift"].value() == 25


def test_the_usual_strengths_come_back_and_the_mode_stays(dialog, session) -> None:
    how = Augmentation(mode="views", views=5, flip=0.0, rotation=90.0)
    session.decide(training=Training(augmentation=how))
    dialog.usual.click()
    assert decided(session) == Augmentation(mode="views", views=5)


def test_a_slider_is_moved_by_keys(dialog, session, qtbot) -> None:
    session.decide(training=Training(augmentation=Augmentation(mode="live")))
    qtbot.keyClick(dialog.strengths.sliders["zoom"], Qt.Key.Key_Right)
    assert decided(session).zoom == 0.11


@pytest.mark.parametrize("beside", [0, 6, -6])
def test_the_handle_of_a_slider_jumps_to_where_it_is_clicked(
    dialog, session, qtbot, beside
) -> None:
    session.decide(training=Training(augmentation=Augmentation(mode="live")))
    dialog.show()
    slider = dialog.strengths.sliders["rotation"]
    middle = slider.rect().center()
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=middle + QPoint(0, beside))
    assert slider.value() == pytest.approx(90, abs=3)
    assert decided(session).rotation == slider.value()
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=middle)  # its handle, which stays
    assert slider.value() == pytest.approx(90, abs=3)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(1, middle.y()))
    assert slider.value() == 0


# Costs


def test_each_mode_says_what_it_costs(dialog, session) -> None:
    session.decide(training=Training(augmentation=Augmentation(mode="views", views=3)))
    assert "3 passes" in dialog.costs["views"].text()
    assert "3 times the disk" in dialog.costs["views"].text()
    assert "about" not in dialog.costs["views"].text()
    assert "each epoch" in dialog.costs["live"].text()


def test_the_disk_that_versions_take_is_said(dialog, session, tmp_path: Path) -> None:
    described(session)
    open_pictures(session, tmp_path / "pets")
    session.decide(training=Training(augmentation=Augmentation(mode="views", views=50)))
    # Mean and maximum of four channels, in single precision, of six times 50 versions and two
    # pictures.
    assert "about 9.66 kB" in dialog.costs["views"].text().replace("\u00a0", " ")


def test_where_all_layers_are_trained_versions_cost_hardly_anything(dialog, session) -> None:
    described(session)
    session.set_trainable(
        frozenset(row.name for row in session.description.layers if row.trainable_params), True
    )
    assert "Hardly any cost" in dialog.costs["views"].text()
    assert "Hardly any cost" in dialog.costs["live"].text()


def test_the_expected_time_of_each_mode_is_said_on_a_cpu(dialog, session, tmp_path: Path) -> None:
    described(session)
    open_pictures(session, tmp_path / "pets")
    assert "about" not in dialog.costs["off"].text()
    session._found_devices(DevicesFound((Device("cpu", "CPU"),), ""))
    assert "In all about 5 s." in dialog.costs["off"].text().replace("\u00a0", " ")


def test_all_words_have_the_room_they_need_once_the_times_are_known(
    dialog, session, qtbot, tmp_path: Path
) -> None:
    dialog.show()
    described(session)
    open_pictures(session, tmp_path / "pets")
    session._found_devices(DevicesFound((Device("cpu", "CPU"),), ""))
    dialog.modes["views"].click()
    dialog.grab()
    for cost in dialog.costs.values():
        qtbot.waitUntil(lambda cost=cost: cost.height() >= cost.heightForWidth(cost.width()))
    for slider in dialog.strengths.sliders.values():
        assert slider.height() >= slider.sizeHint().height()
        assert slider.words.height() >= slider.words.sizeHint().height()


# Preview


def shown(dialog: AugmentationDialog) -> list[list[QImage]]:
    return [[pixmap.toImage() for pixmap in row] for row in dialog.preview.rows]


@pytest.fixture
def previewing(dialog, session, qtbot, tmp_path: Path) -> AugmentationDialog:
    """With strong changes to eight pictures, of which some are shown."""
    session.decide(
        backbone=Backbone(input_shape=(32, 32)),
        training=Training(augmentation=Augmentation(mode="live", rotation=45.0)),
    )
    open_pictures(session, tmp_path / "pets")
    qtbot.waitUntil(lambda: bool(shown(dialog)) and shown(dialog)[0][0] != shown(dialog)[0][1])
    return dialog


def test_some_of_the_training_pictures_of_each_class_are_shown(previewing, session) -> None:
    rows = shown(previewing)
    assert [len(row) for row in rows] == [1 + VERSIONS] * 4
    assert "4 pictures" in previewing.preview.accessibleName()
    assert not previewing.grab().isNull()


def test_a_moved_slider_changes_the_versions_and_not_the_originals(previewing, qtbot) -> None:
    before = shown(previewing)
    previewing.strengths.sliders["brightness"].setValue(80)
    qtbot.waitUntil(lambda: shown(previewing)[0][1] != before[0][1])
    after = shown(previewing)
    assert [row[0] for row in after] == [row[0] for row in before]


def test_shuffle_shows_other_pictures_and_versions(previewing, session, qtbot) -> None:
    before, how = shown(previewing), decided(session)
    previewing.shuffle.click()
    qtbot.waitUntil(lambda: shown(previewing) != before)
    assert [row[0] for row in shown(previewing)] != [row[0] for row in before]
    assert decided(session) == how
    session.split = replace(session.split, train=session.split.train[:2])
    session.scan_changed.emit()
    qtbot.waitUntil(lambda: len(shown(previewing)) == 2)
    before = shown(previewing)
    previewing.shuffle.click()
    qtbot.waitUntil(lambda: shown(previewing) != before)
    assert [row[0] for row in shown(previewing)] == [row[0] for row in before]


def test_off_shows_the_pictures_as_they_are_once(previewing, qtbot) -> None:
    previewing.modes["off"].click()
    qtbot.waitUntil(lambda: [len(row) for row in shown(previewing)] == [1] * 4)
    assert previewing.preview.accessibleName() == OFF
    assert not previewing.grab().isNull()
    previewing.modes["live"].click()
    assert not previewing.grab().isNull()
    qtbot.waitUntil(lambda: [len(row) for row in shown(previewing)] == [1 + VERSIONS] * 4)


def test_other_pictures_take_the_place_of_those_before(
    previewing, session, qtbot, tmp_path: Path
) -> None:
    before = shown(previewing)
    other = tmp_path / "others"
    pictures(other / "deeper")
    for path in other.rglob("*.png"):
        image = QImage(str(path))
        image.fill(Qt.GlobalColor.red)
        image.save(str(path))
    open_red = tuple(Picture(str(path), "red") for path in sorted(other.rglob("*.png")))
    session._scanned(Scan(str(other), open_red, (), {"red": len(open_red)}))
    qtbot.waitUntil(lambda: shown(previewing)[0][0] != before[0][0])


def test_without_pictures_a_sentence_stands_in_their_place(dialog, session) -> None:
    assert dialog.preview.accessibleName() == EMPTY
    assert dialog.preview.rows == []
    assert not dialog.grab().isNull()
    session.scanning = Progress("scan", 3, 9)
    session.scan_changed.emit()
    assert dialog.preview.accessibleName() == READING


def test_the_window_stays_quick_while_versions_are_made(previewing, qtbot, monkeypatch) -> None:
    """Each version takes long, and the event loop goes on all the same."""

    def slow(picture, how, *seed):
        time.sleep(0.05)
        return picture // 2

    monkeypatch.setattr(versions, "augmented", slow)
    before = shown(previewing)
    gaps: list[float] = []
    last = time.perf_counter()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

    timer = QTimer(interval=5)
    timer.timeout.connect(tick)
    timer.start()
    for degrees in range(20):
        previewing.strengths.sliders["rotation"].setValue(degrees)
    qtbot.waitUntil(lambda: shown(previewing) != before)
    timer.stop()
    # All of them in one go take 0.8 s.
    assert max(gaps) < 0.4


def test_a_dialog_that_was_closed_works_on_nothing(previewing, session, qtbot) -> None:
    previewing.accept()
    with qtbot.assertNotEmitted(previewing.preview.remade, wait=50):
        session.decide(training=Training(augmentation=Augmentation(mode="live")))


def test_examples_are_of_all_classes_in_turn() -> None:
    found = [Picture(f"{name}{number}", name) for name in "ab" for number in range(5)]
    assert examples(found, 2) == ("a0", "b0", "a1", "b1")
    assert examples(found[:7], 3) == ("a0", "b0", "a1", "b1", "a2")

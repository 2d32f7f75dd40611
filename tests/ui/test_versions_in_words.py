"""Random versions of pictures: made off the GUI thread, and only the newest wish counts."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, current_thread, main_thread

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QImage

from tlstudio.project.spec import Augmentation
from tlstudio.ui import versions
from tlstudio.ui.versions import Versions, Wanted

STRONG = Augmentation(mode="live", rotation=90.0, brightness=0.5)


@pytest.fixture
def maker(qapp) -> Iterator[Versions]:
    made = Versions()
    yield made
    made.close()


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    path = tmp_path / "그림 🙂.png"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return Wanted((str(path),), (32, 48), STRONG, 3, 0)


def make(qtbot, maker: Versions, wanted: Wanted) -> list[tuple[QImage, ...]]:
    with qtbot.waitSignal(
        maker.made, timeout=5000, check_params_cb=lambda asked, _: asked == wanted
    ) as caught:
        maker.ask(wanted)
    return caught.args[1]


def test_each_row_is_the_picture_and_its_versions(qtbot, maker, wanted) -> None:
    (row,) = make(qtbot, maker, wanted)
    assert len(row) == 4
    assert {(image.width(), image.height()) for image in row} == {(48, 32)}
    assert all(one != other for i, one in enumerate(row) for other in row[:i])


def test_the_same_wish_gives_the_same_and_a_shuffle_others(qtbot, maker, wanted) -> None:
    (row,) = make(qtbot, maker, wanted)
    assert make(qtbot, maker, wanted) == [row]
    (other,) = make(qtbot, maker, replace(wanted, shuffle=1))
    assert other[0] == row[0]
    assert all(one != two for one, two in zip(row[1:], other[1:], strict=True))


def test_a_strength_changes_the_pixels_and_off_changes_none(qtbot, maker, wanted) -> None:
    (row,) = make(qtbot, maker, wanted)
    weaker = STRONG.model_copy(update={"rotation": 20.0})
    (turned,) = make(qtbot, maker, replace(wanted, how=weaker))
    assert turned[0] == row[0]
    assert turned[1] != row[1]
    off = STRONG.model_copy(update={"mode": "off"})
    (plain,) = make(qtbot, maker, replace(wanted, how=off))
    assert set(map(plain[0].__eq__, plain)) == {True}


def test_what_is_no_picture_leaves_an_empty_row(qtbot, maker, wanted, tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    rows = make(qtbot, maker, replace(wanted, paths=(str(text), *wanted.paths)))
    assert [len(row) for row in rows] == [0, 4]


@pytest.fixture
def held(monkeypatch) -> Iterator[Event]:
    """Augmenting waits for it; it notes which strengths were worked on, and in which threads."""
    go_on = Event()

    def augmented(picture, how, *seed):
        worked.append(how.rotation)
        assert current_thread() is not main_thread()
        assert go_on.wait(10)
        return picture

    worked: list[float] = []
    go_on.worked = worked
    monkeypatch.setattr(versions, "augmented", augmented)
    yield go_on
    go_on.set()


def test_of_many_wishes_while_one_is_worked_on_the_last_is_next(qtbot, maker, wanted, held) -> None:
    asked: list[Wanted] = []
    maker.made.connect(lambda one, _: asked.append(one))
    wishes = [
        replace(wanted, how=STRONG.model_copy(update={"rotation": float(degrees)}), count=1)
        for degrees in range(50)
    ]
    for wish in wishes:
        maker.ask(wish)
    held.set()
    qtbot.waitUntil(lambda: len(asked) == 2)
    assert asked == [wishes[0], wishes[-1]]
    assert held.worked == [0.0, 49.0]


def test_after_close_nothing_more_comes(qtbot, wanted, held) -> None:
    maker = Versions()
    with qtbot.assertNotEmitted(maker.made, wait=50):
        maker.ask(replace(wanted, count=1))
        qtbot.waitUntil(lambda: len(held.worked) == 1)
        held.set()
        maker.close()
        maker.ask(wanted)

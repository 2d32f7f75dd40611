"""The pictures panel over one session, and the poolings of the head panel."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from PySide6.QtCore import Qt
from window_fakes import pictures
from window_fakes import session as make_session

from tlstudio.events import Picture, Problem, Progress, Scan
from tlstudio.project.head_size import POOLING_LABELS
from tlstudio.project.spec import Pictures, Pooling
from tlstudio.ui.head_panel import POOLING_NAMES, POOLING_TIPS
from tlstudio.ui.pictures_panel import PicturesPanel
from tlstudio.ui.problems import ProblemList
from tlstudio.ui.session import Session


@pytest.fixture
def session(qapp, tmp_path: Path) -> Iterator[Session]:
    return make_session(tmp_path)[0]


@pytest.fixture
def shown(qtbot, session: Session) -> PicturesPanel:
    made = PicturesPanel(session)
    qtbot.addWidget(made)
    return made


def click(qtbot, button) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_every_pooling_is_offered() -> None:
    for words in (POOLING_LABELS, POOLING_NAMES, POOLING_TIPS):
        assert set(words) == set(get_args(Pooling))


# Pictures


def show_scan(session: Session, scan: Scan) -> None:
    session.decide(pictures=Pictures(source=Path(scan.source)))
    session._scanned(scan)


def scan_of(folder: Path, problems: tuple[Problem, ...] = ()) -> Scan:
    found = tuple(Picture(str(path), path.parent.name) for path in sorted(folder.rglob("*.png")))
    return Scan(str(folder), found, problems, {"cats": 4, "dogs": 4})


def test_an_empty_panel_says_what_to_do(shown, qtbot) -> None:
    assert "One subfolder a class" in shown.message.text()
    with qtbot.waitSignal(shown.open_asked):
        click(qtbot, shown.open_button)


def test_classes_counts_and_split_are_shown(shown, session, tmp_path: Path) -> None:
    show_scan(session, scan_of(pictures(tmp_path / "pets")))
    assert shown.note.text() == "8 in 2 classes"
    assert shown.classes.rowCount() == 2
    assert shown.split_line.text() == "6 train, 2 validation, stratified, seed 1"
    assert shown.problems.isHidden()
    assert not shown.grab().isNull()


def test_a_scan_shows_how_far_it_is(shown, session) -> None:
    session.decide(pictures=Pictures(source=Path("pets")))
    session._scanned(Progress("scan", 30, 120))
    assert shown.message.text() == "Reading pets, 30 of 120"
    assert shown.bar.value() == 30


def test_problems_open_a_list_with_a_remedy(shown, session, qtbot, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pets")
    problems = (
        Problem(str(folder / "cats" / "x.jpg"), "truncated", "It is cut off. Copy it again."),
        Problem(str(folder / "dogs" / "y.jpg"), "duplicate", "The same as z.jpg."),
    )
    show_scan(session, scan_of(folder, problems))
    assert shown.problems.text() == "1 file cannot be used, 1 to look at"
    click(qtbot, shown.problems)
    listed = shown.findChild(ProblemList).list
    first = listed.topLevelItem(0)
    assert Path(first.text(0)) == Path("cats") / "x.jpg"
    assert (first.text(1), first.text(2)) == ("damaged", "It is cut off. Copy it again.")
    shown.findChild(ProblemList).close()


def test_a_long_remedy_can_be_read_to_its_end(qtbot, tmp_path: Path) -> None:
    long = "It says what is wrong in many words, " * 6 + "and then how to mend it."
    listed = ProblemList([Problem("a.jpg", "truncated", long)], tmp_path, None)
    qtbot.addWidget(listed)
    listed.show()
    tree = listed.list
    tree.doItemsLayout()
    index = tree.model().index(0, 2)
    room = tree.visualRect(index)
    needed = tree.fontMetrics().boundingRect(
        0, 0, room.width() - 8, 1000, Qt.TextFlag.TextWordWrap, long
    )
    assert room.height() >= needed.height() > 2 * tree.fontMetrics().height()


def test_two_hundred_classes_scroll_in_a_list_of_fixed_height(shown, session) -> None:
    names = [f"class {number}" for number in range(200)]
    found = tuple(Picture(f"{name}/{n}.png", name) for name in names for n in range(2))
    show_scan(session, Scan("many", found, (), dict.fromkeys(names, 2)))
    assert shown.classes.rowCount() == 200
    assert shown.list.height() < 200
    assert not shown.grab().isNull()

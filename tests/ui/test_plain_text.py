"""Names of folders, classes and files that look like markup stand in the window as they are."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt
from PySide6.QtGui import Qt as Rich
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QAbstractItemView, QLabel, QWidget
from window_fakes import pictures
from window_fakes import session as make_session

from tlstudio.events import (
    Calibration,
    ClassFigures,
    Evaluation,
    Judged,
    Prediction,
    Problem,
    Score,
)
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.problems import ProblemList
from tlstudio.ui.results_panel import ResultsPanel
from tlstudio.ui.settings import open_settings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such names on Windows")
NAME = "<b>x"  # a slash cannot be in a name


def tooltips(shown: QWidget) -> list[str]:
    """Those of the widget, of all in it, and of the items in its views."""
    found = [widget.toolTip() for widget in [shown, *shown.findChildren(QWidget)]]
    for view in shown.findChildren(QAbstractItemView):
        model = view.model()
        if model is not None:
            found += _of_items(model)
    return found


def _of_items(model: QAbstractItemModel) -> list[str]:
    return [
        str(model.index(row, column).data(Qt.ItemDataRole.ToolTipRole) or "")
        for row in range(model.rowCount(QModelIndex()))
        for column in range(5)
    ]


def check(shown: QWidget) -> tuple[int, int]:
    """How many labels and tooltips have the name; each must show it literally."""
    labels = [one for one in shown.findChildren(QLabel) if NAME in one.text()]
    for one in labels:
        assert one.textFormat() == Qt.TextFormat.PlainText, one.text()
    named = 0
    for text in set(tooltips(shown)):
        if "x" in text and ("<b>" in text or "&lt;b" in text):
            document = QTextDocument()
            # As Qt does with a tooltip.
            show = document.setHtml if Rich.mightBeRichText(text) else document.setPlainText
            show(text)
            assert NAME in document.toPlainText(), text
            named += 1
    return len(labels), named


@pytest.fixture
def window(qapp, tmp_path: Path) -> Iterator[MainWindow]:
    session, _ = make_session(tmp_path)
    made = MainWindow(session, open_settings(tmp_path / "settings.ini"))
    session.start()
    yield made
    made.close_without_asking()
    made.deleteLater()


def test_in_the_window(window, qtbot, tmp_path: Path) -> None:
    folder = pictures(tmp_path / NAME)
    (folder / "cats").rename(folder / NAME)
    window.open_pictures(folder)
    qtbot.waitUntil(lambda: window.pictures.classes.rowCount() == 2)
    window.notice.tell(f"{NAME} is gone.", "Look for it.")
    window.centre.results.show_evaluation(evaluation())
    top = (Score(NAME, 0.9),)
    window.centre.predict.show_prediction(Prediction(str(folder / NAME / "0.png"), top))
    labels, tips = check(window)
    assert labels >= 2
    assert tips >= 4


def evaluation() -> Evaluation:
    return Evaluation(
        0.5, 0.4, (NAME, "dogs"), ((0, 1), (0, 1)),
        {NAME: ClassFigures(0.9, 0.6, 0.7, 1), "dogs": ClassFigures(0.9, 0.6, 0.7, 1)},
        Calibration(0.05, 1.1), (Judged(f"{NAME}.png", NAME, "dogs", 0.9),),
    )  # fmt: skip


def test_in_the_list_of_problems(qtbot, tmp_path: Path) -> None:
    problem = Problem(str(tmp_path / NAME / "a.jpg"), "truncated", f"{NAME} is cut off.")
    shown = ProblemList([problem], tmp_path, None)
    qtbot.addWidget(shown)
    assert check(shown) == (0, 2)


def test_in_the_heading_of_mistakes(qtbot) -> None:
    panel = ResultsPanel()
    qtbot.addWidget(panel)
    panel.show_evaluation(evaluation())
    panel.confusion.choose((0, 1))
    assert NAME in panel.mistakes_words.text()
    assert check(panel)[0] == 1

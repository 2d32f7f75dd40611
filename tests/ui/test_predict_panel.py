import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QFontMetricsF, QGuiApplication, QImage

from tlstudio.events import Prediction, Score
from tlstudio.ui.picture_strip import PATH_ROLE
from tlstudio.ui.predict_panel import PredictPanel
from tlstudio.ui.prediction_strip import caption

PENGUIN = Prediction("penguin.png", (Score("animals", 0.98), Score("food", 0.02)))
UNICORN = Prediction("unicorn.png", (Score("animals", 0.41), Score("food", 0.29)), unknown=True)
NOTES = Prediction("notes.jpg", error="notes.jpg is not a picture, skipped.")


@pytest.fixture
def panel(qtbot):
    panel = PredictPanel()
    qtbot.addWidget(panel)
    panel.resize(860, 130)
    panel.set_enabled_with("Answers from the last run")
    return panel


def rows(panel):
    model = panel.strip.answers
    return [
        model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(model.rowCount())
    ]


def test_without_a_model_it_says_what_is_missing(qtbot):
    panel = PredictPanel()
    qtbot.addWidget(panel)
    assert panel._empty.text() == "Train a model first"
    assert not panel.choose_button.isEnabled()
    panel.set_enabled_with("Answers from the last run")
    assert panel.choose_button.isEnabled()
    assert panel.answering.text() == "Answers from the last run"


def test_pictures_wait_and_then_show_their_classes(panel):
    panel.add_pending([Path("penguin.png"), Path("unicorn.png")])
    assert rows(panel) == [
        "penguin.png: waiting for the model",
        "unicorn.png: waiting for the model",
    ]
    panel.show_prediction(UNICORN)
    panel.show_prediction(PENGUIN)
    assert rows(panel) == [
        "penguin.png: animals 98.00 %, food 2.00 %",
        "unicorn.png: unknown, animals 41.00 %, food 29.00 %",
    ]
    panel.grab()


def test_a_card_names_its_file_and_the_tooltip_has_the_whole_path(panel):
    panel.show_prediction(replace(PENGUIN, path="/photos/a penguin with quite a long name.png"))
    strip = panel.strip
    index = strip.answers.index(0)
    assert index.data(Qt.ItemDataRole.ToolTipRole).startswith("/photos/a penguin with")
    fonts = QFontMetricsF(strip.font())
    shown = caption(index.data(PATH_ROLE), fonts, 120)
    assert shown.startswith("a pen")
    assert shown.endswith(".png")
    assert fonts.horizontalAdvance(shown) <= 120


def test_a_file_that_is_no_picture_is_named_in_place(panel):
    panel.show_prediction(NOTES)
    assert rows(panel) == ["notes.jpg: notes.jpg is not a picture, skipped."]
    panel.grab()


def test_a_folder_shows_its_files_as_they_are_answered(panel, tmp_path):
    panel.add_pending([tmp_path])
    assert rows(panel) == []
    panel.show_prediction(PENGUIN)
    assert len(rows(panel)) == 1


def test_asking_again_renews_the_row(panel):
    panel.show_prediction(PENGUIN)
    panel.add_pending([Path("penguin.png")])
    assert rows(panel) == ["penguin.png: waiting for the model"]


def test_clear_empties_the_row(panel):
    panel.show_prediction(PENGUIN)
    assert not panel.clear_button.isHidden()
    panel.clear_button.click()
    assert rows(panel) == []
    assert panel.clear_button.isHidden()


def test_hundreds_of_pictures_need_no_more_widgets(panel):
    before = len(panel.findChildren(object))
    panel.add_pending([Path(f"{number}.png") for number in range(500)])
    panel.grab()
    assert len(rows(panel)) == 500
    assert len(panel.findChildren(object)) - before < 20


def test_chosen_files_are_asked_about(panel, qtbot, monkeypatch):
    monkeypatch.setattr(
        "tlstudio.ui.predict_panel.QFileDialog.getOpenFileNames", lambda *_: (["a b.png"], "")
    )
    with qtbot.waitSignal(panel.predictRequested) as asked:
        panel.choose_button.click()
    assert asked.args == [[Path("a b.png")]]


def test_pasted_files_are_asked_about(panel, qtbot, tmp_path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "그림.png"))])
    QGuiApplication.clipboard().setMimeData(data)
    with qtbot.waitSignal(panel.predictRequested) as asked:
        assert panel.paste()
    assert asked.args == [[tmp_path / "그림.png"]]


def test_a_pasted_image_becomes_a_file(panel, qtbot):
    image = QImage(8, 6, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    with qtbot.waitSignal(panel.predictRequested) as asked:
        assert panel.paste()
    (path,) = asked.args[0]
    with Image.open(path) as saved:
        assert saved.size == (8, 6)
        assert saved.convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_pasting_words_asks_nothing_and_says_why(panel, qtbot):
    QGuiApplication.clipboard().setText("words")
    with qtbot.assertNotEmitted(panel.predictRequested):
        assert not panel.paste()
    assert panel.answering.text() == "There is no picture on the clipboard."


def test_answers_are_copied_as_a_table(panel):
    for prediction in (PENGUIN, UNICORN, NOTES):
        panel.show_prediction(prediction)
    panel.copy_button.click()
    table = list(csv.reader(io.StringIO(QGuiApplication.clipboard().text())))
    assert table == [
        ["path", "class", "probability", "unknown", "animals", "food"],
        ["penguin.png", "animals", "0.980000", "false", "0.980000", "0.020000"],
        ["unicorn.png", "animals", "0.410000", "true", "0.410000", "0.290000"],
        ["notes.jpg", "", "", "", "", ""],
    ]


def test_the_model_keeps_qts_contract(panel, qtmodeltester):
    panel.add_pending([Path("penguin.png")])
    panel.show_prediction(PENGUIN)
    qtmodeltester.check(panel.strip.answers)

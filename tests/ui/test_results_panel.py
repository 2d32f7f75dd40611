import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor

from tlstudio.events import Calibration, ClassFigures, Evaluation, Judged
from tlstudio.ui.confusion_view import cell_colors, contrast
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.picture_strip import CAPTION_ROLE, PATH_ROLE, Preview
from tlstudio.ui.results_panel import MISTAKES_SHOWN, ResultsPanel, wilson
from tlstudio.ui.theme import DARK, LIGHT

CLASSES = ("animals", "food", "a class with quite a long name")
CONFUSION = ((8, 2, 0), (1, 9, 0), (0, 0, 5))


def judged(true, said, probability, name="x"):
    return Judged(f"{name}.png", CLASSES[true], CLASSES[said], probability)


EVALUATION = Evaluation(
    22 / 25,
    0.4,
    CLASSES,
    CONFUSION,
    {name: ClassFigures(0.9, 0.6, 0.72, 10 - row) for row, name in enumerate(CLASSES)},
    Calibration(0.05, 1.1),
    (
        judged(0, 0, 0.99, "right"),
        judged(0, 1, 0.55, "unsure"),
        judged(0, 1, 0.95, "sure"),
        judged(1, 0, 0.7, "middle"),
    ),
)


@pytest.fixture
def panel(qtbot):
    panel = ResultsPanel()
    qtbot.addWidget(panel)
    panel.resize(900, 280)
    panel.show_evaluation(EVALUATION, "Validation")
    panel.grab()
    return panel


def mistakes(panel):
    model = panel.mistakes.model()
    return [model.index(row).data(PATH_ROLE) for row in range(model.rowCount())]


def test_the_interval_is_wilsons():
    # Worked example: 86 of 94.
    assert wilson(86, 94) == pytest.approx((0.8410, 0.9562), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    assert wilson(10, 10)[0] == pytest.approx(0.7225, abs=1e-4)


def test_what_rows_and_columns_are_is_seen_whole_in_a_small_window(panel):
    panel.resize(604, 205)
    panel.grab()
    words = panel.findChildren(ElidedLabel)
    assert any("across" in line.text() for line in words)
    assert all(line.shown == line.text() for line in words)


def test_the_whole_name_of_a_class_is_said_where_it_is_cut(panel):
    view = panel.confusion
    cell = view.rect_of((2, 2)).center().toPoint()
    assert "quite a long name called" in view.words_at(cell)
    assert view.words_at(QPoint(4, cell.y())) == CLASSES[2]
    assert view.words_at(QPoint(cell.x(), 2)) == CLASSES[2]
    assert view.words_at(QPoint(4, 2)) == ""
    assert view.words_at(QPoint(4, 5000)) == ""


def test_empty_it_says_so(panel):
    assert not panel.is_empty
    panel.clear()
    assert panel.is_empty
    assert panel.note.text() == ""


def test_the_note_gives_accuracy_and_interval(panel):
    assert panel.note.text() == "88.0 % of 25, interval 70 to 96 %"


def test_mistakes_come_surest_first_and_with_what_was_said(panel):
    assert mistakes(panel) == ["sure.png", "middle.png", "unsure.png"]
    caption = panel.mistakes.model().index(0, 0).data(CAPTION_ROLE)
    assert caption == "true: animals, said: food (95.0 % sure)"
    assert panel.mistakes_words.text() == "3 mistakes"


def test_a_press_on_a_cell_shows_its_mistakes_and_a_second_one_all(panel, qtbot):
    place = panel.confusion.rect_of((1, 0)).center().toPoint()
    qtbot.mouseClick(panel.confusion.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert mistakes(panel) == ["middle.png"]
    assert panel.mistakes_words.text() == "1 mistake: food, said animals"
    qtbot.mouseClick(panel.confusion.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert len(mistakes(panel)) == 3


def test_no_more_mistakes_than_can_be_looked_at(panel):
    many = tuple(judged(0, 1, 0.5, str(number)) for number in range(100))
    panel.show_evaluation(
        Evaluation(0, 0, CLASSES, CONFUSION, EVALUATION.per_class, EVALUATION.calibration, many)
    )
    assert len(mistakes(panel)) == MISTAKES_SHOWN
    assert panel.mistakes_words.text() == f"100 mistakes, the {MISTAKES_SHOWN} surest"


def test_the_matrix_is_reached_by_keyboard(panel, qtbot):
    qtbot.keyClick(panel.confusion, Qt.Key.Key_Right)
    assert panel.confusion.accessibleDescription() == "2 of 10 animals called food (20.0 %)"
    with qtbot.waitSignal(panel.confusion.chosen) as chosen:
        qtbot.keyClick(panel.confusion, Qt.Key.Key_Return)
    assert chosen.args == [(0, 1)]
    qtbot.keyClick(panel.confusion, Qt.Key.Key_Escape)
    assert panel.confusion.chosen_cell is None
    for _ in range(5):
        qtbot.keyClick(panel.confusion, Qt.Key.Key_Down)
    qtbot.keyClick(panel.confusion, Qt.Key.Key_Space)
    assert panel.confusion.chosen_cell == (2, 1)


def test_cells_are_found_where_they_are_painted(panel):
    for cell in ((0, 0), (1, 2), (2, 2)):
        assert panel.confusion.cell_at(panel.confusion.rect_of(cell).center().toPoint()) == cell
    assert panel.confusion.cell_at(QPoint(1, 1)) is None


@pytest.mark.parametrize("size", [2, 100])
def test_few_and_many_classes(panel, size):
    names = tuple(f"class {index}" for index in range(size))
    counts = tuple(
        tuple(3 if row == column else 0 for column in range(size)) for row in range(size)
    )
    panel.confusion.show_matrix(names, counts)
    panel.grab()
    scrolls = panel.confusion.horizontalScrollBar().maximum() > 0
    assert scrolls == (size == 100)
    last = (size - 1, size - 1)
    panel.confusion.horizontalScrollBar().setValue(1 << 20)
    panel.confusion.verticalScrollBar().setValue(1 << 20)
    panel.grab()
    assert panel.confusion.cell_at(panel.confusion.rect_of(last).center().toPoint()) == last


def test_the_keyboard_scrolls_to_the_cell(panel, qtbot):
    names = tuple(f"class {index}" for index in range(60))
    panel.confusion.show_matrix(names, tuple((1,) * 60 for _ in range(60)))
    for _ in range(59):
        qtbot.keyClick(panel.confusion, Qt.Key.Key_Right)
    rect = panel.confusion.rect_of((0, 59))
    assert rect.right() <= panel.confusion.viewport().width()


def test_a_class_without_pictures_is_no_error(panel):
    panel.confusion.show_matrix(("a", "b"), ((0, 0), (1, 1)))
    panel.grab()
    assert panel.confusion.words((0, 1)) == "0 of 0 a called b"


def test_figures_by_class_sort_by_value_and_classes_by_the_models_order(panel):
    table = panel.table
    model = table.model()
    assert [model.index(row, 0).data() for row in range(3)] == list(CLASSES)
    table.sortByColumn(4, Qt.SortOrder.AscendingOrder)
    assert [model.index(row, 4).data() for row in range(3)] == ["8", "9", "10"]
    assert model.index(0, 1).data() == "90 %"
    assert model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole) == "0.9000"


def test_where_there_is_little_room_the_derived_figure_goes_first(panel):
    panel.resize(1100, 280)
    panel.grab()
    assert not panel.table.isColumnHidden(3)
    panel.resize(590, 280)
    panel.grab()
    assert panel.table.isColumnHidden(3)


def test_a_second_judgement_takes_no_more_room_than_the_first(panel):
    panel.resize(1100, 280)
    panel.grab()
    panel.show_evaluation(EVALUATION)
    first = panel.table.minimumWidth()
    panel.resize(590, 280)
    panel.grab()
    assert panel.table.isColumnHidden(3)
    panel.show_evaluation(EVALUATION)
    assert panel.table.minimumWidth() == first


def test_models_keep_qts_contract(panel, qtmodeltester):
    qtmodeltester.check(panel.mistakes.model())
    qtmodeltester.check(panel.table.model())


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_mistake_opens_larger_and_closes(panel, qtbot):
    panel.mistakes.setCurrentIndex(panel.mistakes.model().index(0, 0))
    qtbot.keyClick(panel.mistakes, Qt.Key.Key_Return)
    preview = panel.mistakes.findChild(Preview)
    assert preview.accessibleName() == "true: animals, said: food (95.0 % sure)"
    qtbot.keyClick(preview, Qt.Key.Key_Escape)
    assert not preview.isVisible()


@pytest.mark.parametrize("colors", [LIGHT, DARK])
@pytest.mark.parametrize("right", [True, False])
def test_every_count_can_be_read(colors, right):
    for hundredth in range(101):
        fill, ink = cell_colors(colors, hundredth / 100, right)
        assert contrast(fill, ink) >= 4.5, (hundredth, fill.name(), ink.name())


def test_contrast_is_that_of_wcag():
    assert contrast(QColor("#ffffff"), QColor("#000000")) == pytest.approx(21)
    assert contrast(QColor("#767676"), QColor("#ffffff")) == pytest.approx(4.54, abs=0.01)

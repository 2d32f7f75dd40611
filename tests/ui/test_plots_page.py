import time
from dataclasses import replace

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMessageBox

from tlstudio.errors import JobError
from tlstudio.events import Batch, Epoch, Failed, Progress
from tlstudio.ui.plots_page import PlotsPage
from tlstudio.ui.theme import DARK, LIGHT


def epoch(number, best=True):
    return Epoch(number, 20, 0.5, 0.75, 0.6, 0.8 + number / 100, 0.1, best)


def batches(number, steps=9):
    return [Batch(number, step, steps, 1 / number, 0.5) for step in range(1, steps + 1)]


@pytest.fixture
def panel(qtbot):
    panel = PlotsPage()
    qtbot.addWidget(panel)
    panel.resize(800, 330)
    return panel


@pytest.fixture
def filled(panel):
    panel.clear(20, 9)
    for number in (1, 2, 3):
        panel.add([*batches(number), epoch(number, best=number != 3)])
    panel.grab()
    return panel


def curves(panel):
    return [
        curve
        for plot in (panel.loss, panel.accuracy)
        for curve in (plot.train, plot.mean, plot.val)
    ]


def test_one_call_draws_each_curve_exactly_once(panel, monkeypatch):
    panel.clear(20, 9)
    drawn = []
    for curve in curves(panel):
        original = curve.setData

        def counted(*args, curve=curve, original=original, **options):
            drawn.append(curve)
            original(*args, **options)

        monkeypatch.setattr(curve, "setData", counted)
    panel.add([*batches(1), epoch(1), *batches(2), epoch(2)])
    assert sorted(map(id, drawn)) == sorted(map(id, curves(panel)))
    drawn.clear()
    panel.add([])
    panel.add([Progress("validate", 1, 2)])
    assert not drawn


def test_curves_show_the_values_over_the_epochs(filled):
    at, values = filled.loss.train.getOriginalDataset()
    assert len(at) == 27
    assert (at[0], at[-1]) == (pytest.approx(1 / 9), 3.0)
    assert values[-1] == pytest.approx(1 / 3)
    at, values = filled.accuracy.val.getOriginalDataset()
    assert at.tolist() == [1, 2, 3]
    assert values.tolist() == pytest.approx([0.81, 0.82, 0.83])


def test_a_line_stands_where_the_plan_follows_the_head(panel):
    panel.clear(4, 9)
    panel.add([replace(epoch(number), phase="head") for number in (1, 2)])
    assert not panel.loss.phase_line.isVisible()
    panel.add([epoch(3)])
    for plot in (panel.loss, panel.accuracy):
        assert plot.phase_line.isVisible()
        assert plot.phase_line.value() == 2
    panel.clear(4, 9)
    assert not panel.loss.phase_line.isVisible()


def test_the_best_epoch_is_named(filled):
    assert filled.best.text() == "best 82.0 %, epoch 2"
    # As wide as the middle of a window of 1280 pixels.
    filled.resize(574, 300)
    filled.grab()
    assert filled.best.shown == filled.best.text()


def test_by_epoch_shows_the_epochs_training_values(filled):
    filled.by_epoch.click()
    at, values = filled.loss.train.getOriginalDataset()
    assert at.tolist() == [1, 2, 3]
    assert values.tolist() == [0.5] * 3
    assert filled.loss.mean.getOriginalDataset()[0] is None or not len(
        filled.loss.mean.getOriginalDataset()[0]
    )


def test_a_new_training_starts_empty(filled):
    filled.clear(5, 3)
    assert filled.best.text() == ""
    assert filled.curves.epochs == 5
    assert len(filled.curves.batch_at) == 0


def test_the_crosshair_reads_the_nearest_values_in_both_plots(filled):
    box = filled.loss.plot.vb
    filled.loss.view.scene().sigMouseMoved.emit(box.mapViewToScene(QPointF(2.1, 0.5)))
    for plot, value in ((filled.loss, "0.600"), (filled.accuracy, "82.0 %")):
        assert "epoch 2.11" in plot.words.text()
        assert value in plot.words.text()
    filled.loss.view.left.emit()
    assert filled.loss.words.text() == "Loss"
    assert filled.accuracy.words.text() == "Accuracy"


def test_the_crosshair_goes_by_arrow_keys_from_epoch_to_epoch(filled, qtbot):
    for key, where in (
        (Qt.Key.Key_Right, "epoch 3<"),
        (Qt.Key.Key_Left, "epoch 2<"),
        (Qt.Key.Key_Right, "epoch 3<"),
        (Qt.Key.Key_Right, "epoch 3<"),
    ):
        qtbot.keyClick(filled.loss.view, key)
        assert where in filled.loss.words.text()
        assert where in filled.accuracy.words.text()
    qtbot.keyClick(filled.loss.view, Qt.Key.Key_Escape)
    assert filled.loss.words.text() == "Loss"


def test_arrow_keys_before_the_first_epoch_show_nothing(panel, qtbot):
    panel.clear(20, 9)
    qtbot.keyClick(panel.loss.view, Qt.Key.Key_Right)
    assert panel.loss.words.text() == "Loss"


def test_what_the_crosshair_reads_does_not_widen_the_panel(filled):
    before = filled.minimumSizeHint().width()
    filled.loss.point_at(2.0)
    assert filled.minimumSizeHint().width() == before


def test_a_zoom_is_kept_while_events_come_until_it_is_reset(filled):
    box = filled.loss.plot.vb
    box.setXRange(1, 2, padding=0)
    box.sigRangeChangedManually.emit([True, True])
    assert not filled.reset_button.isHidden()
    filled.add([*batches(4), epoch(4)])
    assert filled.loss.plot.viewRange()[0] == pytest.approx([1, 2])
    filled.reset_button.click()
    assert filled.reset_button.isHidden()
    assert filled.loss.plot.viewRange()[0][1] > 20


def wheel(plot, turns):
    view = plot.view.viewport()
    middle = QPointF(view.rect().center().x() * 0.3, view.rect().center().y())
    for _ in range(abs(turns)):
        turned = QWheelEvent(
            middle, middle, QPoint(), QPoint(0, 120 if turns > 0 else -120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view, turned)


def test_the_wheel_zooms_time_in_both_plots_and_cuts_no_value(filled):
    wheel(filled.loss, 8)
    for plot in (filled.loss, filled.accuracy):
        (left, right), (bottom, top) = plot.plot.viewRange()
        assert right - left < 8
        at, values = plot.val.getOriginalDataset()
        shown = values[(at >= left) & (at <= right)]
        assert len(shown)
        assert bottom <= shown.min() <= shown.max() <= top
    assert not filled.reset_button.isHidden()


def test_the_wheel_back_shows_all_again(filled):
    before = filled.loss.plot.viewRange()
    wheel(filled.loss, 3)
    wheel(filled.loss, -40)
    assert filled.loss.plot.viewRange() == before
    assert filled.reset_button.isHidden()
    assert filled.loss.following


def test_after_a_stop_the_time_axis_ends_with_what_was_done(filled):
    filled.add([Failed("Stopped.", "", 130)])
    assert filled.loss.plot.viewRange()[0] == pytest.approx([0, 3], abs=0.1)


def test_a_double_click_resets(filled, qtbot):
    filled.loss.plot.vb.setXRange(1, 2, padding=0)
    filled.loss.plot.vb.sigRangeChangedManually.emit([True, True])
    qtbot.mouseDClick(filled.loss.view.viewport(), Qt.MouseButton.LeftButton)
    assert filled.loss.plot.viewRange()[0][1] > 20


def test_both_plots_share_the_time_axis(filled):
    filled.loss.plot.vb.setXRange(1, 2, padding=0)
    assert filled.accuracy.plot.viewRange()[0] == pytest.approx([1, 2], abs=0.05)
    filled.accuracy.plot.vb.setXRange(2, 3, padding=0)
    assert filled.loss.plot.viewRange()[0] == pytest.approx([2, 3], abs=0.05)


def test_all_epochs_have_their_place_before_the_first_batch(panel):
    panel.clear(20, 9)
    panel.grab()
    for plot in (panel.loss, panel.accuracy):
        assert plot.plot.viewRange()[0] == pytest.approx([0, 20], abs=1)


def test_no_menus_of_a_debugging_tool(filled):
    for plot in (filled.loss, filled.accuracy):
        assert not plot.plot.menuEnabled()
        assert plot.plot.buttonsHidden


def test_it_saves_a_picture_and_a_table(filled, tmp_path):
    filled.save_png(tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as saved:
        assert saved.width > 1400
        assert len(saved.convert("RGB").getcolors(1 << 24)) > 20
    filled.save_csv(tmp_path / "curves.csv")
    lines = (tmp_path / "curves.csv").read_text().splitlines()
    assert lines[0] == "epoch,step,loss,accuracy,val_loss,val_accuracy"
    assert len(lines) == 1 + 27 + 3
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.qt_log_ignore("This plugin does not support")
@pytest.mark.parametrize("name", ["curves", "curves.csv"])
def test_a_file_is_replaced_only_after_a_question(filled, qtbot, tmp_path, name):
    (tmp_path / "curves.csv").write_text("precious")
    filled._ask_csv()
    dialog = filled.findChild(QFileDialog)
    dialog.setDirectory(str(tmp_path))
    dialog.findChild(QLineEdit).setText(name)

    def refuse():
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        questions.append(box.text())
        box.button(QMessageBox.StandardButton.No).click()

    questions = []
    QTimer.singleShot(0, refuse)
    dialog.accept()
    assert "curves.csv" in questions[0]
    assert (tmp_path / "curves.csv").read_text() == "precious"
    dialog.close()


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_name_without_a_suffix_gets_one(filled, qtbot, tmp_path):
    filled._ask_png()
    dialog = filled.findChild(QFileDialog)
    dialog.setDirectory(str(tmp_path))
    dialog.findChild(QLineEdit).setText("curves")
    dialog.accept()
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_failed_save_is_told_in_place(filled, tmp_path):
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "curves.csv"
    with pytest.raises(JobError):
        filled.save_csv(target)
    filled._ask_csv()
    dialog = filled.findChild(QFileDialog)
    dialog.fileSelected.emit(str(target))
    dialog.close()
    assert "could not be written" in filled.problem.text()
    assert not filled.problem.isHidden()


def test_it_follows_the_theme(filled, theme):
    before = theme.colors
    try:
        for colors in (DARK, LIGHT):
            theme.colors = colors
            theme.changed.emit()
            assert filled.loss.val.opts["pen"].color().name() == colors.amber
    finally:
        theme.colors = before
        theme.changed.emit()


def test_a_hundred_thousand_batches_stay_smooth(panel):
    panel.clear(100, 1000)
    everything = [event for number in range(1, 101) for event in batches(number, 1000)]
    panel.add(everything)
    panel.grab()
    began = time.perf_counter()
    for step in range(1, 6):
        panel.add([Batch(101, step, 1000, 0.1, 0.9)])
        panel.grab()
    assert (time.perf_counter() - began) / 5 < 0.25

from dataclasses import replace

import pytest

from tlstudio.events import (
    CANCELLED,
    Batch,
    CacheUse,
    Epoch,
    Failed,
    Finished,
    PictureCounts,
    Progress,
    Seconds,
    Started,
    Warned,
)
from tlstudio.ui.progress_panel import ProgressPanel
from tlstudio.ui.time_left import in_words

PICTURES = PictureCounts(276, 94, 0)
STARTED = Started("run", "b", "head", "top", ("a", "b"), PICTURES, 10, 90, 20, 10, "gpu:0", 0.002)


def finished(stopped=False):
    return Finished(
        "run", 20, 0.9149, 0.3, 12, stopped, ("a", "b"), PICTURES, Seconds(2, 7, 9), CacheUse(0, 0),
        "head", "top",
    )  # fmt: skip


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def panel(qtbot, clock):
    panel = ProgressPanel(clock=clock)
    qtbot.addWidget(panel)
    return panel


def train(panel, clock, epochs=1):
    panel.start()
    panel.handle(STARTED)
    for epoch in range(1, epochs + 1):
        for step in range(1, 11):
            clock.now += 0.1
            panel.handle(Batch(epoch, step, 10, 0.5, 0.8))
        panel.handle(Epoch(epoch, 20, 0.5, 0.8, 0.5, 0.8, 1.0, True))


def test_idle_it_says_what_train_will_do(panel):
    panel.set_plan("Trains 6,405 parameters", "276 pictures")
    assert panel.headline.text() == "Trains 6,405 parameters"
    assert panel.detail.text() == "276 pictures"
    assert panel.stop_button.isHidden()


def test_training_shows_the_epoch_the_speed_and_the_time_left(panel, clock):
    train(panel, clock, epochs=5)
    clock.now += 0.6
    panel.handle(Batch(6, 1, 10, 0.5, 0.8))
    assert panel.headline.text() == "Epoch 6 of 20"
    assert panel.detail.text() == "15 s left"
    assert panel.figures.text().endswith("batches/s, GPU 0")
    assert panel.bar.value() / panel.bar.maximum() == pytest.approx(5.1 / 20, abs=0.002)


def test_stages_before_the_training_have_names_and_figures(panel, clock):
    panel.start()
    panel.handle(Progress("download", 12_000_000, 58_000_000))
    assert panel.headline.text() == "Downloading weights"
    assert panel.detail.text() == "12 of 58 MB"
    panel.handle(Progress("extract", 0, 370))
    clock.now = 1.0
    panel.handle(Progress("extract", 185, 370))
    assert panel.headline.text() == "Reading pictures"
    assert panel.detail.text() == "185 of 370, 1 s left"
    assert panel.figures.text() == "185 pictures/s"
    panel.handle(Progress("build", 0, 0))
    assert panel.bar.maximum() == 0


def test_validation_between_epochs_leaves_the_headline_alone(panel, clock):
    train(panel, clock, epochs=2)
    before = panel.headline.text()
    panel.handle(Progress("validate", 1, 3))
    assert panel.headline.text() == before


def test_pause_turns_into_resume_and_its_time_does_not_count(panel, clock, qtbot):
    train(panel, clock, epochs=5)
    with qtbot.waitSignal(panel.pauseRequested):
        panel.pause_button.click()
    assert panel.pause_button.text() == "Resume"
    assert "paused" in panel.figures.text()
    clock.now += 1000
    with qtbot.waitSignal(panel.resumeRequested):
        panel.pause_button.click()
    for step in range(1, 11):
        clock.now += 0.1
        panel.handle(Batch(6, step, 10, 0.5, 0.8))
    panel.handle(Epoch(6, 20, 0.5, 0.8, 0.5, 0.8, 1.0, True))
    clock.now += 0.6
    panel.handle(Batch(7, 1, 10, 0.5, 0.8))
    assert panel.detail.text() == "14 s left"


def test_stop_answers_at_once_and_stays(panel, clock, qtbot):
    train(panel, clock, epochs=3)
    with qtbot.waitSignal(panel.stopRequested):
        panel.stop_button.click()
    assert panel.headline.text() == "Stopping…"
    assert panel.detail.text() == "keeping epoch 3"
    clock.now += 5
    panel.handle(Batch(4, 1, 10, 0.5, 0.8))
    assert panel.headline.text() == "Stopping…"
    assert not panel.stop_button.isEnabled()
    panel.handle(finished(stopped=True))
    assert panel.detail.text().startswith("stopped after 20 of 20 epochs, epoch 12 kept")
    assert panel.stop_button.isHidden()


def test_time_that_was_paused_is_no_working_time(panel, clock):
    train(panel, clock)
    seconds = finished().seconds.total
    panel.set_paused(True)
    clock.now += seconds - 2
    panel.set_paused(False)
    panel.handle(finished())
    assert panel.detail.text().endswith(f"{in_words(2)} in all")


def test_while_saving_there_is_nothing_to_stop_any_more(panel, clock):
    train(panel, clock)
    panel.handle(Progress("save", 0, 0))
    assert not panel.stop_button.isEnabled()
    assert "batches" not in panel.figures.text()


def test_a_result_stays_until_the_plan_becomes_another_one(panel, clock):
    panel.set_plan("plan", "detail")
    train(panel, clock)
    panel.handle(finished())
    assert panel.headline.text() == "91.5 % on 94 pictures"
    for _ in range(2):
        panel.set_plan("plan as it was known at the end", "detail")
    assert panel.headline.text() == "91.5 % on 94 pictures"
    panel.set_plan("another plan", "detail")
    assert panel.headline.text() == "another plan"


def test_a_plan_that_comes_while_training_waits(panel, clock):
    train(panel, clock)
    before = panel.headline.text()
    panel.set_plan("another plan", "")
    assert panel.headline.text() == before


def test_a_failure_is_told_in_place_with_its_remedy(panel, clock):
    train(panel, clock)
    panel.handle(Failed("The disk is full.", "Free some space."))
    assert panel.message.text() == "The disk is full."
    assert panel.hint.text() == "Free some space."
    assert not panel.message.isHidden()
    assert not panel.running
    panel.start()
    assert panel.message.isHidden()


def test_a_stop_before_there_is_a_result_is_no_failure(panel):
    panel.start()
    panel.stop_button.click()
    panel.handle(Failed("Stopped before there was a result.", "Start again.", CANCELLED))
    assert panel.headline.text() == "Stopped"
    assert panel.detail.text() == "Stopped before there was a result."
    assert panel.message.isHidden()


def test_a_failure_while_stopping_is_told_as_the_failure_it_is(panel):
    panel.start()
    panel.stop_button.click()
    panel.handle(Failed("The disk is full.", "Free some space."))
    assert panel.headline.text() == "Training failed"
    assert panel.message.text() == "The disk is full."
    assert panel.hint.text() == "Free some space."


@pytest.mark.parametrize(
    ("device", "words"),
    [("cpu", "CPU"), ("CPU:0", "CPU"), ("gpu:1", "GPU 1"), ("NVIDIA L4", "NVIDIA L4")],
)
def test_devices_have_names(panel, device, words):
    panel.start()
    panel.handle(replace(STARTED, device=device))
    assert panel.figures.text() == words


def test_warnings_gather_and_the_oldest_move_to_the_tooltip(panel, clock):
    train(panel, clock)
    for number in range(5):
        panel.handle(Warned(f"Picture {number} vanished.", "It was left out."))
    shown = panel.warnings.text()
    assert "Picture 4 vanished. It was left out." in shown
    assert "Picture 0" not in shown
    assert "2 earlier warnings" in shown
    assert "Picture 0" in panel.warnings.toolTip()

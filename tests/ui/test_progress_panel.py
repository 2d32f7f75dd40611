from dataclasses import replace

import pytest

from tlstudio.events import (
    CANCELLED,
    Batch,
    CacheUse,
    Epoch,
    Failed,
    Figures,
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
    panel.start(20)
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
    assert panel.figures.device.text == "GPU 0"
    assert panel.bar.value() / panel.bar.maximum() == pytest.approx(5.1 / 20, abs=0.002)


def test_stages_before_the_training_have_names_and_figures(panel, clock):
    panel.start(20)
    panel.handle(Progress("download", 12_000_000, 58_000_000))
    assert panel.headline.text() == "Downloading weights"
    assert panel.detail.text() == "12 of 58 MB"
    panel.handle(Progress("extract", 0, 370))
    clock.now = 1.0
    panel.handle(Progress("extract", 185, 370))
    assert panel.headline.text() == "Reading pictures"
    assert panel.detail.text() == "185 of 370, 1 s left of this step"
    panel.handle(Progress("build", 0, 0))
    assert panel.bar.maximum() == 0


def test_between_the_pictures_and_the_first_batch_it_says_which_epoch_comes(panel):
    panel.start(20)
    panel.handle(STARTED)
    for number in range(1, 13):
        panel.handle(Epoch(number, 20, 0.5, 0.8, 0.5, 0.8, 1.0, True))
    panel.handle(Progress("extract", 300, 370))
    assert panel.headline.text() == "Reading pictures"
    panel.handle(Progress("extract", 370, 370))
    assert panel.headline.text() == "Starting epoch 13 of 20"
    assert panel.detail.text() == ""
    assert panel.bar.value() / panel.bar.maximum() == pytest.approx(12 / 20)


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
    panel.handle(Batch(6, 1, 10, 0.5, 0.8))
    assert panel.detail.text() == "paused"
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
    assert not panel.resume_run.isHidden()
    panel.start(20)
    panel.handle(finished())
    assert panel.resume_run.isHidden()


def test_a_training_that_ended_early_says_why_and_is_whole(panel, clock):
    train(panel, clock, epochs=15)
    panel.handle(replace(finished(), epochs=15, best_epoch=7))
    assert panel.detail.text().startswith(
        "no better epoch came, so it ended after 15 of 20; epoch 7 kept, "
    )
    assert panel.bar.value() == panel.bar.maximum()
    assert panel.resume_run.isHidden()


def test_a_head_that_ended_early_is_no_early_end_of_the_plan(panel):
    panel.start(20)
    panel.handle(replace(STARTED, epochs=25))
    for epoch in range(1, 24):
        phase = "head" if epoch <= 3 else "plan"
        panel.handle(Epoch(epoch, 25, 0.5, 0.8, 0.5, 0.8, 1.0, True, 0.001, phase))
    panel.handle(replace(finished(), epochs=23, best_epoch=12))
    assert panel.detail.text().startswith("epoch 12 of 23 kept, ")
    assert panel.bar.value() == panel.bar.maximum()


def test_a_stopped_training_is_not_whole(panel, clock):
    train(panel, clock, epochs=5)
    panel.handle(replace(finished(stopped=True), epochs=5, best_epoch=4))
    assert panel.detail.text().startswith("stopped after 5 of 20 epochs, epoch 4 kept")
    assert panel.bar.value() / panel.bar.maximum() == 0.25


def test_time_that_was_paused_is_no_working_time(panel, clock):
    train(panel, clock)
    seconds = finished().seconds.total
    panel.set_paused(True)
    clock.now += seconds - 2
    panel.set_paused(False)
    panel.handle(finished())
    assert panel.detail.text().endswith(f"{in_words(2)} in all")


def test_live_figures_have_units_and_stand_still_while_nothing_is_done(panel, clock):
    panel.start(20)
    panel.handle(STARTED)
    assert not panel.figures.isHidden()
    panel.handle(Figures(1937.4, 1_240_000_000, "gpu:0", 11_200_000_000, CacheUse(1612, 38)))
    figures = panel.figures
    assert figures.speed.text == "1,940 pictures/s"
    assert figures.cached.text == "1,612 of 1,650 cached"
    assert "Of 1,650 pictures" in figures.cached.toolTip()
    assert "features of 1,612 were there" in figures.cached.toolTip()
    assert figures.memory.text == "1.24 GB memory"
    assert "1,240,000,000" in figures.memory.toolTip()
    assert figures.device.text == "GPU 0 11.2 GB in use"
    panel.set_paused(True)
    assert figures.speed.text == "– pictures/s"
    panel.handle(Figures(5.0, 1_240_000_000, "gpu:0", 0, CacheUse(0, 0)))
    assert figures.speed.text == "– pictures/s"
    panel.set_paused(False)
    # The first figure afterwards is of a time with the pause in it.
    for speed in (0.5, 1000.0):
        assert figures.speed.text == "– pictures/s"
        panel.handle(Figures(speed, 1_240_000_000, "gpu:0", 0, CacheUse(1, 1)))
    assert figures.speed.text == "1,000 pictures/s"
    panel.handle(replace(finished(), cache=CacheUse(250, 120)))
    assert figures.isHidden()
    assert panel.detail.text().endswith("250 of 370 from the cache")


def test_with_live_augmentation_nothing_is_said_of_the_cache(panel):
    panel.start(20, live=True)
    panel.handle(STARTED)
    panel.handle(Figures(50.0, 1_240_000_000, "cpu", 0, CacheUse(28, 0)))
    assert panel.figures.cached.text == "– cached"
    panel.handle(replace(finished(), cache=CacheUse(56, 0)))
    assert "cache" not in panel.detail.text()


def test_figures_do_not_move_when_their_digits_change(panel):
    panel.start(20)
    panel.handle(STARTED)
    places = []
    for speed in (9.7, 97.3, 973.0, 12_345.0):
        panel.handle(Figures(speed, 812_000_000, "cpu", 0, CacheUse(round(speed), 0)))
        panel.grab()
        figures = panel.figures
        places.append([f.x() for f in (figures.cached, figures.memory, figures.device)])
    assert places.count(places[0]) == len(places)


def test_two_phases_are_told_apart_and_timed_apart(panel, clock):
    """25 epochs, of which the plan has 20: the first five train the head alone."""
    panel.start(20)
    panel.handle(replace(STARTED, epochs=25))
    for epoch in range(1, 6):
        for step in range(1, 11):
            clock.now += 0.1
            panel.handle(Batch(epoch, step, 10, 0.5, 0.8))
            if (epoch, step) == (3, 1):
                assert panel.headline.text() == "Head first, epoch 3 of 25"
                assert panel.detail.text() == "3 s left of this phase"
        panel.handle(Epoch(epoch, 25, 0.5, 0.8, 0.5, 0.8, 1.0, True, 0.001, "head"))
    panel.handle(Progress("extract", 1, 370))
    clock.now += 100
    for epoch in (6, 7):
        for step in range(1, 11):
            clock.now += 1.0
            panel.handle(Batch(epoch, step, 10, 0.5, 0.8))
        panel.handle(Epoch(epoch, 25, 0.5, 0.8, 0.5, 0.8, 1.0, True, 0.001, "plan"))
    clock.now += 1.0
    panel.handle(Batch(8, 1, 10, 0.5, 0.8))
    assert panel.headline.text() == "Fine-tuning, epoch 8 of 25"
    assert panel.detail.text() == "3 min left"


def test_epochs_of_before_an_interruption_do_not_count_as_time(panel, clock):
    panel.start(20)
    panel.handle(STARTED)
    for epoch in range(1, 11):
        panel.handle(Epoch(epoch, 20, 0.5, 0.8, 0.5, 0.8, 1.0, True))
    assert panel.bar.value() / panel.bar.maximum() == 0.5
    for step in range(1, 11):
        panel.handle(Batch(11, step, 10, 0.5, 0.8))
        clock.now += 1.0
    panel.handle(Batch(12, 1, 10, 0.5, 0.8))
    assert panel.headline.text() == "Epoch 12 of 20"
    assert panel.detail.text() in ("1 min left", "2 min left")


def test_an_interrupted_run_can_be_gone_on_with_in_place(panel, clock, qtbot):
    train(panel, clock, epochs=7)
    panel.handle(Progress("extract", 360, 370))
    panel.handle(Failed("The engine process ended unexpectedly.", "It is in the log."))
    assert panel.resume_run.isHidden()
    panel.offer_resume()
    assert panel.headline.text() == "Interrupted after 7 of 20 epochs"
    assert panel.detail.text() == "nothing up to epoch 7 is lost"
    assert panel.bar.value() / panel.bar.maximum() == pytest.approx(7 / 20)
    assert panel.message.text() == "The engine process ended unexpectedly."
    with qtbot.waitSignal(panel.resumeRunRequested):
        panel.resume_run.click()
    panel.start(20)
    assert panel.resume_run.isHidden()


def test_while_saving_there_is_nothing_to_stop_any_more(panel, clock):
    train(panel, clock)
    panel.handle(Progress("save", 0, 0))
    assert not panel.stop_button.isEnabled()
    assert panel.figures.speed.text == "– pictures/s"


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
    panel.start(20)
    assert panel.message.isHidden()


def test_a_stop_before_there_is_a_result_is_no_failure(panel):
    panel.start(20)
    panel.stop_button.click()
    panel.handle(Failed("Stopped before there was a result.", "Start again.", CANCELLED))
    assert panel.headline.text() == "Stopped"
    assert panel.detail.text() == "Stopped before there was a result."
    assert panel.message.isHidden()


def test_a_failure_while_stopping_is_told_as_the_failure_it_is(panel):
    panel.start(20)
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
    panel.start(20)
    panel.handle(replace(STARTED, device=device))
    assert panel.figures.device.text == words


def test_warnings_gather_and_the_oldest_move_to_the_tooltip(panel, clock):
    train(panel, clock)
    for number in range(5):
        panel.handle(Warned(f"Picture {number} vanished.", "It was left out."))
    shown = panel.warnings.text()
    assert "Picture 4 vanished. It was left out." in shown
    assert "Picture 0" not in shown
    assert "2 earlier warnings" in shown
    assert "Picture 0" in panel.warnings.toolTip()


def test_what_is_said_of_a_training_is_seen_whole_in_a_small_window(panel, clock):
    panel.resize(600, 120)
    panel.show()
    train(panel, clock)
    panel.handle(replace(finished(), epochs=15, best_epoch=7, cache=CacheUse(370, 0)))
    detail = panel.detail
    detail.parentWidget().layout().activate()
    assert detail.fontMetrics().horizontalAdvance(detail.text()) > detail.width()
    assert detail.heightForWidth(detail.width()) <= detail.height()


def test_while_a_training_runs_other_decisions_are_said_to_be_for_the_next(panel) -> None:
    panel.set_next_differs(True)
    assert panel.hint.isHidden()
    panel.start(20)
    panel.handle(STARTED)
    panel.set_next_differs(True)
    assert "for the next training" in panel.hint.text()
    panel.set_next_differs(False)
    assert panel.hint.isHidden()
    panel.set_next_differs(True)
    panel.handle(finished())
    assert panel.hint.isHidden()

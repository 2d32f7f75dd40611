import pytest

from tlstudio.ui.time_left import EpochClock, Speed, in_words


def test_a_steady_speed_is_measured():
    speed = Speed()
    assert speed.per_second == 0.0
    for second in range(10):
        speed.mark(second, 5.0 * second)
    assert speed.per_second == pytest.approx(5.0)


def test_speed_forgets_a_slow_start():
    speed = Speed()
    speed.mark(0, 0)
    for step in range(1, 11):
        speed.mark(100 + step, step * 10.0)
    assert speed.per_second == pytest.approx(10.0)


def test_nothing_is_promised_before_there_is_a_measure():
    clock = EpochClock(20)
    clock.start(0.0, 0)
    clock.batch(0.05)
    assert clock.left(1.0) is None


def test_a_speed_is_no_speed_in_the_first_second():
    speed = Speed()
    speed.mark(0.0, 0)
    speed.mark(0.4, 54)
    assert speed.per_second == 0.0


def test_what_was_done_before_the_clock_started_tells_nothing():
    """The first batch only starts the clock, in a new phase and after an interruption."""
    clock = EpochClock(25)
    clock.start(7.0, 5.25)
    clock.batch(5.5)
    assert clock.left(7.0) is None
    clock.batch(5.75)
    assert clock.left(8.0) == pytest.approx(2 * 19.25)


def test_the_end_of_an_epoch_is_no_epoch():
    clock = EpochClock(25)
    clock.start(7.0, 6.0)
    clock.epoch(7.1, 6)
    assert clock.left(7.1) is None
    clock.epoch(9.1, 7)
    assert clock.left(9.1) == pytest.approx(36.0)


def test_the_slow_first_epoch_does_not_count_once_there_are_others():
    clock = EpochClock(10)
    clock.start(0.0, 0)
    clock.epoch(5.0, 1)
    assert clock.left(5.0) == pytest.approx(45.0)
    clock.epoch(5.5, 2)
    clock.epoch(6.0, 3)
    assert clock.left(6.0) == pytest.approx(3.5)


def test_short_epochs_that_are_heard_of_at_once_take_their_time_all_the_same():
    clock = EpochClock(1000)
    clock.start(0.0, 0)
    for tick in range(1, 21):
        for number in range(3):
            clock.epoch(0.06 * tick, 3 * tick - 2 + number)
    assert clock.left(1.2) == pytest.approx(940 * 0.02, rel=0.2)


def test_an_epoch_that_was_held_up_does_not_count():
    clock = EpochClock(10)
    clock.start(0.0, 0)
    for number, end in enumerate((1.0, 2.0, 3.0, 33.0, 34.0), 1):
        clock.epoch(end, number)
    assert clock.left(34.0) == pytest.approx(5.0)


def test_epochs_of_before_an_interruption_are_done_but_took_no_time():
    clock = EpochClock(20)
    clock.start(0.0, 10)
    clock.batch(10.5)
    assert clock.left(1.0) == pytest.approx(19.0)
    clock.epoch(2.0, 11)
    assert clock.left(2.0) == pytest.approx(18.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (9.4, "9 s"), (100, "2 min"), (3600, "1 h"), (4800, "1 h 20 min")],
)
def test_words(seconds, words):
    assert in_words(seconds) == words

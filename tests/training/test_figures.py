from collections.abc import Iterable, Iterator

import psutil
import pytest

from tlstudio.events import (
    Batch,
    CacheUse,
    Event,
    Figures,
    PictureCounts,
    Progress,
    Stage,
    Started,
)
from tlstudio.training import figures
from tlstudio.training.figures import with_figures

STARTED = Started(
    run="run",
    backbone="B",
    strategy="head",
    boundary="top",
    classes=("a", "b"),
    pictures=PictureCounts(9, 3, 0),
    trainable_params=5,
    frozen_params=6,
    epochs=2,
    steps=3,
    device="CPU:0",
    learning_rate=0.1,
)
BATCH = Batch(1, 1, 9, 0.5, 0.5)
BATCH_SIZE = 10


class Clock:
    now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(figures, "time", made)
    return made


def figures_of(clock: Clock, timed: Iterable[tuple[float, Event]]) -> list[Figures]:
    """The figures among events that each take so many seconds; all others must come through."""
    given = list(timed)

    def job() -> Iterator[Event]:
        for seconds, event in given:
            clock.now += seconds
            yield event

    passed = list(with_figures(job(), BATCH_SIZE))
    assert [event for event in passed if not isinstance(event, Figures)] == [e for _, e in given]
    return [event for event in passed if isinstance(event, Figures)]


def progress(
    stage: Stage, *done: int, total: int = 100, seconds: float = 0.5
) -> list[tuple[float, Event]]:
    return [(seconds, Progress(stage, number, total)) for number in done]


def test_they_come_once_a_second_with_the_speed_since_the_last(clock: Clock) -> None:
    """The first batch only starts the clock, since its step had to be traced."""
    slow, fast = [(0.5, BATCH)] * 4, [(0.25, BATCH)] * 8
    found = figures_of(clock, [(0.0, STARTED), (9.0, BATCH), *slow, *fast])
    assert [f.pictures_per_second for f in found] == pytest.approx([20, 20, 40, 40])


def test_they_say_the_device_and_the_memory_of_this_process(clock: Clock) -> None:
    (found,) = figures_of(clock, [(0.0, STARTED), (0.0, BATCH), (1.0, BATCH)])
    assert (found.device, found.device_memory_bytes) == ("CPU:0", 0)
    assert found.memory_bytes == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)


def test_pictures_that_were_kept_are_hits_and_count_as_no_speed(clock: Clock) -> None:
    found = figures_of(clock, progress("extract", 40, 45, 50, 55, 65, 75))
    assert [f.pictures_per_second for f in found] == pytest.approx([10, 20])
    assert {f.cache for f in found} == {CacheUse(40, 60)}


def test_building_the_prefix_does_not_make_the_extraction_look_slow(clock: Clock) -> None:
    begun = [*progress("extract", 0), *progress("extract", 4, seconds=5.0)]
    found = figures_of(clock, begun + progress("extract", 9, 14))
    assert [f.pictures_per_second for f in found] == pytest.approx([10])


def test_an_extraction_after_another_begins_anew(clock: Clock) -> None:
    """As where a run goes on after its first phase."""
    first = progress("extract", 100)
    second = progress("extract", 0, 5, 10, 15, total=50)
    (found,) = figures_of(clock, first + second)
    assert found.pictures_per_second == pytest.approx(10)
    assert found.cache == CacheUse(0, 50)


def test_a_phase_in_which_nothing_is_kept_has_no_hits(clock: Clock) -> None:
    kept = [*progress("extract", 100), (0.0, BATCH), (1.0, BATCH)]
    found = figures_of(clock, [*kept, *progress("build", 0), (0.0, BATCH), (1.0, BATCH)])
    assert [f.cache for f in found] == [CacheUse(100, 0), CacheUse(0, 0)]


def test_a_validation_does_not_make_the_training_look_slow(clock: Clock) -> None:
    checked = progress("validate", 50, 100, seconds=5.0)
    found = figures_of(clock, [(0.0, BATCH), (0.5, BATCH), *checked, (0.5, BATCH)])
    assert [f.pictures_per_second for f in found] == pytest.approx([20])

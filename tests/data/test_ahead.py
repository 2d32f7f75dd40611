import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from tlstudio.control import Cancelled, Control
from tlstudio.data.ahead import run_ahead

SOON = 1.0
"""Seconds; a stop takes a tenth of it where the machine has nothing else to do."""


class LongWork:
    """Goes on until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.items: list[int] = []
        self.go = threading.Event()

    def __call__(self, item: int) -> int:
        self.items.append(item)
        self.begun.release()
        self.go.wait(60)
        return item


def ended(before: set[threading.Thread]) -> bool:
    threads = set(threading.enumerate()) - before
    for thread in threads:
        thread.join(timeout=20)
    return not any(thread.is_alive() for thread in threads)


def test_a_stop_does_not_wait_for_what_is_being_worked_on_and_begins_nothing_more() -> None:
    work, control, before = LongWork(), Control(), set(threading.enumerate())
    times: list[float] = []

    def stop() -> None:
        work.begun.acquire(timeout=20)
        times.append(time.monotonic())
        control.stop()

    threading.Thread(target=stop).start()
    with pytest.raises(Cancelled):
        list(run_ahead(work, range(9), control, workers=1))
    assert time.monotonic() - times[0] < SOON
    work.go.set()
    assert ended(before)
    assert work.items == [0]


def test_an_iterator_that_is_closed_does_not_wait_either() -> None:
    work, before = LongWork(), set(threading.enumerate())
    results = run_ahead(lambda item: item and work(item), range(9), Control(), workers=1)
    assert next(results) == 0
    assert work.begun.acquire(timeout=20)
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < SOON
    work.go.set()
    assert ended(before)
    assert work.items == [1]


def test_what_is_left_to_itself_does_not_keep_the_process_alive() -> None:
    program = (
        "import time; from tlstudio.control import Control\n"
        "from tlstudio.data.ahead import run_ahead\n"
        "results = run_ahead(lambda seconds: time.sleep(seconds), [0, 60], Control())\n"
        "next(results); results.close(); print('closed')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "closed\n"


def test_no_item_is_begun_while_paused_and_all_are_done_when_resumed() -> None:
    control, begun = Control(), []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.01)
        return item

    with closing(run_ahead(work, range(60), control, workers=2, ahead=50)) as results:
        assert next(results) == 0
        control.pause()
        time.sleep(0.1)  # what had been begun
        soon = len(begun)
        time.sleep(0.2)
        assert len(begun) == soon < 50
        control.resume()
        assert list(results) == list(range(1, 60))


def test_an_iterator_that_is_closed_while_paused_ends_with_its_threads() -> None:
    control, before = Control(), set(threading.enumerate())
    results = run_ahead(lambda item: item, range(60), control, workers=2)
    next(results)
    control.pause()
    results.close()
    assert ended(before)


def test_what_the_function_raises_comes_in_its_turn_and_ends_the_threads() -> None:
    before = set(threading.enumerate())
    results = run_ahead(lambda item: 6 // item, [2, 1, 0, 3], Control())
    assert [next(results), next(results)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert ended(before)

import sys
import threading
from types import FrameType

import pytest

from tlstudio.control import Cancelled, Control


def test_a_paused_job_waits_and_goes_on_when_resumed() -> None:
    control = Control()
    control.pause()
    passed = threading.Event()
    job = threading.Thread(target=lambda: (control.checkpoint(), passed.set()))
    job.start()
    assert not passed.wait(0.05)
    control.resume()
    assert passed.wait(5)
    job.join()


def test_a_stop_ends_a_paused_job() -> None:
    control = Control()
    control.pause()
    control.stop()
    with pytest.raises(Cancelled):
        control.checkpoint()


def test_a_follower_hears_what_was_said_before_and_what_is_said_within() -> None:
    control = Control()
    control.pause()
    heard: list[str] = []
    with control.followed_by(heard.append):
        control.resume()
        control.stop()
    control.pause()
    assert heard == ["pause", "resume", "stop"]


def test_a_signal_handler_stops_a_job_wherever_it_interrupts_it() -> None:
    """A handler runs in the job's own thread, so a lock that the job holds would hang both."""

    def passes_after(lines: int) -> bool:
        """Whether a checkpoint that is interrupted after so many of its lines comes to its end."""
        control = Control()
        seen = 0

        def interrupt(_frame: FrameType, event: str, _: object) -> object:
            nonlocal seen
            seen += event == "line"
            if event == "line" and seen == lines:
                control.stop()
            return interrupt

        def job() -> None:
            sys.settrace(interrupt)
            for _ in range(20):
                control.checkpoint()

        thread = threading.Thread(target=stopped, args=(job,), daemon=True)
        thread.start()
        thread.join(5)
        return not thread.is_alive() and control.stopping

    def stopped(job: object) -> None:
        assert callable(job)
        with pytest.raises(Cancelled):
            job()

    assert all(passes_after(lines) for lines in range(1, 30))

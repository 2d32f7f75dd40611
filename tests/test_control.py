import threading

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

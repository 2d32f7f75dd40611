"""Work that a stop need not wait for: in a thread of its own, left to itself when it is stopped."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from tlstudio.control import Control

Result = TypeVar("Result")

LOOK_SECONDS = 0.05
"""Between two looks at whether the job is stopped."""


def in_background(work: Callable[[], Result], name: str) -> Future[Result]:
    """Begin `work` in a thread that does not keep the process alive. It must change nothing that
    others use, since it may go on after its job.
    """
    future: Future[Result] = Future()
    threading.Thread(target=settle, args=(future, work), name=name, daemon=True).start()
    return future


def settle(future: Future[Result], work: Callable[[], Result]) -> None:
    """Do the work, here and now, and give its end to those who wait for the future."""
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - `Future.result` raises it
        future.set_exception(error)
    else:
        future.set_result(result)


def awaited(future: Future[Result], control: Control) -> Result:
    """Its result, and whatever the work raises. Raises Cancelled when stopped before that."""
    while not future.done():
        wait([future], LOOK_SECONDS)
        control.checkpoint()
    return future.result()

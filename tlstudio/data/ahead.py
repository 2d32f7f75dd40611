"""Work on many files in a few threads, in order and with little in memory."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from functools import partial
from itertools import islice
from queue import SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import Generic, TypeVar

from tlstudio.background import LOOK_SECONDS, awaited, settle
from tlstudio.control import Control

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = 0.05
"""Seconds in which threads mostly end; a very large picture takes longer and is left to itself."""


def run_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    control: Control,
    workers: int = 0,
    ahead: int = 0,
) -> Generator[Result, None, None]:
    """The function's result for each item, in order, computed a few items ahead in threads.

    `workers` 0 takes as many as suit the machine. However many items there are, only `ahead`
    results wait in memory, 0: a few for each worker. While paused no item is begun. Raises
    Cancelled when stopped, and whatever the function raises. An item that is then being worked
    on may be finished later: the function must change nothing that others use.
    """
    workers = workers or min(8, (os.cpu_count() or 1) + 1)
    rest = iter(items)
    waiting: deque[Future[Result]] = deque()
    threads = _Threads(function, workers, control)
    try:
        waiting.extend(threads.begin(item) for item in islice(rest, ahead or 4 * workers))
        while waiting:
            control.checkpoint()
            result = awaited(waiting.popleft(), control)
            waiting.extend(threads.begin(item) for item in islice(rest, 1))
            yield result
    finally:
        threads.close()


class _Threads(Generic[Item, Result]):
    """Up to `most` threads. Unlike those of an executor, they do not keep the process alive."""

    def __init__(self, function: Callable[[Item], Result], most: int, control: Control) -> None:
        self._function = function
        self._most = most
        self._control = control
        self._items: SimpleQueue[tuple[Future[Result], Item] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._closed = Event()

    def begin(self, item: Item) -> Future[Result]:
        future: Future[Result] = Future()
        self._items.put((future, item))
        if len(self._threads) < self._most:
            self._threads.append(Thread(target=self._work, name="pictures", daemon=True))
            self._threads[-1].start()
        return future

    def close(self) -> None:
        """Begin no other item, and let the threads end."""
        self._closed.set()
        for _ in self._threads:
            self._items.put(None)
        until = monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0, until - monotonic()))

    def _work(self) -> None:
        while task := self._items.get():
            # Not a checkpoint, which would not end when this is closed while it is paused.
            while self._control.paused and not self._closed.is_set():
                self._closed.wait(LOOK_SECONDS)
            if self._closed.is_set() or self._control.stopping:
                return
            future, item = task
            settle(future, partial(self._function, item))

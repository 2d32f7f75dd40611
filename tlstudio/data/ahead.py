"""Work on many files in a few threads, in order and with little in memory."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from tlstudio.control import Control

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    control: Control,
    workers: int = 0,
    ahead: int = 0,
) -> Generator[Result, None, None]:
    """The function's result for each item, in order, computed a few items ahead in threads.

    `workers` 0 takes as many as suit the machine. However many items there are, only `ahead`
    results wait in memory, 0: a few for each worker. Raises Cancelled when stopped, and whatever
    the function raises; the threads have ended when the iterator has.
    """
    workers = workers or min(8, (os.cpu_count() or 1) + 1)
    rest = iter(items)
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="pictures")
    try:
        waiting.extend(pool.submit(function, item) for item in islice(rest, ahead or 4 * workers))
        while waiting:
            control.checkpoint()
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(rest, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)

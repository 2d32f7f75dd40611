"""How one job is paused, resumed and stopped, from whichever thread, before it starts or while
it runs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, RLock
from typing import Literal

Word = Literal["pause", "resume", "stop"]


class Cancelled(Exception):
    """Raised inside a job at the first checkpoint after `Control.stop()`."""


class Control:
    """Thread-safe switches that a job looks at between two pieces of work.

    A signal handler may stop the job of its own thread, wherever that thread is interrupted, so
    looking at the switches takes no lock. (Only a paused job waits, which no handler pauses.)
    """

    def __init__(self) -> None:
        self._stop = Event()
        self._go = Event()
        self._go.set()
        self._lock = RLock()
        self._follower: Callable[[Word], None] | None = None

    def pause(self) -> None:
        self.obey("pause")

    def resume(self) -> None:
        self.obey("resume")

    def stop(self) -> None:
        self.obey("stop")

    def obey(self, word: Word) -> None:
        with self._lock:
            match word:
                case "pause":
                    self._go.clear()
                case "resume":
                    self._go.set()
                case "stop":
                    self._stop.set()
                    self._go.set()
            if self._follower:
                self._follower(word)

    @contextmanager
    def followed_by(self, tell: Callable[[Word], None]) -> Iterator[None]:
        """Within, `tell` passes each word on to the job's own control in another process,
        beginning with the one that holds now.
        """
        with self._lock:
            self._follower = tell
            if self.stopping:
                tell("stop")
            elif self.paused:
                tell("pause")
        try:
            yield
        finally:
            with self._lock:
                self._follower = None

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def paused(self) -> bool:
        return not self._go.is_set()

    def checkpoint(self) -> None:
        """Return at once while running, wait while paused, raise `Cancelled` when stopped."""
        if self.paused:
            self._go.wait()
        if self.stopping:
            raise Cancelled

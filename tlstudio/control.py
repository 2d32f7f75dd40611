"""How a running job is paused, resumed and stopped, from whichever thread."""

from threading import Event


class Cancelled(Exception):
    """Raised inside a job at the first checkpoint after `Control.stop()`."""


class Control:
    """Thread-safe switches that a job looks at between two pieces of work."""

    def __init__(self) -> None:
        self._stop = Event()
        self._go = Event()
        self._go.set()

    def pause(self) -> None:
        self._go.clear()

    def resume(self) -> None:
        self._go.set()

    def stop(self) -> None:
        self._stop.set()
        self._go.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def checkpoint(self) -> None:
        """Return at once while running, wait while paused, raise `Cancelled` when stopped."""
        self._go.wait()
        if self._stop.is_set():
            raise Cancelled

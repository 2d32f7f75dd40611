"""The threads of the window that run jobs: one training, and the small requests."""

from collections import deque
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Protocol

from PySide6.QtCore import QObject, QThread, Signal

from tlstudio.control import Control
from tlstudio.events import Event
from tlstudio.host import jobs
from tlstudio.host.jobs import Request, ResumeRequest, TrainRequest


class Host(Protocol):
    """Where jobs run, one at a time."""

    def run(self, request: Request, control: Control) -> Iterator[Event]:
        """The job's events; blocks between them, and never raises."""

    def close(self) -> None:
        """End what is running and give everything back, the GPU's memory included."""


class InThreadHost:
    """Runs jobs in the calling thread: for scans, and for training where a person prefers it."""

    def run(self, request: Request, control: Control) -> Iterator[Event]:
        return jobs.run(request, control)

    def close(self) -> None:
        """Nothing is held: a job ends when it is stopped."""


class TrainingThread(QThread):
    """Runs one training. The window takes its events from a timer, so that a fast training
    cannot flood the event loop; `finished` is emitted after the last one.
    """

    def __init__(
        self, host: Host, request: TrainRequest | ResumeRequest, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._host = host
        self._request = request
        self._control = Control()
        self._events: deque[Event] = deque()

    def run(self) -> None:
        for event in self._host.run(self._request, self._control):
            self._events.append(event)

    def take_events(self) -> list[Event]:
        """The events since the last call, oldest first."""
        return [self._events.popleft() for _ in range(len(self._events))]

    def pause(self) -> None:
        self._control.pause()

    def resume(self) -> None:
        self._control.resume()

    def stop(self) -> None:
        """Ask for an end at the next batch; the best epoch is kept and saved."""
        self._control.stop()


class RequestThread(QThread):
    """Runs small requests one after another on one host for as long as the window lives."""

    answered = Signal(int, object)
    """(ticket, event); the last event of a ticket is its result or `Failed`."""
    ended = Signal(int)
    """Nothing more comes of a ticket."""

    def __init__(self, host: Host, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._host = host
        self._queue: SimpleQueue[tuple[int, Request] | None] = SimpleQueue()
        self._tickets = 0
        self._controls: dict[int, Control] = {}

    def submit(self, request: Request) -> int:
        """Queue a request; its events carry the returned ticket."""
        self._tickets += 1
        self._controls[self._tickets] = Control()
        self._queue.put((self._tickets, request))
        return self._tickets

    def stop(self, ticket: int) -> None:
        """Stop a request that runs; one that has not started yet is forgotten."""
        if control := self._controls.get(ticket):
            control.stop()

    def run(self) -> None:
        while (item := self._queue.get()) is not None:
            ticket, request = item
            control = self._controls[ticket]
            if not control.stopping:
                for event in self._host.run(request, control):
                    self.answered.emit(ticket, event)
            self.ended.emit(ticket)
            del self._controls[ticket]

    def close(self) -> None:
        """Stop all requests and end the thread; waits for it."""
        for control in list(self._controls.values()):
            control.stop()
        self._queue.put(None)
        self._host.close()
        self.wait()

"""Small requests of the window: each is answered to who made it, or to nobody once withdrawn."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from tlstudio.events import Event
from tlstudio.host.jobs import Request
from tlstudio.host.thread import Host, RequestThread

Handler = Callable[[Event], None]


class Requests(QObject):
    """Has a host run one request after another in a thread.

    `close` must be called before it goes; it waits for the thread.
    """

    def __init__(self, host: Host, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = RequestThread(host, self)
        self._thread.answered.connect(self._answered)
        self._thread.ended.connect(self._ended)
        self._handlers: dict[int, Handler] = {}

    def start(self) -> None:
        """Begin to run what was asked for, and what will be."""
        self._thread.start()

    def ask(self, request: Request, handler: Handler) -> int:
        """`handler` hears the events of the request. The ticket is for `withdraw`."""
        ticket = self._thread.submit(request)
        self._handlers[ticket] = handler
        return ticket

    def withdraw(self, ticket: int) -> None:
        """End a request that runs or waits; nothing more comes of it."""
        if self._handlers.pop(ticket, None):
            self._thread.stop(ticket)

    def close(self) -> None:
        """End the host and what runs on it. Nobody hears of it."""
        self._handlers.clear()
        self._thread.close()

    def _answered(self, ticket: int, event: Event) -> None:
        if handler := self._handlers.get(ticket):
            handler(event)

    def _ended(self, ticket: int) -> None:
        self._handlers.pop(ticket, None)

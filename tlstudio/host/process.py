"""The engine process: jobs run in a process of their own, so that nothing they do can freeze or
take down the window, and so that ending it gives the GPU's memory back.
"""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue

from tlstudio.control import Control, Word
from tlstudio.events import CANCELLED, Event, Failed, Started
from tlstudio.host import jobs
from tlstudio.host.jobs import Request
from tlstudio.host.native_output import open_log, send_all_output_to
from tlstudio.paths import log_file

LOG_TIME = "%Y-%m-%d %H:%M:%S"


class EngineProcess:
    """A `Host` that keeps one process warm, and starts another when that one has died.

    One job at a time: `run` belongs to one thread, all else may be called from any.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._closed = False

    def warm(self) -> None:
        """Start the process if it is not running; TensorFlow loads in it meanwhile."""
        # One that cannot be started is reported by the `run` that needs it.
        with self._lock, suppress(OSError):
            if not self._closed:
                self._start()

    def run(self, request: Request, control: Control) -> Iterator[Event]:
        """Send the request and yield its events. Never raises: a dead process is a `Failed`."""
        try:
            with self._lock:
                connection = None if self._closed else self._start()
        except OSError as error:
            yield Failed(
                f"The engine process could not be started ({error.strerror or error}).",
                "Close other programs to free memory, then try again.",
            )
            return
        if connection is None:
            yield _closing()
            return
        on_gpu = False
        try:
            self._send(request)
            with control.followed_by(self._tell):
                while (event := connection.recv()) is not None:
                    on_gpu |= isinstance(event, Started) and event.device.startswith("GPU")
                    yield event
        except (EOFError, OSError):
            yield self._died()
            return
        if on_gpu:
            # TensorFlow holds a GPU's memory for the life of its process.
            self._end()
            self.warm()

    def close(self) -> None:
        """Kill the process: all that it writes is written whole, so nothing is torn."""
        with self._lock:
            self._closed = True
        self._end()

    def _end(self) -> None:
        process = self._process
        if process is not None and process.is_alive():
            process.kill()
            process.join()

    def _start(self) -> Connection:
        if self._connection is not None and self._process is not None and self._process.is_alive():
            return self._connection
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve, args=(theirs, log_file()), name="tlstudio engine", daemon=True
        )
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._process, self._connection = process, ours
        return ours

    def _send(self, message: object) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.send(message)

    def _tell(self, word: Word) -> None:
        # A process that has just died has nothing to pause or stop; `run` reports its death.
        with suppress(OSError):
            self._send(word)

    def _died(self) -> Failed:
        with self._lock:
            process, self._process, self._connection = self._process, None, None
            closed = self._closed
        if process is not None:
            process.join(timeout=5)
        code = process.exitcode if process is not None else None
        if closed:
            return _closing()
        # A process that is killed has no last words of its own.
        with open_log(log_file()) as log:
            log.write(f"{datetime.now():{LOG_TIME}} the engine ended with exit status {code}\n")
        why = " (perhaps for lack of memory)" if code == -getattr(signal, "SIGKILL", 9) else ""
        return Failed(
            f"The engine process ended unexpectedly{why}.",
            f"If it happens again, train with a smaller batch. Details are in {log_file()}.",
        )


def _closing() -> Failed:
    return Failed("Stopped because the window closes.", "Start it again.", CANCELLED)


def serve(connection: Connection, log: Path) -> None:
    """The life of an engine process: run what is asked for until the window is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the window to answer
    logging.basicConfig(
        stream=send_all_output_to(log),
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt=LOG_TIME,
    )
    requests: SimpleQueue[tuple[Request, Control]] = SimpleQueue()
    threading.Thread(
        target=_listen, args=(connection, requests), name="listener", daemon=True
    ).start()
    jobs.warm_up()
    while True:
        for event in jobs.run(*requests.get()):
            connection.send(event)
        connection.send(None)


def _listen(connection: Connection, requests: "SimpleQueue[tuple[Request, Control]]") -> None:
    """Take requests, each with its control, and the words for the last one. The end of the pipe
    is the end of the window, however it ended, and then of this process: nothing is left behind.
    """
    control = Control()
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            os._exit(0)
        match message:
            case "pause" | "resume" | "stop":
                control.obey(message)
            case request:
                control = Control()
                requests.put((request, control))

"""One training at a time: its thread, its state, and its events on a timer."""

from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from tlstudio.host.jobs import ResumeRequest, TrainRequest
from tlstudio.host.thread import Host, InThreadHost, TrainingThread

DRAIN_MS = 60


class State(StrEnum):
    IDLE = "idle"
    TRAINING = "training"
    PAUSED = "paused"
    STOPPING = "stopping"


class Trainer(QObject):
    """`close` must be called before it goes; it waits for the thread."""

    state_changed = Signal(str)
    heard = Signal(list)
    """The events of the running training since the last tick."""

    def __init__(self, host: Host, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = State.IDLE
        self.run: Path | None = None
        """The folder of the training that runs or ran last."""
        self._host = host
        self._window_host = InThreadHost()
        self._thread: TrainingThread | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self._drain)

    def start(self, request: TrainRequest | ResumeRequest, in_window: bool) -> None:
        """Train in this process where `in_window`, else on the host. None may be running."""
        self.run = request.out if isinstance(request, TrainRequest) else request.run
        self._thread = TrainingThread(self._window_host if in_window else self._host, request, self)
        self._thread.finished.connect(self._ended)
        self._set_state(State.TRAINING)
        self._thread.start()
        self._timer.start()

    def pause(self) -> None:
        if self._thread and self.state == State.TRAINING:
            self._thread.pause()
            self._set_state(State.PAUSED)

    def resume(self) -> None:
        if self._thread and self.state == State.PAUSED:
            self._thread.resume()
            self._set_state(State.TRAINING)

    def stop(self) -> None:
        """End the training at the next batch; its best epoch is kept."""
        if self._thread and self.state in (State.TRAINING, State.PAUSED):
            self._thread.stop()
            self._set_state(State.STOPPING)

    def end_engine(self) -> None:
        """End the training's process, for a training that does not answer."""
        self._host.close()

    def close(self) -> None:
        self._timer.stop()
        self._host.close()
        if self._thread:
            self._thread.wait()

    def _drain(self) -> None:
        events = self._thread.take_events() if self._thread else []
        if events:
            self.heard.emit(events)

    def _ended(self) -> None:
        self._timer.stop()
        self._drain()
        if self._thread:
            # `finished` comes before the end; deleting a thread that still ends would block.
            self._thread.wait()
            self._thread.deleteLater()
            self._thread = None
        self._set_state(State.IDLE)

    def _set_state(self, state: State) -> None:
        self.state = state
        self.state_changed.emit(state.value)

"""How long each network takes for a picture on this machine, as it was measured on request, now or
in an earlier window.
"""

from collections.abc import Iterable

from PySide6.QtCore import QObject, QSettings, Signal

from tlstudio.backbone_events import Measured
from tlstudio.events import Device, Event, Failed
from tlstudio.host.jobs import MeasureRequest
from tlstudio.model import catalog
from tlstudio.project.spec import Backbone
from tlstudio.ui import catalog_kept
from tlstudio.ui.session import Session


class CatalogTimes(QObject):
    """Measures one network after another, each at the input that it was trained at."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._stored: QSettings | None = None
        self._known: dict[str, Measured] = {}
        self._waiting: list[str] = []
        self._asked = 0
        self._ticket = 0
        self.problem = ""
        """What went wrong with those that were asked for last, in sentences."""

    def keep_in(self, stored: QSettings) -> None:
        """Know what was kept there as soon as it is known what device this machine has."""
        self._stored = stored
        self._session.devices_changed.connect(self._recall)
        self._recall()

    def of(self, name: str) -> Measured | None:
        return self._known.get(name)

    @property
    def running(self) -> str:
        """The network that is measured now; empty where none is."""
        return self._waiting[0] if self._waiting else ""

    @property
    def progress(self) -> tuple[int, int]:
        """Which one of how many is measured, counted from 1."""
        return self._asked - len(self._waiting) + 1, self._asked

    def measure(self, names: Iterable[str]) -> None:
        """Measure these anew, instead of those that still wait."""
        self.stop()
        self._waiting = list(names)
        self._asked = len(self._waiting)
        self.problem = ""
        self._next()

    def stop(self) -> None:
        """Keep what is known, and measure no more."""
        self._session.withdraw(self._ticket)
        self._waiting.clear()
        self.changed.emit()

    @property
    def _device(self) -> Device | None:
        """Where networks are measured; None as long as that is unknown."""
        found = self._session.devices
        return found.devices[0] if found else None

    def _recall(self) -> None:
        if self._stored and (device := self._device):
            self._known = catalog_kept.recall(self._stored, device) | self._known
            self.changed.emit()

    def _next(self) -> None:
        """Ask for one alone, so that other questions of the window need not wait for all."""
        if self._waiting:
            facts = catalog.facts(self._waiting[0])
            # The values of the weights change no time, so none need be there.
            spec = Backbone(name=facts.name, weights="random", input_shape=facts.input_shape)
            self._ticket = self._session.ask(MeasureRequest((spec,)), self._heard)
        self.changed.emit()

    def _heard(self, event: Event) -> None:
        match event:
            case Measured():
                self._known[event.name] = event
                if self._stored and (device := self._device):
                    catalog_kept.keep(self._stored, device, self._known.values())
            case Failed():
                self.problem = f"{catalog.facts(self.running).label}: {event.message} {event.hint}"
            case _:
                return
        self._waiting.pop(0)
        self._next()

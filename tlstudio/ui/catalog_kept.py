"""The times that were measured, from one start of the window to the next.

They are of one device and of the versions that computed there: for others, there are none.
"""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel, PositiveFloat, ValidationError
from PySide6.QtCore import QSettings

from tlstudio import __version__
from tlstudio.backbone_events import Measured
from tlstudio.events import Device
from tlstudio.ui import settings

KEY = "catalogue/times"
LIBRARIES = ("tensorflow", "openvino")


class _Kept(BaseModel):
    where: str
    seconds: dict[str, PositiveFloat]


def recall(stored: QSettings, device: Device) -> dict[str, Measured]:
    """By the name of the network."""
    try:
        kept = _Kept.model_validate_json(settings.text(stored, KEY))
    except ValidationError:
        # There is nothing yet, or something that no window wrote.
        return {}
    if kept.where != _where(device):
        return {}
    return {name: Measured(name, time, device.name) for name, time in kept.seconds.items()}


def keep(stored: QSettings, device: Device, times: Iterable[Measured]) -> None:
    """Instead of those that are kept."""
    seconds = {time.name: time.seconds_per_picture for time in times if time.device == device.name}
    kept = _Kept(where=_where(device), seconds=seconds)
    stored.setValue(KEY, kept.model_dump_json())


def _where(device: Device) -> str:
    return ", ".join((device.name, device.label, f"tlstudio {__version__}", *_libraries()))


def _libraries() -> Iterable[str]:
    for name in LIBRARIES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            # OpenVINO is an extra.
            continue

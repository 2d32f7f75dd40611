"""What the jobs about backbones say: of their speed here, and of their weights."""

from dataclasses import dataclass
from typing import ClassVar

from tlstudio.events import Event


@dataclass(frozen=True, slots=True)
class Measured(Event):
    """How fast a backbone is on this machine, one event a backbone."""

    event: ClassVar[str] = "measured"
    name: str
    seconds_per_picture: float
    device: str


def milliseconds(seconds: float) -> str:
    """Three figures: 0.31 ms, 23.4 ms, 1,250 ms."""
    time = seconds * 1000
    return f"{time:,.{2 if time < 9.995 else 1 if time < 99.95 else 0}f} ms"


@dataclass(frozen=True, slots=True)
class WeightsReady(Event):
    """Pretrained weights are on this machine now. The result of the fetch job."""

    event: ClassVar[str] = "weights_ready"
    name: str
    """Of the backbone."""
    path: str


@dataclass(frozen=True, slots=True)
class WeightsMatched(Event):
    """What a weights file has for a backbone, layer by layer. The result of the match job."""

    event: ClassVar[str] = "weights_matched"
    matched: tuple[str, ...]
    """Layers of the backbone whose weights are in the file, by name and shape."""
    missing: tuple[str, ...]
    """Layers of the backbone that the file does not have."""
    different: tuple[str, ...]
    """Sentences: layers that are in both with different shapes."""
    unused: tuple[str, ...]
    """Layers of the file that the backbone does not have, such as another head's."""
    refused: str = ""
    """Why a training would not begin with them, as a sentence; empty where it would."""
    hint: str = ""
    """How to mend that."""

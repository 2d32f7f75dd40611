"""The jobs: each request names one, and `run` is where it starts, in whichever host.

Jobs are imported when they run, so that TensorFlow is loaded only where a job needs it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlstudio.control import Cancelled, Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Event, Failed
from tlstudio.project.spec import Backbone, FreezePlan, Head, Project


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """Ends with `Scan`."""

    source: Path


@dataclass(frozen=True, slots=True)
class DevicesRequest:
    """Ends with `DevicesFound`."""


@dataclass(frozen=True, slots=True)
class DescribeRequest:
    """Ends with `Description`."""

    backbone: Backbone
    freeze: FreezePlan = FreezePlan()
    head: Head = Head()
    classes: int = 5
    include_top: bool = False


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """Ends with `Finished`, also when stopped, if at least one epoch is done."""

    project: Project
    out: Path


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """Ends with `Evaluation`; on the run's own validation pictures where `data` is None."""

    run: Path
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """One `Prediction` a picture, then `Predicted`. Folders stand for the files in them."""

    run: Path
    pictures: tuple[Path, ...]
    top: int = 5


Request = (
    ScanRequest
    | DevicesRequest
    | DescribeRequest
    | TrainRequest
    | EvaluateRequest
    | PredictRequest
)

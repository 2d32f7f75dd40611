"""What a job can say: frozen values that cross threads and processes.

A job is an iterator of these. It ends with the one that carries its result, or with `Failed`.
Nothing here imports TensorFlow or Qt, since the window's process unpickles all of it.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

Stage = Literal["scan", "download", "build", "check", "extract", "validate", "save", "predict"]
STAGES: dict[Stage, str] = {
    "scan": "Looking through the folder",
    "download": "Downloading weights",
    "build": "Building the model",
    "check": "Checking what was kept",
    "extract": "Reading pictures",
    "validate": "Checking on the validation pictures",
    "save": "Saving the run",
    "predict": "Predicting",
}
"""What each stage is called for people."""


Phase = Literal["head", "plan"]
"""Of a training: the head alone, and then what the freeze plan says."""


class Event:
    """Base of all events; `event` is the name in JSON."""

    event: ClassVar[str]


@dataclass(frozen=True, slots=True)
class PictureCounts:
    train: int
    val: int
    skipped: int


@dataclass(frozen=True, slots=True)
class CacheUse:
    """Pictures whose features were found (hits) and had to be computed (misses)."""

    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class Started(Event):
    """A training knows what it will do."""

    event: ClassVar[str] = "started"
    run: str
    backbone: str
    strategy: str
    boundary: str
    classes: tuple[str, ...]
    pictures: PictureCounts
    trainable_params: int
    frozen_params: int
    epochs: int
    """Of all phases together."""
    steps: int
    """Batches in an epoch."""
    device: str
    learning_rate: float
    boundary_reason: str = ""
    """Why the boundary is there, in a sentence."""


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """`done` of `total` units of a stage; `total` 0 where it is not known."""

    event: ClassVar[str] = "progress"
    stage: Stage
    done: int
    total: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Batch(Event):
    """One optimisation step: the loss and accuracy (0 to 1) on this batch alone."""

    event: ClassVar[str] = "batch"
    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Epoch(Event):
    """One epoch, counted from 1; `best` when its weights are the ones now kept."""

    event: ClassVar[str] = "epoch"
    epoch: int
    epochs: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    best: bool
    learning_rate: float = 0.0
    """Of the last step."""
    phase: Phase = "plan"


@dataclass(frozen=True, slots=True)
class Figures(Event):
    """How a training is doing, about once a second."""

    event: ClassVar[str] = "figures"
    pictures_per_second: float
    """Trained on, or extracted."""
    memory_bytes: int
    """Resident memory of the engine's process."""
    device: str
    device_memory_bytes: int
    """In use on a GPU; 0 on a CPU."""
    cache: CacheUse


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something the person should know; the job goes on."""

    event: ClassVar[str] = "warning"
    message: str
    hint: str = ""


CANCELLED = 130
"""The status of a job that ended because it was asked to."""


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """The job ended without a result. `status` is the exit status of the command line."""

    event: ClassVar[str] = "failed"
    message: str
    hint: str
    status: int = 1


@dataclass(frozen=True, slots=True)
class Seconds:
    extract: float
    train: float
    total: float


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """A training ended and its run is saved. Loss and accuracy are those of the saved model."""

    event: ClassVar[str] = "finished"
    run: str
    epochs: int
    val_accuracy: float
    val_loss: float
    best_epoch: int
    stopped: bool
    classes: tuple[str, ...]
    pictures: PictureCounts
    seconds: Seconds
    cache: CacheUse
    strategy: str
    boundary: str


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of a backbone. `output_shape` is without the batch axis."""

    name: str
    type: str
    block: str
    output_shape: tuple[int | None, ...]
    params: int
    trainable: bool
    trainable_params: int
    """How many parameters are trained when the layer is: without BatchNorm's statistics."""


@dataclass(frozen=True, slots=True)
class HeadRow:
    """One layer of a head. `output_shape` is without the batch axis."""

    name: str
    type: str
    output_shape: tuple[int, ...]
    params: int


@dataclass(frozen=True, slots=True)
class ParameterTotals:
    total: int
    trainable: int
    non_trainable: int
    backbone: int
    head: int


@dataclass(frozen=True, slots=True)
class Description(Event):
    """A backbone with its freeze plan and head. The result of the describe job."""

    event: ClassVar[str] = "described"
    backbone: str
    input_shape: tuple[int, int, int]
    output_shape: tuple[int, ...]
    """Of the backbone: (rows, columns, channels), or (classes,) with its own top."""
    layers: tuple[LayerRow, ...]
    head: tuple[HeadRow, ...]
    params: ParameterTotals
    boundary: str
    """The layer whose output is the last frozen one, or several with plus signs; empty when
    nothing can be cut off.
    """
    boundary_reason: str = ""
    """Why the cut is there, in a sentence."""


@dataclass(frozen=True, slots=True)
class BoundaryFound(Event):
    """Where a freeze plan cuts a backbone. The result of the boundary job."""

    event: ClassVar[str] = "boundary"
    layers: tuple[str, ...]
    """Whose outputs are kept, in network order; empty when nothing can be cut off."""
    last: str
    """The layer that ends the prefix, in network order; empty when nothing can be cut off."""
    share: float
    """Of the backbone's work, what the prefix does, 0 to 1."""
    reason: str
    """Why the cut is there, in a sentence."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a file or folder that was found in a scan."""

    path: str
    kind: str
    """unreadable, truncated, not_a_picture, duplicate, near_duplicate, conflicting_label,
    too_large or empty_class"""
    detail: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A labelled picture; `split` is train, val, or empty where the folder does not say."""

    path: str
    label: str
    split: str = ""
    digest: str = ""
    """SHA-256 of the file; empty where it was not read."""


@dataclass(frozen=True, slots=True)
class Scan(Event):
    """The labelled pictures of a folder or CSV. The result of the scan job.

    `pictures` holds only what can be used; `problems` names the rest, and what is doubtful.
    """

    event: ClassVar[str] = "scanned"
    source: str
    pictures: tuple[Picture, ...]
    problems: tuple[Problem, ...]
    classes: dict[str, int] = field(default_factory=dict)
    """Usable pictures by class, in class order (the model's output order)."""


@dataclass(frozen=True, slots=True)
class Score:
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction(Event):
    """What a model says of one picture, or why it could not. One event a picture, in order."""

    event: ClassVar[str] = "prediction"
    path: str
    top: tuple[Score, ...] = ()
    unknown: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Predicted(Event):
    """All pictures of a predict job have been answered."""

    event: ClassVar[str] = "predicted"
    pictures: int


@dataclass(frozen=True, slots=True)
class ClassFigures:
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One evaluated picture."""

    path: str
    true: str
    predicted: str
    probability: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error (0 to 1, 15 bins) and the temperature that would mend it."""

    ece: float
    temperature: float


@dataclass(frozen=True, slots=True)
class Evaluation(Event):
    """A model judged on labelled pictures. The result of the evaluate job.

    `confusion[i][j]` counts pictures of class i that were called class j.
    """

    event: ClassVar[str] = "evaluated"
    accuracy: float
    loss: float
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    per_class: dict[str, ClassFigures]
    calibration: Calibration
    pictures: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """Something to train on: `name` is what a project stores (cpu, gpu:0)."""

    name: str
    label: str
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DevicesFound(Event):
    """The result of the devices job; `note` says why there is no GPU where that needs saying."""

    event: ClassVar[str] = "devices"
    devices: tuple[Device, ...]
    note: str = ""


def to_json(event: Event) -> dict[str, Any]:
    """The event as plain JSON values, with its name first."""
    fields: dict[str, Any] = asdict(event)  # type: ignore[call-overload]
    return {"event": event.event} | fields

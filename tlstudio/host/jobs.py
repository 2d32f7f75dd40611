"""The jobs: each request names one, and `run` is where it starts, in whichever host.

Jobs are imported when they run, so that TensorFlow is loaded only where a job needs it.
"""

import gc
import importlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlstudio.control import Cancelled, Control
from tlstudio.errors import TlstudioError
from tlstudio.events import CANCELLED, Event, Failed
from tlstudio.paths import log_file
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
class BoundaryRequest:
    """Ends with `BoundaryFound`, quickly where the backbone was described last."""

    backbone: Backbone
    freeze: FreezePlan


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """Ends with `Finished`, also when stopped, if at least one epoch is done."""

    project: Project
    out: Path


@dataclass(frozen=True, slots=True)
class ResumeRequest:
    """Goes on with a run that was stopped or killed. Ends as a training does."""

    run: Path


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


@dataclass(frozen=True, slots=True)
class InspectRequest:
    """Ends with `LayerSeen`: of a backbone, or of the one that a run trained."""

    backbone: Backbone
    layer: str
    run: Path | None = None
    picture: Path | None = None
    """Whose activations are shown."""
    seed: int = 1
    """Of a training that would begin with random weights."""


@dataclass(frozen=True, slots=True)
class WeightValuesRequest:
    """Ends with `WeightValues`."""

    backbone: Backbone
    layer: str
    run: Path | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class SaveWeightsRequest:
    """Ends with `WeightsSaved`."""

    backbone: Backbone
    layer: str
    path: Path
    run: Path | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class MovedRequest:
    """Ends with `LayersMoved`."""

    run: Path


@dataclass(frozen=True, slots=True)
class MeasureRequest:
    """One `Measured` a backbone."""

    backbones: tuple[Backbone, ...]
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Downloads ImageNet weights, unless they are there. Ends with `WeightsReady`."""

    backbone: Backbone


@dataclass(frozen=True, slots=True)
class MatchRequest:
    """Ends with `WeightsMatched`: what the file that the backbone names has for it; of ImageNet
    weights that are here and sound, with `WeightsReady`.
    """

    backbone: Backbone


@dataclass(frozen=True, slots=True)
class AdviseRequest:
    """A `DepthProbe` a block, with `rank` a `BackboneScore` a backbone, and at the end `Advice`."""

    project: Project
    rank: bool = False


MOST_FILES = 10_240
"""As many as macOS allows a process."""

BackboneRequest = (
    InspectRequest
    | WeightValuesRequest
    | SaveWeightsRequest
    | MovedRequest
    | MeasureRequest
    | FetchRequest
    | MatchRequest
)
TensorFlowRequest = (
    DevicesRequest
    | DescribeRequest
    | BoundaryRequest
    | TrainRequest
    | ResumeRequest
    | EvaluateRequest
    | PredictRequest
    | AdviseRequest
    | BackboneRequest
)
Request = ScanRequest | TensorFlowRequest


def prepare_environment() -> None:
    """What TensorFlow and Keras look up when they are loaded."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # Its chatter is not for people.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Each session then has threads of its own, which the streams of an extraction need.
    os.environ["TF_OVERRIDE_GLOBAL_THREADPOOL"] = "1"
    _allow_many_files()


def _allow_many_files() -> None:
    """Kept features are many files, all of which are open in a training."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def warm_up() -> None:
    """Load now what jobs load when they run."""
    prepare_environment()
    for module in ("keras", "tlstudio.training.train", "tlstudio.inference.predict"):
        importlib.import_module(module)
    # What was loaded stays, and the garbage collector takes a quarter of a second to look at it.
    gc.collect()
    gc.freeze()


def run(request: Request, control: Control) -> Iterator[Event]:
    """Run a job to its end. Never raises: what goes wrong is its last event, a `Failed`."""
    prepare_environment()
    try:
        yield from _job(request, control)
    except Cancelled:
        yield Failed(
            "Stopped before there was a result.", "Nothing was changed; start again.", CANCELLED
        )
    except TlstudioError as error:
        yield Failed(error.message, error.hint, error.exit_status)
    except MemoryError:
        yield _out_of_memory()
    except Exception as error:
        logging.getLogger(__name__).exception("a job ended unexpectedly")
        if type(error).__name__ == "ResourceExhaustedError":
            yield _out_of_memory()
        else:
            yield Failed(
                f"The job ended unexpectedly ({type(error).__name__}: {error}).",
                f"Your pictures and earlier runs are untouched. Please report it with {log_file()}",
            )


def _job(request: Request, control: Control) -> Iterator[Event]:
    match request:
        case ScanRequest():
            from tlstudio.data.scan import scan

            return scan(request.source, control)
        case _:
            return _tensorflow_job(request, control)


def _tensorflow_job(  # noqa: PLR0911 (one a job)
    request: TensorFlowRequest, control: Control
) -> Iterator[Event]:
    from tlstudio.training import devices

    # Memory growth can only be set before the process first uses a GPU.
    devices.prepare()
    match request:
        case DevicesRequest():
            return devices.find_devices()
        case DescribeRequest():
            from tlstudio.model.describe import describe

            return describe(
                request.backbone,
                request.freeze,
                request.head,
                request.classes,
                request.include_top,
                control,
            )
        case BoundaryRequest():
            from tlstudio.model.describe import boundary

            return boundary(request.backbone, request.freeze)
        case TrainRequest():
            from tlstudio.training.train import train

            return train(request.project, request.out, control)
        case ResumeRequest():
            from tlstudio.training.train import resume

            return resume(request.run, control)
        case EvaluateRequest():
            from tlstudio.inference.evaluate import evaluate

            return evaluate(request.run, request.data, control)
        case PredictRequest():
            from tlstudio.inference.predict import predict

            return predict(request.run, request.pictures, request.top, control)
        case AdviseRequest():
            from tlstudio.training.advise import advise

            return advise(request.project, request.rank, control)
        case _:
            return _backbone_job(request, control)


def _backbone_job(  # noqa: PLR0911 (one a job)
    request: BackboneRequest, control: Control
) -> Iterator[Event]:
    """Jobs about a backbone's weights and layers."""
    match request:
        case InspectRequest():
            from tlstudio.inference.inspect_layer import inspect_layer

            return inspect_layer(
                request.backbone,
                request.layer,
                request.run,
                request.picture,
                request.seed,
                control,
            )
        case WeightValuesRequest():
            from tlstudio.inference.weight_values import weight_values

            return weight_values(
                request.backbone, request.layer, request.run, request.seed, control
            )
        case SaveWeightsRequest():
            from tlstudio.inference.weight_values import save_weights

            return save_weights(
                request.backbone, request.layer, request.run, request.path, request.seed, control
            )
        case MovedRequest():
            from tlstudio.inference.moved import moved

            return moved(request.run, control)
        case MeasureRequest():
            from tlstudio.training.speed import measure

            return measure(request.backbones, request.device, control)
        case FetchRequest():
            from tlstudio.model.imagenet import fetch

            return fetch(request.backbone, control)
        case MatchRequest():
            from tlstudio.model.weight_matching import match_file

            return match_file(request.backbone, control)


def _out_of_memory() -> Failed:
    return Failed(
        "There is not enough memory for this training.",
        "Choose a smaller batch size, a smaller input or a smaller backbone, then train again.",
    )

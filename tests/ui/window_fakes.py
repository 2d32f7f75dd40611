"""A scripted host, a small network and a small set of pictures: the window without TensorFlow."""

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from threading import Event as Flag

import numpy as np
from PIL import Image

from tlstudio.control import Control
from tlstudio.events import (
    Batch,
    BoundaryFound,
    CacheUse,
    Calibration,
    ClassFigures,
    Description,
    Device,
    DevicesFound,
    Epoch,
    Evaluation,
    Event,
    Failed,
    Finished,
    Judged,
    LayerRow,
    ParameterTotals,
    Picture,
    PictureCounts,
    Predicted,
    Prediction,
    Score,
    Seconds,
    Started,
)
from tlstudio.host.jobs import (
    BoundaryRequest,
    DescribeRequest,
    DevicesRequest,
    PredictRequest,
    TrainRequest,
)
from tlstudio.project import runs
from tlstudio.project.freeze_plan import BATCH_NORM, trainable_layers
from tlstudio.project.spec import Backbone
from tlstudio.ui.session import Session

CLASSES = ("cats", "dogs")


def layers(blocks: int = 4, called: str = "block") -> tuple[LayerRow, ...]:
    """Blocks of a convolution (100 parameters), BatchNorm (16, half of them statistics), ReLU."""
    rows = []
    for number in range(blocks):
        block = f"{called}{number}"
        shape = (8, 8, 4)
        rows += [
            LayerRow(f"{block}_conv", "Conv2D", block, shape, 100, False, 100),
            LayerRow(f"{block}_bn", BATCH_NORM, block, shape, 16, False, 8),
            LayerRow(f"{block}_relu", "ReLU", block, shape, 0, False, 0),
        ]
    return tuple(rows)


def convs(*numbers: int) -> frozenset[str]:
    return frozenset(f"block{number}_conv" for number in numbers)


def cut(after: str, share: float = 0.5) -> BoundaryFound:
    """A boundary after one layer, or none."""
    return BoundaryFound((after,) if after else (), after, share, "Half is done once.")


class FakeHost:
    """Answers from a script; a training waits at its first epoch for `go_on` or a stop, and
    saves its run when `saves` is set, as it is at first; so is `answers`, for which all else waits.
    """

    def __init__(self) -> None:
        self.requests: list[object] = []
        self.calls: list[str] = []
        self.failure: Failed | None = None
        self.go_on = Flag()
        self.saves = Flag()
        self.saves.set()
        self.answers = Flag()
        self.answers.set()
        self._stopped = Flag()

    def warm(self) -> None:
        self.calls.append("warm")

    def close(self) -> None:
        self.calls.append("close")
        self.go_on.set()
        self.saves.set()
        self.answers.set()

    def run(self, request: object, control: Control) -> Iterator[Event]:
        self.requests.append(request)
        self.answers.wait(10)
        with control.followed_by(self._heard):
            yield from self._answer(request)

    def _heard(self, word: str) -> None:
        self.calls.append(word)
        if word == "stop":
            self._stopped.set()
            self.go_on.set()

    def _answer(self, request: object) -> Iterator[Event]:
        if self.failure:
            yield self.failure
            return
        match request:
            case DescribeRequest():
                yield Description(
                    request.backbone.name,
                    (8, 8, 3),
                    (8, 8, 4),
                    _layers_of(request.backbone),
                    (),
                    ParameterTotals(464, 0, 464, 464, 0),
                    "",
                )
            case BoundaryRequest():
                rows = _layers_of(request.backbone)
                trained = trainable_layers(request.freeze, rows)
                frozen = list(takewhile(lambda row: row.name not in trained, rows))
                yield cut(frozen[-1].name if frozen else "")
            case DevicesRequest():
                yield DevicesFound((Device("cpu", "CPU  2 cores, 8 GB"),), "No GPU was found.")
            case PredictRequest():
                for path in request.pictures:
                    yield Prediction(str(path), (Score("cats", 0.9), Score("dogs", 0.1)))
                yield Predicted(len(request.pictures))
            case TrainRequest():
                yield from self._train(request)

    def _train(self, request: TrainRequest) -> Iterator[Event]:
        epochs = request.project.training.epochs
        counts = PictureCounts(6, 2, 0)
        yield Started(
            str(request.out), "Net", "head", "", CLASSES, counts, 10, 464, epochs, 1, "cpu", 0.002
        )
        yield Batch(1, 1, 1, 1.0, 0.5)
        self.go_on.wait(10)
        yield Epoch(1, epochs, 1.0, 0.5, 0.9, 0.5, 0.1, True)
        self.saves.wait(10)
        write_run(request)
        stopped = self._stopped.is_set()
        yield Finished(
            str(request.out),
            1,
            0.5,
            0.9,
            1,
            stopped,
            CLASSES,
            counts,
            Seconds(0.1, 0.1, 0.2),
            CacheUse(0, 8),
            "head",
            "",
        )


def _layers_of(backbone: Backbone) -> tuple[LayerRow, ...]:
    """Each network has layers of its own."""
    return layers(called="block" if backbone.name == Backbone().name else "stage")


def write_run(request: TrainRequest) -> None:
    source = request.project.pictures.source
    held_out = [source / name / "0.png" for name in CLASSES]
    writer = runs.RunWriter(request.out)
    pictures = [Picture(str(path), path.parent.name) for path in held_out]
    writer.start(request.project, CLASSES, (), pictures, {})
    writer.record(Epoch(1, 1, 1.0, 0.5, 0.9, 0.5, 0.1, True))
    figures = ClassFigures(0.5, 0.5, 0.5, 1)
    judged = tuple(Judged(str(path), path.parent.name, "cats", 0.9) for path in held_out)
    evaluation = Evaluation(
        0.5,
        0.9,
        CLASSES,
        ((1, 0), (1, 0)),
        dict.fromkeys(CLASSES, figures),
        Calibration(0.1, 1.0),
        judged,
    )
    writer.finish(evaluation, 1)
    (request.out / runs.MODEL).write_bytes(b"a model")


def pictures(folder: Path, each: int = 4) -> Path:
    """Two classes of `each` different pictures."""
    random = np.random.default_rng(0)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


class Hosts:
    """Makes the hosts of a session and keeps them: the first trains, the second answers."""

    def __init__(self) -> None:
        self.made: list[FakeHost] = []

    def __call__(self) -> FakeHost:
        self.made.append(FakeHost())
        return self.made[-1]

    @property
    def training(self) -> FakeHost:
        return self.made[0]

    @property
    def engine(self) -> FakeHost:
        return self.made[1]


def session(folder: Path) -> tuple[Session, Hosts]:
    hosts = Hosts()
    return Session(hosts, folder / "runs"), hosts


def described(made: Session) -> Session:
    """A session that knows its layers, without a thread."""
    made._described(next(FakeHost().run(DescribeRequest(made.decisions.backbone), Control())))
    return made

"""A scripted host, a small network and a small set of pictures: the window without TensorFlow."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from threading import Event as Flag

import numpy as np
from PIL import Image

from tlstudio.advice_events import Advice, BackboneScore, DataSize, DepthProbe, Similarity
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
    Progress,
    Score,
    Seconds,
    Started,
)
from tlstudio.host.jobs import (
    AdviseRequest,
    BoundaryRequest,
    DescribeRequest,
    DevicesRequest,
    MatchRequest,
    PredictRequest,
    ResumeRequest,
    TrainRequest,
)
from tlstudio.project import runs
from tlstudio.project.freeze_plan import BATCH_NORM, trainable_layers
from tlstudio.project.spec import Backbone, Project
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


TOP = (
    LayerRow("avg_pool", "GlobalAveragePooling2D", "avg_pool", (4,), 0, False, 0),
    LayerRow("predictions", "Dense", "predictions", (1000,), 5000, False, 5000),
)


def convs(*numbers: int) -> frozenset[str]:
    return frozenset(f"block{number}_conv" for number in numbers)


def cut(after: str, share: float = 0.5) -> BoundaryFound:
    """A boundary after one layer, or none."""
    return BoundaryFound((after,) if after else (), after, share, "Half is done once.")


PROBES = tuple(
    DepthProbe(f"block{number}", f"block{number}_relu", 4, accuracy, 0.02)
    for number, accuracy in enumerate((0.41, 0.62, 0.85, 0.8))
)
SCORES = (
    BackboneScore("EfficientNetLite0", 0.42, 0.004, 3_413_024, 18.0),
    BackboneScore("MobileNetV2", 0.31, 0.003, 2_257_984, 14.0),
    BackboneScore("ResNet50", 0.38, 0.020, 23_587_712, 98.0),
)
ADVICE = Advice(
    strategy="top",
    unfreeze_from="block3_conv",
    learning_rate=1e-4,
    epochs=30,
    pooling="gmp",
    augmentation="views",
    reasons=("There are few pictures: 6.", "They are unlike ImageNet: 80.0 %."),
    size=DataSize(6, 2, 3, False),
    similarity=Similarity(False, 0.42, PROBES, 0.16),
    backbones=SCORES[:1],
)


class FakeHost:
    """Answers from a script; a training waits at its first epoch for `go_on` or a stop, and
    saves its run when `saves` is set, as it is at first; so is `answers`, for which all else waits,
    and `measures`, for which advice does after its first block. Where it `dies`, the training is
    cut off after its first epoch.
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
        self.measures = Flag()
        self.measures.set()
        self.dies = False
        self.matches: Event | None = None
        """What is said of a weights file, if anything."""
        self._stopped = Flag()

    def warm(self) -> None:
        self.calls.append("warm")

    def close(self) -> None:
        self.calls.append("close")
        self.go_on.set()
        self.saves.set()
        self.answers.set()
        self.measures.set()

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
                    (*_layers_of(request.backbone), *(TOP if request.include_top else ())),
                    (),
                    ParameterTotals(464, 0, 464, 464, 0),
                    "",
                )
            case BoundaryRequest():
                rows = _layers_of(request.backbone)
                trained = trainable_layers(request.freeze, rows)
                frozen = list(takewhile(lambda row: row.name not in trained, rows))
                yield cut(frozen[-1].name if frozen else "")
            case MatchRequest() if self.matches:
                yield self.matches
            case AdviseRequest():
                yield from self._advise(request.rank)
            case DevicesRequest():
                yield DevicesFound((Device("cpu", "CPU  2 cores, 8 GB"),), "No GPU was found.")
            case PredictRequest():
                for path in request.pictures:
                    yield Prediction(str(path), (Score("cats", 0.9), Score("dogs", 0.1)))
                yield Predicted(len(request.pictures))
            case TrainRequest():
                yield from self._train(request.out, request.project, 0)
            case ResumeRequest():
                done = len(runs.read_history(request.run))
                yield from self._train(request.run, runs.read_project(request.run), done)

    def _advise(self, rank: bool) -> Iterator[Event]:
        yield Progress("extract", 3, 6)
        yield PROBES[0]
        self.measures.wait(10)
        yield from PROBES[1:]
        if rank:
            yield from SCORES
        yield replace(ADVICE, backbones=SCORES if rank else SCORES[:1])

    def _train(self, out: Path, project: Project, done: int) -> Iterator[Event]:
        """One epoch, after those that were done."""
        epochs = project.training.epochs
        counts = PictureCounts(6, 2, 0)
        yield Started(
            str(out), "Net", "head", "", CLASSES, counts, 10, 464, epochs, 1, "cpu", 0.002
        )
        yield from (epoch(number, epochs) for number in range(1, done + 1))
        yield Batch(done + 1, 1, 1, 1.0, 0.5)
        self.go_on.wait(10)
        yield epoch(done + 1, epochs)
        if self.dies:
            write_unfinished(out, project, done + 1)
            yield Failed("The engine process ended unexpectedly.", "Try again.")
            return
        self.saves.wait(10)
        write_run(out, project, done + 1)
        yield Finished(
            str(out),
            done + 1,
            0.5,
            0.9,
            1,
            self._stopped.is_set(),
            CLASSES,
            counts,
            Seconds(0.1, 0.1, 0.2),
            CacheUse(0, 8),
            "head",
            "",
        )


def epoch(number: int, epochs: int) -> Epoch:
    return Epoch(number, epochs, 1.0, 0.5, 0.9, 0.5, 0.1, number == 1)


def _layers_of(backbone: Backbone) -> tuple[LayerRow, ...]:
    """Each network has layers of its own."""
    return layers(called="block" if backbone.name == Backbone().name else "stage")


def write_unfinished(folder: Path, project: Project, done: int) -> list[Picture]:
    """A run that was killed after `done` epochs; its validation pictures."""
    source = project.pictures.source
    held_out = [source / name / "0.png" for name in CLASSES]
    writer = runs.RunWriter(folder, resumed=True)
    pictures = [Picture(str(path), path.parent.name) for path in held_out]
    writer.start(project, CLASSES, (), pictures, {})
    writer.record(*(epoch(number, project.training.epochs) for number in range(1, done + 1)))
    return pictures


def write_run(folder: Path, project: Project, done: int) -> None:
    pictures = write_unfinished(folder, project, done)
    figures = ClassFigures(0.5, 0.5, 0.5, 1)
    judged = tuple(Judged(picture.path, picture.label, "cats", 0.9) for picture in pictures)
    evaluation = Evaluation(
        0.5,
        0.9,
        CLASSES,
        ((1, 0), (1, 0)),
        dict.fromkeys(CLASSES, figures),
        Calibration(0.1, 1.0),
        judged,
    )
    (folder / runs.MODEL).write_bytes(b"a model")
    runs.RunWriter(folder, resumed=True).finish(evaluation, 1)


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

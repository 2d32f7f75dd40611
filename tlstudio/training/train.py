"""The train job: from a project to a saved run."""

import platform
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from math import prod
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tlstudio import __version__
from tlstudio.control import Control
from tlstudio.data.lost import GOES_ON, warnings_of
from tlstudio.data.scan import scanned
from tlstudio.data.split import Split, split
from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import (
    CacheUse,
    Epoch,
    Event,
    Finished,
    Picture,
    PictureCounts,
    Progress,
    Scan,
    Seconds,
    Started,
    Warned,
)
from tlstudio.inference.evaluate import judge
from tlstudio.model import backbone as backbones
from tlstudio.model import weights
from tlstudio.model.boundary import NOT_CUT, Boundary, find_boundary
from tlstudio.model.catalog import canonical
from tlstudio.model.freeze import freeze
from tlstudio.model.head import head_layers, whole_model
from tlstudio.paths import features_folder
from tlstudio.project.freeze_plan import strategy_of, trainable_layers
from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.runs import MODEL, RunWriter
from tlstudio.project.spec import Project
from tlstudio.training import devices
from tlstudio.training.batches import FeatureSource, PictureSource, Source
from tlstudio.training.best import BestWeights
from tlstudio.training.feature_cache import shrink
from tlstudio.training.features import (
    Features,
    NoRoom,
    OverflowInHalfPrecision,
    compute_features,
)
from tlstudio.training.loop import Outcome, compile_model, run_epochs
from tlstudio.training.prefix import DType, cut_off
from tlstudio.training.save import ModelSaves

CACHE_BYTES = 10 << 30
"""What all features that are kept may take on the disk."""


def train(project: Project, out: Path, control: Control) -> Iterator[Event]:
    """Train a project into the run folder `out`; yields events and ends with `Finished`.

    When stopped after at least one epoch, the best one is kept and saved; before that the job
    raises Cancelled. Raises TlstudioError on bad input and JobError when the run cannot be saved.
    """
    began = time.perf_counter()
    device = devices.tensorflow_name(project.training.device)
    project = project.model_copy(update={"backbone": canonical(project.backbone)})
    backbones.check(project.backbone)
    weights.check(project.backbone)
    writer = RunWriter(out)
    with writer.discarded_if_unused(), tf.device(device):
        found, parts = yield from _pictures(project, control)
        classes = tuple(found.classes)
        # Seeds all that draws without a seed of its own, such as a random backbone.
        keras.utils.set_random_seed(project.training.seed)
        tf.config.experimental.enable_op_determinism()
        backbone = yield from backbones.load(project.backbone, control)
        rows = backbones.layer_rows(backbone)
        trainable = trainable_layers(project.freeze, rows)
        freeze(backbone, trainable)
        cut = find_boundary(backbone, trainable)
        head = head_layers(project.head, len(classes), project.training.seed)
        model = whole_model(backbone, head, project.backbone.name)
        writer.start(project, classes, parts.train, parts.val, _versions())
        counts = PictureCounts(len(parts.train), len(parts.val), _skipped(found))
        started = Started(
            run=str(out),
            backbone=project.backbone.name,
            strategy=strategy_of(trainable, rows),
            boundary=cut.name if cut else "",
            boundary_reason=cut.reason if cut else NOT_CUT,
            classes=classes,
            pictures=counts,
            trainable_params=_count(model.trainable_weights),
            frozen_params=_count(model.non_trainable_weights),
            epochs=project.training.epochs,
            steps=-(-len(parts.train) // project.training.batch_size),
            device=device.strip("/"),
            learning_rate=project.training.learning_rate
            or suited_rate(project.training.optimizer, bool(backbone.trainable_weights)),
        )
        writer.record(started)
        yield started
        yield from _fit(project, started, parts, backbone, head, model, cut, writer, began, control)


def _pictures(project: Project, control: Control) -> Generator[Event, None, tuple[Scan, Split]]:
    """The labelled pictures and their split. Raises TlstudioError where a part has none."""
    found = yield from scanned(project.pictures.source, control)
    parts = split(found, project.pictures.validation, project.training.seed)
    if not parts.train:
        raise TlstudioError(
            "No pictures are left to train on, because all of them are for validation.",
            "Move most of them to the training part.",
        )
    if not parts.val:
        raise TlstudioError(
            "No pictures are left for validation, because each class has only one.",
            "Add more pictures, at least a second one to a class.",
        )
    for note in parts.notes:
        yield Warned(note)
    return found, parts


def _fit(
    project: Project,
    started: Started,
    parts: Split,
    backbone: keras.Model,
    head: Sequence[keras.layers.Layer],
    model: keras.Model,
    cut: Boundary | None,
    writer: RunWriter,
    began: float,
    control: Control,
) -> Iterator[Event]:
    paths = [picture.path for picture in (*parts.train, *parts.val)]
    labels = np.array(
        [started.classes.index(picture.label) for picture in (*parts.train, *parts.val)], np.int64
    )
    numbers = np.arange(len(paths))
    train, val = numbers[: len(parts.train)], numbers[len(parts.train) :]
    extracting = time.perf_counter()
    source: Source = PictureSource(paths, project.backbone.input_shape)
    trained, hits = model, 0
    if cut:
        pictures = (*parts.train, *parts.val)
        made = yield from _features(project, backbone, cut, head, pictures, started.device, control)
        if made:
            features, trained = made
            source, hits = FeatureSource(features), features.hits
            yield from warnings_of(list(features.lost.values()), GOES_ON)
    extracted = time.perf_counter()
    # XLA is for GPUs here: it makes depthwise convolutions on a CPU an order slower.
    compile_model(
        trained,
        project.training.optimizer,
        started.learning_rate,
        jit=started.device.startswith("GPU"),
    )
    best_weights = BestWeights(trained)
    saves = ModelSaves(model, writer.folder / MODEL, best_weights)
    events = run_epochs(
        trained, source, labels, train, val, project.training, best_weights, control
    )
    outcome = yield from _recorded(events, writer, saves)
    yield Progress("save", 0, 0)
    saves.at_the_end()
    used = [paths[i] for i in outcome.indices]
    evaluation = judge(outcome.probabilities, labels[outcome.indices], used, started.classes)
    writer.finish(evaluation, outcome.best.epoch)
    ended = time.perf_counter()
    finished = Finished(
        run=started.run,
        epochs=outcome.epochs,
        val_accuracy=evaluation.accuracy,
        val_loss=evaluation.loss,
        best_epoch=outcome.best.epoch,
        stopped=outcome.stopped,
        classes=started.classes,
        pictures=PictureCounts(
            outcome.trained,
            len(used),
            started.pictures.skipped + len(paths) - outcome.trained - len(used),
        ),
        seconds=Seconds(extracted - extracting, ended - extracted, ended - began),
        cache=CacheUse(hits, len(paths) - hits - len(source.lost) if trained is not model else 0),
        strategy=started.strategy,
        boundary=started.boundary,
    )
    writer.record(finished)
    yield finished


def _features(
    project: Project,
    backbone: keras.Model,
    cut: Boundary,
    head: Sequence[keras.layers.Layer],
    pictures: Sequence[Picture],
    device: str,
    control: Control,
) -> Generator[Event, None, tuple[Features, keras.Model] | None]:
    """What the prefix says of each picture, and the model to train on it; None without room."""
    folder = features_folder()
    dtypes: tuple[DType | None, ...] = (None, "float32")
    for dtype in dtypes:
        prefix, rest = cut_off(backbone, project.backbone, cut, head, dtype)
        try:
            features = yield from compute_features(prefix, pictures, folder, device, control)
        except OverflowInHalfPrecision:
            if prefix.dtype == "float32":
                break
            continue
        except NoRoom:
            break
        shrink(folder, CACHE_BYTES, spare=folder / prefix.key)
        return features, rest
    yield Warned(
        "There is no room to keep the features of the frozen layers.",
        "The training goes on without; free some disk space to make it faster.",
    )
    return None


def _recorded(
    events: Generator[Event, None, Outcome], writer: RunWriter, saves: ModelSaves
) -> Generator[Event, None, Outcome]:
    """Pass events on while writing the run. A full disk is no reason to stop a training: what
    could not be written is tried again later, and at the end once more.
    """
    warned = False
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        yield event
        writes: list[Callable[[], None]] = []
        if isinstance(event, Epoch | Warned):
            writes.append(partial(writer.record, event))
        if isinstance(event, Epoch):
            writes.append(partial(saves.after_epoch, event.best))
        for write in writes:
            try:
                write()
            except JobError as error:
                if not warned:
                    yield Warned(error.message, f"The training goes on. {error.hint}")
                warned = True


def _skipped(found: Scan) -> int:
    """Files that were meant as pictures and cannot be used."""
    usable = {picture.path for picture in found.pictures}
    return sum(p.path not in usable and p.kind != "empty_class" for p in found.problems)


def _count(weights: Sequence[keras.Variable]) -> int:
    return sum(prod(weight.shape) for weight in weights)


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in ("keras", "tensorflow", "numpy", "pillow")}
    return {"tlstudio": __version__, "python": platform.python_version()} | libraries

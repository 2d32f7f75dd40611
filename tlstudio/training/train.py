"""The train job, from a project to a saved run, and the resume job, which goes on with one."""

import platform
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from math import prod
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tlstudio import __version__
from tlstudio.control import Cancelled, Control
from tlstudio.data.lost import GOES_ON, warnings_of
from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import (
    CacheUse,
    Epoch,
    Event,
    Finished,
    PictureCounts,
    Progress,
    Seconds,
    Started,
    Warned,
)
from tlstudio.inference.evaluate import judge
from tlstudio.model import backbone as backbones
from tlstudio.model import weights
from tlstudio.model.boundary import NOT_CUT, find_boundary, work_of
from tlstudio.model.catalog import canonical
from tlstudio.model.freeze import freeze, set_trainable, still
from tlstudio.model.head import head_layers, whole_model
from tlstudio.project import runs
from tlstudio.project.freeze_plan import strategy_of, trainable_layers
from tlstudio.project.runs import RunWriter
from tlstudio.project.spec import Project
from tlstudio.project.unfinished import claimed, is_finished, is_running
from tlstudio.training import checkpoint, devices
from tlstudio.training.batches import FeatureSource, LiveSource, PictureSource, Source
from tlstudio.training.best import BestWeights
from tlstudio.training.features import Cut, features_at
from tlstudio.training.figures import with_figures
from tlstudio.training.loop import balancing_weights, run_phase
from tlstudio.training.phases import Phase, phases_of
from tlstudio.training.pictures import Labelled, labelled, labelled_again
from tlstudio.training.precision import half_precision, is_half
from tlstudio.training.prefix import TENSORFLOW, Runner
from tlstudio.training.save import save_or_rescue
from tlstudio.training.state import State
from tlstudio.training.steps import Steps
from tlstudio.training.versions import Version, plain, views


def train(project: Project, out: Path, control: Control) -> Iterator[Event]:
    """Train a project into the run folder `out`; yields events and ends with `Finished`.

    When stopped after at least one epoch, the best one is kept and saved; before that the job
    raises Cancelled. Raises TlstudioError on bad input and JobError when the run cannot be saved.
    """
    began = time.perf_counter()
    project = project.model_copy(update={"backbone": canonical(project.backbone)})
    _check(project)
    writer = RunWriter(out)
    with writer.discarded_if_unused(), claimed(out):
        writer.begin(project, _versions())
        training = _Training(project, writer, control, began)
        yield from with_figures(training.events(), project.training.batch_size)


def resume(folder: Path, control: Control) -> Iterator[Event]:
    """Go on with a run that was stopped or killed, as if it had not been: `Started`, the epochs
    that it has and then the others, and `Finished`.

    Raises TlstudioError where `folder` is no such run, and otherwise what `train` does.
    """
    began = time.perf_counter()
    project = runs.read_project(folder)
    if is_running(folder):
        raise TlstudioError(
            f"The run {folder} is being trained now.", "Wait for its end, or stop it first."
        )
    saved = checkpoint.load(folder)
    if saved is None and is_finished(folder):
        raise TlstudioError(
            f"The run {folder} has all its epochs already.",
            "Train again with more epochs, into another folder.",
        )
    _check(project)
    writer = RunWriter(folder, resumed=True)
    with claimed(folder):
        training = _Training(project, writer, control, began, saved)
        yield from with_figures(training.events(), project.training.batch_size)


def _check(project: Project) -> None:
    devices.tensorflow_name(project.training.device)
    backbones.check(project.backbone)
    weights.check(project.backbone)


@dataclass(frozen=True, slots=True)
class _Network:
    """`model` is the whole one, which shares the layers of `backbone` and `head`."""

    backbone: keras.Model
    head: Sequence[keras.layers.Layer]
    model: keras.Model
    phases: Sequence[Phase]


class _Training:
    """One call of a job. `saved` is the checkpoint of a run that goes on, until it is used."""

    def __init__(
        self,
        project: Project,
        writer: RunWriter,
        control: Control,
        began: float,
        saved: tuple[State, checkpoint.Arrays] | None = None,
    ) -> None:
        self._project = project
        self._training = project.training
        self._writer = writer
        self._control = control
        self._began = began
        self._state, self._arrays = saved or (State(np.random.default_rng(self._training.seed)), {})
        self._device = devices.tensorflow_name(self._training.device).strip("/")
        self._earlier = self._state.elapsed
        self._cache = CacheUse(0, 0)
        self._early: list[Warned] | None = []
        """What was warned of before anything could be recorded."""
        self._write_failed = False

    def events(self) -> Iterator[Event]:
        for event in self._events():
            yield event
            if not isinstance(event, Warned):
                continue
            if self._early is None:
                yield from self._tried(partial(self._writer.record, event))
            else:
                self._early.append(event)

    def _events(self) -> Iterator[Event]:
        earlier = runs.read_warnings(self._writer.folder) if self._state.epochs else []
        again = (self._writer.folder / runs.PICTURES).is_file()
        if again:
            pictures = yield from labelled_again(self._writer.folder, self._control)
        else:
            pictures = yield from labelled(self._project, self._control)
        # Seeds all that draws without a seed of its own, such as a random backbone.
        keras.utils.set_random_seed(self._training.seed)
        tf.config.experimental.enable_op_determinism()
        with devices.placed(self._training.device):
            network, started = yield from self._build(pictures)
            if not again:
                self._writer.start(
                    self._project,
                    pictures.classes,
                    pictures.train,
                    pictures.val,
                    _versions(),
                    pictures.skipped,
                )
            # The same is warned of again where it still holds, such as of a weights file.
            early = [warned for warned in self._early or () if warned not in earlier]
            self._writer.record(started, *earlier, *early, *self._state.epochs)
            self._early = None
            yield started
            yield from self._state.epochs
            for phase in range(self._state.phase, len(network.phases)):
                self._state.enter(phase)
                yield from self._phase(network, pictures, network.phases[phase])
                if self._state.stopped:
                    break
            yield from self._finish(network, pictures, started)

    def _build(self, pictures: Labelled) -> Generator[Event, None, tuple[_Network, Started]]:
        spec = self._project
        backbone = yield from backbones.load(spec.backbone, self._control)
        self._control.checkpoint()
        rows = backbones.layer_rows(backbone)
        trainable = trainable_layers(spec.freeze, rows)
        freeze(backbone, trainable)
        cut = find_boundary(backbone, trainable)
        self._control.checkpoint()
        head = head_layers(spec.head, len(pictures.classes), self._training.seed)
        model = whole_model(backbone, head, spec.backbone.name)
        phases = phases_of(
            self._training, trainable, bool(backbone.trainable_weights), spec.backbone.pretrained
        )
        started = Started(
            run=str(self._writer.folder),
            backbone=spec.backbone.name,
            strategy=strategy_of(trainable, rows),
            boundary=cut.name if cut else "",
            boundary_reason=cut.reason if cut else NOT_CUT,
            classes=pictures.classes,
            pictures=PictureCounts(len(pictures.train), len(pictures.val), pictures.skipped),
            trainable_params=_count(model.trainable_weights),
            frozen_params=_count(model.non_trainable_weights),
            epochs=sum(phase.epochs for phase in phases),
            steps=-(-len(pictures.train) // self._training.batch_size),
            device=self._device,
            learning_rate=phases[-1].rate,
        )
        return _Network(backbone, head, model, phases), started

    def _phase(
        self, network: _Network, pictures: Labelled, phase: Phase
    ) -> Generator[Event, None, None]:
        """Afterwards the model has the best weights so far."""
        training, state = self._training, self._state
        set_trainable(network.backbone, phase.trainable)
        try:
            cut = yield from self._cut(network, pictures, phase)
        except Cancelled:
            # Before the checkpoint was used, all is as it was before the job.
            if state.outcome is None or self._arrays:
                raise
            state.stopped = True
            return
        model = cut.rest if cut else network.model
        numbers = np.arange(len(pictures.pictures))
        with ExitStack() as stack:
            stack.enter_context(still(network.backbone, phase.trainable))
            source = stack.enter_context(self._source(cut, pictures))
            source.lost |= state.lost
            half = is_half(training.precision, self._device)
            if half:
                stack.enter_context(half_precision(model, network.head[-1]))
            work = work_of(network.backbone) - (cut.prefix.work if cut else 0)
            work += 2 * sum(layer.count_params() for layer in network.head)
            steps = Steps(model, training, work, self._device, half, state.micro)
            best = BestWeights(model)
            if self._arrays:
                checkpoint.restore(self._arrays, best, steps.optimizer)
                self._arrays = {}
            train = numbers[: len(pictures.train)]
            yield from self._recorded(
                run_phase(
                    phase,
                    sum(phase.epochs for phase in network.phases),
                    steps,
                    source,
                    pictures.labels,
                    train,
                    numbers[len(train) :],
                    training,
                    balancing_weights(pictures.labels[train], len(pictures.classes))
                    if training.class_weights
                    else None,
                    state,
                    best,
                    self._control,
                ),
                partial(checkpoint.save, self._writer.folder, state, best, steps.optimizer),
            )
            best.restore()

    def _cut(
        self, network: _Network, pictures: Labelled, phase: Phase
    ) -> Generator[Event, None, Cut | None]:
        """The features of the frozen part and the model to train on them; None where nothing is
        cut off, or where there is no room for them.
        """
        boundary = find_boundary(network.backbone, phase.trainable)
        if boundary is None:
            yield Progress("build", 0, 0)
            return None
        last = network.phases[-1]
        later = None if phase is last else find_boundary(network.backbone, last.trainable)
        how = self._training.augmentation
        versions: list[Version] = [plain(picture) for picture in pictures.val]
        match how.mode:
            case "off":
                versions += map(plain, pictures.train)
            case "views":
                versions += views(pictures.train, how)
        began = time.perf_counter()
        cut = yield from features_at(
            boundary,
            network.backbone,
            network.head,
            self._project,
            versions,
            self._device,
            self._control,
            later,
        )
        self._state.extracting += time.perf_counter() - began
        if cut:
            found = cut.features
            if found.misses >= self._cache.misses:  # of the phase that lacked the most
                self._cache = CacheUse(found.hits, found.misses)
            told = {pictures.pictures[i].digest for i in self._state.lost}
            lost = [error for digest, error in found.lost.items() if digest not in told]
            yield from warnings_of(lost, GOES_ON)
        return cut

    @contextmanager
    def _source(self, cut: Cut | None, pictures: Labelled) -> Iterator[Source]:
        how, seed = self._training.augmentation, self._training.seed
        if cut is None:
            size = self._project.backbone.input_shape
            yield PictureSource(pictures.pictures, size, how, seed)
            return
        kept = FeatureSource(cut.features, pictures.pictures, how, seed)
        if how.mode != "live":
            yield kept
            return
        # What is not kept may come from any engine, and this one cannot fail.
        prefix = replace(cut.prefix, engine=TENSORFLOW)
        with Runner(prefix, self._device, self._control) as runner:
            yield LiveSource(kept, runner, pictures.pictures, how, seed)

    def _recorded(
        self, events: Iterator[Event], save_checkpoint: Callable[[], None]
    ) -> Iterator[Event]:
        """Pass events on, each epoch once it is written."""
        for event in events:
            if isinstance(event, Epoch):
                self._state.elapsed = self._elapsed()
                yield from self._tried(partial(self._writer.record, event))
                yield from self._tried(save_checkpoint)
            yield event

    def _elapsed(self) -> float:
        return self._earlier + time.perf_counter() - self._began

    def _tried(self, write: Callable[[], None]) -> Iterator[Warned]:
        """A full disk is no reason to stop a training: what could not be written is tried again
        later, and at the end once more.
        """
        try:
            write()
        except JobError as error:
            if not self._write_failed:
                self._write_failed = True
                yield Warned(error.message, f"The training goes on. {error.hint}")

    def _finish(self, network: _Network, pictures: Labelled, started: Started) -> Iterator[Event]:
        yield Progress("save", 0, 0)
        state, outcome = self._state, self._state.outcome
        if outcome is None:
            raise Cancelled
        save_or_rescue(network.model, self._writer.folder / runs.MODEL)
        used = [pictures.pictures[i].path for i in outcome.indices]
        labels = pictures.labels[outcome.indices]
        evaluation = judge(outcome.probabilities, labels, used, pictures.classes)
        self._writer.finish(evaluation, outcome.best.epoch)
        if not state.stopped:
            checkpoint.delete(self._writer.folder)
        total = self._elapsed()
        counts = started.pictures
        left_out = counts.train + counts.val - outcome.trained - len(used)
        finished = Finished(
            run=started.run,
            epochs=len(state.epochs),
            val_accuracy=evaluation.accuracy,
            val_loss=evaluation.loss,
            best_epoch=outcome.best.epoch,
            stopped=state.stopped,
            classes=started.classes,
            pictures=PictureCounts(outcome.trained, len(used), counts.skipped + left_out),
            seconds=Seconds(state.extracting, total - state.extracting, total),
            cache=self._cache,
            strategy=started.strategy,
            boundary=started.boundary,
        )
        self._writer.record(finished)
        yield finished


def _count(weights: Sequence[keras.Variable]) -> int:
    return sum(prod(weight.shape) for weight in weights)


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in ("keras", "tensorflow", "numpy", "pillow")}
    return {"tlstudio": __version__, "python": platform.python_version()} | libraries

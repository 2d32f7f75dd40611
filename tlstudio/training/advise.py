"""The advise job: how large and how familiar the pictures are, and what follows from that."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tlstudio.advice_events import Advice, BackboneScore, DataSize, DepthProbe, Similarity
from tlstudio.control import Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Event, Picture, Warned
from tlstudio.model import backbone as backbones
from tlstudio.model import catalog, weights
from tlstudio.project.spec import Backbone, Project
from tlstudio.project.strategy_table import is_large
from tlstudio.training import devices
from tlstudio.training.advice_features import Response, response
from tlstudio.training.advice_rules import Findings, decide, is_similar
from tlstudio.training.pictures import Labelled, labelled
from tlstudio.training.probe import FOLDS, can_probe, probe
from tlstudio.training.speed import require_memory, seconds_a_picture
from tlstudio.training.transferability import logme

MOST_PICTURES = 2000
"""That are measured on; more hardly change a figure and take longer than the answer is worth."""


def advise(project: Project, rank: bool, control: Control) -> Iterator[Event]:
    """Measure the project's backbone on its training pictures; yields a `DepthProbe` a block and
    ends with `Advice`. With `rank` also a `BackboneScore` of each backbone whose pretrained weights
    are at hand, at the input that it was trained at.

    Validation pictures are not looked at, since they are to judge what comes of the advice. Of more
    than `MOST_PICTURES` training pictures, a share of each class is. Raises TlstudioError on bad
    input and Cancelled.
    """
    project = project.model_copy(update={"backbone": catalog.canonical(project.backbone)})
    device = devices.tensorflow_name(project.training.device).strip("/")
    backbones.check(project.backbone)
    weights.check(project.backbone)
    pictures = yield from labelled(project, control)
    sample = _sample(pictures, project.training.seed)
    _require_enough(sample.labels)
    # What a training draws for random weights, so that they are the same ones.
    keras.utils.set_random_seed(project.training.seed)
    with devices.placed(project.training.device):
        yield from _advice(project, pictures, sample, rank, device, control)


@dataclass(frozen=True, slots=True)
class _Sample:
    """`labels` are class numbers of shape (pictures,)."""

    pictures: tuple[Picture, ...]
    labels: NDArray[np.int64]


def _sample(found: Labelled, seed: int) -> _Sample:
    """Training pictures, each content once, since a doubled one would be in two folds."""
    labels = found.labels[: len(found.train)]
    _, first = np.unique([picture.digest for picture in found.train], return_index=True)
    chosen = np.sort(first)
    if len(chosen) > MOST_PICTURES:
        share = MOST_PICTURES / len(chosen)
        shuffled = np.random.default_rng(seed).permutation(chosen)
        chosen = np.sort(
            np.concatenate(
                [
                    of_class[: max(FOLDS, round(share * len(of_class)))]
                    for label in np.unique(labels[chosen])
                    for of_class in [shuffled[labels[shuffled] == label]]
                ]
            )
        )
    return _Sample(tuple(found.train[i] for i in chosen), labels[chosen])


def _require_enough(labels: NDArray[np.int64]) -> None:
    if not can_probe(labels):
        raise TlstudioError(
            "There are too few training pictures to measure anything on.",
            "Add more: at least two classes need two or more besides those for validation.",
        )


def _advice(
    project: Project,
    pictures: Labelled,
    sample: _Sample,
    rank: bool,
    device: str,
    control: Control,
) -> Iterator[Event]:
    backbone = yield from backbones.load(project.backbone, control)
    seen = yield from response(backbone, project.backbone, sample.pictures, device, control)
    labels = sample.labels[seen.used]
    _require_enough(labels)
    probes = []
    for depth in seen.depths:
        found = probe(depth.rows, labels, control)
        channels = depth.rows.shape[1]
        probes.append(
            DepthProbe(depth.block, depth.layer, channels, found.accuracy, found.deviation)
        )
        yield probes[-1]
    maxima = probe(seen.maxima, labels, control)
    asked = _scored(project.backbone, backbone, seen, labels, device, control)
    scores = [asked]
    control.checkpoint()
    if rank:
        del backbone  # the others need its memory
        # Other weights or another input say nothing of the network as the others are ranked.
        as_known = project.backbone == _as_known(catalog.facts(project.backbone.name))
        scores = [asked] if as_known else []
        yield from scores
        for event in _others(asked.name if as_known else "", sample, device, control):
            yield event
            if isinstance(event, BackboneScore):
                scores.append(event)
    findings = Findings(
        size=_size(pictures),
        similarity=Similarity(
            similar=is_similar(probes, seen.confidence) and project.backbone.pretrained,
            logme=asked.score,
            probes=tuple(probes),
            confidence=seen.confidence,
        ),
        maxima=maxima,
        measured=len(labels),
        layers=seen.layers,
        pretrained=project.backbone.pretrained,
        optimizer=project.training.optimizer,
        batch_size=project.training.batch_size,
    )
    decided = decide(findings)
    yield Advice(
        strategy=decided.strategy,
        unfreeze_from=decided.unfreeze_from,
        learning_rate=decided.learning_rate,
        epochs=decided.epochs,
        pooling=decided.pooling,
        augmentation=decided.augmentation,
        reasons=decided.reasons,
        size=findings.size,
        similarity=findings.similarity,
        backbones=tuple(sorted(scores, key=lambda one: -one.score)),
        batchnorm=decided.batchnorm,
    )


def _size(pictures: Labelled) -> DataSize:
    counts = np.bincount(pictures.labels[: len(pictures.train)], minlength=len(pictures.classes))
    number, classes = len(pictures.train), len(pictures.classes)
    return DataSize(number, classes, int(counts.min()), is_large(number, classes))


def _as_known(known: catalog.BackboneFacts) -> Backbone:
    """As it was published: pretrained, at the input that it was trained at."""
    return Backbone(name=known.name, weights=known.weights[0], input_shape=known.input_shape)


def _others(
    scored: str, sample: _Sample, device: str, control: Control
) -> Generator[Event, None, None]:
    """Every backbone but one that needs no download; one that cannot be run is told of."""
    for known in catalog.CATALOG:
        if known.name == scored or not catalog.is_cached(known):
            continue
        try:
            yield (yield from _ranked(known, sample, device, control))
        except (TlstudioError, MemoryError, tf.errors.OpError) as error:
            yield Warned(f"{known.label} is left out of the ranking.", str(error))


def _ranked(
    known: catalog.BackboneFacts, sample: _Sample, device: str, control: Control
) -> Generator[Event, None, BackboneScore]:
    """By itself, so that nothing holds its memory when the next is loaded."""
    spec = _as_known(known)
    require_memory(known, device)
    backbone = yield from backbones.load(spec, control, download=False)
    seen = yield from response(backbone, spec, sample.pictures, device, control, every_depth=False)
    return _scored(spec, backbone, seen, sample.labels[seen.used], device, control)


def _scored(
    spec: Backbone,
    backbone: keras.Model,
    seen: Response,
    labels: NDArray[np.int64],
    device: str,
    control: Control,
) -> BackboneScore:
    return BackboneScore(
        name=spec.name,
        score=logme(seen.depths[-1].rows, labels),
        seconds_per_picture=seconds_a_picture(backbone, spec, device, control),
        params=backbone.count_params(),
        size_mb=backbone.count_params() * catalog.BYTES_PER_PARAMETER / 1e6,
    )

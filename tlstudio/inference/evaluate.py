"""How good a model is: confusion, per-class figures and calibration."""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from tlstudio.control import Control
from tlstudio.data.batches import picture_batches
from tlstudio.data.lost import warnings_of
from tlstudio.data.scan import scanned
from tlstudio.errors import PictureError, TlstudioError
from tlstudio.events import (
    Calibration,
    ClassFigures,
    Evaluation,
    Event,
    Judged,
    Picture,
    Progress,
    Warned,
)
from tlstudio.inference.load import BATCH, load_model, probabilities
from tlstudio.project import runs

SMALLEST = 1e-7


def judge(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    paths: Sequence[str],
    classes: Sequence[str],
) -> Evaluation:
    """Figures from probabilities of shape (pictures, classes) and true class indices."""
    predicted = probabilities.argmax(axis=1)
    every = np.arange(len(classes))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0.0
    )
    return Evaluation(
        accuracy=float((predicted == labels).mean()),
        loss=cross_entropy(probabilities, labels),
        classes=tuple(classes),
        confusion=tuple(
            tuple(int(count) for count in row)
            for row in confusion_matrix(labels, predicted, labels=every)
        ),
        per_class={
            name: ClassFigures(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, name in enumerate(classes)
        },
        calibration=_calibration(probabilities, labels),
        pictures=tuple(
            Judged(path, classes[true], classes[guess], float(row[guess]))
            for path, true, guess, row in zip(paths, labels, predicted, probabilities, strict=True)
        ),
    )


def evaluate(run_folder: Path, data: Path | None, control: Control) -> Iterator[Event]:
    """The evaluate job: on the run's validation pictures, or on a labelled folder or CSV."""
    run = runs.read_run(run_folder)
    pictures: Sequence[Picture]
    if data is None:
        pictures = runs.read_pictures(run_folder, "val")
    else:
        pictures = yield from _pictures_of(data, control)
    strangers = sorted({picture.label for picture in pictures} - set(run.classes))
    if strangers:
        raise TlstudioError(
            f"The run does not know the class {strangers[0]!r}.",
            f"Use folders with the names of its classes: {', '.join(run.classes)}.",
        )
    model = load_model(run)
    rows: list[NDArray[np.float32]] = []
    indices: list[int] = []
    lost: list[PictureError] = []
    paths = [Path(picture.path) for picture in pictures]
    done = 0
    for batch in picture_batches(paths, model.input_shape[1:3], BATCH, control):
        lost += batch.lost.values()
        if batch.indices:
            rows.append(probabilities(model, batch.pictures)[: len(batch.indices)])
            indices += batch.indices
        done += len(batch.indices) + len(batch.lost)
        yield Progress("predict", done, len(paths))
    yield from warnings_of(lost, "The figures are without {}.")
    if not indices:
        raise TlstudioError(
            "None of the pictures to evaluate on can be read.",
            "Check that they are still where the run found them, or name a folder with --data.",
        )
    labels = np.array([run.classes.index(pictures[i].label) for i in indices], np.int64)
    used = [pictures[i].path for i in indices]
    yield judge(np.concatenate(rows), labels, used, run.classes)


def _pictures_of(data: Path, control: Control) -> Generator[Event, None, Sequence[Picture]]:
    """What a folder or CSV has to judge a model on: its validation part, where it has one."""
    found = yield from scanned(data, control, fewest_classes=1)
    usable = {picture.path for picture in found.pictures}
    damaged = [problem for problem in found.problems if problem.path not in usable]
    if damaged:
        yield Warned(
            f"The figures are without {len(damaged):,} of the files, which cannot be used.",
            f"The first: {damaged[0].detail}",
        )
    held_out = [picture for picture in found.pictures if picture.split == "val"]
    if held_out and len(held_out) < len(found.pictures):
        yield Warned(
            f"Only the {len(held_out):,} pictures of the validation part are judged.",
            "A model knows those that it was trained on.",
        )
    return held_out or found.pictures


def cross_entropy(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Mean over the pictures, clipped at 1e-7 as Keras does."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(chosen, SMALLEST, 1.0 - SMALLEST)).mean())


def _calibration(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Calibration:
    """Expected calibration error in 15 equal bins, and the softmax temperature of least
    cross-entropy (Guo et al. 2017, On Calibration of Modern Neural Networks).
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * 15).astype(int), 14)
    ece = sum(
        abs(right[bins == i].mean() - confidence[bins == i].mean()) * (bins == i).mean()
        for i in np.unique(bins)
    )
    logits = np.log(np.clip(probabilities.astype(np.float64), SMALLEST, 1.0))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        top = scaled.max(axis=1, keepdims=True)
        log_sum = top[:, 0] + np.log(np.exp(scaled - top).sum(axis=1))
        return float((log_sum - scaled[np.arange(len(labels)), labels]).mean())

    best = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded")
    return Calibration(float(ece), float(np.exp(best.x)))

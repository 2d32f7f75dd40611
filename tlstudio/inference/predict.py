"""The predict job: what a run's model says of pictures."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.batches import picture_batches
from tlstudio.data.scan import pictures_below
from tlstudio.errors import TlstudioError
from tlstudio.events import Event, Predicted, Prediction, Problem, Score
from tlstudio.inference.load import BATCH, load_model, probabilities
from tlstudio.paths import legible
from tlstudio.project import runs

UNKNOWN_BELOW = 0.5
"""A picture whose best class is less likely than all others together is called unknown."""


def predict(
    run_folder: Path, pictures: Sequence[Path], top: int, control: Control
) -> Iterator[Event]:
    """Yield one `Prediction` a picture in the order given, then `Predicted`.

    A folder stands for the pictures in it, by name, without what a scan leaves out. A file that
    is no picture gets a Prediction with an error. Raises TlstudioError when there is nothing to
    predict or the run is damaged.
    """
    run = runs.read_run(run_folder)
    asked = list(_asked(pictures))
    if not asked:
        raise TlstudioError(
            "There is no picture to predict.", "Name a picture, or a folder with pictures in it."
        )
    paths = [item for item in asked if isinstance(item, Path)]
    answers = _answers(run, paths, top, control)
    for item in asked:
        if isinstance(item, Problem):
            yield Prediction(item.path, error=item.detail)
        else:
            yield next(answers)
    yield Predicted(len(asked))


def _asked(pictures: Sequence[Path]) -> Iterator[Path | Problem]:
    for path in pictures:
        if os.path.isdir(path):  # noqa: PTH112  (says no where `stat` refuses)
            found, problems = pictures_below(path)
            yield from sorted(found)
            yield from problems
        else:
            yield path


def _answers(
    run: runs.Run, paths: Sequence[Path], top: int, control: Control
) -> Iterator[Prediction]:
    model = load_model(run)
    # One picture answers fastest alone; many are faster together. Each size is traced once.
    size = 1 if len(paths) == 1 else BATCH
    for batch in picture_batches(paths, model.input_shape[1:3], size, control):
        answers = {
            i: Prediction(legible(str(paths[i])), error=e.message) for i, e in batch.lost.items()
        }
        if batch.indices:
            rows = probabilities(model, batch.pictures)[: len(batch.indices)]
            for i, row in zip(batch.indices, rows, strict=True):
                answers[i] = _prediction(paths[i], row, run.classes, top)
        yield from (answers[i] for i in sorted(answers))


def _prediction(
    path: Path, row: NDArray[np.float32], classes: Sequence[str], top: int
) -> Prediction:
    order = np.argsort(-row, kind="stable")[:top]
    scores = tuple(Score(classes[i], float(row[i])) for i in order)
    return Prediction(legible(str(path)), scores, unknown=scores[0].probability < UNKNOWN_BELOW)

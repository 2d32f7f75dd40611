"""The predict job: what a run's model says of pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.decode import PICTURE_SUFFIXES, decode_many
from tlstudio.errors import PictureError, TlstudioError
from tlstudio.events import Event, Predicted, Prediction, Score
from tlstudio.inference.load import BATCH, load_model
from tlstudio.project import runs

UNKNOWN_BELOW = 0.5
"""A picture whose best class is less likely than all others together is called unknown."""


def predict(
    run_folder: Path, pictures: Sequence[Path], top: int, control: Control
) -> Iterator[Event]:
    """Yield one `Prediction` a picture in the order given, then `Predicted`.

    A folder stands for the pictures in it, by name. A file that is no picture gets a Prediction
    with an error. Raises TlstudioError when there is nothing to predict or the run is damaged.
    """
    run = runs.read_run(run_folder)
    paths = list(_files(pictures))
    if not paths:
        raise TlstudioError(
            "There is no picture to predict.", "Name a picture, or a folder with pictures in it."
        )
    model = load_model(run.model)
    # One picture answers fastest alone; many are faster together. Each size is traced once.
    size = 1 if len(paths) == 1 else BATCH
    batch = np.zeros((size, *model.input_shape[1:]), np.float32)
    waiting: list[tuple[Path, PictureError | None]] = []
    filled = 0

    def answers() -> Iterator[Prediction]:
        rows = iter(np.asarray(model.predict_on_batch(batch)) if filled else ())
        for path, error in waiting:
            yield _failed(path, error) if error else _prediction(path, next(rows), run.classes, top)

    for index, picture in decode_many(paths, model.input_shape[1:3], control):
        if isinstance(picture, PictureError):
            waiting.append((paths[index], picture))
        else:
            batch[filled] = picture
            filled += 1
            waiting.append((paths[index], None))
        if filled == size:
            control.checkpoint()
            yield from answers()
            waiting, filled = [], 0
    yield from answers()
    yield Predicted(len(paths))


def _files(pictures: Sequence[Path]) -> Iterator[Path]:
    for path in pictures:
        if path.is_dir():
            found = (p for p in path.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
            yield from sorted(p for p in found if p.is_file())
        else:
            yield path


def _failed(path: Path, error: PictureError) -> Prediction:
    return Prediction(str(path), error=error.message)


def _prediction(
    path: Path, probabilities: NDArray[np.float32], classes: Sequence[str], top: int
) -> Prediction:
    order = np.argsort(-probabilities, kind="stable")[:top]
    scores = tuple(Score(classes[i], float(probabilities[i])) for i in order)
    return Prediction(str(path), scores, unknown=scores[0].probability < UNKNOWN_BELOW)

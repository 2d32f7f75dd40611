"""The checkpoint of a training: one file of plain arrays and JSON, written after each epoch."""

import errno
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from tlstudio.errors import PictureError, TlstudioError
from tlstudio.events import Epoch
from tlstudio.paths import write_error, written_whole
from tlstudio.project.runs import CHECKPOINT
from tlstudio.training.best import BestWeights, assign, values_of
from tlstudio.training.state import Outcome, State

FORMAT = 1

DAMAGED = (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, RuntimeError)
"""What reading a damaged file raises; RuntimeError where it seems encrypted."""

Arrays = dict[str, NDArray[Any]]


def save(
    folder: Path, state: State, weights: BestWeights, optimizer: keras.optimizers.Optimizer
) -> None:
    """Write where the training is. Raises JobError."""
    arrays: Arrays = {"state": np.frombuffer(json.dumps(_described(state)).encode(), np.uint8)}
    if state.outcome:
        arrays["indices"] = state.outcome.indices
        arrays["probabilities"] = state.outcome.probabilities
    for name, values in {
        "now": values_of(weights.variables),
        "best": weights.values,
        "seed": values_of(weights.seeds),
        "optimizer": values_of(optimizer.variables),
    }.items():
        arrays |= {f"{name}/{i}": value for i, value in enumerate(values)}
    with written_whole(folder / CHECKPOINT) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def load(folder: Path) -> tuple[State, Arrays] | None:
    """Where the training was, None where it has no checkpoint. Raises TlstudioError where that
    is damaged or cannot be read. Nothing in the file is executed.
    """
    path = folder / CHECKPOINT
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _state(json.loads(arrays.pop("state").tobytes()), arrays), arrays
    except FileNotFoundError:
        return None
    except (*DAMAGED, OSError) as error:
        # A damaged table of contents that points outside of the file leads to EINVAL.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise TlstudioError(
                f"{path} could not be read ({error.strerror or error}).",
                "Check that you are allowed to read it and that its disk is connected.",
            ) from error
        raise TlstudioError(
            f"The checkpoint of the run {folder} is damaged, so it cannot go on.",
            "Delete the run, or train again into another folder.",
        ) from error


def delete(folder: Path) -> None:
    """Of a run that has nothing left to do. Raises JobError."""
    try:
        (folder / CHECKPOINT).unlink(missing_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def restore(arrays: Arrays, weights: BestWeights, optimizer: keras.optimizers.Optimizer) -> None:
    """Set what a training of the same phase changes, whether its frozen part was cut off or not.
    Raises TlstudioError where it differs.
    """
    try:
        assign(weights.variables, _numbered(arrays, "best"))
        weights.keep()
        assign(weights.variables, _numbered(arrays, "now"))
        # From the end, since one of the two models may lack the first ones.
        for seed, value in zip(weights.seeds[::-1], _numbered(arrays, "seed")[::-1], strict=False):
            seed.assign(value)
        assign(optimizer.variables, _numbered(arrays, "optimizer"))
    except ValueError as error:
        raise TlstudioError(
            "The checkpoint does not fit the model, so the run cannot go on.",
            "Use the version of tlstudio that began it, or train again.",
        ) from error


def _numbered(arrays: Arrays, name: str) -> list[NDArray[Any]]:
    found: list[NDArray[Any]] = []
    while (key := f"{name}/{len(found)}") in arrays:
        found.append(arrays[key])
    return found


def _described(state: State) -> dict[str, Any]:
    described = {
        name: getattr(state, name)
        for name in ("phase", "since_change", "factor", "micro", "extracting", "elapsed")
    }
    if state.epochs:
        described["lowest_loss"] = state.lowest_loss
    if state.outcome:
        described |= {"best": state.outcome.best.epoch, "trained": state.outcome.trained}
    return described | {
        "format": FORMAT,
        "random": state.random.bit_generator.state,
        "epochs": [asdict(epoch) for epoch in state.epochs],
        "lost": {i: (error.kind, error.message, error.hint) for i, error in state.lost.items()},
    }


def _state(described: dict[str, Any], arrays: Arrays) -> State:
    if described.pop("format") != FORMAT:
        raise ValueError("another format")
    random = np.random.default_rng()
    random.bit_generator.state = described.pop("random")
    epochs = TypeAdapter(list[Epoch]).validate_python(described.pop("epochs"))
    lost = {int(i): PictureError(*parts) for i, parts in described.pop("lost").items()}
    outcome = None
    if "best" in described:
        outcome = Outcome(
            epochs[described.pop("best") - 1],
            described.pop("trained"),
            arrays.pop("indices"),
            arrays.pop("probabilities"),
        )
    return State(random, epochs=epochs, outcome=outcome, lost=lost, **described)

"""The moved job: how far a training moved each layer of its backbone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Event
from tlstudio.inference.load import MEND
from tlstudio.inference.networks import trained, untrained
from tlstudio.layer_events import LayersMoved
from tlstudio.project import runs


def moved(folder: Path, control: Control) -> Iterator[Event]:
    """Yield what loading says, then `LayersMoved` with all layers that have weights.

    The weights that the training began with are loaded anew, or drawn anew from its seed. Raises
    TlstudioError where they are not here any more or the run is damaged, and Cancelled.
    """
    run = runs.read_run(folder)
    now = trained(run)
    control.checkpoint()
    seed = run.project.training.seed
    before = yield from untrained(run.project.backbone, seed, control)
    changes: dict[str, float] = {}
    for old, new in zip(before.layers, now.layers, strict=False):
        control.checkpoint()
        if old.weights or new.weights:
            changes[old.name] = _change(old, new, run)
    yield LayersMoved(changes)


def _change(old: keras.layers.Layer, new: keras.layers.Layer, run: runs.Run) -> float:
    before, after = old.get_weights(), new.get_weights()
    shapes = [weight.shape for weight in before], [weight.shape for weight in after]
    if old.name != new.name or shapes[0] != shapes[1]:
        raise TlstudioError(
            f"{run.model} has other layers than the backbone that its run names.", MEND
        )
    change = _norm([a.astype(np.float64) - b for a, b in zip(after, before, strict=True)])
    # What began as zeros has no size to compare with but the one that it reached.
    return change / (_norm(before) or _norm(after)) if change else 0.0


def _norm(weights: Sequence[NDArray[Any]]) -> float:
    return float(np.sqrt(sum(np.square(weight.astype(np.float64)).sum() for weight in weights)))

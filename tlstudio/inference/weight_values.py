"""The jobs that hand out the weights of a layer: as values, and as a file that NumPy reads."""

import re
from collections.abc import Generator, Iterator, Sequence
from itertools import chain, count
from pathlib import Path

import keras
import numpy as np

from tlstudio.control import Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Event
from tlstudio.inference.networks import asked_about, layer_of
from tlstudio.layer_events import WeightsSaved, WeightValues
from tlstudio.paths import written_whole
from tlstudio.project.spec import Backbone


def weight_values(
    backbone: Backbone, layer: str, run: Path | None, seed: int, control: Control
) -> Iterator[Event]:
    """Yield what loading says, then `WeightValues`, in the order of Keras's `get_weights`.

    Raises as `inspect_layer` does, and TlstudioError for a layer without weights.
    """
    yield (yield from _values(backbone, layer, run, seed, control))


def save_weights(
    backbone: Backbone, layer: str, run: Path | None, path: Path, seed: int, control: Control
) -> Iterator[Event]:
    """Write one weight as `.npy`, several by their names as `.npz`, then yield `WeightsSaved`.

    Here, since hundreds of megabytes would make the window stand still on their way to it. Raises
    as `weight_values` does, and JobError where the file cannot be written.
    """
    weights = yield from _values(backbone, layer, run, seed, control)
    control.checkpoint()
    with written_whole(path) as temporary, temporary.open("wb") as stream:
        if len(weights.values) == 1:
            np.save(stream, weights.values[0], allow_pickle=False)
        else:
            named = zip(weights.names, weights.values, strict=True)
            np.savez(stream, **dict(named))  # type: ignore[arg-type]
    yield WeightsSaved(layer, str(path))


def weight_names(layer: keras.layers.Layer) -> tuple[str, ...]:
    """As the layer calls its weights; with the names of the layers within it where it has such."""
    names = [weight.name for weight in layer.weights]
    if len(set(names)) < len(names):
        names = [weight.path.removeprefix(f"{layer.name}/") for weight in layer.weights]
    return tuple(names)


def identifiers(names: Sequence[str]) -> tuple[str, ...]:
    """Names that Python takes; one that is taken already gets a number."""
    taken: list[str] = []
    for name in names:
        plain = re.sub(r"\W", "_", name)
        numbered = (f"{plain}_{number}" for number in count(1))
        taken.append(next(one for one in chain([plain], numbered) if one not in taken))
    return tuple(taken)


def _values(
    backbone: Backbone, layer: str, run: Path | None, seed: int, control: Control
) -> Generator[Event, None, WeightValues]:
    _, network = yield from asked_about(backbone, run, seed, control)
    found = layer_of(network, layer)
    if not found.weights:
        raise TlstudioError(
            f"The layer “{layer}” has no weights.",
            "Choose one that has parameters, such as a convolution.",
        )
    return WeightValues(layer, identifiers(weight_names(found)), tuple(found.get_weights()))

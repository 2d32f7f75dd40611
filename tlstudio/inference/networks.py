"""The backbones that are looked into: as a training begins with them, and as a run left them."""

from collections.abc import Generator
from pathlib import Path

import keras

from tlstudio.control import Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Event, Warned
from tlstudio.inference.load import MEND, load_model
from tlstudio.model import backbone as backbones
from tlstudio.model import catalog, weights
from tlstudio.project import runs
from tlstudio.project.runs import Run
from tlstudio.project.spec import Backbone

Key = tuple[Backbone, int, int]

ON_CPU = "cpu:0"
"""A GPU is not needed for what a network is asked here, and its memory would stay taken."""

_last: dict[Key, tuple[keras.Model, tuple[Warned, ...]]] = {}
"""The one that was loaded last, so that the next question about it is answered at once, and what
was warned of then.
"""


def untrained(spec: Backbone, seed: int, control: Control) -> Generator[Event, None, keras.Model]:
    """The backbone, without its top, that a training with this seed begins with; what its weights
    leave open is drawn as the training draws it. It stays for the next question.

    Nothing is downloaded for it. Raises TlstudioError where its weights are not here, are damaged
    or are of another network, and Cancelled when stopped.
    """
    spec = catalog.canonical(spec)
    key = (spec, seed, _changed(spec))
    if key not in _last:
        _last.clear()
        keras.utils.set_random_seed(seed)
        _last[key] = yield from _with_warnings(backbones.load(spec, control, download=False))
    network, warnings = _last[key]
    yield from warnings
    return network


def trained(run: Run) -> keras.Model:
    """The backbone within a run's model. Raises TlstudioError as `load_model` does."""
    model = load_model(run)
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if not inner:
        raise TlstudioError(f"{run.model} has no backbone in it.", MEND)
    return max(inner, key=lambda layer: layer.count_params())


def asked_about(
    backbone: Backbone, run: Path | None, seed: int, control: Control
) -> Generator[Event, None, tuple[Backbone, keras.Model]]:
    """The backbone as a training with this `seed` begins with it or, with `run`, as that run left
    it; with what it is, since a run has its own. Raises as `untrained` and `trained` do.
    """
    if run:
        of_run = runs.read_run(run)
        return of_run.project.backbone, trained(of_run)
    network = yield from untrained(backbone, seed, control)
    return backbone, network


def _with_warnings(
    job: Generator[Event, None, keras.Model],
) -> Generator[Event, None, tuple[keras.Model, tuple[Warned, ...]]]:
    """What a job returns, and its warnings instead of telling them."""
    warnings: list[Warned] = []
    while True:
        try:
            with keras.device(ON_CPU):
                event = next(job)
        except StopIteration as end:
            return end.value, tuple(warnings)
        if isinstance(event, Warned):
            warnings.append(event)
        else:
            yield event


def layer_of(network: keras.Model, name: str) -> keras.layers.Layer:
    """Raises TlstudioError for a name that no layer has."""
    for layer in network.layers:
        if layer.name == name:
            return layer
    raise TlstudioError(
        f"The network has no layer called “{name}”.", "Choose one of the layers in its tree."
    )


def _changed(spec: Backbone) -> int:
    """When the file of its weights was written, so that one written anew is read anew."""
    weights.check(spec)
    if spec.weights == "random" or weights.are_bundled(spec):
        return 0
    if spec.weights != "imagenet":
        return Path(spec.weights).stat().st_mtime_ns
    path = catalog.weights_file(catalog.facts(spec.name), spec)
    return path.stat().st_mtime_ns if path.is_file() else 0

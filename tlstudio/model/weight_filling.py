"""Filling a network with the weights in a file."""

from collections.abc import Iterator
from pathlib import Path

import keras

from tlstudio.backbone_events import WeightsMatched
from tlstudio.events import Warned
from tlstudio.model.weight_files import opened
from tlstudio.model.weight_fit import fit
from tlstudio.model.weight_refusal import Rescaled, check_fit, check_numbers
from tlstudio.model.weights import give_values

NAMED = 3
"""Layers that a warning names."""


def fill(
    model: keras.Model, path: Path, label: str, rescaled: Rescaled | None = None
) -> Iterator[Warned]:
    """Give an outline the weights in a file; what the file lacks gets new ones, which is warned of.

    `label` is what the network is called for people; `rescaled` makes it anew at another width,
    where it has one. Raises TlstudioError where the file cannot be read or is refused.
    """
    with opened(path) as groups:
        found = fit(model, groups)
        check_fit(found, groups, path, label, rescaled)
        values = {id(variable): array.values() for variable, array in found.arrays}
    check_numbers(values.values(), path)
    give_values(model, [values.get(id(variable)) for variable in model.weights])
    if found.report.missing or found.report.different:
        yield _lacking(found.report, path, label)


def _lacking(report: WeightsMatched, path: Path, label: str) -> Warned:
    names = [*report.missing, *(sentence.partition(":")[0] for sentence in report.different)]
    more = ", …" if len(names) > NAMED else ""
    return Warned(
        f"{len(names)} of {len(names) + len(report.matched)} layers of {label} are not in "
        f"{path.name} with their shapes and start untrained: {', '.join(names[:NAMED])}{more}.",
        "Look at what the file has (`tlstudio describe` with `--weights`), or choose another file.",
    )

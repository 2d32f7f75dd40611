"""The match job: what a weights file has for a backbone, and whether ImageNet weights that are here
are sound, before anything is trained.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tlstudio.backbone_events import WeightsReady
from tlstudio.control import Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Event, Progress
from tlstudio.model import backbone as backbones
from tlstudio.model import catalog, imagenet, weights
from tlstudio.model.weight_files import opened
from tlstudio.model.weight_fit import Fit, fit
from tlstudio.model.weight_refusal import check_fit, check_numbers
from tlstudio.project.spec import Backbone
from tlstudio.project.store import NAMED_WEIGHTS


def match_file(spec: Backbone, control: Control) -> Iterator[Event]:
    """Look which layers of a backbone are in the file that it names, and whether a training could
    begin with them; ends with `WeightsMatched`. Of ImageNet weights only the file is checked; that
    ends with `WeightsReady`.

    Raises TlstudioError where it is no file of weights or damaged, or the backbone cannot be built,
    and Cancelled.
    """
    known = catalog.facts(spec.name)
    if spec.weights == "imagenet" and not weights.are_bundled(spec):
        yield WeightsReady(known.name, str(imagenet.look(spec)))
        return
    if spec.weights in NAMED_WEIGHTS:
        raise TlstudioError(
            f"{spec.weights.capitalize()} weights of {known.label} are no file to look into.",
            "Choose a weights file.",
        )
    yield Progress("build", 0, 1, known.label)
    path = Path(spec.weights)
    with opened(path) as groups:
        model = backbones.outline(spec)
        control.checkpoint()
        found = fit(model, groups)
        report = found.report
        try:
            check_fit(found, groups, path, known.label, backbones.rescaled(spec))
            check_numbers(_values(found, control), path)
        except TlstudioError as error:
            report = replace(report, refused=error.message, hint=error.hint)
    yield Progress("build", 1, 1, known.label)
    yield report


def _values(found: Fit, control: Control) -> Iterator[NDArray[Any]]:
    for _, array in found.arrays:
        control.checkpoint()
        yield array.values()

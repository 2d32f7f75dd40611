"""The backbones command: the catalogue, with how fast each network is here where that is asked."""

import argparse
from typing import Any

from tlstudio.backbone_events import milliseconds
from tlstudio.host.jobs import MeasureRequest
from tlstudio.model.catalog import CATALOG, BackboneFacts, facts, is_cached
from tlstudio.model.families import family_of, preprocessing_words
from tlstudio.project.spec import Backbone

Times = dict[str, float]
"""Seconds a picture by the name of the network."""

_EXPLAINED = """
Parameters are without the ImageNet classifier, top-1 is the published accuracy on ImageNet with it.
The first weights are used unless others are named; what is not here is downloaded by a training."""

_HERE_EXPLAINED = "The column here is the time for one picture on this machine, decoding left out."


def add_measuring(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--measure",
        nargs="*",
        metavar="BACKBONE",
        help="also measure how long these take for a picture on this machine; all if none is named",
    )


def measuring(options: argparse.Namespace) -> MeasureRequest | None:
    """What is to be measured, if anything. Raises TlstudioError for an unknown name."""
    if options.measure is None:
        return None
    named = [facts(name) for name in options.measure] or CATALOG
    return MeasureRequest(
        tuple(Backbone(name=known.name, input_shape=known.input_shape) for known in named)
    )


def backbones_document(times: Times) -> list[dict[str, Any]]:
    """The catalogue as the contract has it, and more."""
    return [_document(known, times) for known in CATALOG]


def print_backbones(times: Times) -> None:
    here = f"{'here':>10}" if times else ""
    print(
        f"{'backbone':<20}{'family':<18}{'year':>6}{'parameters':>13}{'input':>9}{'top-1':>8}{here}"
        "  weights"
    )
    for known in CATALOG:
        weights = ", ".join(known.weights) + (" (here)" if is_cached(known) else "")
        top1 = f"{known.top1:.1%}" if known.top1 is not None else "-"
        side = f"{known.input_shape[0]} px"
        seconds = times.get(known.name)
        here = f"{'-' if seconds is None else milliseconds(seconds):>10}" if times else ""
        print(
            f"{known.name:<20}{known.family:<18}{family_of(known).year:>6}{known.params:>13,}"
            f"{side:>9}{top1:>8}{here}  {weights}"
        )
    print(_EXPLAINED)
    if times:
        print(_HERE_EXPLAINED)


def _document(known: BackboneFacts, times: Times) -> dict[str, Any]:
    family = family_of(known)
    return {
        "name": known.name,
        "family": known.family,
        "year": family.year,
        "paper": family.paper,
        "idea": family.idea,
        "params": known.params,
        "params_with_top": known.params_with_top,
        "input_shape": [*known.input_shape, 3],
        "min_input_shape": [known.min_input, known.min_input, 3],
        "top_tied": known.top_tied,
        "preprocessing": preprocessing_words(known),
        "arguments": list(known.arguments),
        "top1": known.top1,
        "size_mb": known.size_mb,
        "weights": [*known.weights, "random"],
        "cached": is_cached(known),
        "seconds_per_picture": times.get(known.name),
    }

"""The facts of a network in the words of the catalogue's window."""

from tlstudio.backbone_events import Measured, milliseconds
from tlstudio.model.catalog import BYTES_PER_PARAMETER, BackboneFacts
from tlstudio.ui import numbers

UNKNOWN = "–"


def download_bytes(facts: BackboneFacts) -> int:
    """About how much its weights without the classifier weigh."""
    return facts.params * BYTES_PER_PARAMETER


def top1(facts: BackboneFacts) -> str:
    return UNKNOWN if facts.top1 is None else f"{facts.top1 * 100:.1f} %"


def square(side: int) -> str:
    return f"{side}×{side}"


def time(measured: Measured | None) -> str:
    """For one picture: 0.31 ms, 23.4 ms, 1.5 s."""
    if measured is None:
        return UNKNOWN
    seconds = measured.seconds_per_picture
    return f"{seconds:.1f} s" if seconds >= 0.9995 else milliseconds(seconds)


def device(measured: Measured) -> str:
    """Where it was measured: CPU, GPU 0."""
    return measured.device.replace(":", " ").upper()


def place(facts: BackboneFacts, here: bool) -> str:
    """Where its ImageNet weights are."""
    if "bundled" in facts.weights:
        return "bundled"
    return "here" if here else "download"


def classifier(facts: BackboneFacts) -> str:
    """What its own ImageNet classifier adds, in a sentence."""
    alone, whole = numbers.short(facts.params), numbers.short(facts.params_with_top)
    share = 1 - facts.params / facts.params_with_top
    percent = f"{share * 100:.0f}\u00a0%"
    return f"{alone} without its classifier, {whole} with it; {percent} are in the classifier"

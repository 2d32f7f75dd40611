"""What the advise job says: how large and how familiar the pictures are, and what follows."""

from dataclasses import dataclass
from typing import ClassVar

from tlstudio.events import Event
from tlstudio.project.spec import AugmentationMode, Pooling, Strategy


@dataclass(frozen=True, slots=True)
class DataSize:
    pictures: int
    classes: int
    smallest_class: int
    """Pictures in the class that has the fewest."""
    large: bool


def percent(share: float) -> str:
    """A share of pictures as whole percents: its ± is more than any decimal would say."""
    return f"{100 * share:.0f} %"


def points(share: float) -> str:
    """A difference of such shares, whole but between 0 and 1."""
    return f"{100 * share:.{1 if 0.0005 <= share < 0.0095 else 0}f}"


@dataclass(frozen=True, slots=True)
class DepthProbe(Event):
    """What a linear classifier makes of the features after one block, as soon as it is known."""

    event: ClassVar[str] = "probe"
    block: str
    layer: str
    """The last of the block, whose pooled output was probed."""
    channels: int
    accuracy: float
    """0 to 1, the mean of a stratified cross-validation."""
    deviation: float
    """Standard deviation over its folds."""

    @property
    def words(self) -> str:
        """As 86 % ± 3."""
        return f"{percent(self.accuracy)} ± {points(self.deviation)}"


@dataclass(frozen=True, slots=True)
class Similarity:
    """How familiar the pictures are to what the backbone saw, by its own response to them."""

    similar: bool
    logme: float
    """Log of the maximum evidence a picture (You et al., ICML 2021), of the pooled features."""
    probes: tuple[DepthProbe, ...]
    """From input to output."""
    confidence: float | None
    """Mean of the largest ImageNet probability, 0 to 1; None where the top is not at hand."""


@dataclass(frozen=True, slots=True)
class BackboneScore(Event):
    """One backbone on the person's own pictures, without training, as soon as it is known."""

    event: ClassVar[str] = "scored"
    name: str
    score: float
    """LogME: the higher, the better."""
    seconds_per_picture: float
    params: int
    """Without its top, as the size."""
    size_mb: float
    """Of its weights in single precision, in 10**6 bytes."""


@dataclass(frozen=True, slots=True)
class Advice(Event):
    """What to decide, and why. The result of the advise job."""

    event: ClassVar[str] = "advice"
    strategy: Strategy
    unfreeze_from: str
    """A layer's name; only where the strategy is `top`."""
    learning_rate: float
    epochs: int
    pooling: Pooling
    augmentation: AugmentationMode
    reasons: tuple[str, ...]
    """Sentences with the numbers behind each decision."""
    size: DataSize
    similarity: Similarity
    backbones: tuple[BackboneScore, ...]
    """Best score first: the one asked about or, where a ranking was asked for, all whose published
    weights are at hand and that memory is large enough for.
    """
    batchnorm: bool = False
    """Whether BatchNorm is to be trained with its block; where not, it stays as it is decided."""

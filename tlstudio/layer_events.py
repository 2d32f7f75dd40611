"""What the jobs that look into a backbone say: a layer with its weights, and how far each moved."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tlstudio.events import Event


@dataclass(frozen=True, slots=True)
class WeightFigures:
    """One weight of a layer, in figures."""

    name: str
    """As the layer calls it: kernel, bias, gamma, moving_mean."""
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    """Whether it is trained where its layer is: BatchNorm's statistics are not."""
    minimum: float
    maximum: float
    mean: float
    deviation: float
    """Standard deviation."""
    histogram: tuple[int, ...]
    """Values in bins of equal width from minimum to maximum; one bin where all are alike."""
    not_finite: int = 0
    """Values that are no numbers or infinite. All figures are of the others; without any, they are
    not a number and the histogram is empty.
    """


@dataclass(frozen=True, slots=True, eq=False)
class LayerSeen(Event):
    """A layer from within. The result of the inspect job. Shapes are without the batch axis."""

    event: ClassVar[str] = "layer"
    name: str
    type: str
    block: str
    config: dict[str, Any]
    """Keras's own, as JSON values."""
    input_shapes: tuple[tuple[int | None, ...], ...]
    output_shapes: tuple[tuple[int | None, ...], ...]
    weights: tuple[WeightFigures, ...]
    filters: NDArray[np.uint8] | None = None
    """(filters, rows, columns, 3), each stretched to 0..255; only of a convolution of pictures."""
    activations: NDArray[np.uint8] | None = None
    """(channels, rows, columns) for the picture asked about, each stretched to 0..255: of the first
    64 channels, and where that is large of every second row and column or less.
    """


@dataclass(frozen=True, slots=True, eq=False)
class WeightValues(Event):
    """The values of a layer's weights, as `get_weights` gives them. The result of its job."""

    event: ClassVar[str] = "weight_values"
    layer: str
    names: tuple[str, ...]
    """As Python takes them."""
    values: tuple[NDArray[Any], ...]


@dataclass(frozen=True, slots=True)
class WeightsSaved(Event):
    """The weights of a layer are in a file. The result of its job."""

    event: ClassVar[str] = "weights_saved"
    layer: str
    path: str


@dataclass(frozen=True, slots=True)
class LayersMoved(Event):
    """How far a training moved each layer from its pretrained weights. The result of its job."""

    event: ClassVar[str] = "moved"
    layers: dict[str, float]
    """By layer name: norm of the change, relative to the norm of the weights that it began with; 0
    where nothing moved, 1 where it began as zeros, not finite where its weights are not.
    """

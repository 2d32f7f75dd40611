"""About how much disk the features of a training take: arithmetic on layer rows."""

from collections.abc import Sequence
from math import prod

from tlstudio.events import LayerRow
from tlstudio.project.spec import FeaturePrecision, Training
from tlstudio.ui.expected_time import frozen_layers
from tlstudio.ui.session import Session

HALF_FROM = 1 << 13
"""From so many values a picture on, automatic means half precision."""


def per_picture(
    layers: Sequence[LayerRow],
    trainable: frozenset[str],
    pooled: bool,
    precision: FeaturePrecision,
) -> int:
    """Bytes of one version of a picture; `pooled` says whether a frozen backbone's output is."""
    frozen = frozen_layers(layers, trainable)
    if not frozen:
        return 0
    shape = frozen[-1].output_shape
    # The mean of each channel is kept and its maximum.
    values = 2 * (shape[-1] or 1) if pooled and not trainable else prod(n or 1 for n in shape)
    half = precision == "float16" or (precision == "auto" and values > HALF_FROM)
    return values * (2 if half else 4)


def of(session: Session, training: Training) -> int | None:
    """Bytes that the session's decisions would keep with this training; None where the layers or
    the pictures are not known.
    """
    split, description = session.split, session.description
    if split is None or description is None:
        return None
    how = training.augmentation
    times = {"off": 1, "views": how.views, "live": 0}[how.mode]
    pooled = session.decisions.head.pooling != "flatten"
    each = per_picture(description.layers, session.trainable, pooled, training.features)
    return each * (len(split.train) * times + len(split.val))

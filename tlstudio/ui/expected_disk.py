"""About how much disk the features of a training take: arithmetic on layer rows."""

from collections.abc import Sequence
from math import prod

from tlstudio.events import LayerRow
from tlstudio.project import kept_row
from tlstudio.project.spec import FeaturePrecision, Training
from tlstudio.ui.expected_time import frozen_layers
from tlstudio.ui.session import Session


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
    if pooled and not trainable:
        return kept_row.size(kept_row.POOLED * (shape[-1] or 1), precision)
    return kept_row.size(prod(length or 1 for length in shape), precision)


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

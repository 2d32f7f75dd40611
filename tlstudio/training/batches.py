"""Where a training takes its batches from: features kept in an array, or pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.batches import picture_batches
from tlstudio.errors import PictureError
from tlstudio.training.features import Features

Indices = NDArray[np.int64]


class Source(Protocol):
    """Yields (inputs, indices): inputs always have `size` rows, padded with zeros after the
    rows that `indices` name, since each new batch size would be traced anew.
    """

    lost: dict[int, PictureError]

    def batches(
        self, order: Indices, size: int, control: Control
    ) -> Iterator[tuple[NDArray[Any], Indices]]: ...


class FeatureSource:
    """Batches of rows that were computed before."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self.lost = features.lost

    def batches(
        self, order: Indices, size: int, control: Control
    ) -> Iterator[tuple[NDArray[Any], Indices]]:
        kept = np.array([i for i in order if i not in self.lost], np.int64)
        for start in range(0, len(kept), size):
            control.checkpoint()
            indices = kept[start : start + size]
            rows = self._features.read(indices)
            inputs = np.zeros((size, rows.shape[1]), rows.dtype)
            inputs[: len(indices)] = rows
            yield inputs, indices


class PictureSource:
    """Batches of decoded pictures; one that cannot be decoded any more is left out from then on."""

    def __init__(self, paths: list[str], size: tuple[int, int]) -> None:
        self._paths = [Path(path) for path in paths]
        self._size = size
        self.lost: dict[int, PictureError] = {}

    def batches(
        self, order: Indices, size: int, control: Control
    ) -> Iterator[tuple[NDArray[np.float32], Indices]]:
        kept = [int(i) for i in order if i not in self.lost]
        paths = [self._paths[i] for i in kept]
        for batch in picture_batches(paths, self._size, size, control):
            self.lost |= {kept[position]: error for position, error in batch.lost.items()}
            if batch.indices:
                indices = np.array([kept[position] for position in batch.indices], np.int64)
                yield batch.pictures.astype(np.float32), indices

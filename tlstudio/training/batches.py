"""Where a training takes its batches from: features that are kept, or pictures."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.augment import key_of
from tlstudio.data.batches import picture_batches
from tlstudio.data.decode import RGB
from tlstudio.errors import PictureError
from tlstudio.events import Picture
from tlstudio.project.spec import Augmentation
from tlstudio.training.features import Features, rows_ahead
from tlstudio.training.padding import padded
from tlstudio.training.prefix import Runner
from tlstudio.training.versions import changed, of_epoch, plain, view_key, view_of_epoch

Indices = NDArray[np.int64]
Batches = Iterator[tuple[NDArray[Any], Indices]]


class Source(Protocol):
    """Yields (inputs, indices): inputs always have `size` rows, padded with zeros after the
    rows that `indices` name, since each new batch size would be traced anew.

    `epoch` counts from 1 and decides the augmentation; 0 stands for pictures as they are.
    """

    lost: dict[int, PictureError]
    """By index, why a picture cannot be used any more."""

    def batches(self, order: Indices, size: int, control: Control, epoch: int) -> Batches: ...


class FeatureSource:
    """Batches of rows that were computed before, of views where the augmentation has them."""

    def __init__(
        self, features: Features, pictures: Sequence[Picture], how: Augmentation, seed: int
    ) -> None:
        self._features = features
        self._pictures = pictures
        self._how = how
        self._changes = key_of(how)
        self._seed = seed
        self.lost = {
            i: features.lost[picture.digest]
            for i, picture in enumerate(pictures)
            if picture.digest in features.lost
        }

    @property
    def taken(self) -> slice:
        return self._features.taken

    def batches(self, order: Indices, size: int, control: Control, epoch: int) -> Batches:
        left = [int(i) for i in order if i not in self.lost]
        for start in range(0, len(left), size):
            control.checkpoint()
            indices = left[start : start + size]
            rows = self._features.read([self._key(i, epoch) for i in indices])
            yield padded(rows, size), np.array(indices, np.int64)

    def _key(self, index: int, epoch: int) -> str:
        picture = self._pictures[index]
        if not epoch or self._how.mode != "views":
            return plain(picture).key
        view = view_of_epoch(picture.digest, self._how, self._seed, epoch)
        return view_key(picture.digest, self._changes, view)


class LiveSource:
    """Batches of rows that the prefix makes anew in each epoch, from newly augmented pictures;
    those of pictures as they are come from `kept`.
    """

    def __init__(
        self,
        kept: FeatureSource,
        runner: Runner,
        pictures: Sequence[Picture],
        how: Augmentation,
        seed: int,
    ) -> None:
        self._kept = kept
        self._runner = runner
        self._pictures = pictures
        self._how = how
        self._seed = seed
        self.lost = kept.lost

    def batches(self, order: Indices, size: int, control: Control, epoch: int) -> Batches:
        if not epoch:
            yield from self._kept.batches(order, size, control, 0)
            return
        left = [int(i) for i in order if i not in self.lost]
        versions = [of_epoch(self._pictures[i], self._how, self._seed, epoch) for i in left]
        waiting: list[NDArray[Any]] = []
        indices: list[int] = []
        tries = zip(left, versions, strict=True)
        with closing(rows_ahead(self._runner, versions, self._how, control)) as results:
            for used, rows, lost, tried in results:
                # Not by digest, which another file may share that is still there.
                decoded = set(map(id, used))
                for i, version in islice(tries, tried):
                    if id(version) in decoded:
                        indices.append(i)
                    else:
                        self.lost[i] = lost[version.digest]
                waiting += list(rows[:, self._kept.taken])
                while len(waiting) >= size:
                    control.checkpoint()
                    yield np.stack(waiting[:size]), np.array(indices[:size], np.int64)
                    del waiting[:size], indices[:size]
        if waiting:
            control.checkpoint()
            yield padded(np.stack(waiting), size), np.array(indices, np.int64)


class PictureSource:
    """Batches of decoded pictures; one that cannot be decoded any more is left out from then on."""

    def __init__(
        self, pictures: Sequence[Picture], size: tuple[int, int], how: Augmentation, seed: int
    ) -> None:
        self._pictures = pictures
        self._size = size
        self._how = how
        self._seed = seed
        self.lost: dict[int, PictureError] = {}

    def batches(self, order: Indices, size: int, control: Control, epoch: int) -> Batches:
        left = [int(i) for i in order if i not in self.lost]
        paths = [Path(self._pictures[i].path) for i in left]

        def change(position: int, picture: RGB) -> RGB:
            version = of_epoch(self._pictures[left[position]], self._how, self._seed, epoch)
            return changed(picture, version, self._how)

        augment = change if epoch and self._how.mode != "off" else None
        for batch in picture_batches(paths, self._size, size, control, augment):
            self.lost |= {left[position]: error for position, error in batch.lost.items()}
            if batch.indices:
                indices = np.array([left[position] for position in batch.indices], np.int64)
                yield batch.pictures.astype(np.float32), indices

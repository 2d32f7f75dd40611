"""Features: a row for each picture from the frozen prefix, computed once and kept."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.ahead import run_ahead
from tlstudio.data.decode import decode
from tlstudio.errors import JobError, PictureError
from tlstudio.events import Event, Picture, Progress, Warned
from tlstudio.training.feature_cache import FeatureCache, Rows, ShardWriter
from tlstudio.training.prefix import Prefix, Runner

IN_MEMORY_BYTES = 1 << 30
"""Rows that may be kept in memory where the disk takes none."""


class OverflowInHalfPrecision(Exception):
    """A feature is larger than float16 can hold: compute them in float32."""


class NoRoom(Exception):
    """The features fit neither on the disk nor in memory: train without them."""


@dataclass(slots=True)
class Features:
    """The rows of pictures, by number. `lost` says which pictures could not be decoded."""

    cache: FeatureCache
    digests: Sequence[str]
    lost: dict[int, PictureError] = field(default_factory=dict)
    in_memory: dict[str, Rows] = field(default_factory=dict)
    """What the disk had no room for."""
    hits: int = 0
    """Pictures whose rows were there already."""

    def read(self, indices: NDArray[np.int64]) -> Rows:
        """Rows of shape (pictures, values)."""
        wanted = [self.digests[i] for i in indices]
        if not self.in_memory:
            return self.cache.read(wanted)
        return np.stack(
            [
                self.in_memory[digest] if digest in self.in_memory else self.cache.read([digest])[0]
                for digest in wanted
            ]
        )


def compute_features(
    prefix: Prefix, pictures: Sequence[Picture], folder: Path, device: str, control: Control
) -> Generator[Event, None, Features]:
    """Run each picture that `folder` does not have yet through the prefix, decoding beside it.

    A picture is known by its bytes, so that names and places do not matter. What was computed
    is kept when a job is stopped. Raises Cancelled, OverflowInHalfPrecision and NoRoom.
    """
    cache = FeatureCache(folder / prefix.key, prefix.values, prefix.dtype)
    missing = {p.digest: i for i, p in enumerate(pictures) if p.digest not in cache}
    digests = [picture.digest for picture in pictures]
    features = Features(cache, digests, hits=sum(digest not in missing for digest in digests))
    yield Progress("extract", features.hits, len(pictures))
    if missing:
        wanted = sorted(missing.values())
        with Runner(prefix, device) as runner, cache.writer() as writer:
            yield from _extract(runner, pictures, wanted, features, writer, control)
    for i, digest in enumerate(features.digests):
        if digest in missing and missing[digest] in features.lost:
            features.lost[i] = features.lost[missing[digest]]
    return features


def _extract(
    runner: Runner,
    pictures: Sequence[Picture],
    wanted: Sequence[int],
    features: Features,
    writer: ShardWriter,
    control: Control,
) -> Generator[Event, None, None]:
    size = runner.picture_size
    chunks = [wanted[i : i + runner.batch] for i in range(0, len(wanted), runner.batch)]

    def rows_of(chunk: Sequence[int]) -> tuple[list[int], Rows, dict[int, PictureError]]:
        batch = np.zeros((runner.batch, *size, 3), np.uint8)
        decoded: list[int] = []
        lost: dict[int, PictureError] = {}
        for i in chunk:
            try:
                batch[len(decoded)] = decode(Path(pictures[i].path), size)
                decoded.append(i)
            except PictureError as error:
                lost[i] = error
        return decoded, runner(batch)[: len(decoded)], lost

    done = len(pictures) - len(wanted)
    disk: ShardWriter | None = writer
    with closing(run_ahead(rows_of, chunks, control, runner.workers)) as results:
        for decoded, rows, lost in results:
            if not np.isfinite(rows).all():
                raise OverflowInHalfPrecision
            features.lost |= lost
            for i, row in zip(decoded, rows, strict=True):
                if disk is not None:
                    try:
                        disk.add(pictures[i].digest, row)
                        continue
                    except JobError as error:
                        disk = None
                        yield Warned(error.message, "The training goes on without keeping more.")
                _keep_in_memory(features, pictures[i].digest, row)
            done += len(decoded) + len(lost)
            yield Progress("extract", done, len(pictures))


def _keep_in_memory(features: Features, digest: str, row: Rows) -> None:
    if (len(features.in_memory) + 1) * row.nbytes > IN_MEMORY_BYTES:
        raise NoRoom
    # A copy, since the row is part of its whole batch.
    features.in_memory[digest] = row.copy()

"""Features: a row for each picture from the frozen prefix, computed once and kept."""

from collections.abc import Callable, Generator, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from tlstudio.control import Control
from tlstudio.data.ahead import run_ahead
from tlstudio.data.decode import RGB, decode
from tlstudio.data.kept_features import limit, shrink
from tlstudio.errors import JobError, PictureError
from tlstudio.events import Event, Progress, Warned
from tlstudio.model.boundary import Boundary
from tlstudio.paths import features_folder
from tlstudio.project.spec import Augmentation, Backbone, Project
from tlstudio.training.feature_cache import FeatureCache, Rows, ShardWriter
from tlstudio.training.openvino_streams import OpenVinoFailed
from tlstudio.training.padding import padded
from tlstudio.training.prefix import (
    TENSORFLOW,
    DType,
    Prefix,
    Runner,
    as_kept,
    cut_off,
    engine_for,
    joined,
)
from tlstudio.training.versions import Version, changed

IN_MEMORY_BYTES = 1 << 30
"""Rows that may be kept in memory where the disk takes none."""


class OverflowInHalfPrecision(Exception):
    """A feature is larger than float16 can hold: compute them in float32."""


class NoRoom(Exception):
    """The features fit neither on the disk nor in memory: train without them."""


@dataclass(slots=True)
class Features:
    """The rows of pictures, by their versions' keys."""

    cache: FeatureCache
    lost: dict[str, PictureError] = field(default_factory=dict)
    """By digest, why a picture could not be decoded."""
    in_memory: dict[str, Rows] = field(default_factory=dict)
    """What the disk had no room for."""
    hits: int = 0
    """Rows that were there already."""
    misses: int = 0
    taken: slice = field(default_factory=lambda: slice(None))
    """The values of a row that are read."""
    for_later: set[Path] = field(default_factory=set)
    """The indices of the shards that a later phase will want."""

    def read(self, keys: Sequence[str]) -> Rows:
        """Rows of shape (keys, values that are taken)."""
        if not self.in_memory:
            return self.cache.read(keys, self.taken)
        return np.stack(
            [
                self.in_memory[key][self.taken]
                if key in self.in_memory
                else self.cache.read([key], self.taken)[0]
                for key in keys
            ]
        )


class Cut(NamedTuple):
    """A backbone cut at its boundary: `rest` takes the rows of `features`."""

    prefix: Prefix
    rest: keras.Model
    features: Features


def features_at(
    boundary: Boundary,
    backbone: keras.Model,
    head: Sequence[keras.layers.Layer],
    project: Project,
    versions: Sequence[Version],
    device: str,
    control: Control,
    later: Boundary | None = None,
    engine: str = "",
) -> Generator[Event, None, Cut | None]:
    """What the frozen part says of all versions, and the model to train on it; None without
    room, which is said. What it says at `later` is kept in the same pass, for a later phase.
    `engine` "" takes the fastest that can be used. Raises Cancelled.
    """
    engine = engine or engine_for(device)
    folder = features_folder()
    # New versions of pictures are not kept, so that they need no room.
    live = project.training.augmentation.mode == "live"
    chosen = "float32" if live else project.training.features
    dtypes: list[DType | None] = [None if chosen == "auto" else chosen]
    if chosen != "float32":
        dtypes.append("float32")
    for dtype in dtypes:
        prefix, rest = cut_off(backbone, project.backbone, boundary, head, dtype, engine)
        both = None
        if later:
            cuts = boundary, later
            both = partial(_both, backbone, project.backbone, cuts, head, dtype, engine)
        how = project.training.augmentation
        try:
            features = yield from compute_features(
                prefix, versions, how, folder, device, control, both
            )
        except OverflowInHalfPrecision:
            if prefix.dtype == "float32":
                break
            continue
        except NoRoom:
            break
        except OpenVinoFailed as failed:
            yield Warned(failed.message, failed.hint)
            return (
                yield from features_at(
                    boundary, backbone, head, project, versions, device, control, later, TENSORFLOW
                )
            )
        shrink(folder, limit(), spare=features.cache.in_use() | features.for_later)
        return Cut(prefix, rest, features)
    yield Warned(
        "There is no room to keep the features of the frozen layers.",
        "The training goes on without; free some disk space to make it faster.",
    )
    return None


class Both(NamedTuple):
    """The prefix of a later phase, and one that makes the rows of both, the later ones last."""

    later: Prefix
    joined: Prefix


def _both(
    backbone: keras.Model,
    spec: Backbone,
    cuts: tuple[Boundary, Boundary],
    head: Sequence[keras.layers.Layer],
    dtype: DType | None,
    engine: str,
) -> Both:
    later, _ = cut_off(backbone, spec, cuts[1], head, dtype, engine)
    return Both(later, joined(backbone, spec, cuts, head, engine))


def compute_features(
    prefix: Prefix,
    versions: Sequence[Version],
    how: Augmentation,
    folder: Path,
    device: str,
    control: Control,
    both: Callable[[], Both] | None = None,
) -> Generator[Event, None, Features]:
    """Run each version that `folder` does not have yet through the prefix, decoding beside it.

    A picture is known by its bytes, so that names and places do not matter. What was computed
    is kept when a job is stopped. Where any is missing, what a later phase lacks is computed with
    it; `both` is called then. Raises Cancelled, OverflowInHalfPrecision, NoRoom and OpenVinoFailed.
    """
    keys = [version.key for version in versions]
    cache = yield from _opened(prefix, keys, folder, control)
    missing = {version.key: version for version in versions if version.key not in cache}
    hits = sum(key not in missing for key in keys)
    features = Features(cache, hits=hits, misses=len(keys) - hits, taken=prefix.taken)
    if not missing:
        yield Progress("extract", hits, len(keys))
        return features
    with ExitStack() as stack:
        kept = _KeptRows(prefix, missing.keys(), features, stack.enter_context(cache.writer()))
        later, also, runs, wanted = None, None, prefix, missing
        if both:
            second, at_once = both()
            also = yield from _opened(second, keys, folder, control)
            lacking = {version.key: version for version in versions if version.key not in also}
            if lacking:
                later = _LaterRows(second, lacking.keys(), stack.enter_context(also.writer()))
                runs, wanted = at_once, missing | lacking
        done = sum(key not in wanted for key in keys)
        yield Progress("extract", done, len(keys))
        runner = stack.enter_context(Runner(runs, device, control))
        for event in _extract(runner, list(wanted.values()), how, kept, later, control):
            if isinstance(event, int):
                done += event
                yield Progress("extract", min(done, len(keys)), len(keys))
            else:
                yield event
        yield from kept.finish()
    if also:
        features.for_later = also.in_use()
    if done < len(keys):  # pictures that are there more than once
        yield Progress("extract", len(keys), len(keys))
    return features


def _opened(
    prefix: Prefix, keys: Sequence[str], folder: Path, control: Control
) -> Generator[Event, None, FeatureCache]:
    cache = FeatureCache(folder / prefix.key, prefix.values, prefix.dtype, keys)
    yield from cache.check(control)
    return cache


class RowsOfSome(NamedTuple):
    """`rows` of the versions that could be decoded, and why others could not, by digest."""

    versions: list[Version]
    rows: Rows
    lost: dict[str, PictureError]
    tried: int


def rows_ahead(
    runner: Runner, versions: Sequence[Version], how: Augmentation, control: Control
) -> Generator[RowsOfSome, None, None]:
    """Decode, augment and run versions through the prefix, a little ahead and in order.

    A thread for each core does all of it for some versions, so that none waits for another.
    Raises Cancelled and OpenVinoFailed.
    """
    # Building is Python for the most part: threads that decode meanwhile would take turns with
    # it, and that costs more time than they save.
    runner.wait()
    size, batch = runner.picture_size, runner.batch
    share = len(versions) // runner.workers
    piece = batch * max(1, min(runner.piece, share) // batch)
    pieces = [versions[i : i + piece] for i in range(0, len(versions), piece)]

    # One that a thread has begun with, and the one before, whose last views are in another piece.
    @lru_cache(2 * runner.workers)
    def decoded(path: str) -> RGB:
        """Kept while other views of the same picture are made."""
        return decode(Path(path), size)

    def rows_of(piece: Sequence[Version]) -> RowsOfSome:
        used: list[Version] = []
        pictures: list[RGB] = []
        lost: dict[str, PictureError] = {}
        for version in piece:
            if version.digest in lost:
                continue
            try:
                pictures.append(changed(decoded(version.path), version, how))
                used.append(version)
            except PictureError as error:
                lost[version.digest] = error
        batches = (np.stack(pictures[i : i + batch]) for i in range(0, len(pictures), batch))
        rows = [runner(padded(some, batch)) for some in batches]
        whole = np.concatenate(rows)[: len(used)] if rows else np.empty((0, 0), np.float32)
        return RowsOfSome(used, whole, lost, len(piece))

    ahead = 2 * runner.workers
    with closing(run_ahead(rows_of, pieces, control, runner.workers, ahead)) as results:
        yield from results


def _extract(
    runner: Runner,
    wanted: Sequence[Version],
    how: Augmentation,
    kept: "_KeptRows",
    later: "_LaterRows | None",
    control: Control,
) -> Iterator[int | Warned]:
    """Yields how many versions more are done."""
    fitting = runner.batch
    with closing(rows_ahead(runner, wanted, how, control)) as results:
        for versions, rows, lost, tried in results:
            if runner.fitting < fitting:
                yield Warned(
                    f"There is not enough memory to run {fitting} pictures at once through the "
                    "frozen layers.",
                    f"The training goes on with {runner.fitting} at once.",
                )
                fitting = runner.fitting
            kept.features.lost |= lost
            keys = [version.key for version in versions]
            values = kept.prefix.values
            yield from kept.take(keys, rows[:, :values])
            if later:
                later.take(keys, rows[:, values:])
            yield tried


@dataclass(slots=True)
class _KeptRows:
    """On the disk, or in memory once that is full."""

    prefix: Prefix
    wanted: AbstractSet[str]
    features: Features
    disk: ShardWriter | None

    def take(self, keys: Sequence[str], rows: Rows) -> Iterator[Warned]:
        """Raises OverflowInHalfPrecision and NoRoom."""
        rows = as_kept(rows, self.prefix.dtype)
        if not np.isfinite(rows).all():
            raise OverflowInHalfPrecision
        for key, row in zip(keys, rows, strict=True):
            if key not in self.wanted:
                continue
            if self.disk is not None:
                try:
                    self.disk.add(key, row)
                    continue
                except JobError as error:
                    yield from self._without_disk(self.disk, error)
            _keep_in_memory(self.features, key, row)

    def finish(self) -> Iterator[Warned]:
        """Raises NoRoom."""
        if self.disk is not None:
            try:
                self.disk.finish()
            except JobError as error:
                yield from self._without_disk(self.disk, error)

    def _without_disk(self, disk: ShardWriter, error: JobError) -> Iterator[Warned]:
        self.disk = None
        yield Warned(
            error.message,
            "The training goes on without keeping more. To make room, clear kept features in "
            "Preferences or free some disk space.",
        )
        for key, row in disk.unkept.items():
            _keep_in_memory(self.features, key, row)


@dataclass(slots=True)
class _LaterRows:
    """What cannot be kept is left for the later phase to compute, and to tell of."""

    prefix: Prefix
    wanted: AbstractSet[str]
    disk: ShardWriter | None

    def take(self, keys: Sequence[str], rows: Rows) -> None:
        rows = as_kept(rows, self.prefix.dtype)
        for key, row in zip(keys, rows, strict=True):
            if self.disk is None or key not in self.wanted or not np.isfinite(row).all():
                continue
            try:
                self.disk.add(key, row)
            except JobError:
                self.disk = None


def _keep_in_memory(features: Features, key: str, row: Rows) -> None:
    if (len(features.in_memory) + 1) * row.nbytes > IN_MEMORY_BYTES:
        raise NoRoom
    # A copy, since the row is part of its whole batch.
    features.in_memory[key] = row.copy()

import os
import shutil
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tlstudio import events as said
from tlstudio.control import Cancelled, Control
from tlstudio.data.decode import RGB, decode
from tlstudio.data.scan import scanned
from tlstudio.errors import JobError
from tlstudio.events import Picture, Progress, Warned
from tlstudio.model.backbone import build, layer_rows, preprocess
from tlstudio.model.boundary import find_boundary
from tlstudio.model.freeze import freeze
from tlstudio.model.head import head_layers
from tlstudio.project.freeze_plan import trainable_layers
from tlstudio.project.spec import Augmentation, Backbone, FreezePlan, Head, Pooling, Strategy
from tlstudio.training import features as features_module
from tlstudio.training import prefix as prefix_module
from tlstudio.training.feature_cache import FeatureCache, Rows, ShardWriter
from tlstudio.training.features import (
    Both,
    Features,
    NoRoom,
    OverflowInHalfPrecision,
    compute_features,
)
from tlstudio.training.folded import FoldedGraph, Run, fold
from tlstudio.training.prefix import TENSORFLOW, DType, Prefix, Runner, cut_off, engine_for, joined
from tlstudio.training.versions import plain, views

OFF = Augmentation()
SPEC = Backbone(name="MobileNetV2", weights="random", input_shape=(32, 32), alpha=0.35)


def ended(job: Generator[said.Event, None, Any]) -> tuple[list[said.Event], Any]:
    events = []
    try:
        while True:
            events.append(next(job))
    except StopIteration as end:
        return events, end.value


@pytest.fixture(scope="module")
def pictures(shapes: Path) -> tuple[Picture, ...]:
    return ended(scanned(shapes, Control()))[1].pictures  # type: ignore[no-any-return]


def made(
    strategy: Strategy = "head",
    pooling: Pooling = "gap",
    dtype: DType = "float32",
    seed: int = 1,
    engine: str = TENSORFLOW,
) -> tuple[keras.Model, list[keras.layers.Layer], Prefix, keras.Model]:
    keras.utils.set_random_seed(seed)
    backbone = build(SPEC)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # Random networks put out next to nothing, which would equal anything nearly.
            layer.moving_variance.assign(0.1 * layer.moving_variance)
    trainable = trainable_layers(FreezePlan(strategy=strategy), layer_rows(backbone))
    freeze(backbone, trainable)
    head = head_layers(Head(pooling=pooling), 3, seed=1)
    cut = find_boundary(backbone, trainable)
    assert cut is not None
    return backbone, head, *cut_off(backbone, SPEC, cut, head, dtype, engine)


def compute(
    prefix: Prefix, pictures: tuple[Picture, ...], folder: Path, control: Control | None = None
) -> tuple[list[said.Event], Features]:
    versions = [plain(picture) for picture in pictures]
    job = compute_features(prefix, versions, OFF, folder, "/CPU:0", control or Control())
    return ended(job)


def rows_of(features: Features, pictures: Sequence[Picture]) -> Rows:
    return features.read([picture.digest for picture in pictures])


@pytest.mark.parametrize("pooling", ["gap", "gmp", "flatten"])
@pytest.mark.parametrize("strategy", ["head", "top"])
def test_rows_and_what_is_trained_on_them_are_the_whole_model(
    pictures: tuple[Picture, ...], tmp_path: Path, strategy: Strategy, pooling: Pooling
) -> None:
    backbone, head, prefix, rest = made(strategy, pooling)
    _, features = compute(prefix, pictures, tmp_path)
    rows = rows_of(features, pictures)
    x = inputs = keras.Input((32, 32, 3))
    x = backbone(preprocess(x, SPEC.name))
    for layer in head:
        x = layer(x)
    decoded = np.stack([decode(Path(p.path), (32, 32)) for p in pictures]).astype(np.float32)
    whole = keras.Model(inputs, x).predict(decoded, verbose=0)
    assert np.ptp(whole, axis=0).max() > 0.01, "pictures differ"
    np.testing.assert_allclose(rest.predict(rows, verbose=0), whole, atol=1e-5)
    assert {w.path for w in rest.trainable_weights} == {
        w.path for w in keras.Model(inputs, x).trainable_weights
    }


def test_pooled_features_alone_are_kept_where_that_is_enough() -> None:
    assert made(pooling="gap")[2].shapes == ((1280,), (1280,))
    assert made(pooling="flatten")[2].shapes == ((1, 1, 1280),)


def test_a_head_with_the_other_pooling_finds_its_features_kept(
    pictures: tuple[Picture, ...], tmp_path: Path
) -> None:
    average, maximum = made(pooling="gap")[2], made(pooling="gmp")[2]
    assert average.key == maximum.key
    compute(average, pictures[:5], tmp_path)
    assert compute(maximum, pictures[:5], tmp_path)[1].hits == 5


def test_what_is_there_is_not_computed_again(pictures: tuple[Picture, ...], tmp_path: Path) -> None:
    prefix = made()[2]
    events, first = compute(prefix, pictures[:20], tmp_path)
    assert first.hits == 0
    assert events[0] == Progress("extract", 0, 20)
    assert events[-1] == Progress("extract", 20, 20)
    events, second = compute(prefix, pictures, tmp_path)
    assert second.hits == 20
    assert events[:2] == [Progress("check", 20, 30), Progress("extract", 20, 30)]
    np.testing.assert_array_equal(rows_of(second, pictures[:20]), rows_of(first, pictures[:20]))


def test_what_is_damaged_is_computed_anew(pictures: tuple[Picture, ...], tmp_path: Path) -> None:
    prefix = made()[2]
    compute(prefix, pictures[:20], tmp_path)
    (first,) = tmp_path.glob("*/*.rows")
    _, sound = compute(prefix, pictures, tmp_path)
    content = bytearray(first.read_bytes())
    content[100] ^= 1
    first.write_bytes(content)
    events, mended = compute(prefix, pictures, tmp_path)
    assert mended.hits == 10
    assert events[-1] == Progress("extract", 30, 30)
    np.testing.assert_allclose(rows_of(mended, pictures), rows_of(sound, pictures), atol=1e-6)


def test_a_picture_is_known_by_its_bytes(
    pictures: tuple[Picture, ...], shapes: Path, tmp_path: Path
) -> None:
    prefix = made()[2]
    compute(prefix, pictures, tmp_path)
    shutil.copytree(shapes, tmp_path / "moved")
    (tmp_path / "moved" / "disc").rename(tmp_path / "moved" / "plate")
    moved = ended(scanned(tmp_path / "moved", Control()))[1].pictures
    assert compute(prefix, moved, tmp_path)[1].hits == 30


def made_for_both(dtype: DType = "float32", largest: float = 0.0) -> tuple[Prefix, Both]:
    """Of the head's phase, and of one that trains the top layers, for which a feature is as large
    as `largest`.
    """
    backbone, head, prefix, _ = made()
    trainable = trainable_layers(FreezePlan(strategy="top"), layer_rows(backbone))
    cuts = find_boundary(backbone, frozenset()), find_boundary(backbone, trainable)
    assert cuts[0]
    assert cuts[1]
    if largest:
        norm = backbone.get_layer("block_11_project_BN")  # the addition at the boundary takes it
        norm.beta.assign(norm.beta + largest)
    later, _ = cut_off(backbone, SPEC, cuts[1], head, dtype)
    return prefix, Both(later, joined(backbone, SPEC, cuts, head))


def compute_both(
    prefix: Prefix, both: Both, pictures: tuple[Picture, ...], folder: Path
) -> tuple[list[said.Event], Features]:
    versions = [plain(picture) for picture in pictures]
    return ended(compute_features(prefix, versions, OFF, folder, "/CPU:0", Control(), lambda: both))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_a_later_phase_needs_is_made_in_the_same_pass(
    pictures: tuple[Picture, ...], tmp_path: Path, dtype: DType
) -> None:
    prefix, both = made_for_both(dtype)
    events, first = compute_both(prefix, both, pictures, tmp_path)
    assert (events[0], events[-1]) == (Progress("extract", 0, 30), Progress("extract", 30, 30))
    assert (first.hits, first.misses) == (0, 30)
    _, later = compute(both.later, pictures, tmp_path)
    assert (later.hits, later.misses) == (30, 0)
    for part, found, within in ((prefix, first, 1e-5), (both.later, later, 2e-3)):
        alone = rows_of(compute(part, pictures, tmp_path / "alone")[1], pictures)
        rows = rows_of(found, pictures)
        assert rows.dtype == alone.dtype
        np.testing.assert_allclose(rows, alone, rtol=within, atol=1e-4)


def test_each_phase_has_what_it_lacked(pictures: tuple[Picture, ...], tmp_path: Path) -> None:
    prefix, both = made_for_both()
    compute(prefix, pictures[:10], tmp_path)
    compute(both.later, pictures[5:20], tmp_path)
    events, first = compute_both(prefix, both, pictures, tmp_path)
    assert Progress("extract", 5, 30) in events, "five are there for both"
    assert events[-1] == Progress("extract", 30, 30)
    assert (first.hits, first.misses) == (10, 20)
    assert compute(both.later, pictures, tmp_path)[1].hits == 30
    for part in (prefix, both.later):
        keys = [plain(picture).key for picture in pictures]
        cache = FeatureCache(tmp_path / part.key, part.values, part.dtype, keys)
        assert sum(len(shard.rows) for shard in cache._shards) == 30, "none is kept twice"


def test_nothing_is_made_for_later_where_the_first_phase_lacks_nothing(
    pictures: tuple[Picture, ...], tmp_path: Path
) -> None:
    prefix, both = made_for_both()
    compute(prefix, pictures, tmp_path)
    assert compute_both(prefix, both, pictures, tmp_path)[1].hits == 30
    assert compute(both.later, pictures, tmp_path)[1].hits == 0


def test_what_cannot_be_kept_for_later_is_no_matter_of_the_first_phase(
    pictures: tuple[Picture, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, both = made_for_both()
    add = ShardWriter.add

    def full(self: ShardWriter, digest: str, row: np.ndarray) -> None:
        if len(row) == both.later.values and digest == pictures[10].digest:
            raise JobError("The disk is full.", "Free some space.")
        add(self, digest, row)

    monkeypatch.setattr(ShardWriter, "add", full)
    events, first = compute_both(prefix, both, pictures, tmp_path)
    assert not [event for event in events if isinstance(event, Warned)]
    assert rows_of(first, pictures).shape == (30, 1280)
    monkeypatch.undo()
    assert compute(both.later, pictures, tmp_path)[1].hits == 10


def test_what_half_precision_cannot_hold_is_left_to_the_later_phase(
    pictures: tuple[Picture, ...], tmp_path: Path
) -> None:
    prefix, both = made_for_both("float16", largest=1e6)
    _, first = compute_both(prefix, both, pictures, tmp_path)
    assert first.misses == 30
    with pytest.raises(OverflowInHalfPrecision):
        compute(both.later, pictures, tmp_path)


@pytest.mark.parametrize("other", ["weights", "boundary", "pooling", "dtype", "device"])
def test_another_prefix_has_rows_of_its_own(other: str) -> None:
    first = made()[2].key
    match other:
        case "weights":
            assert made(seed=2)[2].key != first
        case "boundary":
            assert made("top")[2].key != first
        case "pooling":
            assert made(pooling="flatten")[2].key != first
        case "dtype":
            assert made(dtype="float16")[2].key != first
        case "device":
            assert made(engine=engine_for("/GPU:0"))[2].key != first
    assert made()[2].key == first


def test_the_same_bytes_twice_are_one_row(pictures: tuple[Picture, ...], tmp_path: Path) -> None:
    prefix = made()[2]
    _, features = compute(prefix, (pictures[0], pictures[1], pictures[0]), tmp_path)
    assert rows_of(features, pictures[:2]).shape == (2, 1280)
    assert features.misses == 3


def test_pictures_that_are_gone_are_lost_and_the_others_are_not(
    pictures: tuple[Picture, ...], tmp_path: Path
) -> None:
    gone = replace(pictures[4], path=str(tmp_path / "gone.png"), digest="gone")
    chosen = (*pictures[:4], gone, *pictures[5:9], gone)
    _, features = compute(made()[2], chosen, tmp_path)
    assert list(features.lost) == ["gone"]
    assert "is not there" in features.lost["gone"].message
    kept = [picture for picture in chosen if picture is not gone]
    assert rows_of(features, kept).shape == (8, 1280)


def test_a_stop_keeps_what_was_computed(pictures: tuple[Picture, ...], tmp_path: Path) -> None:
    control = Control()
    prefix = made()[2]
    versions = [plain(picture) for picture in pictures]
    job = compute_features(prefix, versions, OFF, tmp_path, "/CPU:0", control)
    next(job)
    next(job)
    control.stop()
    with pytest.raises(Cancelled):
        ended(job)
    assert compute(prefix, pictures, tmp_path)[1].hits > 0


def test_a_stop_does_not_wait_for_the_building_of_the_prefix(
    pictures: tuple[Picture, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left to itself, and what it opened is closed when it has ended."""
    control, building, go_on, ended_too = Control(), Event(), Event(), Event()

    def slow(prefix: Prefix, batch: int, dtype: str) -> FoldedGraph:
        building.set()
        go_on.wait(60)
        try:
            return fold(prefix, batch, dtype)
        finally:
            ended_too.set()

    monkeypatch.setattr(prefix_module, "fold", slow)
    versions = [plain(picture) for picture in pictures]
    job = compute_features(made()[2], versions, OFF, tmp_path, "/CPU:0", control)
    Thread(target=lambda: building.wait(60) and control.stop()).start()
    with pytest.raises(Cancelled):
        ended(job)
    assert not ended_too.is_set()
    go_on.set()
    assert ended_too.wait(60)


@pytest.mark.parametrize("room", [True, False])
def test_a_full_disk_is_told_once_and_memory_takes_over_as_far_as_it_goes(
    pictures: tuple[Picture, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    prefix = made()[2]
    expected = rows_of(compute(prefix, pictures, tmp_path / "other")[1], pictures)
    add = ShardWriter.add

    def full(self: ShardWriter, digest: str, row: np.ndarray) -> None:
        if digest in {picture.digest for picture in pictures[10:]}:
            raise JobError("The disk is full.", "Free some space.")
        add(self, digest, row)

    monkeypatch.setattr(ShardWriter, "add", full)
    if not room:
        monkeypatch.setattr(features_module, "IN_MEMORY_BYTES", 5 * 2560 * 4)
        with pytest.raises(NoRoom):
            compute(prefix, pictures, tmp_path)
        return
    events, features = compute(prefix, pictures, tmp_path)
    assert [event.message for event in events if isinstance(event, Warned)] == ["The disk is full."]
    np.testing.assert_allclose(rows_of(features, pictures), expected, atol=1e-6)


def test_what_a_full_disk_does_not_take_at_the_end_is_in_memory(
    pictures: tuple[Picture, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = made()[2]
    expected = rows_of(compute(prefix, pictures, tmp_path / "other")[1], pictures)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    events, features = compute(prefix, pictures, tmp_path)
    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert "disk is full" in warned.message
    np.testing.assert_array_equal(rows_of(features, pictures), expected)


@pytest.mark.parametrize("while_building", [False, True])
def test_without_memory_fewer_pictures_are_run_at_once_and_that_is_said(
    pictures: tuple[Picture, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    while_building: bool,
) -> None:
    prefix = made()[2]
    expected = rows_of(compute(prefix, pictures, tmp_path / "other")[1], pictures)
    in_session = Runner._in_session

    def limited(self: Runner, folded: FoldedGraph) -> Run:
        run = in_session(self, folded)

        def with_little(some: Rows) -> Rows:
            if len(some) > 2 and (while_building or some.any()):
                raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
            return run(some)

        return with_little

    monkeypatch.setattr(Runner, "_in_session", limited)
    events, features = compute(prefix, pictures, tmp_path)
    np.testing.assert_allclose(rows_of(features, pictures), expected, atol=1e-5)
    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert warned.message.startswith("There is not enough memory to run 8 pictures at once")
    assert warned.hint == "The training goes on with 2 at once."


def test_a_picture_for_which_there_is_no_memory_is_an_error(
    pictures: tuple[Picture, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: Rows) -> Rows:
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

    monkeypatch.setattr(Runner, "_in_session", lambda *_: none)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        compute(made()[2], pictures, tmp_path)


@pytest.mark.parametrize("count", [2, 5, 20])
def test_a_picture_is_decoded_once_for_all_its_views(
    pictures: tuple[Picture, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    decoded: list[Path] = []

    def counted(path: Path, size: tuple[int, int]) -> RGB:
        decoded.append(path)
        return decode(path, size)

    monkeypatch.setattr(features_module, "decode", counted)
    how = Augmentation(mode="views", views=count)
    versions = list(views(pictures[:7], how))
    job = compute_features(made()[2], versions, how, tmp_path, "/CPU:0", Control())
    _, features = ended(job)
    assert features.misses == 7 * count
    assert features.read([version.key for version in versions]).shape == (7 * count, 1280)
    # A piece ends where a batch does, so that a picture may be parted once.
    assert len(decoded) <= 7 + 7 * count // 8


def test_what_half_precision_cannot_hold_is_noticed(
    pictures: tuple[Picture, ...], tmp_path: Path
) -> None:
    backbone, _, prefix, _ = made(dtype="float16")
    norm = backbone.get_layer("Conv_1_bn")
    norm.beta.assign(norm.beta + 1e6)
    activation = backbone.get_layer("out_relu")
    activation.max_value = None
    with pytest.raises(OverflowInHalfPrecision):
        compute(prefix, pictures, tmp_path)
    assert "0" not in FeatureCache(tmp_path / prefix.key, prefix.values, "float16", "0")

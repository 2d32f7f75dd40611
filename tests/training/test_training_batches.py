"""Where batches come from: what is in them, in which order, and what becomes of lost pictures."""

import shutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tlstudio.control import Cancelled, Control
from tlstudio.data.decode import decode
from tlstudio.data.scan import scanned
from tlstudio.events import Event, Picture
from tlstudio.model.backbone import load
from tlstudio.model.boundary import find_boundary
from tlstudio.model.freeze import freeze
from tlstudio.model.head import head_layers
from tlstudio.project.spec import Augmentation, Backbone, Head
from tlstudio.training.batches import FeatureSource, LiveSource, PictureSource, Source
from tlstudio.training.features import Features, compute_features
from tlstudio.training.prefix import Prefix, Runner, cut_off
from tlstudio.training.versions import changed, of_epoch, plain, views

SMALL = Backbone(input_shape=(32, 32))
OFF = Augmentation()
VIEWS = Augmentation(mode="views", views=3)
LIVE = Augmentation(mode="live")
SEED = 5


def ended(job: Generator[Event, None, Any]) -> Any:
    """What a job returns."""
    while True:
        try:
            next(job)
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="module")
def prefix() -> Prefix:
    backbone = ended(load(SMALL, Control()))
    freeze(backbone, set())
    cut = find_boundary(backbone, set())
    assert cut is not None
    return cut_off(backbone, SMALL, cut, head_layers(Head(), 3, seed=1), "float32")[0]


@pytest.fixture(scope="module")
def pictures(shapes: Path) -> tuple[Picture, ...]:
    return ended(scanned(shapes, Control())).pictures[::3]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def runner(prefix: Prefix) -> Iterator[Runner]:
    with Runner(prefix, "CPU:0", Control()) as runner:
        yield runner


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of what is kept, for all of these tests."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def copied(pictures: tuple[Picture, ...], tmp_path: Path) -> tuple[Picture, ...]:
    """The same pictures in files that a test may delete."""
    return tuple(
        replace(picture, path=shutil.copy(picture.path, str(tmp_path / f"{i}.png")))
        for i, picture in enumerate(pictures)
    )


def kept(
    prefix: Prefix, pictures: Sequence[Picture], folder: Path, how: Augmentation = OFF
) -> Features:
    """Features of pictures as they are, and of their views where the augmentation has them."""
    versions = [plain(picture) for picture in pictures]
    if how.mode == "views":
        versions += views(pictures, how)
    job = compute_features(prefix, versions, how, folder, "CPU:0", Control())
    return ended(job)  # type: ignore[no-any-return]


@pytest.fixture
def live(prefix: Prefix, runner: Runner, copied: tuple[Picture, ...], folder: Path) -> LiveSource:
    features = FeatureSource(kept(prefix, copied, folder), copied, LIVE, SEED)
    return LiveSource(features, runner, copied, LIVE, SEED)


def taken(
    source: Source, order: Sequence[int], size: int = 4, epoch: int = 1
) -> tuple[NDArray[np.float32], list[int]]:
    """The rows of an epoch and the indices they are said to belong to, without the padding."""
    rows, indices = [], []
    for inputs, some in source.batches(np.array(order), size, Control(), epoch):
        assert len(inputs) == size
        assert not inputs[len(some) :].any(), "padding is zeros"
        rows.append(inputs[: len(some)])
        indices += some.tolist()
    return np.concatenate(rows), indices


def passed(runner: Runner, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """What the prefix says of pictures, one at a time: their pooled means."""
    rows = []
    for picture in pixels:
        batch = np.zeros((runner.batch, *picture.shape), np.uint8)
        batch[0] = picture
        rows.append(runner(batch)[0, :1280])
    return np.stack(rows)


def seen(picture: Picture, how: Augmentation, epoch: int) -> NDArray[np.uint8]:
    """A picture as an epoch sees it."""
    return changed(decode(Path(picture.path), (32, 32)), of_epoch(picture, how, SEED, epoch), how)


def assert_alike(rows: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    assert np.ptp(expected, axis=0).max() > 0.1, "different pictures have different rows"
    np.testing.assert_allclose(rows, expected, atol=1e-4)


def test_kept_rows_come_in_the_order_asked_for_and_the_last_batch_is_padded(
    prefix: Prefix, runner: Runner, pictures: tuple[Picture, ...], folder: Path
) -> None:
    source = FeatureSource(kept(prefix, pictures, folder), pictures, OFF, SEED)
    order = [7, 0, 3, 9, 1, 8]
    rows, indices = taken(source, order)
    assert indices == order
    expected = passed(runner, [decode(Path(pictures[i].path), (32, 32)) for i in order])
    assert_alike(rows, expected)


def test_epochs_take_each_view_in_turn_and_validation_takes_none(
    prefix: Prefix, runner: Runner, pictures: tuple[Picture, ...], folder: Path
) -> None:
    source = FeatureSource(kept(prefix, pictures, folder, VIEWS), pictures, VIEWS, SEED)
    order = range(len(pictures))
    as_they_are = [decode(Path(picture.path), (32, 32)) for picture in pictures]
    assert_alike(taken(source, order, epoch=0)[0], passed(runner, as_they_are))
    epochs = [taken(source, order, epoch=epoch)[0] for epoch in range(1, 7)]
    for i, picture in enumerate(pictures):
        made = passed(runner, [changed(as_they_are[i], v, VIEWS) for v in views([picture], VIEWS)])
        turns = [int(np.abs(made - rows[i]).max(axis=1).argmin()) for rows in epochs]
        assert sorted(turns[:3]) == [0, 1, 2]
        assert turns[3:] == turns[:3]
        assert_alike(np.stack([rows[i] for rows in epochs]), made[turns])


def test_kept_rows_of_lost_pictures_are_left_out(
    prefix: Prefix, pictures: tuple[Picture, ...], folder: Path
) -> None:
    gone = replace(pictures[2], path="gone.png", digest="gone")
    chosen = (*pictures[:2], gone, *pictures[3:])
    source = FeatureSource(kept(prefix, chosen, folder), chosen, OFF, SEED)
    assert list(source.lost) == [2]
    assert "gone.png" in source.lost[2].message
    assert taken(source, [0, 2, 4, 1])[1] == [0, 4, 1]


def test_live_rows_are_what_the_prefix_says_of_newly_augmented_pictures(
    live: LiveSource, runner: Runner, copied: tuple[Picture, ...]
) -> None:
    order = [9, 1, 4, 0, 7, 2, 5]
    epochs = []
    for epoch in (1, 2):
        rows, indices = taken(live, order, size=5, epoch=epoch)
        assert indices == order
        assert_alike(rows, passed(runner, [seen(copied[i], LIVE, epoch) for i in order]))
        epochs.append(rows)
    assert np.abs(epochs[0] - epochs[1]).max(axis=1).min() > 0.1
    as_they_are = [decode(Path(copied[i].path), (32, 32)) for i in order]
    assert_alike(taken(live, order, epoch=0)[0], passed(runner, as_they_are))


def test_a_live_picture_that_is_lost_is_named_and_left_out_from_then_on(
    live: LiveSource, runner: Runner, copied: tuple[Picture, ...]
) -> None:
    for i in (1, 6):
        Path(copied[i].path).unlink()
    left = [3, 4, 0, 2]
    for epoch in (1, 2):
        rows, indices = taken(live, [3, 1, 4, 0, 6, 2], size=3, epoch=epoch)
        assert indices == left
        assert_alike(rows, passed(runner, [seen(copied[i], LIVE, epoch) for i in left]))
        assert sorted(live.lost) == [1, 6]
    assert "1.png" in live.lost[1].message
    assert "6.png" in live.lost[6].message


def test_of_two_files_with_the_same_bytes_one_may_go_while_training_live(
    prefix: Prefix, runner: Runner, copied: tuple[Picture, ...], folder: Path, tmp_path: Path
) -> None:
    """Each row must keep the label of its own picture."""
    twin = replace(copied[0], path=str(tmp_path / "twin.png"))
    chosen = (*copied, twin)
    features = FeatureSource(kept(prefix, chosen, folder), chosen, LIVE, SEED)
    source = LiveSource(features, runner, chosen, LIVE, SEED)
    rows, indices = taken(source, [0, 10, 3, 5, 7])
    assert indices == [0, 3, 5, 7]
    assert_alike(rows, passed(runner, [seen(chosen[i], LIVE, 1) for i in indices]))
    assert "twin.png" in source.lost[10].message


@pytest.mark.parametrize("how", [OFF, VIEWS, LIVE], ids=["off", "views", "live"])
def test_pictures_are_augmented_in_an_epoch_and_not_for_validation(
    copied: tuple[Picture, ...], how: Augmentation
) -> None:
    source = PictureSource(copied, (32, 32), how, SEED)
    order = [9, 1, 4, 0, 7, 2, 5]
    as_they_are = np.stack([decode(Path(copied[i].path), (32, 32)) for i in order])
    for epoch in (1, 2):
        pixels, indices = taken(source, order, epoch=epoch)
        assert indices == order
        np.testing.assert_array_equal(
            pixels, np.stack([seen(copied[i], how, epoch) for i in order])
        )
        assert np.array_equal(pixels, as_they_are) == (how is OFF)
    np.testing.assert_array_equal(taken(source, order, epoch=0)[0], as_they_are)


def test_an_augmented_picture_that_is_lost_shifts_no_other(copied: tuple[Picture, ...]) -> None:
    source = PictureSource(copied, (32, 32), LIVE, SEED)
    for i in (4, 5):
        Path(copied[i].path).unlink()
    for epoch in (1, 2):
        pixels, indices = taken(source, [1, 4, 0, 7, 2, 5], epoch=epoch)
        assert indices == [1, 0, 7, 2]
        np.testing.assert_array_equal(
            pixels, np.stack([seen(copied[i], LIVE, epoch) for i in indices])
        )
    assert sorted(source.lost) == [4, 5]


@pytest.mark.parametrize("kind", ["features", "live", "pictures"])
def test_a_stop_is_obeyed_before_the_next_batch(
    live: LiveSource, prefix: Prefix, copied: tuple[Picture, ...], folder: Path, kind: str
) -> None:
    source: Source = live
    if kind == "features":
        source = FeatureSource(kept(prefix, copied, folder), copied, OFF, SEED)
    elif kind == "pictures":
        source = PictureSource(copied, (32, 32), LIVE, SEED)
    control = Control()
    batches = source.batches(np.arange(10), 4, control, 1)
    next(batches)
    control.stop()
    with pytest.raises(Cancelled):
        next(batches)

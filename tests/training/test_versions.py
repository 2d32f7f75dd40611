import numpy as np
import pytest

from tlstudio.events import Picture
from tlstudio.project.spec import Augmentation
from tlstudio.training.versions import changed, of_epoch, plain, view_of_epoch, views

PICTURE, OTHER = Picture("a.png", "a", digest="1a"), Picture("b.png", "b", digest="2b")
VIEWS, LIVE = Augmentation(mode="views", views=4), Augmentation(mode="live")
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)


def test_a_picture_as_it_is_is_not_changed() -> None:
    version = plain(PICTURE)
    assert (version.path, version.key) == ("a.png", "1a")
    assert changed(PIXELS, version, VIEWS) is PIXELS


def test_each_view_is_another_picture_under_a_key_of_its_own() -> None:
    made = list(views([PICTURE], VIEWS))
    assert {version.path for version in made} == {"a.png"}
    assert len({version.key for version in made} | {plain(PICTURE).key}) == 5
    pixels = [changed(PIXELS, version, VIEWS).tobytes() for version in made]
    assert len(set(pixels) | {PIXELS.tobytes()}) == 5
    again = [changed(PIXELS, version, VIEWS).tobytes() for version in views([PICTURE], VIEWS)]
    assert again == pixels


def test_more_views_are_new_ones_beside_those_that_are_kept() -> None:
    more = VIEWS.model_copy(update={"views": 6})
    assert list(views([PICTURE], more))[:4] == list(views([PICTURE], VIEWS))


def test_another_strength_or_picture_has_other_keys() -> None:
    keys = {version.key for version in views([PICTURE], VIEWS)}
    stronger = VIEWS.model_copy(update={"rotation": 20.0})
    assert keys.isdisjoint(version.key for version in views([PICTURE], stronger))
    assert keys.isdisjoint(version.key for version in views([OTHER], VIEWS))


def test_epochs_take_each_view_in_turn() -> None:
    taken = [view_of_epoch("1a", VIEWS, seed=1, epoch=epoch) for epoch in range(1, 9)]
    assert sorted(taken[:4]) == [0, 1, 2, 3]
    assert taken[4:] == taken[:4]


def test_pictures_and_seeds_begin_with_different_views() -> None:
    digests = [f"{number}" for number in range(40)]
    assert {view_of_epoch(digest, VIEWS, 1, 1) for digest in digests} == {0, 1, 2, 3}
    assert {view_of_epoch("1a", VIEWS, seed, 1) for seed in range(40)} == {0, 1, 2, 3}


def test_a_view_without_kept_features_is_the_one_with() -> None:
    for epoch in range(1, 6):
        version = of_epoch(PICTURE, VIEWS, 1, epoch)
        kept = list(views([PICTURE], VIEWS))[view_of_epoch("1a", VIEWS, 1, epoch)]
        assert (version.path, version.draw) == (kept.path, kept.draw)


@pytest.mark.parametrize(
    "other", [(OTHER, 1, 1), (PICTURE, 2, 1), (PICTURE, 1, 2)], ids=["picture", "seed", "epoch"]
)
def test_live_is_another_version_in_each_epoch(other: tuple[Picture, int, int]) -> None:
    version = of_epoch(PICTURE, LIVE, 1, 1)
    assert version == of_epoch(PICTURE, LIVE, 1, 1)
    pixels = changed(PIXELS, version, LIVE)
    assert not np.array_equal(pixels, changed(PIXELS, of_epoch(other[0], LIVE, *other[1:]), LIVE))


def test_without_augmentation_an_epoch_sees_pictures_as_they_are() -> None:
    assert of_epoch(PICTURE, Augmentation(), 1, 3) == plain(PICTURE)

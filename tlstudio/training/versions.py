"""Versions of a picture: as it is, or augmented in a way that its draw decides."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zlib import crc32

from tlstudio.data.augment import augmented, key_of
from tlstudio.data.decode import RGB
from tlstudio.events import Picture
from tlstudio.project.spec import Augmentation


@dataclass(frozen=True, slots=True)
class Version:
    """`key` names it among features, and is empty where it is seen once only."""

    path: str
    digest: str
    key: str
    draw: tuple[int | str, ...] = ()
    """What the augmentation draws from; empty: the picture as it is."""


def plain(picture: Picture) -> Version:
    return Version(picture.path, picture.digest, picture.digest)


def views(pictures: Iterable[Picture], how: Augmentation) -> Iterator[Version]:
    """All views of each picture. They do not depend on a training's seed, so that they can be
    kept for the next.
    """
    changes = key_of(how)
    for picture in pictures:
        for view in range(how.views):
            key = view_key(picture.digest, changes, view)
            yield Version(picture.path, picture.digest, key, (picture.digest, view))


def view_key(digest: str, changes: str, view: int) -> str:
    """`changes` is what `augment.key_of` calls the augmentation."""
    return f"{digest}.{changes}.{view}"


def view_of_epoch(digest: str, how: Augmentation, seed: int, epoch: int) -> int:
    """Which view an epoch takes: each in turn, from another one on for each picture."""
    return (crc32(f"{seed} {digest}".encode()) + epoch) % how.views


def of_epoch(picture: Picture, how: Augmentation, seed: int, epoch: int) -> Version:
    """What an epoch sees of a picture that no features are kept of."""
    if how.mode == "off":
        return plain(picture)
    draw: tuple[int | str, ...] = (picture.digest, seed, epoch)
    if how.mode == "views":
        draw = (picture.digest, view_of_epoch(picture.digest, how, seed, epoch))
    return Version(picture.path, picture.digest, "", draw)


def changed(picture: RGB, version: Version, how: Augmentation) -> RGB:
    """A decoded picture in this version of it."""
    return augmented(picture, how, *version.draw) if version.draw else picture

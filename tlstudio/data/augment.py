"""Random changes to training pictures, the same wherever and whenever the same seed is given."""

import json
import math
from hashlib import sha256, sha512
from operator import index
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlstudio.project.spec import Augmentation

FORMAT = 1
"""Counted up when the same picture, strengths and seed give other pixels."""

GREY = 128
"""Of the square that is cut out."""

LUMINANCE = np.array([0.299, 0.587, 0.114])
"""What red, green and blue each add to the grey value of a pixel."""


def augmented(picture: NDArray[np.uint8], how: Augmentation, *seed: int | str) -> NDArray[np.uint8]:
    """A changed copy of an RGB picture of shape (rows, columns, 3), values 0 to 255.

    What is random in it depends on the seed's parts alone. May be called from any thread; nearly
    all of it runs outside the interpreter's lock.
    """
    chance = _draw(seed)
    image = _moved(Image.fromarray(picture), how, chance)
    changed = np.array(_recoloured(image, how, chance))
    _cut_out(changed, how, chance)
    return changed


def key_of(how: Augmentation) -> str:
    """Names all that the changed pixels depend on besides the picture and the seed."""
    strengths = how.model_dump(exclude={"mode", "views"})
    text = json.dumps([FORMAT, strengths], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


class _Chance(NamedTuple):
    """Numbers from 0 to below 1. All are always drawn, so that each strength has its own."""

    flip: float
    flip_vertical: float
    rotation: float
    zoom: float
    shift_x: float
    shift_y: float
    brightness: float
    contrast: float
    colour: float
    cutout_x: float
    cutout_y: float


def _draw(seed: tuple[int | str, ...]) -> _Chance:
    parts = [part if isinstance(part, str) else index(part) for part in seed]
    digest = sha512(ascii(parts).encode()).digest()
    numbers = np.frombuffer(digest, "<u4")[: len(_Chance._fields)] / 2**32
    return _Chance(*numbers.tolist())


def _either_side(chance: float, most: float) -> float:
    return (2 * chance - 1) * most


def _moved(image: Image.Image, how: Augmentation, chance: _Chance) -> Image.Image:
    """Flipped, turned, zoomed and shifted at once, so that pixels are interpolated once."""
    angle = math.radians(_either_side(chance.rotation, how.rotation))
    zoom = 1 + _either_side(chance.zoom, how.zoom)
    cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
    sign_x = -1 if chance.flip < how.flip else 1
    sign_y = -1 if chance.flip_vertical < how.flip_vertical else 1
    # From a place in the result, seen from its centre, to one in the picture.
    turn = np.array([[sign_x * cosine, sign_x * sine], [-sign_y * sine, sign_y * cosine]])
    if np.array_equal(turn, np.eye(2)) and not how.shift:
        return image
    size = np.array(image.size)
    shift = [_either_side(c, how.shift) for c in (chance.shift_x, chance.shift_y)] * size
    origin = size / 2 - shift - turn @ (size / 2)

    # Far smaller pictures would take a far larger surrounding, and flicker.
    less = int(1 / zoom)
    if less > 1:
        image, turn, origin = image.reduce(less), turn / less, origin / less

    corners = origin + np.array([(x, y) for x in (0, size[0]) for y in (0, size[1])]) @ turn.T
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 1
    surrounding = _mirrored_around(image, low.tolist(), high.tolist())
    (a, b), (d, e) = turn.tolist()
    c, f = (origin - low).tolist()
    return surrounding.transform(
        tuple(size.tolist()), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )


def _mirrored_around(image: Image.Image, low: list[int], high: list[int]) -> Image.Image:
    """The part from `low` to `high` (x, y) of a plane in which the picture, at 0, is mirrored at
    each of its edges, over and over.
    """
    (left, top), (right, bottom) = low, high
    width, height = image.size
    plane = Image.new("RGB", (right - left, bottom - top))
    for y in range(top - top % height, bottom, height):
        for x in range(left - left % width, right, width):
            mirror = (x // width % 2, y // height % 2)
            across = _seen(width, left - x, right - x, mirror[0])
            down = _seen(height, top - y, bottom - y, mirror[1])
            part = image.crop((across[0], down[0], across[1], down[1]))
            if any(mirror):
                part = part.transpose(_MIRROR[mirror])
            plane.paste(part, (max(x - left, 0), max(y - top, 0)))
    return plane


def _seen(length: int, low: int, high: int, mirror: int) -> tuple[int, int]:
    """What is taken of a picture's side to be seen from `low` to `high`, if mirrored then so."""
    low, high = max(low, 0), min(high, length)
    return (length - high, length - low) if mirror else (low, high)


_MIRROR = {
    (1, 0): Image.Transpose.FLIP_LEFT_RIGHT,
    (0, 1): Image.Transpose.FLIP_TOP_BOTTOM,
    (1, 1): Image.Transpose.ROTATE_180,
}


def _recoloured(image: Image.Image, how: Augmentation, chance: _Chance) -> Image.Image:
    """Brightness, contrast around the picture's mean and colour at once, so that only the end
    result is rounded and clipped.
    """
    if not (how.brightness or how.contrast or how.colour):
        return image
    brightness = 1 + _either_side(chance.brightness, how.brightness)
    contrast = 1 + _either_side(chance.contrast, how.contrast)
    colour = 1 + _either_side(chance.colour, how.colour)
    mean = LUMINANCE @ np.asarray(image.reduce(image.size))[0, 0]
    matrix = np.empty((3, 4))
    matrix[:, :3] = brightness * contrast * (colour * np.eye(3) + (1 - colour) * LUMINANCE)
    matrix[:, 3] = brightness * (1 - contrast) * mean
    return image.convert("RGB", tuple(matrix.ravel().tolist()))


def _cut_out(picture: NDArray[np.uint8], how: Augmentation, chance: _Chance) -> None:
    rows, columns, _ = picture.shape
    side = round(how.cutout * min(rows, columns))
    top = int(chance.cutout_y * (rows - side + 1))
    left = int(chance.cutout_x * (columns - side + 1))
    picture[top : top + side, left : left + side] = GREY

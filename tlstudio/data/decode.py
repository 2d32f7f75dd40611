"""The one way a picture becomes an array: in training, evaluation, prediction and export checks.

First frame, upright by EXIF, 8-bit RGB, alpha on white, resized bilinear to the whole size.
All of it may be called from any thread.
"""

import errno
import re
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlstudio.control import Control
from tlstudio.data.ahead import run_ahead
from tlstudio.errors import PictureError
from tlstudio.paths import legible

RGB = NDArray[np.uint8]
Change = Callable[[int, RGB], RGB]
"""A picture of shape (rows, columns, 3), values 0 to 255."""

# Formats with a signature in their first bytes; those that call other programs are left out.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")

PICTURE_SUFFIXES = frozenset(
    suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS
)
"""Endings, lower case with the dot, of the files that can be opened here."""

DECODING = 2
"""Counted up when the same file becomes another array, so that what was kept of it is forgotten."""

MAX_PIXELS = 178_956_970
"""Rows times columns: twice Pillow's MAX_IMAGE_PIXELS, above which it refuses before decoding."""

TO_SPARE = 1.6
"""A JPEG may be decoded smaller, but not below so many times the size that is wanted, or it would
show. 12 megapixels may be decoded at an eighth for 224 pixels, which changes a photograph by 1 of
255 in the mean."""

LARGE_PIXELS = 1 << 24
"""Pictures that are still larger when they are decoded take turns: some threads with a gigabyte
each would be too much."""

REPLACE = "Remove it, or replace it by a JPEG, PNG, GIF, BMP, WebP or TIFF file."

_one_large_picture = Lock()

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")

_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(path: Path, size: tuple[int, int]) -> RGB:
    """The whole picture as uint8 RGB of shape (rows, columns, 3), for `size` (rows, columns).

    Raises PictureError for anything that cannot be used as a picture.
    """
    rows, columns = size
    picture = _open(path, (round(TO_SPARE * columns), round(TO_SPARE * rows)))
    return np.array(picture.resize((columns, rows), Image.Resampling.BILINEAR))


def thumbnail(path: Path, side: int) -> RGB:
    """The picture within `side` x `side` pixels, in its own aspect, never enlarged.

    Raises PictureError as `decode` does.
    """
    picture = _open(path, (round(TO_SPARE * side), round(TO_SPARE * side)))
    scale = min(1.0, side / max(picture.size))
    width, height = (max(1, round(scale * length)) for length in picture.size)
    return np.array(picture.resize((width, height), Image.Resampling.BILINEAR))


def decode_many(
    paths: Sequence[Path],
    size: tuple[int, int],
    control: Control,
    workers: int = 0,
    change: Change | None = None,
) -> Iterator[tuple[int, RGB | PictureError]]:
    """Each path's position with its array, after `change`, or with why there is none; in order.

    Decodes a few pictures ahead in `workers` threads (0: as many as suit the machine). Raises
    Cancelled when stopped, as `run_ahead` does.
    """

    def read(position: int) -> RGB | PictureError:
        try:
            picture = decode(paths[position], size)
        except PictureError as error:
            return error
        return change(position, picture) if change else picture

    with closing(run_ahead(read, range(len(paths)), control, workers)) as results:
        yield from enumerate(results)


def _open(path: Path, at_least: tuple[int, int]) -> Image.Image:
    try:
        # A stream and not the path: Pillow would map the file into memory, and a file that
        # shrinks meanwhile would then take the process down.
        with open_regular(path) as stream:
            return load(stream, path, at_least)
    except OSError as error:
        raise unreadable(path, error) from error


def load(stream: BinaryIO, path: Path, at_least: tuple[int, int]) -> Image.Image:
    """The upright 8-bit RGB picture in a stream; `path` names it in errors.

    JPEGs larger than `at_least` (width, height) may come back smaller, down to that size.
    Raises PictureError.
    """
    _silence_pillow()
    opened = False
    try:
        with Image.open(stream, formats=FORMATS) as picture:
            opened = True
            # Turned or not, each side is then large enough.
            picture.draft(None, (max(at_least), max(at_least)))
            large = picture.width * picture.height > LARGE_PIXELS
            with _one_large_picture if large else nullcontext():
                picture.load()
                turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION, 1))
                rgb = _to_rgb(picture)
                return rgb if turn is None else rgb.transpose(turn)
    except (Image.DecompressionBombError, MemoryError) as error:
        raise PictureError(
            "too_large",
            f"“{legible(path.name)}” has more pixels than can be opened ({MAX_PIXELS:,}).",
            "Save a smaller copy of it, for example 2,000 pixels wide.",
        ) from error
    except Exception as error:
        # EINVAL is what a damaged header that points outside of the file leads to.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise unreadable(path, error) from error
        # Decoders of untrusted bytes raise all kinds of errors; to a person they are one.
        if opened or _looks_like_a_picture(stream):
            raise PictureError(
                "truncated",
                f"“{legible(path.name)}” is damaged or cut off.",
                "Copy or download it again, or remove it.",
            ) from error
        raise PictureError(
            "not_a_picture",
            f"“{legible(path.name)}” is not a picture, whatever its name says.",
            REPLACE,
        ) from error


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read. Raises OSError, and PictureError for a pipe or a device, which might
    never end.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise PictureError(
            "not_a_picture", f"“{legible(path.name)}” is no file but a device or a pipe.", REPLACE
        )
    return path.open("rb")


def unreadable(path: Path, error: OSError) -> PictureError:
    """What to tell a person when a file or folder could not be opened."""
    if isinstance(error, FileNotFoundError):
        return PictureError(
            "unreadable",
            f"“{legible(path.name)}” is not there.",
            "Put it back, or open the pictures again to leave it out.",
        )
    return PictureError(
        "unreadable",
        f"“{legible(path.name)}” could not be read ({error.strerror or error}).",
        "Check that you are allowed to read it and that its disk is connected.",
    )


def _looks_like_a_picture(stream: BinaryIO) -> bool:
    """Whether the stream starts like a picture; an empty file counts as one cut off."""
    stream.seek(0)
    start = stream.read(8)
    return not start or start.startswith(_SIGNATURES)


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        values = np.asarray(picture).astype(np.uint32)
        return _grey((values * 255 + 32767) // 65535)
    if picture.mode in ("I", "F"):
        return _scaled(np.asarray(picture))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    rgba = picture.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def _scaled(values: NDArray[np.generic]) -> Image.Image:
    """32-bit grey values from black to white.

    These formats do not say what is white, so the values do: they fill 0 to 1, one byte or two;
    else their own range is taken. What is no number becomes 0.
    """
    grey = np.nan_to_num(values, nan=0, posinf=0, neginf=0).astype(np.float64)
    low, high = min(0.0, float(grey.min())), float(grey.max())
    white = next((limit for limit in (1, 255, 65535) if low == 0 and high <= limit), high)
    return _grey(np.rint((grey - low) * (255 / ((white - low) or 1))))


def _grey(values: NDArray[np.generic]) -> Image.Image:
    return Image.fromarray(values.astype(np.uint8)).convert("RGB")


_QUIET = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


def _silence_pillow() -> None:
    """Let Pillow not warn of what does no harm (odd metadata) or is refused anyhow (size).

    `warnings.catch_warnings` is not safe in threads, so the filter stays.
    """
    if _QUIET not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")

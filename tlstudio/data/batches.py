"""Decoded pictures by the batch, always of the same size: each new size would be traced anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.data.decode import Change, decode_many
from tlstudio.errors import PictureError


@dataclass(frozen=True, slots=True)
class PictureBatch:
    """`pictures[i]` is the picture of `paths[indices[i]]`; zeros pad the rows after them.

    `lost` says why those before the batch's end that are in no batch could not be decoded.
    """

    pictures: NDArray[np.uint8]
    indices: list[int]
    lost: dict[int, PictureError]


def picture_batches(
    paths: Sequence[Path],
    size: tuple[int, int],
    rows: int,
    control: Control,
    change: Change | None = None,
) -> Iterator[PictureBatch]:
    """Batches of uint8 pictures of shape (rows, *size, 3), in order, decoded ahead in threads;
    `change` takes a position among the paths and its picture.

    The last one may have no picture, when the last paths are all lost. Raises Cancelled.
    """
    batch = _empty(size, rows)
    for index, picture in decode_many(paths, size, control, change=change):
        if isinstance(picture, PictureError):
            batch.lost[index] = picture
            continue
        batch.pictures[len(batch.indices)] = picture
        batch.indices.append(index)
        if len(batch.indices) == rows:
            control.checkpoint()
            yield batch
            batch = _empty(size, rows)
    if batch.indices or batch.lost:
        control.checkpoint()
        yield batch


def _empty(size: tuple[int, int], rows: int) -> PictureBatch:
    return PictureBatch(np.zeros((rows, *size, 3), np.uint8), [], {})

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlstudio.control import Cancelled, Control
from tlstudio.data.batches import picture_batches


def made(folder: Path, *shades: int | None) -> list[Path]:
    """Grey pictures of these shades; None makes a file that is no picture."""
    paths = []
    for number, shade in enumerate(shades):
        path = folder / f"{number}.png"
        if shade is None:
            path.write_text("text", encoding="utf-8")
        else:
            Image.new("RGB", (4, 4), (shade, shade, shade)).save(path)
        paths.append(path)
    return paths


def test_batches_have_one_size_and_say_whose_pictures_they_hold(tmp_path: Path) -> None:
    paths = made(tmp_path, 10, None, 30, 40, None)
    first, second = picture_batches(paths, (2, 3), 2, Control())
    assert first.pictures.shape == second.pictures.shape == (2, 2, 3, 3)
    assert (first.indices, list(first.lost)) == ([0, 2], [1])
    assert (second.indices, list(second.lost)) == ([3], [4])
    assert first.pictures[:, 0, 0, 0].tolist() == [10, 30]
    assert second.pictures[0].max() == 40
    assert not np.any(second.pictures[1])


def test_lost_pictures_alone_are_reported_too(tmp_path: Path) -> None:
    (only,) = picture_batches(made(tmp_path, None, None), (2, 2), 4, Control())
    assert only.indices == []
    assert {index: error.kind for index, error in only.lost.items()} == {
        0: "not_a_picture",
        1: "not_a_picture",
    }


def test_no_paths_are_no_batches_and_a_stop_ends_them(tmp_path: Path) -> None:
    assert list(picture_batches([], (2, 2), 4, Control())) == []
    control = Control()
    control.stop()
    with pytest.raises(Cancelled):
        next(picture_batches(made(tmp_path, 1), (2, 2), 4, control))

"""Pictures in the folders train and val, split as tlstudio splits them, for any script to read."""

import os
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tlstudio.control import Control
from tlstudio.data.scan import scanned
from tlstudio.data.split import split
from tlstudio.paths import resource

Put = Callable[[Path, Path], None]
"""Makes the second path of the first."""


def emoji(folder: Path, seed: int) -> Path:
    """The sample pictures, on white since not every script knows what to do with their alpha."""
    return put(resource("samples", "emoji"), folder, seed, _on_white)


def put(source: Path, folder: Path, seed: int, make: Put = os.link) -> Path:
    """A quarter of the pictures in `folder` / val, the others in `folder` / train."""
    scan = scanned(source, Control())
    while True:
        try:
            next(scan)
        except StopIteration as end:
            found = end.value
            break
    parts = split(found, 0.25, seed)
    for name, chosen in (("train", parts.train), ("val", parts.val)):
        for picture in chosen:
            path = folder / name / picture.label / Path(picture.path).name
            path.parent.mkdir(parents=True, exist_ok=True)
            make(Path(picture.path), path)
    return folder


def _on_white(source: Path, target: Path) -> None:
    with Image.open(source) as opened:
        picture = opened.convert("RGBA")
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    white.save(target)

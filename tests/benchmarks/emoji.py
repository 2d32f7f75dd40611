"""The sample pictures as any script can read them: split, and without alpha."""

from pathlib import Path

from PIL import Image

from tlstudio.control import Control
from tlstudio.data.scan import scanned
from tlstudio.data.split import split
from tlstudio.paths import resource


def split_on_white(folder: Path, seed: int) -> Path:
    """Folders train and val with a folder a class in each, as tlstudio splits with the seed."""
    scan = scanned(resource("samples", "emoji"), Control())
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
            _save_on_white(Path(picture.path), path)
    return folder


def _save_on_white(source: Path, target: Path) -> None:
    with Image.open(source) as opened:
        picture = opened.convert("RGBA")
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    white.save(target)

"""The data sets that the advice is tested on: of different size, kind and likeness to ImageNet."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFilter
from sklearn.datasets import load_digits

from tlstudio.paths import resource

Labelled = Iterator[tuple[str, Image.Image]]

MATERIALS = ("brick", "coins", "grass", "gravel", "moon", "page", "retina", "text")
DEFECTS = ("clean", "scratches", "pits", "streaks", "rings", "crazing")


def emoji(_folder: Path, _share: float) -> Path:
    """370 drawings in five classes: what they show is in ImageNet, how they look is not."""
    return resource("samples", "emoji")


def faces(folder: Path, share: float) -> Path:
    """200 grey pictures of 25 x 25 pixels in two classes, faces and others (LFW)."""
    return _saved(_faces(), folder, share)


def textures(folder: Path, share: float) -> Path:
    """400 grey pieces of 48 x 48 pixels of eight materials, each turned and lit at random."""
    return _saved(_textures(np.random.default_rng(1), 400), folder, share)


def digits(folder: Path, share: float) -> Path:
    """1,797 handwritten digits of 8 x 8 pixels, enlarged (UCI)."""
    return _saved(_digits(), folder, share)


def surfaces(folder: Path, share: float) -> Path:
    """6,000 grey surfaces of 96 x 96 pixels, whose six classes differ in faint fine marks."""
    return _saved(_surfaces(np.random.default_rng(2), 6000), folder, share)


SETS: dict[str, tuple[Callable[[Path, float], Path], int]] = {
    "emoji": (emoji, 128),
    "faces": (faces, 64),
    "textures": (textures, 64),
    "digits": (digits, 64),
    "surfaces": (surfaces, 96),
}
"""Each with the rows and columns that its pictures are trained at."""


def _saved(pictures: Labelled, folder: Path, share: float) -> Path:
    """Every picture, or a share of them, in a folder of its class."""
    kept = np.random.default_rng(3)
    for number, (label, picture) in enumerate(pictures):
        if kept.random() < share:
            (folder / label).mkdir(parents=True, exist_ok=True)
            picture.save(folder / label / f"{number}.png")
    return folder


def _faces() -> Labelled:
    for number, pixels in enumerate(skimage.data.lfw_subset()):
        yield "face" if number < 100 else "other", _grey(255 * pixels)


def _digits() -> Labelled:
    data = load_digits()
    for pixels, label in zip(data.images, data.target, strict=True):
        yield str(label), _grey(255 / 16 * pixels).resize((32, 32), Image.Resampling.BICUBIC)


def _textures(random: np.random.Generator, number: int) -> Labelled:
    sources = {name: _as_grey(getattr(skimage.data, name)()) for name in MATERIALS}
    for index in range(number):
        name = MATERIALS[index % len(MATERIALS)]
        source = sources[name]
        row, column = (random.integers(0, length - 72) for length in source.shape)
        piece = _grey(source[row : row + 72, column : column + 72])
        piece = piece.rotate(random.uniform(0, 360), Image.Resampling.BICUBIC)
        pixels = np.asarray(piece.crop((12, 12, 60, 60)), np.float64)
        pixels = (pixels - pixels.mean()) * random.uniform(0.5, 1.2)
        yield name, _grey(pixels + random.uniform(90, 160) + random.normal(0, 12, pixels.shape))


def _surfaces(random: np.random.Generator, number: int) -> Labelled:
    for index in range(number):
        defect = DEFECTS[index % len(DEFECTS)]
        shade = Image.fromarray(random.integers(80, 170, (5, 5)).astype(np.uint8))
        pixels = np.asarray(shade.resize((96, 96), Image.Resampling.BICUBIC), np.float64)
        grain = _grey(128 + random.normal(0, 30, (96, 96))).filter(ImageFilter.GaussianBlur(0.7))
        pixels = pixels + np.asarray(grain, np.float64) - 128
        marks = np.asarray(_marks(random, defect).filter(ImageFilter.GaussianBlur(0.6)))
        strength = random.uniform(0.12, 0.3) * random.choice([-1, 1])
        yield defect, _grey(pixels + strength * marks)


def _marks(random: np.random.Generator, defect: str) -> Image.Image:
    """White on black, 96 x 96."""
    marks = Image.new("L", (96, 96))
    draw = ImageDraw.Draw(marks)
    if defect == "crazing":
        field = Image.fromarray(random.integers(0, 255, (16, 16)).astype(np.uint8))
        smooth = np.asarray(field.resize((96, 96), Image.Resampling.BICUBIC), np.float64)
        return _grey(np.where(abs(smooth - 128) < 7, 255, 0))
    for _ in range(0 if defect == "clean" else random.integers(4, 12)):
        x, y, size, angle = (random.uniform(0, high) for high in (96, 96, 1, 2 * np.pi))
        match defect:
            case "scratches":
                reach = 20 + 40 * size
                step = reach * np.cos(angle), reach * np.sin(angle)
                draw.line((x, y, x + step[0], y + step[1]), 255, 1)
            case "streaks":
                step = 7 * np.cos(angle), 7 * np.sin(angle)
                draw.line((x, y, x + step[0], y + step[1]), 255, 3)
            case "pits":
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), 255)
            case "rings":
                draw.ellipse((x - 4, y - 4, x + 4, y + 4), None, 255, 1)
    return marks


def _as_grey(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).convert("L"))


def _grey(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

"""The pictures that the benchmarks are about, always the same ones."""

import math
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("one", "two", "three", "four")
SIDE = 320
CAMERA = (4000, 3000)
"""Columns and rows of 12 megapixels."""


def photographs(folder: Path, number: int) -> Path:
    """JPEG pictures of 320 x 320 pixels, in classes that differ in how their stripes lie.

    Shadows, stripes and noise, so that decoding costs what it does for photographs; the classes
    overlap, so that they can be learned but not at once.
    """
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    for index in range(number):
        position = index % len(CLASSES)
        angle = (position + random.normal(0, 0.4)) * math.pi / len(CLASSES)
        along = rows * math.sin(angle) + columns * math.cos(angle)
        stripes = np.sin(along * random.uniform(0.05, 0.4) + random.uniform(0, math.tau))
        pixels = _shadows(random, (SIDE, SIDE)) + (40 * stripes)[..., None]
        pixels += random.normal(0, 8, pixels.shape)
        path = folder / CLASSES[position] / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(pixels, path)
    return folder


def camera_pictures(folder: Path, number: int, grain: float) -> Path:
    """JPEG pictures of 12 megapixels, in the folders of two classes.

    `grain` is the deviation of the noise, which makes most of a file's size and of the time that
    it takes to decode: 0 for half a megabyte, 4 for two and a half.
    """
    random = np.random.default_rng(0)
    columns, rows = CAMERA
    for index in range(number):
        pixels = _shadows(random, CAMERA)
        if grain:
            pixels += random.normal(0, grain, (rows, columns, 1)).astype(np.float32)
        path = folder / CLASSES[index % 2] / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(pixels, path)
    return folder


def tiny_pictures(folder: Path, number: int) -> Path:
    """JPEG pictures of 32 x 32 pixels, each different, in two classes."""
    random = np.random.default_rng(0)
    for label in CLASSES[:2]:
        (folder / label).mkdir(parents=True, exist_ok=True)
    for index in range(number):
        pixels = random.integers(0, 255, (4, 4, 3)).astype(np.uint8)
        picture = Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC)
        picture.save(folder / CLASSES[index % 2] / f"{index}.jpg")
    return folder


def _shadows(random: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    coarse = random.integers(0, 255, (20, 20, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), np.float32)


def _save(pixels: np.ndarray, path: Path) -> None:
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path, quality=90)

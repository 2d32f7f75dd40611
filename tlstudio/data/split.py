"""Which pictures are trained on and which are held out for validation."""

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from tlstudio.events import Picture, Scan


@dataclass(frozen=True, slots=True)
class Split:
    """`notes` are sentences on classes that cannot be trained or judged properly."""

    train: tuple[Picture, ...]
    val: tuple[Picture, ...]
    notes: tuple[str, ...]


def split(scan: Scan, fraction: float, seed: int) -> Split:
    """Hold out `fraction` (0 to 1) of each class, drawn with `seed`, or what the scan says.

    Each class of two pictures or more has at least one in both parts. The draw depends on the
    seed and on the pictures' paths relative to the source alone, so a copied folder splits the
    same, and a new class leaves the others as they were. Pictures that the source assigns to
    validation stay there, and all others are then trained on.
    """
    given = any(picture.split == "val" for picture in scan.pictures)
    by_class: dict[str, list[Picture]] = {label: [] for label in scan.classes}
    for picture in scan.pictures:
        by_class[picture.label].append(picture)
    train: list[Picture] = []
    val: list[Picture] = []
    notes: list[str] = []
    for label, pictures in by_class.items():
        if given:
            held_out = {p.path for p in pictures if p.split == "val"}
        else:
            held_out = _draw(scan.source, label, pictures, fraction, seed)
        train += [p for p in pictures if p.path not in held_out]
        val += [p for p in pictures if p.path in held_out]
        notes += _notes(label, len(pictures), len(held_out))
    return Split(tuple(train), tuple(val), tuple(notes))


def _draw(source: str, label: str, pictures: list[Picture], fraction: float, seed: int) -> set[str]:
    count = len(pictures)
    wanted = min(max(1, round(fraction * count)), count - 1)
    base = Path(source)
    if base.suffix.lower() == ".csv":
        base = base.parent
    paths = sorted((p.path for p in pictures), key=lambda path: _relative(path, base))
    generator = np.random.default_rng([seed, crc32(label.encode("utf-8", "replace"))])
    return {paths[i] for i in generator.permutation(count)[:wanted]}


def _relative(path: str, base: Path) -> str:
    try:
        path = os.path.relpath(path, base)
    except ValueError:  # on another drive of Windows
        path = os.path.abspath(path)  # noqa: PTH100
    return unicodedata.normalize("NFC", Path(path).as_posix())


def _notes(label: str, count: int, held_out: int) -> list[str]:
    if count == 1 and not held_out:
        return [
            f"Class “{label}” has one picture, which is trained on and cannot be checked: "
            "add more pictures."
        ]
    if held_out == count:
        return [
            f"Class “{label}” has no pictures to train on: move some from validation to training."
        ]
    if not held_out:
        return [f"Class “{label}” has no pictures to check: move some from training to validation."]
    return []

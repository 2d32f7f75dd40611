"""Finding the labelled pictures of a folder or a CSV, and checking each."""

import csv
import os
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from tlstudio.control import Control
from tlstudio.data.decode import PICTURE_SUFFIXES, unreadable
from tlstudio.data.hygiene import repeated
from tlstudio.data.scan_cache import check_all
from tlstudio.errors import PictureError, TlstudioError
from tlstudio.events import Event, Picture, Problem, Progress, Scan, Warned
from tlstudio.paths import legible

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""How folders and CSVs may name a split; pictures of `test` are left aside."""

IGNORED = frozenset({"__macosx", "thumbs.db"})

ARRANGE = (
    "Make one subfolder a class, such as “cats” and “dogs”, put the pictures into them "
    "and open the folder that holds both."
)


@dataclass(frozen=True, slots=True)
class Listing:
    """What names alone say, before any picture is opened."""

    pictures: tuple[Picture, ...]
    """In class order, then by name."""
    classes: dict[str, str]
    """Each class, also an empty one, with its folder or the CSV; in natural order."""
    problems: tuple[Problem, ...] = ()
    loose: int = 0
    """Pictures right in the folder, which have no class and are left out."""
    left_out: tuple[str, ...] = ()
    """Folders beside train and val, which are no part of the split."""


def scan(source: Path, control: Control) -> Iterator[Event]:
    """The scan job: the events of `scanned`, then its `Scan`."""
    yield (yield from scanned(source, control))


def scanned(
    source: Path, control: Control, fewest_classes: int = 2
) -> Generator[Event, None, Scan]:
    """Yields progress at most ten times a second and returns what was found.

    Raises TlstudioError where `list_pictures` does, and when fewer than `fewest_classes` (1 or 2)
    have usable pictures; Cancelled when stopped.
    """
    listing = list_pictures(source, fewest_classes)
    total = len(listing.pictures)
    yield Progress("scan", 0, total)
    usable: list[Picture] = []
    problems = list(listing.problems)
    reported = time.monotonic()
    paths = [Path(picture.path) for picture in listing.pictures]
    with closing(check_all(paths, control)) as results:
        pairs = zip(listing.pictures, results, strict=True)
        for done, (picture, result) in enumerate(pairs, start=1):
            if isinstance(result, PictureError):
                problems.append(Problem(picture.path, result.kind, str(result)))
            else:
                usable.append(replace(picture, digest=result))
            if time.monotonic() - reported >= 0.1:
                reported = time.monotonic()
                yield Progress("scan", done, total)
    yield Progress("scan", total, total)
    problems += repeated(usable)
    counts = Counter(picture.label for picture in usable)
    problems += [
        Problem(place, "empty_class", f"Class “{label}” has no usable picture and is left out.")
        for label, place in listing.classes.items()
        if not counts[label]
    ]
    classes = {label: counts[label] for label in listing.classes if counts[label]}
    if len(classes) < fewest_classes:
        needs = ", and training needs two" if fewest_classes > 1 else ""
        raise TlstudioError(
            f"Of {len(listing.classes)} classes, {len(classes)} have pictures that can be used"
            f"{needs}.",
            f"Mend or replace such files as this: {problems[0].detail}",
        )
    if listing.loose:
        yield Warned(
            f"Pictures beside the class folders were left out: {listing.loose:,}.",
            "Move them into the folder of their class to use them.",
        )
    if listing.left_out:
        yield Warned(
            f"Folders beside train and val were left out: {', '.join(listing.left_out)}.",
            "Move them into train or val to use their pictures as classes.",
        )
    return Scan(
        str(source.absolute()),
        tuple(usable),
        tuple(problems),
        classes,
    )


def list_pictures(source: Path, fewest_classes: int = 2) -> Listing:
    """The labelled pictures by name, without opening any; quick.

    `source` is a folder with one subfolder a class, a folder with train and val subfolders of
    that kind, or a CSV with the columns path, label and, if wanted, split. Raises TlstudioError
    when it is none of these, cannot be read, has classes whose names cannot be shown and saved,
    or has pictures of fewer than `fewest_classes` (1 or 2).
    """
    source = source.absolute()
    if not _is_legible(source):
        raise TlstudioError(
            f"The name “{legible(str(source))}” has characters that cannot be read.",
            "Rename the folder or file, then open it again.",
        )
    try:
        if source.is_dir():
            listing = _list_folder(source)
        elif not source.exists():
            raise TlstudioError(
                f"There is no folder or file “{source}”.",
                "Check its name and that its disk is connected, or choose another.",
            )
        elif source.suffix.lower() == ".csv":
            listing = _list_csv(source)
        else:
            raise TlstudioError(f"“{source.name}” is neither a folder nor a CSV.", ARRANGE)
    except OSError as error:
        what = unreadable(Path(error.filename or source), error)
        raise TlstudioError(what.message, what.hint) from error
    _require_classes(source, listing, fewest_classes)
    return listing


def pictures_below(folder: Path) -> tuple[list[Path], list[Problem]]:
    """All pictures in a folder and below, and a problem for each folder that cannot be read and
    each name that cannot be shown and saved.
    """
    found: list[Path] = []
    problems: list[Problem] = []
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen:  # a link back to where we came from
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = _entries(here)
        except OSError as error:
            detail = str(unreadable(here, error))
            problems.append(Problem(legible(str(here)), "unreadable", detail))
            continue
        found += entries.pictures
        problems += map(_illegible, entries.illegible)
        waiting += reversed(entries.folders)
    return found, problems


def natural(name: str) -> tuple[list[str | tuple[int, str]], str]:
    """A key that sorts names as people do: class2 before class10, whatever the case."""
    parts = re.split("0*([0-9]+)", name.casefold())
    # Of two numbers the longer one is larger; `int` would refuse very long ones.
    return [(len(part), part) if i % 2 else part for i, part in enumerate(parts)], name


def _require_classes(source: Path, listing: Listing, fewest: int) -> None:
    labels = list(dict.fromkeys(picture.label for picture in listing.pictures))
    if len(labels) >= fewest:
        return
    if not labels and listing.loose:
        raise TlstudioError(
            f"The pictures lie right in “{source.name}”, so their classes are not known.", ARRANGE
        )
    if not labels and listing.problems:
        raise TlstudioError(
            f"“{source.name}” has no pictures that can be read.", listing.problems[0].detail
        )
    if not labels:
        hint = ARRANGE if source.is_dir() else "Add lines such as cats/1.jpg,cat below path,label."
        raise TlstudioError(f"“{source.name}” has no pictures in it.", hint)
    if listing.problems:
        hint = listing.problems[0].detail
    elif source.is_file():
        hint = "Add lines with pictures of at least one more class."
    else:
        hint = (
            f"Add a second subfolder with pictures beside “{labels[0]}”, "
            f"or open “{labels[0]}” itself if its own subfolders are the classes."
        )
    raise TlstudioError(
        f"“{source.name}” has pictures of one class only, “{labels[0]}”, and training needs two.",
        hint,
    )


def _list_folder(source: Path) -> Listing:
    entries = _entries(source)
    roots = _split_folders(entries.folders)
    loose = [] if roots else entries.pictures
    parts = {root for root, _ in roots}
    left_out = [f for f in entries.folders if roots and f not in parts and not _is_split(f)]
    pictures: list[Picture] = []
    classes: dict[str, str] = {}
    problems: list[Problem] = []
    for root, split in roots or [(source, "")]:
        entries = _entries(root)
        if root != source:
            loose += entries.pictures
        for path in entries.illegible:
            if path.is_dir():
                raise TlstudioError(
                    f"The class name “{legible(path.name)}” has characters that cannot be read.",
                    f"Rename that folder in “{root.name}”.",
                )
            problems.append(_illegible(path))
        for folder in entries.folders:
            label = _label(folder.name)
            if not label:
                raise TlstudioError(
                    f"A folder in “{root.name}” has spaces alone for its name.",
                    "Rename it after the class of its pictures.",
                )
            classes.setdefault(label, str(folder))
            found, unusable = pictures_below(folder)
            pictures += [Picture(str(path), label, split) for path in found]
            problems += unusable
    listing = _listing(pictures, classes, problems, len(loose))
    return replace(listing, left_out=tuple(folder.name for folder in left_out))


def _split_folders(folders: list[Path]) -> list[tuple[Path, str]]:
    """The train and val folders among the subfolders; none where these are classes.

    A class may be called train too: the split is believed when train has subfolders and either
    val has or nothing but splits is there.
    """
    used = [(f, SPLITS[f.name.casefold()]) for f in folders if _is_split(f)]
    used = [(folder, split) for folder, split in used if split != "test"]
    arranged = {split for folder, split in used if _entries(folder).folders}
    if arranged == {"train", "val"} or ("train" in arranged and all(map(_is_split, folders))):
        return used
    return []


def _is_split(folder: Path) -> bool:
    return folder.name.casefold() in SPLITS


def _list_csv(source: Path) -> Listing:
    pictures: dict[tuple[str, str], Picture] = {}
    problems: list[Problem] = []
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            stream.seek(0)
            # Some spreadsheets write semicolons, depending on the country.
            rows = csv.DictReader(stream, delimiter=";" if ";" in header else ",")
            columns = [name.strip().lower() for name in rows.fieldnames or ()]
            rows.fieldnames = columns
            if not {"path", "label"} <= set(columns):
                raise TlstudioError(
                    f"“{source.name}” lacks the columns path and label.",
                    "Its first line must read path,label or path,label,split.",
                )
            for row in rows:
                picture = _picture_of_row(source, row, rows.line_num)
                if picture.split == "test":
                    continue
                if not _is_legible(Path(picture.path)):
                    problems.append(_illegible(Path(picture.path)))
                    continue
                if pictures.setdefault((picture.path, picture.label), picture) is not picture:
                    detail = f"Line {rows.line_num} names it once more."
                    problems.append(Problem(picture.path, "duplicate", detail))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TlstudioError(
            f"“{source.name}” cannot be read as a CSV ({error}).",
            "Save it as CSV in UTF-8 with the columns path,label and, if wanted, split.",
        ) from error
    classes = {picture.label: str(source) for picture in pictures.values()}
    return _listing(pictures.values(), classes, problems)


def _picture_of_row(source: Path, row: dict[str, str | None], line: int) -> Picture:
    path, label, split = ((row.get(name) or "").strip() for name in ("path", "label", "split"))
    if not path or not label or "\0" in path:
        missing = "path" if not path or "\0" in path else "label"
        raise TlstudioError(
            f"Line {line} of “{source.name}” has no {missing}.",
            "Fill it in, or delete the line.",
        )
    if legible(label) != label:
        raise TlstudioError(
            f"Line {line} of “{source.name}” has the label “{legible(label)}” with characters that "
            "cannot be read.",
            "Write it without line breaks and other control characters.",
        )
    if split and split.lower() not in SPLITS:
        raise TlstudioError(
            f"Line {line} of “{source.name}” has the unknown split “{split}”.",
            "Write train, val or test, or leave it empty.",
        )
    return Picture(str(source.parent / path), _label(label), SPLITS.get(split.lower(), ""))


def _listing(
    pictures: Iterable[Picture], classes: dict[str, str], problems: list[Problem], loose: int = 0
) -> Listing:
    ordered = sorted(classes, key=natural)
    position = {label: i for i, label in enumerate(ordered)}
    return Listing(
        tuple(sorted(pictures, key=lambda p: (position[p.label], natural(p.path)))),
        {label: classes[label] for label in ordered},
        tuple(problems),
        loose,
    )


def _label(name: str) -> str:
    """A class's name; composed alike wherever the folder was written, and without the spaces
    around it that a CSV may not keep.
    """
    return unicodedata.normalize("NFC", name).strip()


@dataclass(frozen=True, slots=True)
class _Entries:
    """What is right in a folder, by name, without what systems leave there."""

    folders: list[Path]
    pictures: list[Path]
    illegible: list[Path]
    """Folders and pictures whose names cannot be shown and saved."""


def _entries(folder: Path) -> _Entries:
    """Raises OSError."""
    found = _Entries([], [], [])
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=attrgetter("name")):
            path = Path(entry)
            if entry.name.startswith(".") or entry.name.casefold() in IGNORED:
                continue
            if _is_folder(entry):
                kind = found.folders
            elif path.suffix.lower() in PICTURE_SUFFIXES and _may_be_file(entry):
                kind = found.pictures
            else:
                continue
            (kind if legible(entry.name) == entry.name else found.illegible).append(path)
    return found


def _is_legible(path: Path) -> bool:
    return legible(str(path)) == str(path)


def _illegible(path: Path) -> Problem:
    detail = f"The name “{legible(path.name)}” has characters that cannot be read. Rename it."
    return Problem(legible(str(path)), "unreadable", detail)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: no folder, and reading it will say why
        return False


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file or a broken link; pipes and devices would block who opens them."""
    try:
        return entry.is_file() or not Path(entry).exists()
    except OSError:  # as above
        return True

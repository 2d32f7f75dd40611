"""Checks on the contents of picture files: can they be used, and are any the same."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tlstudio.data.decode import load, open_regular, unreadable
from tlstudio.errors import PictureError
from tlstudio.events import Picture, Problem


def check(path: Path) -> str | PictureError:
    """A digest of the file's bytes if it can be decoded, else why it cannot be."""
    try:
        with open_regular(path) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            load(stream, path, at_least=(1, 1))
            return digest
    except OSError as error:
        return unreadable(path, error)
    except PictureError as error:
        return error


def repeated(pictures: Iterable[Picture]) -> list[Problem]:
    """A problem for each picture whose bytes came before, in its own class or in another."""
    first_with: dict[str, Picture] = {}
    problems = []
    for picture in pictures:
        first = first_with.setdefault(picture.digest, picture)
        if first is picture:
            continue
        detail = f"The same picture as “{first.path}”"
        if first.label != picture.label:
            kind = "conflicting_label"
            detail += f", once as “{first.label}” and once as “{picture.label}”"
        else:
            kind = "duplicate"
            if {first.split, picture.split} == {"train", "val"}:
                detail += ", in both train and val, which makes validation look too good"
        problems.append(Problem(picture.path, kind, f"{detail}. Remove one of them."))
    return problems

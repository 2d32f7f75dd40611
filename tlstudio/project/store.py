"""The project file: versioned JSON whose paths are relative to it, so that a folder can move."""

import json
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tlstudio.errors import TlstudioError
from tlstudio.paths import write_whole
from tlstudio.project.spec import Project

FORMAT = "tlstudio project"
VERSION = 1
SUFFIX = ".tlstudio"
NAMED_WEIGHTS = ("bundled", "imagenet", "random")


def save(project: Project, path: Path) -> None:
    """Write the project file whole. Raises JobError when it cannot be written."""
    content = project.model_dump(mode="json")
    folder = path.resolve().parent
    content["pictures"]["source"] = _relative(project.pictures.source, folder)
    if project.backbone.weights not in NAMED_WEIGHTS:
        content["backbone"]["weights"] = _relative(Path(project.backbone.weights), folder)
    document = {"format": FORMAT, "version": VERSION, "project": content}
    write_whole(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def load(path: Path) -> Project:
    """Read a project file; its paths come back absolute.

    Raises TlstudioError when the file is missing, damaged or from a newer version.
    """
    content = read_document(path, FORMAT, VERSION)["project"]
    project = parse_project(content, path)
    folder = path.resolve().parent
    source = Path(os.path.normpath(folder / project.pictures.source))
    backbone = project.backbone
    if backbone.weights not in NAMED_WEIGHTS:
        weights = os.path.normpath(folder / backbone.weights)
        backbone = backbone.model_copy(update={"weights": weights})
    pictures = project.pictures.model_copy(update={"source": source})
    return project.model_copy(update={"pictures": pictures, "backbone": backbone})


def read_document(path: Path, file_format: str, version: int) -> dict[str, Any]:
    """Read a versioned JSON document. Raises TlstudioError as `load` does."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TlstudioError(
            f"{path} does not exist.", "Check the name, or choose another one."
        ) from None
    except OSError as error:
        raise TlstudioError(
            f"{path} cannot be read ({error.strerror or error}).",
            "Check that it is a file that you may read.",
        ) from error
    except (ValueError, RecursionError):
        raise _damaged(path, "it is not valid JSON") from None
    if not isinstance(document, dict) or document.get("format") != file_format:
        raise _damaged(path, f"it is not a {file_format}")
    found = document.get("version")
    if not isinstance(found, int) or not isinstance(document.get("project"), dict):
        raise _damaged(path, "its version or its project is missing")
    if found > version:
        raise TlstudioError(
            f"{path} was written by a newer tlstudio (format {found}, this one reads {version}).",
            "Update tlstudio, then open it again.",
        )
    return document


def parse_project(content: dict[str, Any], path: Path) -> Project:
    """Turn JSON into a project. Raises TlstudioError naming the first decision that is wrong."""
    try:
        return Project.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _damaged(path, f"{where}: {first['msg'].lower()}") from error


def _damaged(path: Path, why: str) -> TlstudioError:
    return TlstudioError(
        f"{path} is damaged: {why}.",
        "Open a backup of it, or start anew from the folder of pictures.",
    )


def _relative(path: Path, folder: Path) -> str:
    absolute = path.resolve()
    try:
        return Path(os.path.relpath(absolute, folder)).as_posix()
    except ValueError:  # another drive on Windows
        return absolute.as_posix()

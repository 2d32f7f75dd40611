"""What is in a weights file, read as data: arrays and the names of the layers that they are of.

Three formats of Keras are known by their content: `.weights.h5` (layers by type and number, since
2.12), the older `.h5` of weights or of a whole model (layers by name), and `.keras`, a zip with the
first in it. Nothing is unpickled, deserialised or run, and links to other files are refused.
"""

import json
import os
import re
import tempfile
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from shutil import copyfileobj
from typing import Any, BinaryIO

import h5py  # type: ignore[import-untyped]
import ml_dtypes
from keras.src.utils.naming import to_snake_case
from numpy.typing import NDArray

from tlstudio.errors import TlstudioError

SUFFIXES = (".weights.h5", ".h5", ".keras")

MEMBER = "model.weights.h5"
"""Of a `.keras` file."""
SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""With which an HDF5 file begins."""

DEEPEST = 64
LARGEST_CONFIG = 1 << 26
LARGEST_UNPACKED = 1 << 28
MOST_EXPANSION = 100
"""Weights are hardly compressible: what expands by more than this, and beyond
`LARGEST_UNPACKED` bytes, only fills the disk.
"""


@dataclass(frozen=True, slots=True)
class StoredArray:
    """One weight of a layer."""

    name: str
    """kernel, gamma; empty where the file does not say."""
    shape: tuple[int, ...]
    dataset: h5py.Dataset

    def values(self) -> NDArray[Any]:
        """Read them now. Raises OSError where the file is damaged."""
        values: NDArray[Any] = self.dataset[()]
        # HDF5 has no such type and keeps two plain bytes.
        return values.view(ml_dtypes.bfloat16) if _is_bfloat16(self.dataset) else values


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer that has weights of its own."""

    name: str
    """Empty where the file does not say."""
    kind: str
    """Its type, as `conv2d`; empty where the file does not say."""
    place: str
    """In its group, by types and numbers: conv2d_3, sequential/layers/conv2d."""
    arrays: tuple[StoredArray, ...]

    @property
    def label(self) -> str:
        return self.name or self.place


@dataclass(frozen=True, slots=True)
class Group:
    """The layers of one network in a file, those of networks within it included."""

    layers: Sequence[StoredLayer]
    by_place: bool
    """Whether places count, or else the order of the layers."""


# What readers of untrusted bytes raise; to a person they are one.
_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    TypeError,
    ValueError,
    RuntimeError,
    zlib.error,
    zipfile.BadZipFile,
)


class Refused(Exception):
    """There is something in the file that no weights file needs; says what."""


def check(path: Path) -> None:
    """Raise TlstudioError where `path` is no weights file, without reading any weights."""
    if not path.name.endswith(SUFFIXES):
        raise TlstudioError(
            f"{path.name!r} is no kind of weights that can be loaded.",
            f"Choose bundled, imagenet, random or a file ending in {', '.join(SUFFIXES)}.",
        )
    if not os.path.isfile(path):  # noqa: PTH113  (says no where `stat` refuses)
        raise TlstudioError(
            f"There is no weights file at {path}.", "Choose a file that exists, or imagenet."
        )
    with _explained(path):
        if h5py.is_hdf5(path):
            h5py.File(path).close()
            return
        with zipfile.ZipFile(path) as archive:
            _check_size(archive)
            with archive.open(MEMBER) as member:
                if member.read(len(SIGNATURE)) != SIGNATURE:
                    raise zipfile.BadZipFile(f"{MEMBER} is no HDF5 file")


@contextmanager
def opened(path: Path) -> Iterator[list[Group]]:
    """The networks in a file, those within others included; their arrays are there within.

    Raises TlstudioError as `check` does, and where the file is damaged or refused.
    """
    check(path)
    with _explained(path):
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                yield _groups(file, {})
            return
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryFile() as stream:
            _unpack(archive, stream)
            with h5py.File(stream) as file:
                yield _groups(file, _layer_names(archive))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise TlstudioError(
            f"{path} may not be read.", "Give yourself permission to read it, or copy it."
        ) from error
    except Refused as error:
        raise TlstudioError(
            f"{path.name} is refused: {error}, which no weights file needs.",
            "Save the weights again with Keras, or choose a file that you trust.",
        ) from error
    except _UNREADABLE as error:
        raise TlstudioError(
            f"{path.name} is damaged or no Keras file.", "Save or download it again."
        ) from error


def _unpack(archive: zipfile.ZipFile, stream: BinaryIO) -> None:
    """HDF5 jumps about in a file, which a zip can do only by reading it from its beginning."""
    _check_size(archive)
    with archive.open(MEMBER) as member:
        copyfileobj(member, stream, 1 << 20)
    stream.seek(0)


def _check_size(archive: zipfile.ZipFile) -> None:
    info = archive.getinfo(MEMBER)
    if info.file_size > max(LARGEST_UNPACKED, MOST_EXPANSION * info.compress_size):
        raise Refused(f"it would unpack to {info.file_size / 1e9:,.0f} GB")


def _groups(file: h5py.File, names: dict[str, str]) -> list[Group]:
    if "model_weights" in file:
        return _by_name(_group(file, "model_weights"))
    if _strings(file, "layer_names"):
        return _by_name(file)
    return _by_kind(file, names)


def _by_kind(file: h5py.File, names: dict[str, str]) -> list[Group]:
    """Of each group that is a list of layers, wherever that is."""
    lists: dict[str, list[StoredLayer]] = {}
    seen = set()
    left: list[tuple[tuple[str, ...], h5py.Group]] = [((), file)]
    while left:
        path, group = left.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:  # a group may be a member of its own
            continue
        seen.add(address)
        if len(path) > DEEPEST:
            raise Refused(f"it has more than {DEEPEST} groups within one another")
        arrays = _arrays(_group(group, "vars")) if path and "vars" in group else ()
        for depth, part in enumerate(path[:-1] if arrays else (), start=1):
            if part == "layers":
                layer = _layer(path, depth, _group(group, "vars"), arrays, names)
                lists.setdefault("/".join(path[:depth]), []).append(layer)
        for name in group:
            member = _member(group, name)
            if isinstance(member, h5py.Group) and name not in ("vars", "optimizer"):
                # Of Keras 2.
                part = "layers" if name == "_layer_checkpoint_dependencies" else name
                left.append(((*path, part), member))
    return [Group(layers, by_place=True) for layers in lists.values()]


def _layer(
    path: tuple[str, ...],
    depth: int,
    held: h5py.Group,
    arrays: tuple[StoredArray, ...],
    names: dict[str, str],
) -> StoredLayer:
    said = held.attrs.get("name")
    return StoredLayer(
        name=said if isinstance(said, str) else names.get("/".join(path), ""),
        kind=re.sub(r"_[0-9]+$", "", path[-1]),
        place="/".join(path[depth:]),
        arrays=arrays,
    )


def _arrays(held: h5py.Group) -> tuple[StoredArray, ...]:
    return tuple(_array("", held, str(index)) for index in range(len(held)))


def _by_name(root: h5py.Group) -> list[Group]:
    """A layer that is a network itself has the weights of all its layers, by their names."""
    whole: list[StoredLayer] = []
    found = [Group(whole, by_place=False)]
    for name in _strings(root, "layer_names"):
        group = _group(root, name)
        by_owner: dict[str, list[StoredArray]] = defaultdict(list)
        for path in _strings(group, "weight_names"):
            owner, _, weight = path.partition(":")[0].rpartition("/")
            by_owner[owner.removeprefix(f"{name}/") or name].append(_array(weight, group, path))
        own = [name] if len(by_owner) == 1 else by_owner
        held = zip(own, by_owner.values(), strict=True)
        layers = [StoredLayer(of, "", of, tuple(arrays)) for of, arrays in held]
        whole += layers
        if len(layers) > 1:
            found.append(Group(layers, by_place=False))
    return found


def _array(name: str, group: h5py.Group, path: str) -> StoredArray:
    dataset = _member(group, path)
    if not isinstance(dataset, h5py.Dataset):
        raise KeyError(path)
    if dataset.external or dataset.is_virtual:
        raise Refused("it takes weights from other files")
    if dataset.dtype.kind not in "fiub" and not _is_bfloat16(dataset):
        raise Refused("it holds weights that are not numbers")
    return StoredArray(name, dataset.shape, dataset)


def _is_bfloat16(dataset: h5py.Dataset) -> bool:
    return dataset.dtype.itemsize == 2 and bool(dataset.attrs.get("dtype", "") == "bfloat16")


def _group(group: h5py.Group, path: str) -> h5py.Group:
    found = _member(group, path)
    if not isinstance(found, h5py.Group):
        raise KeyError(path)
    return found


def _member(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset:
    """What lies there in this very file. Raises Refused, and KeyError where nothing does."""
    for part in path.split("/"):
        if not isinstance(group, h5py.Group) or part not in group:
            raise KeyError(path)
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise Refused("it has links to other places or files")
        group = group[part]
    return group


def _strings(group: h5py.Group, name: str) -> list[str]:
    """An attribute that is a list of texts. Keras cuts a long one into numbered pieces."""
    held = list(group.attrs.get(name, ()))
    pieces = (f"{name}{number}" for number in count())
    for piece in takewhile(group.attrs.__contains__, pieces):
        held.extend(group.attrs[piece])
    return [text.decode() if isinstance(text, bytes) else str(text) for text in held]


def _layer_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """By place in the weights, what a model's configuration calls a layer. Before 3.10, Keras did
    not write it beside the weights. Nothing where there is no configuration of such a form.
    """
    info = archive.NameToInfo.get("config.json")
    if info is None or info.file_size > LARGEST_CONFIG:
        return {}
    try:
        return dict(_named("", json.loads(archive.read(info))["config"]))
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}


def _named(place: str, config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    counts: Counter[str] = Counter()
    for layer in config["layers"]:
        kind = to_snake_case(layer["class_name"])
        number, counts[kind] = counts[kind], counts[kind] + 1
        where = f"{place}layers/{kind}_{number}" if number else f"{place}layers/{kind}"
        yield where, str(layer["config"]["name"])
        if "layers" in layer["config"]:
            yield from _named(f"{where}/", layer["config"])

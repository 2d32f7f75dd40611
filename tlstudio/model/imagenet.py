"""The ImageNet weights of keras.applications: downloaded where they are not here, and checked."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError

import h5py  # type: ignore[import-untyped]
import keras
from keras.src.utils import file_utils

from tlstudio.backbone_events import WeightsReady
from tlstudio.background import in_background
from tlstudio.control import Control
from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import Event, Progress, Warned
from tlstudio.model import catalog, weights
from tlstudio.model.download import NETWORK_ERRORS, Fetched, download, is_partly_here, proxy_of
from tlstudio.paths import write_error
from tlstudio.project.spec import Backbone

PLAIN_FETCH = file_utils.urlretrieve
PLAIN_GET_FILE = file_utils.get_file

Result = TypeVar("Result")


def fetch(spec: Backbone, control: Control) -> Iterator[Event]:
    """Download the ImageNet weights for a backbone, unless they are here and sound.

    Ends with `WeightsReady`. Raises TlstudioError where there are none for its width, or where they
    cannot be had, and Cancelled.
    """
    known = catalog.facts(spec.name)
    spec = spec.model_copy(update={"name": known.name, "weights": "imagenet"})
    weights.check(spec)
    path = catalog.weights_file(known, spec)
    yield Progress("download", 0, 0, path.name)
    if not weights.are_bundled(spec):
        asked = _Asked()
        work = in_background(lambda: _file(spec, asked, control), "imagenet-weights")
        path = yield from _watched(work, asked, control)
    yield WeightsReady(known.name, str(path))


def look(spec: Backbone) -> Path:
    """Where the ImageNet weights for a backbone are on this machine.

    They are checked and stay as they are; nothing goes to the network. Raises TlstudioError where
    there are none, or damaged ones.
    """
    weights.check(spec)
    with _looking(spec, load=False):
        return _found(spec)


def from_imagenet(
    model: keras.Model, spec: Backbone, control: Control, download: bool = True
) -> Generator[Event, None, None]:
    """Fill `model` with the weights that keras.applications downloads and keeps.

    Its constructor runs in a thread of its own, on the CPU, so that the download can be watched
    and stopped; the weights are then copied. Without `download` nothing goes to the network, and a
    file that is missing or damaged is a TlstudioError and stays as it is. Raises as `fetch` does.
    """
    asked = _Asked()
    work = in_background(lambda: _network(spec, asked, control, download), "imagenet-weights")
    loaded = yield from _watched(work, asked, control)
    model.set_weights(loaded.get_weights())


class _Asked(Fetched):
    """The file that Keras asks for, and how far its download is."""

    damaged = False
    """Whether a file was there with another hash than Keras knows."""


class _Found(Exception):
    """Carries the file's path out of a constructor that need not load it."""


def _file(spec: Backbone, asked: _Asked, control: Control) -> Path:
    """Where it is, downloaded and checked."""
    with _asking(asked, control, load=False):
        return _found(spec)


def _found(spec: Backbone) -> Path:
    """The file that Keras asks for, as it alone knows the hashes: in its constructor."""
    try:
        with keras.StatelessScope(initialize_variables=False):
            _constructed(spec)
    except _Found as found:
        return Path(*found.args)
    raise AssertionError("Keras asked for no file")


def _network(spec: Backbone, asked: _Asked, control: Control, download: bool) -> keras.Model:
    asking = _asking(asked, control, load=True) if download else _looking(spec, load=True)
    try:
        with keras.device("cpu:0"), asking:
            return _constructed(spec)
    except (ValueError, KeyError, OSError) as error:
        raise _damaged(catalog.weights_file(catalog.facts(spec.name), spec)) from error


def _constructed(spec: Backbone) -> keras.Model:
    keras.config.disable_interactive_logging()  # a setting of this thread
    known = catalog.facts(spec.name)
    # Weights do not depend on the input; asking at another size makes Keras warn or refuse.
    shape = (*catalog.weights_shape(known, spec), 3)
    network = getattr(keras.applications, known.name)
    arguments = catalog.given_arguments(known, spec)
    return network(include_top=False, weights="imagenet", input_shape=shape, **arguments)


def _watched(
    work: Future[Result], asked: _Asked, control: Control
) -> Generator[Event, None, Result]:
    reported, warned = 0, False
    while not work.done():
        asked.changed.wait(0.1)
        asked.changed.clear()
        control.checkpoint()
        if asked.damaged and not warned:
            warned = True
            yield Warned(
                f"{asked.name} in {catalog.weights_folder()} was damaged.",
                "It is downloaded anew.",
            )
        if asked.done != reported:
            reported = asked.done
            yield Progress("download", reported, asked.total, asked.name)
    return work.result()


@contextmanager
def _asking(asked: _Asked, control: Control, load: bool) -> Iterator[None]:
    """Within, `keras.utils.get_file` fetches so that it can be watched, stopped and gone on with,
    and what it finds is checked; what Keras does with its cache and hashes is as ever. Raises
    _Found with the path unless the weights are to be loaded.
    """

    def fetch(address: str, target: str, _progress: object) -> None:
        path = Path(target)
        asked.name, asked.damaged = path.name, path.exists()
        try:
            download(address, path, asked, control)
        except NETWORK_ERRORS as error:
            raise _unreachable(address, path, asked, error) from error
        except OSError as error:
            raise write_error(path, error) from error

    def get_file(name: str, address: str, **options: Any) -> str:
        # As Keras does with a file of another hash.
        anew = "file_hash" not in options and _is_damaged(catalog.weights_folder() / name)
        try:
            path: str = PLAIN_GET_FILE(name, address, force_download=anew, **options)
        except ValueError as error:
            (catalog.weights_folder() / name).unlink(missing_ok=True)
            raise _wrong(address) from error
        if "file_hash" not in options and _is_damaged(Path(path)):
            raise _damaged(Path(path))
        if not load:
            raise _Found(path)
        return path

    with _in_place_of_keras(fetch, get_file):
        yield


@contextmanager
def _looking(spec: Backbone, load: bool) -> Iterator[None]:
    """Within, `keras.utils.get_file` finds a sound file that is here, and does nothing else:
    Keras's own deletes a file with another hash before it is downloaded anew. Raises _Found with
    the path unless the weights are to be loaded.
    """

    def get_file(name: str, _address: str, **options: Any) -> str:
        path = catalog.weights_folder() / name
        if not path.is_file():
            raise TlstudioError(
                f"The ImageNet weights of {catalog.facts(spec.name).label} are not on this machine "
                "yet.",
                "Download them first, or choose other weights.",
            )
        known = options.get("file_hash")
        if not file_utils.validate_file(path, known) if known else _is_damaged(path):
            raise _damaged(path)
        if not load:
            raise _Found(path)
        return str(path)

    with _in_place_of_keras(PLAIN_FETCH, get_file):
        yield


@contextmanager
def _in_place_of_keras(fetch: Callable[..., Any], get_file: Callable[..., str]) -> Iterator[None]:
    file_utils.urlretrieve, file_utils.get_file = fetch, get_file
    try:
        yield
    finally:
        # A thread that was stopped may end after the next one has begun to fetch.
        if file_utils.get_file is get_file:
            file_utils.urlretrieve, file_utils.get_file = PLAIN_FETCH, PLAIN_GET_FILE


def _is_damaged(path: Path) -> bool:
    """Whether it is a file of another kind, or one that is cut short."""
    try:
        h5py.File(path).close()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _damaged(path: Path) -> TlstudioError:
    return TlstudioError(
        f"The ImageNet weights {path} are damaged.", "Delete that file and load them again."
    )


def _wrong(address: str) -> JobError:
    return JobError(
        f"What was downloaded from {address} is not the file that Keras knows: its hash differs.",
        "Load it again; if that does not help, fetch it on another network, or choose a weights "
        "file.",
    )


def _unreachable(address: str, target: Path, asked: _Asked, error: Exception) -> TlstudioError:
    if isinstance(error, HTTPError):
        why = f"the server answered {error.code}"
    else:
        cause = getattr(error, "reason", error)
        why = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    proxy = proxy_of(address)
    through = f", through the proxy {proxy}" if proxy else ""
    damaged = f" in {target} are damaged, and" if asked.damaged else ""
    kept = " What has arrived is kept, and the next try goes on with it."
    return TlstudioError(
        f"The ImageNet weights{damaged} could not be downloaded ({why}{through}).",
        f"Go online{', check the proxy' if proxy else ''}, or fetch {address} elsewhere and put it "
        f"into {target.parent} as {target.name}, or choose a weights file."
        + (kept if is_partly_here(target) else ""),
    )

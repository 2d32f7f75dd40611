"""Where a backbone's weights come from: bundled, the ImageNet download, a file, or nowhere."""

import math
import os
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import uuid4

import h5py  # type: ignore[import-untyped]
import keras
from keras.src.utils import file_utils
from numpy.typing import NDArray

from tlstudio.background import in_background
from tlstudio.control import Cancelled, Control
from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import Event, Progress
from tlstudio.model import catalog
from tlstudio.paths import resource, write_error
from tlstudio.project.spec import Backbone
from tlstudio.project.store import NAMED_WEIGHTS

SUFFIXES = (".weights.h5", ".h5", ".keras")

# Widths with published weights, and the sizes at which MobileNet and MobileNetV2 were trained.
_ALPHAS = {
    "MobileNet": (0.25, 0.5, 0.75, 1.0),
    "MobileNetV2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
    "MobileNetV3Small": (0.75, 1.0),
    "MobileNetV3Large": (0.75, 1.0),
}
_SIDES = {"MobileNet": (128, 160, 192, 224), "MobileNetV2": (96, 128, 160, 192, 224)}

PLAIN_FETCH = file_utils.urlretrieve

BLOCK_BYTES = 1 << 17
TIMEOUT_SECONDS = 30.0


def are_bundled(spec: Backbone) -> bool:
    """Whether they are the ones that come with tlstudio."""
    lite0 = catalog.facts(spec.name) is catalog.LITE0
    return lite0 and spec.weights in ("bundled", "imagenet")


def check(spec: Backbone) -> None:
    """Raise TlstudioError for weights that there cannot be, without loading any."""
    known = catalog.facts(spec.name)
    if spec.weights == "bundled" and known is not catalog.LITE0:
        raise TlstudioError(
            f"No weights of {known.label} are bundled; only those of {catalog.LITE0.label} are.",
            "Choose imagenet (a download), random or a weights file.",
        )
    alphas = _ALPHAS.get(known.name, (1.0,))
    if spec.weights == "imagenet" and spec.alpha not in alphas:
        raise TlstudioError(
            f"There are no ImageNet weights of {known.label} at width {spec.alpha:g}.",
            f"Set alpha to one of {', '.join(f'{alpha:g}' for alpha in alphas)}, "
            "or choose random weights.",
        )
    if spec.weights not in NAMED_WEIGHTS:
        _check_format(Path(spec.weights))


def from_file(model: keras.Model, path: Path, with_top: Callable[[], keras.Model]) -> None:
    """Fill `model` from a weights file of the same network, saved with or without its top.

    Only arrays are read: what a file says about code is never looked at. Raises TlstudioError
    when the file is missing, damaged, of another network or of an unknown format.
    """
    _check_format(path)
    if _fill(model, path):
        return
    whole = with_top()
    if not _fill(whole, path):
        raise TlstudioError(
            f"{path.name} holds the weights of another network than {model.name}.",
            "Choose the backbone and the width that the file was saved from, or another file.",
        )
    for layer in model.layers:
        layer.set_weights(whole.get_layer(layer.name).get_weights())


def from_bundled(model: keras.Model) -> None:
    """Fill `model`, an EfficientNet-Lite0 without its top."""
    if not _fill(model, resource("weights", "efficientnet_lite0.weights.h5")):
        raise JobError("The bundled weights are damaged.", "Install tlstudio again.")


def _check_format(path: Path) -> None:
    if not path.name.endswith(SUFFIXES):
        raise TlstudioError(
            f"{path.name!r} is no kind of weights that can be loaded.",
            f"Choose bundled, imagenet, random or a file ending in {', '.join(SUFFIXES)}.",
        )
    if not os.path.isfile(path):  # noqa: PTH113  (says no where `stat` refuses)
        raise TlstudioError(
            f"There is no weights file at {path}.", "Choose a file that exists, or imagenet."
        )
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member:
                h5py.File(member).close()
            return
        with h5py.File(path) as file:
            legacy = "layer_names" in file.attrs or "model_weights" in file
    except PermissionError as error:
        raise TlstudioError(
            f"{path} may not be read.", "Give yourself permission to read it, or copy it."
        ) from error
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise TlstudioError(
            f"{path.name} is damaged or no Keras file.", "Save or download it again."
        ) from error
    if legacy == path.name.endswith(".weights.h5"):
        right = ".h5" if legacy else ".weights.h5"
        raise TlstudioError(
            f"{path.name} is in the format that Keras knows by the ending {right}.",
            f"Rename it so that it ends in {right}.",
        )


def give_values(model: keras.Model, values: Sequence[NDArray[Any]] = ()) -> None:
    """Give the weights of an outline these values, in the order of `weights`; without any, some
    to be overwritten: none of them is a number.
    """
    given = dict(zip(map(id, model.weights), values, strict=True)) if values else {}
    weights = set(map(id, model.weights))
    for variable in model.variables:
        if id(variable) in given:
            variable._initializer = partial(_as_given, given[id(variable)])
        elif id(variable) in weights and "float" in str(variable.dtype):
            variable._initializer = keras.initializers.Constant(math.nan)
        variable._deferred_initialize()


def _as_given(value: NDArray[Any], _shape: object, dtype: object = None) -> NDArray[Any]:
    return value


def _fill(model: keras.Model, path: Path) -> bool:
    """Load a file and say whether it filled every weight.

    Keras passes over some layers that a file lacks, hence the mark on each weight beforehand.
    """
    marked = [variable for variable in model.weights if "float" in str(variable.dtype)]
    for variable in marked:
        variable.assign(keras.ops.full(variable.shape, math.nan, variable.dtype))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model.load_weights(path)
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return False
    return not any(keras.ops.any(keras.ops.isnan(variable)) for variable in marked)


def from_imagenet(model: keras.Model, spec: Backbone, control: Control) -> Iterator[Event]:
    """Fill `model` with the weights that keras.applications downloads and keeps.

    Its constructor runs in a thread of its own, on the CPU, so that the download can be watched
    and stopped; the weights are then copied.
    """
    known = catalog.facts(spec.name)
    # Weights do not depend on the input; asking at another size makes Keras warn or refuse.
    rows, columns = spec.input_shape
    trained = rows == columns and rows in _SIDES.get(known.name, ())
    shape = spec.input_shape if trained else known.input_shape
    width = {"alpha": spec.alpha} if known.has_alpha else {}
    network = getattr(keras.applications, known.name)
    fetched = Fetched()

    def construct() -> keras.Model:
        keras.config.disable_interactive_logging()  # a setting of this thread
        with keras.device("cpu:0"), _fetching(fetched, control):
            return network(include_top=False, weights="imagenet", input_shape=(*shape, 3), **width)

    future = in_background(construct, "imagenet-weights")
    reported = 0
    while not future.done():
        fetched.changed.wait(0.1)
        fetched.changed.clear()
        control.checkpoint()
        if fetched.done > reported:
            reported = fetched.done
            yield Progress("download", fetched.done, fetched.total, fetched.name)
    try:
        loaded = future.result()
    except (ValueError, KeyError, OSError) as error:
        raise TlstudioError(
            f"The ImageNet weights of {known.label} in {catalog.weights_folder()} are damaged.",
            f"Delete {fetched.name or known.weights_file} there and load them again.",
        ) from error
    model.set_weights(loaded.get_weights())


class Fetched:
    """How far a download is, in bytes; written by its thread alone. `total` 0 if not known."""

    def __init__(self) -> None:
        self.name = ""
        self.done = 0
        self.total = 0
        self.changed = threading.Event()


@contextmanager
def _fetching(fetched: Fetched, control: Control) -> Iterator[None]:
    """Within, `keras.utils.get_file` fetches so that it can be watched, stopped and timed out.

    It also makes the file appear only when it is whole. What Keras does before and after, cache
    and hash, is as ever.
    """

    def fetch(address: str, target: str, _progress: object) -> None:
        fetched.name = Path(target).name
        partial = Path(f"{target}.{uuid4().hex}.part")
        try:
            _download(address, partial, fetched, control)
            partial.replace(target)
        except (URLError, HTTPException, ConnectionError) as error:
            raise _unreachable(address, Path(target), error) from error
        except OSError as error:
            raise write_error(Path(target), error) from error
        finally:
            partial.unlink(missing_ok=True)

    file_utils.urlretrieve = fetch
    try:
        yield
    finally:
        # A thread that was stopped may end after the next one has begun to fetch.
        if file_utils.urlretrieve is fetch:
            file_utils.urlretrieve = PLAIN_FETCH


def _download(address: str, target: Path, fetched: Fetched, control: Control) -> None:
    response = _from_network(lambda: urlopen(address, timeout=TIMEOUT_SECONDS))
    with response, target.open("wb") as stream:
        fetched.total = int(response.headers.get("Content-Length") or 0)
        while block := _from_network(lambda: response.read(BLOCK_BYTES)):
            if control.stopping:
                raise Cancelled
            stream.write(block)
            fetched.done += len(block)
            fetched.changed.set()
    if fetched.done < fetched.total:
        raise ConnectionError(f"the connection closed after {fetched.done} bytes")


def _from_network(call: Callable[[], Any]) -> Any:
    """Tell an error of the network from one of the disk: both are plain OSErrors."""
    try:
        return call()
    except URLError:
        raise
    except OSError as error:
        raise URLError(error) from error


def _unreachable(address: str, target: Path, error: Exception) -> TlstudioError:
    if isinstance(error, HTTPError):
        why = f"the server answered {error.code}"
    else:
        cause = getattr(error, "reason", error)
        why = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return TlstudioError(
        f"The ImageNet weights could not be downloaded ({why}).",
        f"Go online, or fetch {address} elsewhere and put it into {target.parent} as "
        f"{target.name}, or choose a weights file.",
    )

"""How long a backbone takes for a picture on this machine, and the job that measures it."""

import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np
import psutil
import tensorflow as tf

from tlstudio.backbone_events import Measured
from tlstudio.control import Control
from tlstudio.errors import JobError
from tlstudio.events import Event, Progress, Warned
from tlstudio.model import backbone as backbones
from tlstudio.model import catalog
from tlstudio.model.boundary import find_boundary
from tlstudio.model.head import head_layers
from tlstudio.paths import features_folder, write_whole
from tlstudio.project.spec import Backbone, Head
from tlstudio.training.devices import tensorflow_name
from tlstudio.training.openvino_streams import OpenVinoFailed
from tlstudio.training.prefix import TENSORFLOW, Prefix, Runner, cut_off, engine_for

SECONDS = 0.3
"""Rounds of batches are timed for so long, and two of them at least."""
COPIES = 17
"""Of the weights, while a CPU is measured; 17.2 for ConvNeXt Tiny and 16.4 for ConvNeXt Small."""


def measure(specs: Sequence[Backbone], device: str, control: Control) -> Iterator[Event]:
    """Yield one `Measured` a backbone: without its top, and without the decoding of pictures.

    Weights do not change how long it takes, so none are loaded. Of several backbones, those that
    memory is too small for are warned of and left out. Raises TlstudioError where that is the only
    one, and for a backbone or a device that there is not, and Cancelled when stopped.
    """
    where = tensorflow_name(device)
    for index, spec in enumerate(specs):
        known = catalog.facts(spec.name)
        yield Progress("build", index, len(specs), known.label)
        control.checkpoint()
        try:
            require_memory(known, where)
        except JobError as error:
            if len(specs) == 1:
                raise
            yield Warned(error.message, error.hint)
            continue
        wanted = catalog.canonical(spec).model_copy(update={"weights": "random"})
        seconds = seconds_a_picture(backbones.build(wanted), wanted, where, control)
        named = "cpu" if where == "/CPU:0" else where.removeprefix("/").lower()
        yield Measured(known.name, seconds, named)


def require_memory(known: catalog.BackboneFacts, device: str) -> None:
    """Raise JobError where the system would rather end the process than give it what it needs."""
    needed = known.params * catalog.BYTES_PER_PARAMETER * COPIES
    free = psutil.virtual_memory().available
    if "GPU" not in device and needed > free:
        raise JobError(
            f"Measuring {known.label} takes about {needed / 2**30:.1f} GB of memory, and "
            f"{free / 2**30:.1f} GB are free.",
            "Close other programs, or measure a smaller backbone.",
        )


def seconds_a_picture(
    backbone: keras.Model, spec: Backbone, device: str, control: Control, engine: str = ""
) -> float:
    """Measure anew, and give the best time that was ever measured of this network here.

    Without its top and the decoding of pictures, on `device` as TensorFlow calls it. Other work on
    the machine makes a network slower and never faster, so that the best time is the true one.
    Raises Cancelled.
    """
    engine = engine or engine_for(device)
    try:
        seconds = _measured(_whole(backbone, spec, engine), device, control)
    except OpenVinoFailed:
        return seconds_a_picture(backbone, spec, device, control, TENSORFLOW)
    network = catalog.canonical(spec).model_dump(mode="json", exclude={"weights"})
    which = json.dumps([network, _hardware(device), engine, tf.__version__], sort_keys=True)
    noted = _noted()
    best = min(seconds, noted.get(which, seconds))
    with suppress(JobError):  # then only what is measured now counts another time
        write_whole(_notes(), json.dumps(noted | {which: best}))
    return best


def _measured(prefix: Prefix, device: str, control: Control) -> float:
    """The best of some rounds, as an extraction runs them: in a stream a core on a CPU."""
    with Runner(prefix, device, control) as runner:
        size = (runner.batch, *runner.picture_size, 3)
        pictures = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
        streams = 1 if "GPU" in device else runner.workers
        rounds: list[float] = []
        runner(pictures)  # waits until it is built
        with ThreadPoolExecutor(streams) as pool:
            while len(rounds) < 2 or sum(rounds) < SECONDS:
                control.checkpoint()
                began = time.perf_counter()
                list(pool.map(runner, [pictures] * streams))
                rounds.append(time.perf_counter() - began)
        return min(rounds) / (runner.batch * streams)


def _hardware(device: str) -> list[object]:
    """What tells this device from another in its place."""
    if "GPU" not in device:
        return ["CPU", platform.processor(), os.cpu_count()]
    number = int(device.rpartition(":")[2])
    gpus = tf.config.list_physical_devices("GPU")[number : number + 1]
    details = map(tf.config.experimental.get_device_details, gpus)
    return [device, *(known.get("device_name") for known in details)]


def _noted() -> dict[str, float]:
    """The best times so far, in seconds."""
    try:
        times = dict(json.loads(_notes().read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}
    return {which: time for which, time in times.items() if isinstance(time, float) and time > 0}


def _notes() -> Path:
    return features_folder().with_name("seconds.json")


def _whole(backbone: keras.Model, spec: Backbone, engine: str) -> Prefix:
    """All of a backbone, with the average pooling of a head."""
    boundary = find_boundary(backbone, frozenset())
    assert boundary is not None, "what is frozen throughout can be cut at its end"
    return cut_off(backbone, spec, boundary, head_layers(Head(), 2, seed=0), engine=engine)[0]

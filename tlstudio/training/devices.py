"""What there is to train on, found at run time."""

import functools
import os
import platform
import sys
from collections.abc import Iterator

import psutil
import tensorflow as tf

from tlstudio.errors import TlstudioError
from tlstudio.events import Device, DevicesFound, Event


@functools.cache
def prepare() -> tuple[str, ...]:
    """The names of the GPUs that TensorFlow sees; memory growth is switched on for each.

    Memory growth must be set before a GPU is first used, so this comes before every job.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return tuple(detail.get("device_name", "GPU") for detail in details)


def find_devices() -> Iterator[Event]:
    """The devices job."""
    gpus = [Device(f"gpu:{i}", f"GPU  {name}") for i, name in enumerate(prepare())]
    cores = os.cpu_count() or 1
    memory = psutil.virtual_memory().total
    cpu = Device("cpu", f"CPU  {cores} cores, {memory / 2**30:.0f} GB", memory)
    yield DevicesFound((*gpus, cpu), "" if gpus else _why_no_gpu())


def _why_no_gpu() -> str:
    if sys.platform == "win32":
        return (
            "TensorFlow has had no GPU support on native Windows since 2.11: "
            "install tlstudio inside WSL2 to use an NVIDIA GPU."
        )
    if sys.platform == "darwin":
        return (
            "On a Mac with Apple silicon, install tensorflow-metal beside tlstudio to use its GPU."
            if platform.machine() == "arm64"
            else "TensorFlow uses no GPU on Intel Macs."
        )
    return "No GPU was found. With an NVIDIA card, install tlstudio[cuda] and a current driver."


def tensorflow_name(device: str) -> str:
    """What TensorFlow calls a project's device. Raises TlstudioError when it is not there."""
    gpus = len(prepare())
    if device == "auto":
        return "/GPU:0" if gpus else "/CPU:0"
    kind, _, index = device.partition(":")
    if kind == "cpu" and not index:
        return "/CPU:0"
    if kind == "gpu" and (index or "0").isdecimal() and int(index or "0") < gpus:
        return f"/GPU:{int(index or '0')}"
    known = ", ".join(["cpu", *(f"gpu:{i}" for i in range(gpus))])
    raise TlstudioError(
        f"There is no device {device!r} on this machine.", f"Choose one of: {known}."
    )

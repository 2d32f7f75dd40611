"""What there is to train on, found at run time."""

import functools
import logging
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import tensorflow as tf

from tlstudio.errors import TlstudioError
from tlstudio.events import Device, DevicesFound, Event

ALL = "gpus"
"""All GPUs together, each with its share of a batch."""


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
    names = prepare()
    memories = _memory_by_name() if names else {}
    gpus = [
        _device(f"gpu:{i}", f"GPU  {name}", memories.get(name, 0)) for i, name in enumerate(names)
    ]
    if len(gpus) > 1:
        gpus.append(Device(ALL, f"All {len(gpus)} GPUs together"))
    cores = os.cpu_count() or 1
    cpu = _device("cpu", f"CPU  {cores} cores", psutil.virtual_memory().total)
    yield DevicesFound((*gpus, cpu), "" if gpus else _why_no_gpu())


def _device(name: str, label: str, memory: int) -> Device:
    """`memory` in bytes, 0 where it is not known."""
    return Device(name, f"{label}, {memory / 2**30:.0f} GB" if memory else label, memory)


def _memory_by_name() -> dict[str, int]:
    """Bytes of the NVIDIA GPUs, as their driver tells: TensorFlow knows once it has taken them.

    By name, since the two count GPUs in different orders.
    """
    try:
        import pynvml
    except ImportError:  # comes with the extra `cuda`
        return {}
    try:
        pynvml.nvmlInit()
        try:
            numbers = range(pynvml.nvmlDeviceGetCount())
            gpus = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in numbers]
            return {
                pynvml.nvmlDeviceGetName(gpu): pynvml.nvmlDeviceGetMemoryInfo(gpu).total
                for gpu in gpus
            }
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        logging.getLogger(__name__).info("The driver does not tell of its GPUs: %s", error)
        return {}


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


@contextmanager
def placed(device: str) -> Iterator[None]:
    """Within, what is built and run is on a project's device, or on each of several."""
    gpus = len(prepare())
    if device == ALL and gpus > 1:
        names = [f"GPU:{i}" for i in range(gpus)]
        with tf.distribute.MirroredStrategy(names).scope():
            yield
    else:
        with tf.device(tensorflow_name(device)):
            yield


def tensorflow_name(device: str) -> str:
    """What TensorFlow calls a project's device, the first where there are several. Raises
    TlstudioError when it is not there.
    """
    gpus = len(prepare())
    if device == "auto" or (device == ALL and gpus):
        return "/GPU:0" if gpus else "/CPU:0"
    kind, _, index = device.partition(":")
    if kind == "cpu" and not index:
        return "/CPU:0"
    if kind == "gpu" and (index or "0").isdecimal() and int(index or "0") < gpus:
        return f"/GPU:{int(index or '0')}"
    known = ", ".join(["cpu", *(f"gpu:{i}" for i in range(gpus)), *([ALL] if gpus else [])])
    raise TlstudioError(
        f"There is no device {device!r} on this machine.", f"Choose one of: {known}."
    )

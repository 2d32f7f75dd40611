import sys
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace

import pytest

from tlstudio.errors import TlstudioError
from tlstudio.events import Device, DevicesFound
from tlstudio.training import devices

GB = 1 << 30


class DriverError(Exception):
    """As pynvml's own, of which its others are kinds."""


def driver(gpus: Sequence[tuple[str, int]], fails: str = "") -> ModuleType:
    """As NVIDIA's, with GPUs of these names and bytes; the function `fails` does."""
    functions = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: len(gpus),
        "nvmlDeviceGetHandleByIndex": lambda number: gpus[number],
        "nvmlDeviceGetName": lambda gpu: gpu[0],
        "nvmlDeviceGetMemoryInfo": lambda gpu: SimpleNamespace(total=gpu[1]),
    }

    def fail(*_: object) -> None:
        raise DriverError("Unknown Error")

    if fails:
        functions[fails] = fail
    module = ModuleType("pynvml")
    module.NVMLError = DriverError  # type: ignore[attr-defined]
    vars(module).update(functions)
    return module


def found(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], pynvml: ModuleType | None
) -> tuple[Device, ...]:
    monkeypatch.setattr(devices, "prepare", lambda: names)
    monkeypatch.setitem(sys.modules, "pynvml", pynvml)
    (event,) = devices.find_devices()
    assert isinstance(event, DevicesFound)
    return event.devices


def test_each_gpu_has_its_own_memory_in_whatever_order_the_driver_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pynvml = driver([("RTX 4060", 8 * GB), ("RTX 4090", 24 * GB)])
    first, second, both, cpu = found(monkeypatch, ("RTX 4090", "RTX 4060"), pynvml)
    assert first == Device("gpu:0", "GPU  RTX 4090, 24 GB", 24 * GB)
    assert second == Device("gpu:1", "GPU  RTX 4060, 8 GB", 8 * GB)
    assert both == Device(devices.ALL, "All 2 GPUs together")
    assert cpu.name == "cpu"
    assert cpu.memory_bytes > 0


@pytest.mark.parametrize(
    "pynvml",
    [
        None,
        driver([], fails="nvmlInit"),
        driver([("RTX 4090", 24 * GB)], fails="nvmlDeviceGetMemoryInfo"),
        driver([("another", 24 * GB)]),
    ],
    ids=["not installed", "no driver", "driver fails", "another name"],
)
def test_a_gpu_of_unknown_memory_is_listed_without(
    monkeypatch: pytest.MonkeyPatch, pynvml: ModuleType | None
) -> None:
    gpu, _ = found(monkeypatch, ("RTX 4090",), pynvml)
    assert gpu == Device("gpu:0", "GPU  RTX 4090")


@pytest.mark.parametrize(
    ("gpus", "device", "name"),
    [
        ((), "auto", "/CPU:0"),
        (("A",), "auto", "/GPU:0"),
        (("A", "B"), "gpu:1", "/GPU:1"),
        (("A",), "gpu", "/GPU:0"),
        (("A", "B"), devices.ALL, "/GPU:0"),
        (("A",), "cpu", "/CPU:0"),
    ],
)
def test_a_projects_device_is_what_tensorflow_calls_it(
    monkeypatch: pytest.MonkeyPatch, gpus: tuple[str, ...], device: str, name: str
) -> None:
    monkeypatch.setattr(devices, "prepare", lambda: gpus)
    assert devices.tensorflow_name(device) == name


@pytest.mark.parametrize("device", ["gpu:1", "gpu:-1", "gpu:x", "cpu:0", "tpu"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr(devices, "prepare", lambda: ("A",))
    with pytest.raises(TlstudioError) as caught:
        devices.tensorflow_name(device)
    assert "cpu, gpu:0, gpus" in caught.value.hint

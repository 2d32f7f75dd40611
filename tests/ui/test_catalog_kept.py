"""Times that were measured are kept for the next window, and not shown as of another machine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from window_fakes import session as make_session

from tlstudio.backbone_events import Measured
from tlstudio.events import Device, DevicesFound, Event
from tlstudio.host.jobs import MeasureRequest, Request
from tlstudio.ui import catalog_kept
from tlstudio.ui.catalog_times import CatalogTimes
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.session import Session
from tlstudio.ui.settings import open_settings

CPU = Device("cpu", "CPU  2 cores, 8 GB")
GPU = Device("gpu:0", "GPU  NVIDIA T4")


@pytest.fixture
def stored(tmp_path: Path) -> QSettings:
    return open_settings(tmp_path / "settings.ini")


@pytest.fixture
def window(qtbot, tmp_path: Path) -> Iterator[Callable[..., CatalogTimes]]:
    """Makes the times of a window on a machine with some devices, which are found after a while."""
    sessions: list[Session] = []

    def made(stored: QSettings, *devices: Device) -> CatalogTimes:
        session = make_session(tmp_path)[0]
        sessions.append(session)
        session.ask = lambda request, handler: answer(request, handler, devices[0])
        times = CatalogTimes(session, session)
        times.keep_in(stored)
        assert times.of("VGG16") is None
        session._found_devices(DevicesFound(devices))
        return times

    yield made
    for session in sessions:
        session.close()


def answer(request: Request, handler: Callable[[Event], None], device: Device) -> int:
    """VGG16 takes 10 ms and all others 20 ms."""
    if isinstance(request, MeasureRequest):
        name = request.backbones[0].name
        handler(Measured(name, 0.01 if name == "VGG16" else 0.02, device.name))
    return 1


def test_times_are_known_in_the_next_window_too(window, stored, tmp_path) -> None:
    window(stored, CPU).measure(["VGG16", "VGG19"])
    stored.sync()
    times = window(open_settings(tmp_path / "settings.ini"), CPU)
    assert times.of("VGG16") == Measured("VGG16", 0.01, "cpu")
    assert times.of("VGG19") == Measured("VGG19", 0.02, "cpu")
    times.measure(["Xception"])
    assert window(stored, CPU).of("VGG16")
    assert window(stored, CPU).of("Xception")


@pytest.mark.parametrize("devices", [(Device("cpu", "CPU  64 cores, 256 GB"),), (GPU, CPU)])
def test_times_of_another_device_are_not_shown(window, stored, devices) -> None:
    window(stored, CPU).measure(["VGG16"])
    assert window(stored, *devices).of("VGG16") is None


def test_times_of_other_versions_are_not_shown(window, stored, monkeypatch) -> None:
    window(stored, CPU).measure(["VGG16"])
    monkeypatch.setattr(catalog_kept, "version", lambda name: "99.0")
    assert window(stored, CPU).of("VGG16") is None


@pytest.mark.parametrize(
    "nonsense", ["", "no JSON", "[1]", '{"where": "", "seconds": {"VGG16": -1}}']
)
def test_kept_times_that_are_damaged_are_none(window, stored, nonsense: str) -> None:
    stored.setValue(catalog_kept.KEY, nonsense)
    times = window(stored, CPU)
    assert times.of("VGG16") is None
    times.measure(["VGG16"])
    assert window(stored, CPU).of("VGG16")


def test_the_window_keeps_its_times_in_its_settings(qtbot, window, stored, tmp_path) -> None:
    window(stored, CPU).measure(["VGG16"])
    session = make_session(tmp_path)[0]
    main = MainWindow(session, stored)
    qtbot.addWidget(main)
    session._found_devices(DevicesFound((CPU,)))
    assert main.backbone.times.of("VGG16") == Measured("VGG16", 0.01, "cpu")
    session.close()

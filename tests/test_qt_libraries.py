"""What is said where a system library of Qt is missing."""

import builtins
import ctypes
import sys
from typing import Any

import pytest

from tlstudio.errors import TlstudioError
from tlstudio.qt_libraries import has_display, missing_packages, require_qt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="about Linux libraries")


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def without_libraries(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    real = ctypes.CDLL

    def load(name: str | None, *args: Any, **kwargs: Any) -> ctypes.CDLL:
        if name in missing:
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        return real(None, *args, **kwargs)

    monkeypatch.setattr(ctypes, "CDLL", load)


def failing_import(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    real = builtins.__import__

    def load(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("PySide6"):
            raise ImportError(message)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", load)


def test_missing_library_names_every_package(bare_environment: pytest.MonkeyPatch) -> None:
    failing_import(
        bare_environment,
        "libEGL.so.1: cannot open shared object file: No such file or directory",
    )
    without_libraries(bare_environment, "libEGL.so.1", "libxkbcommon.so.0")
    with pytest.raises(TlstudioError) as raised:
        require_qt()
    assert "libEGL.so.1" in raised.value.message
    assert raised.value.hint.endswith("sudo apt-get install libegl1 libxkbcommon0")


def test_unknown_library_is_named(bare_environment: pytest.MonkeyPatch) -> None:
    failing_import(bare_environment, "libodd.so.7: cannot open shared object file: No such file")
    without_libraries(bare_environment)
    with pytest.raises(TlstudioError, match=r"libodd\.so\.7"):
        require_qt()


def test_other_import_errors_pass(bare_environment: pytest.MonkeyPatch) -> None:
    failing_import(bare_environment, "undefined symbol: nothing_to_do_with_packages")
    with pytest.raises(ImportError, match="undefined symbol"):
        require_qt()


@pytest.mark.parametrize(
    "environment", [{"DISPLAY": ":0"}, {"QT_QPA_PLATFORM": "xcb", "WAYLAND_DISPLAY": "wayland-0"}]
)
def test_missing_xcb_library_is_said_before_qt_aborts(
    environment: dict[str, str], bare_environment: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        bare_environment.setenv(name, value)
    without_libraries(bare_environment, "libxcb-cursor.so.0")
    with pytest.raises(TlstudioError, match=r"apt-get install libxcb-cursor0$"):
        require_qt()


@pytest.mark.parametrize(
    "environment",
    [
        {"QT_QPA_PLATFORM": "offscreen", "DISPLAY": ":0"},
        {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"},
        {},
    ],
)
def test_xcb_is_not_asked_for_elsewhere(
    environment: dict[str, str], bare_environment: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        bare_environment.setenv(name, value)
    without_libraries(bare_environment, "libxcb-cursor.so.0")
    require_qt()


def test_start_script_is_told_each_package_once(monkeypatch: pytest.MonkeyPatch) -> None:
    without_libraries(monkeypatch, "libglib-2.0.so.0", "libgthread-2.0.so.0", "libxcb-icccm.so.4")
    assert missing_packages() == ["libglib2.0-0", "libxcb-icccm4"]


def test_display_that_is_away_is_said_before_qt_aborts(
    bare_environment: pytest.MonkeyPatch,
) -> None:
    try:
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError:
        pytest.skip("Qt's X11 libraries are not installed")
    bare_environment.setenv("DISPLAY", ":9731")
    with pytest.raises(TlstudioError, match=r"':9731' cannot be reached"):
        require_qt()


def test_display_is_found_in_the_environment(bare_environment: pytest.MonkeyPatch) -> None:
    assert not has_display()
    bare_environment.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert has_display()


def test_other_systems_always_have_a_display(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setattr(sys, "platform", "darwin")
    assert has_display()

"""What Qt needs of a Linux system to open a window, and a sentence where it is missing.

Qt itself ends the process with an abort when its platform plugin cannot start, so what it needs
is looked at before it is asked.
"""

import ctypes
import os
import sys
from collections.abc import Iterable

from tlstudio.errors import TlstudioError

# Shared library: its package on Debian and Ubuntu.
QT_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libX11.so.6": "libx11-6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libz.so.1": "zlib1g",
}
XCB_PACKAGES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def has_display() -> bool:
    """Whether a window can be shown: on Linux only with X, Wayland or a chosen Qt platform."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def require_qt() -> None:
    """Import Qt's widgets and see that a window can open.

    Raises TlstudioError that names Debian's and Ubuntu's packages where a library is missing, or
    says that the display cannot be reached. Any other ImportError passes.
    """
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        if "cannot open shared object file" not in str(error):
            raise
        named = str(error).partition(":")[0]
        raise _missing(_unloadable(QT_PACKAGES) or [named]) from error
    if _uses_xcb():
        if libraries := _unloadable(XCB_PACKAGES):
            raise _missing(libraries)
        if not _reaches_display():
            display = os.environ.get("DISPLAY", "")
            raise TlstudioError(
                f"The display {display!r} cannot be reached.",
                "Start tlstudio in a desktop session, or use its commands (`tlstudio --help`).",
            )


def missing_packages() -> list[str]:
    """Debian's and Ubuntu's packages of the libraries that are not on this Linux system.

    The start script asks this before anything is installed.
    """
    return _packages(_unloadable(QT_PACKAGES | XCB_PACKAGES))


def _uses_xcb() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    chosen = os.environ.get("QT_QPA_PLATFORM")
    if chosen:
        return chosen.startswith("xcb")
    return bool(os.environ.get("DISPLAY")) and not os.environ.get("WAYLAND_DISPLAY")


def _unloadable(libraries: Iterable[str]) -> list[str]:
    return [library for library in libraries if not _loads(library)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _reaches_display() -> bool:
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    reached: bool = xcb.xcb_connection_has_error(connection) == 0
    xcb.xcb_disconnect(connection)
    return reached


def _missing(libraries: list[str]) -> TlstudioError:
    packages = _packages(libraries)
    install = (
        f"On Debian or Ubuntu run: sudo apt-get install {' '.join(packages)}"
        if packages
        else "Install the package of your system that holds it."
    )
    return TlstudioError(
        f"The window cannot open: Qt needs system libraries that are missing "
        f"({', '.join(libraries)}).",
        install,
    )


def _packages(libraries: list[str]) -> list[str]:
    known = QT_PACKAGES | XCB_PACKAGES
    return list(dict.fromkeys(known[name] for name in libraries if name in known))

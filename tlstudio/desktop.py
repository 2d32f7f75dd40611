"""The entry in the applications menu: a desktop file and the icons, for this user."""

import re
import sys
from pathlib import Path

import platformdirs

from tlstudio.errors import TlstudioError
from tlstudio.paths import resource, write_whole

PNG_SIZES = (16, 32, 48, 64, 128, 256, 512)


def install_desktop(data_home: Path | None = None) -> Path:
    """Write the desktop file and the icons below `data_home`; return the desktop file's path.

    `data_home` is $XDG_DATA_HOME, or ~/.local/share, where it is None. The entry starts the
    Python (or the bundle) that runs now. Raises TlstudioError where there is no such menu and
    JobError when a file cannot be written.
    """
    if sys.platform == "win32":
        raise TlstudioError(
            "Desktop files are for Linux; Windows has the Start menu instead.",
            f"Right-click {_program('tlstudio-gui.exe')} and choose Pin to Start.",
        )
    if sys.platform == "darwin":
        raise TlstudioError(
            "Desktop files are for Linux; macOS has the Dock instead.",
            f"Drag {_program('tlstudio-gui')} to the right end of the Dock.",
        )
    home = data_home or Path(platformdirs.user_data_dir())
    icons = home / "icons" / "hicolor"
    for size in PNG_SIZES:
        png = resource("icons", f"tlstudio-{size}.png").read_bytes()
        write_whole(icons / f"{size}x{size}" / "apps" / "tlstudio.png", png)
    svg = resource("icons", "tlstudio.svg").read_bytes()
    write_whole(icons / "scalable" / "apps" / "tlstudio.svg", svg)

    template = resource("linux", "tlstudio.desktop").read_text(encoding="utf-8")
    entry = home / "applications" / "tlstudio.desktop"
    write_whole(entry, template.replace("Exec=tlstudio %f", f"Exec={_start_command()} %f"))
    return entry


def _is_bundle() -> bool:
    return bool(getattr(sys, "frozen", False))


def _program(script: str) -> Path:
    """What a person can start: the bundle's binary, or the script beside the running Python."""
    running = Path(sys.executable)
    return running if _is_bundle() else running.with_name(script)


def _start_command() -> str:
    module = [] if _is_bundle() else ["-m", "tlstudio"]
    return " ".join(_exec_argument(argument) for argument in [sys.executable, *module])


def _exec_argument(argument: str) -> str:
    """Quote as the Desktop Entry Specification says, "The Exec key" and "Possible value types":
    once for Exec, where % begins a field code, and once more for the backslashes of any string.
    """
    quoted = re.sub(r'(["`$\\])', r"\\\1", argument).replace("%", "%%")
    if re.search(r"""[\s"'\\><~|&;$*?#()`]""", argument):
        quoted = f'"{quoted}"'
    return quoted.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")

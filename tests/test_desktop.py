"""The entry in the applications menu."""

import subprocess
import sys
from pathlib import Path

import pytest

from tlstudio.desktop import install_desktop
from tlstudio.errors import JobError, TlstudioError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="desktop files are for Linux")


def exec_arguments(entry: Path) -> list[str]:
    """The Exec line as a launcher reads it: first as a string, then as a command line."""
    line = next(
        line for line in entry.read_text(encoding="utf-8").splitlines() if line.startswith("Exec=")
    )
    command = line.removeprefix("Exec=").replace("\\\\", "\\")
    shell = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True
    )
    return [argument.replace("%%", "%") for argument in shell.stdout.splitlines()]


def test_entry_starts_this_python(tmp_path: Path) -> None:
    entry = install_desktop(tmp_path)
    assert entry == tmp_path / "applications" / "tlstudio.desktop"
    assert exec_arguments(entry) == [sys.executable, "-m", "tlstudio", "%f"]
    assert "Icon=tlstudio\n" in entry.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "folder", ["my programs", "100% $HOME", 'a "quoted" back\\slash', "한국어 (1)", "plain"]
)
def test_path_of_a_bundle_survives_quoting(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = str(tmp_path / folder / "tlstudio")
    monkeypatch.setattr(sys, "executable", binary)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert exec_arguments(install_desktop(tmp_path / folder)) == [binary, "%f"]


def test_entry_passes_the_validator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", '/opt/my "tools" $x\\y/bin/python')
    entry = install_desktop(tmp_path)
    try:
        checked = subprocess.run(
            ["desktop-file-validate", entry], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("desktop-file-validate is not installed")
    assert checked.stdout + checked.stderr == ""


def test_icons_lie_where_the_theme_looks(tmp_path: Path) -> None:
    install_desktop(tmp_path)
    icons = tmp_path / "icons" / "hicolor"
    assert (icons / "16x16/apps/tlstudio.png").read_bytes().startswith(b"\x89PNG")
    assert (icons / "512x512/apps/tlstudio.png").is_file()
    assert b"<svg" in (icons / "scalable/apps/tlstudio.svg").read_bytes()


def test_default_is_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "my data"))
    assert install_desktop() == tmp_path / "my data" / "applications" / "tlstudio.desktop"


def test_can_be_installed_again(tmp_path: Path) -> None:
    assert install_desktop(tmp_path) == install_desktop(tmp_path)


def test_unwritable_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JobError, match="could not be written"):
        install_desktop(tmp_path / "file")


@pytest.mark.parametrize(("platform", "place"), [("win32", "Start"), ("darwin", "Dock")])
def test_other_systems_are_told_what_to_do(
    platform: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(TlstudioError, match=place):
        install_desktop(tmp_path)
    assert not list(tmp_path.iterdir())

"""The one-folder bundle: built from the spec, then used as a person would."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import tlstudio

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        importlib.util.find_spec("PyInstaller") is None,
        reason="PyInstaller comes with the extra dev",
    ),
]
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The built bundle's binary, in a folder with a space; two gigabytes, so removed at the end."""
    built = tmp_path_factory.mktemp("my bundle")
    folders = ["--distpath", built / "dist", "--workpath", built / "build"]
    spec = CHECKOUT / "resources" / "tlstudio.spec"
    subprocess.run(
        [sys.executable, "-m", "PyInstaller", "--log-level=WARN", *folders, spec],
        check=True,
        cwd=built,
    )
    shutil.rmtree(built / "build")
    yield built / "dist" / "tlstudio" / "tlstudio"
    shutil.rmtree(built)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home of its own, no display, and no Python but the bundle's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "QT_QPA_PLATFORM": "offscreen",
    }


def answer(binary: Path, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [binary, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def test_version(binary: Path, environment: dict[str, str]) -> None:
    assert answer(binary, environment, "--version").split()[-1] == tlstudio.__version__


def test_demo_trains(binary: Path, environment: dict[str, str]) -> None:
    printed = answer(binary, environment, "demo", "--headless", "--epochs", "2", "--json")
    finished = json.loads(printed.splitlines()[-1])
    assert finished["event"] == "finished"
    assert finished["epochs"] == 2
    # Five classes: the bundled weights are really there and really used.
    assert finished["val_accuracy"] > 0.5
    assert (Path(finished["run"]) / "model.keras").is_file()


def test_menu_entry_starts_the_bundle(
    binary: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    answer(binary, environment, "--install-desktop")
    entry = tmp_path / "data" / "applications" / "tlstudio.desktop"
    assert f'Exec="{binary}" %f\n' in entry.read_text(encoding="utf-8")


def test_window_trains_in_its_engine_process_and_leaves_none_behind(
    binary: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    window = subprocess.Popen(
        [binary, "demo", "--epochs", "2"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        runs = tmp_path / "data" / "tlstudio" / "runs"
        give_up = time.monotonic() + 180
        while not list(runs.glob("*/metrics.json")):
            assert window.poll() is None, window.communicate()[1]
            assert time.monotonic() < give_up, "the window's demo has saved no run"
            time.sleep(0.5)
        children = psutil.Process(window.pid).children(recursive=True)
        assert children, "the engine process stays warm"
        window.terminate()
        _, errors = window.communicate(timeout=10)
    finally:
        window.kill()
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive

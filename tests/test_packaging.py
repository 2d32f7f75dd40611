"""What an installation must find, and what it must not load."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import tlstudio
from tlstudio.paths import resource

CHECKOUT = Path(__file__).parents[1]


def python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "name",
    [
        "icons/tlstudio.svg",
        "linux/tlstudio.desktop",
        "themes/style.qss",
        "samples/NOTICE",
        "weights/NOTICE",
        "weights/efficientnet_lite0.weights.h5",
    ],
)
def test_resource_is_found(name: str) -> None:
    assert resource(*name.split("/")).is_file()


def test_module_tells_the_version() -> None:
    assert python("-m", "tlstudio", "--version").split()[-1] == tlstudio.__version__


def test_commands_start_without_tensorflow_and_qt() -> None:
    loaded = python("-c", "import sys, tlstudio.cli; print(*sys.modules)").split()
    assert not {"tensorflow", "keras", "sklearn", "PySide6", "pyqtgraph"} & set(loaded)


@pytest.mark.parametrize(
    ("python_version", "allowed", "refused"),
    [("3.11", "6.11.3", "6.12.0"), ("3.12", "6.12.0", "6.11.3"), ("3.13", "6.12.1", "6.11.3")],
)
def test_pyside_that_aborts_on_python_3_11_is_refused(
    python_version: str, allowed: str, refused: str
) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [Requirement(line) for line in project["dependencies"]]
    (pin,) = (
        requirement.specifier
        for requirement in requirements
        if requirement.name == "PySide6-Essentials"
        and requirement.marker is not None
        and requirement.marker.evaluate({"python_version": python_version})
    )
    assert allowed in pin
    assert refused not in pin

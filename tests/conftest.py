import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlstudio.project.spec import Backbone, FreezePlan, Head, Pictures, Project, Training


@pytest.fixture(scope="session", autouse=True)
def folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is kept between trainings, and how much, is a matter of the tests alone."""
    for name in ("cache", "config"):
        os.environ[f"XDG_{name.upper()}_HOME"] = str(tmp_path_factory.mktemp(name))


SMALL = Backbone(input_shape=(32, 32))


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of ten pictures each that any model can tell apart."""
    folder = tmp_path_factory.mktemp("shapes")
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:40, 0:40]
    for label, shape in {
        "disc": lambda r: np.hypot(rows - 20, columns - 20) < r,
        "bars": lambda r: np.sin(columns * math.tau / r) > 0,
        "half": lambda r: rows > 10 + r / 2,
    }.items():
        (folder / label).mkdir()
        for number in range(10):
            mask = shape(8 + number)[..., None]
            colour = random.integers(120, 255, 3)
            pixels = np.where(mask, colour, 20).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{label} {number}.png")
    return folder


@pytest.fixture
def project(shapes: Path) -> Callable[..., Project]:
    """A small, fast project; keyword arguments replace whole decisions."""

    def make(**decisions: object) -> Project:
        base: dict[str, object] = {
            "pictures": Pictures(source=shapes),
            "backbone": SMALL,
            "freeze": FreezePlan(),
            "head": Head(),
            "training": Training(epochs=3, batch_size=8, device="cpu"),
        }
        return Project.model_validate(base | decisions)

    return make

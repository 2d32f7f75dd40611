import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from small_networks import with_trained_norms

from tlstudio.control import Control
from tlstudio.events import Finished, Warned
from tlstudio.host import jobs
from tlstudio.model.backbone import build
from tlstudio.project.spec import Backbone, Project
from tlstudio.training import openvino_streams
from tlstudio.training.openvino_streams import OpenVinoFailed, checked
from tlstudio.training.prefix import (
    LARGEST_BATCH,
    ON_GPU,
    TENSORFLOW,
    DType,
    Prefix,
    Runner,
    engine_for,
)


def fake_openvino(infer: Callable[..., object]) -> ModuleType:
    """A module whose networks answer as `infer` does."""
    request = SimpleNamespace(infer=infer)
    compiled = SimpleNamespace(create_infer_request=lambda: request)
    core = SimpleNamespace(
        read_model=lambda path: path.read_bytes(), compile_model=lambda *_: compiled
    )
    module = ModuleType("openvino")
    module.Core = lambda: core  # type: ignore[attr-defined]
    return module


def broken(*_: object, **__: object) -> object:
    raise RuntimeError("this CPU is too old")


def wrong(pictures: list[np.ndarray], **_: object) -> list[np.ndarray]:
    return [np.ones((len(pictures[0]), 2 * 1280), np.float32)]


def test_what_agrees_to_the_tolerance_is_used() -> None:
    rows = np.array([[1.0, -100.0]], np.float32)
    run = checked(lambda pictures: rows + 0.009, lambda pictures: rows)
    np.testing.assert_array_equal(run(np.zeros(1)), rows + np.float32(0.009))


@pytest.mark.parametrize("off", [0.011, np.nan])
def test_what_differs_is_refused_each_time(off: float) -> None:
    rows = np.array([[1.0, -100.0]], np.float32)
    run = checked(lambda pictures: rows + np.float32(off), lambda pictures: rows)
    for _ in range(2):
        with pytest.raises(OpenVinoFailed, match="differ by"):
            run(np.zeros(1))


def test_only_the_first_batch_is_run_twice() -> None:
    asked: list[object] = []

    def tensorflow(pictures: np.ndarray) -> np.ndarray:
        asked.append(pictures)
        return pictures

    run = checked(lambda pictures: pictures, tensorflow)
    for _ in range(3):
        run(np.ones((1, 2), np.float32))
    assert len(asked) == 1


def test_openvino_is_for_cpus_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_streams, "installed", lambda: "2025.1")
    assert engine_for("/CPU:0") == "openvino 2025.1"
    assert engine_for("/GPU:0") == ON_GPU
    monkeypatch.setattr(openvino_streams, "installed", lambda: "")
    assert engine_for("/CPU:0") == TENSORFLOW


@pytest.mark.parametrize(("infer", "why"), [(broken, "too old"), (wrong, "differ by")])
def test_a_training_falls_back_to_tensorflow_and_says_why(
    infer: Callable[..., object],
    why: str,
    project: Callable[..., Project],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(openvino_streams, "installed", lambda: "1")
    monkeypatch.setitem(sys.modules, "openvino", fake_openvino(infer))
    events = list(jobs.run(jobs.TrainRequest(project(), tmp_path / "run"), Control()))
    warned = [event for event in events if isinstance(event, Warned)]
    assert [why in event.message for event in warned] == [True]
    assert "TensorFlow does it instead" in warned[0].hint
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.cache.misses == 30

    # The rows are TensorFlow's, so that a training without OpenVINO finds them.
    monkeypatch.setattr(openvino_streams, "installed", lambda: "")
    *_, finished = jobs.run(jobs.TrainRequest(project(), tmp_path / "another"), Control())
    assert isinstance(finished, Finished)
    assert finished.cache.hits == 30


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_openvino_says_what_tensorflow_does(dtype: DType) -> None:
    pytest.importorskip("openvino")
    spec = Backbone(name="MobileNetV2", weights="random", input_shape=(32, 32), alpha=0.35)
    model = with_trained_norms(build(spec))
    pictures = np.random.default_rng(0).integers(0, 256, (LARGEST_BATCH, 32, 32, 3), np.uint8)
    rows = []
    for engine in (TENSORFLOW, engine_for("/CPU:0")):
        prefix = Prefix(model, work=1_000_000, key="", dtype=dtype, engine=engine)
        with Runner(prefix, "/CPU:0", Control()) as runner:
            rows.append(runner(pictures))
    assert rows[0].dtype == rows[1].dtype == dtype
    assert rows[0].std() > 0.1
    np.testing.assert_allclose(rows[1], rows[0], rtol=1e-3, atol=1e-4)

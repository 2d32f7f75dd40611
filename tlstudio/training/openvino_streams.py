"""The frozen prefix in OpenVINO, which is faster than TensorFlow on Intel and AMD CPUs: an
optional extra.
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import numpy as np

from tlstudio.errors import JobError
from tlstudio.training.folded import FoldedGraph, Rows, Run

TOLERANCE = 1e-4
"""The most by which it may differ from TensorFlow, as a share of the largest value of the batch."""


class OpenVinoFailed(JobError):
    """OpenVINO cannot be used here."""

    def __init__(self, why: str) -> None:
        super().__init__(
            why, "TensorFlow does it instead, a little slower. Update openvino, or remove it."
        )


def installed() -> str:
    """The version that is installed, empty where there is none."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return ""


def streams(folded: FoldedGraph, number: int) -> Run:
    """Runs a graph in single precision in up to `number` threads at once, each a stream of one
    core. Raises OpenVinoFailed.
    """
    try:
        import openvino

        core = openvino.Core()
        with TemporaryDirectory() as folder:
            # From a file, since converting a graph in memory takes five times as long.
            path = Path(folder) / "prefix.pb"
            path.write_bytes(folded.graph.as_graph_def().SerializeToString())
            model = core.read_model(path)
        settings = {
            "NUM_STREAMS": number,
            "INFERENCE_NUM_THREADS": number,
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = core.compile_model(model, "CPU", settings)
        free: SimpleQueue[Any] = SimpleQueue()
        for _ in range(number):
            free.put(compiled.create_infer_request())
    except Exception as error:  # of kinds of its own, which have no base
        raise _cannot_run(error) from error

    def run(pictures: Rows) -> Rows:
        request = free.get()
        try:
            return request.infer([pictures], share_inputs=True)[0]  # type: ignore[no-any-return]
        except RuntimeError as error:
            raise _cannot_run(error) from error
        finally:
            free.put(request)

    return run


def _cannot_run(error: Exception) -> OpenVinoFailed:
    return OpenVinoFailed(f"OpenVINO cannot run the frozen layers ({error}).")


def checked(run: Run, tensorflow: Run) -> Run:
    """`run`, whose first batch must be equal to TensorFlow's to `TOLERANCE`; else that and all
    further calls raise OpenVinoFailed.
    """
    lock = Lock()
    difference: float | None = None

    def run_checked(pictures: Rows) -> Rows:
        nonlocal difference
        with lock:
            if difference is None:
                difference = _difference(run(pictures), tensorflow(pictures))
        if not difference <= TOLERANCE:
            raise OpenVinoFailed(
                f"OpenVINO and TensorFlow differ by {difference:.2g} of the largest value that "
                "the frozen layers put out."
            )
        return run(pictures)

    return run_checked


def _difference(rows: Rows, expected: Rows) -> float:
    largest = float(np.abs(expected).max())
    return float(np.abs(rows - expected).max()) / (largest or 1.0)

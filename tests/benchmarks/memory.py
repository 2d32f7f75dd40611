"""Whether memory stays flat, however many pictures there are.

    python tests/benchmarks/memory.py [--pictures 1000 10000 100000]

The engine process scans small pictures, extracts their features and trains a head; its resident
memory is sampled meanwhile, with and without the pages of mapped files.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from threading import Event, Thread

from measure import measured
from pictures import tiny_pictures


def peak(pictures: str, epochs: int = 2) -> dict[str, float]:
    """Seconds, and the megabytes of the engine process: before, and at most."""
    import psutil

    from tlstudio.control import Control
    from tlstudio.events import Finished
    from tlstudio.host.jobs import DevicesRequest, TrainRequest
    from tlstudio.host.process import EngineProcess
    from tlstudio.project.spec import Backbone, Pictures, Project, Training

    engine = EngineProcess()
    list(engine.run(DevicesRequest(), Control()))
    process = psutil.Process(engine._process.pid)
    seen: list[tuple[int, int]] = []
    ended = Event()

    def sample() -> None:
        while not ended.wait(0.05):
            memory = process.memory_info()
            seen.append((memory.rss, memory.rss - getattr(memory, "shared", 0)))

    before = process.memory_info().rss
    sampler = Thread(target=sample)
    sampler.start()
    project = Project(
        pictures=Pictures(source=Path(pictures)),
        backbone=Backbone(input_shape=(32, 32)),
        training=Training(epochs=epochs, batch_size=256),
    )
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as parent:
        for event in engine.run(TrainRequest(project, Path(parent) / "run"), Control()):
            last = event
    ended.set()
    sampler.join()
    engine.close()
    assert isinstance(last, Finished), last
    return {
        "seconds": time.perf_counter() - began,
        "before": before / 1e6,
        "peak": max(all_pages for all_pages, _ in seen) / 1e6,
        "own peak": max(own for _, own in seen) / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options = parser.parse_args()
    print(f"{'pictures':>9}{'seconds':>9}{'before MB':>11}{'peak MB':>9}{'unmapped MB':>13}")
    for number in options.pictures:
        with tempfile.TemporaryDirectory() as folder:
            pictures = tiny_pictures(Path(folder) / "pictures", number)
            found = measured("memory.peak", Path(folder) / "home", pictures=pictures)
            shutil.rmtree(folder, ignore_errors=True)
        print(
            f"{number:>9,}{found['seconds']:>9.1f}{found['before']:>11.0f}"
            f"{found['peak']:>9.0f}{found['own peak']:>13.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

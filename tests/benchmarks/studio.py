"""What tlstudio takes for the same."""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlstudio.training.prefix import Runner

ROUND = 64
"""Pictures that one core takes at once before something else is measured."""
ROUNDS = 5


def train(
    pictures: str,
    epochs: int,
    top: bool = False,
    dense: int = 0,
    seed: int = 1,
    features: str = "auto",
) -> dict[str, object]:
    """Seconds in all, of the extraction and of each epoch, and the last epoch's accuracy."""
    from tlstudio.control import Control
    from tlstudio.events import Epoch, Finished
    from tlstudio.host import jobs
    from tlstudio.project.spec import DenseLayer, FreezePlan, Head, Pictures, Project, Training

    jobs.warm_up()  # as the engine does when it starts
    project = Project(
        pictures=Pictures(source=Path(pictures)),
        freeze=FreezePlan(strategy="top" if top else "head"),
        head=Head(dense=(DenseLayer(units=dense),) if dense else ()),
        training=Training(epochs=epochs, seed=seed, features=features),
    )
    with tempfile.TemporaryDirectory() as parent:
        began = time.perf_counter()
        events = list(jobs.run(jobs.TrainRequest(project, Path(parent) / "run"), Control()))
        seconds = time.perf_counter() - began
    finished = events[-1]
    assert isinstance(finished, Finished), finished
    done = [event for event in events if isinstance(event, Epoch)]
    return {
        "seconds": seconds,
        "extract": finished.seconds.extract,
        "hits": finished.cache.hits,
        "misses": finished.cache.misses,
        "epochs": [epoch.seconds for epoch in done],
        "val_accuracy": done[-1].val_accuracy,
    }


def train_again(pictures: str, epochs: int) -> dict[str, object]:
    """A training with another head than the one before it in the same engine."""
    train(pictures, epochs)
    return train(pictures, epochs, dense=64)


def decode(pictures: str) -> float:
    """Seconds a picture to decode and resize all, once the disk has been read."""
    from tlstudio.control import Control
    from tlstudio.data.decode import decode_many

    paths = sorted(Path(pictures).rglob("*.jpg"))
    for _ in range(2):
        began = time.perf_counter()
        for _, picture in decode_many(paths, (224, 224), Control()):
            assert picture.shape == (224, 224, 3)
        ended = time.perf_counter()
    return (ended - began) / len(paths)


def one_core(pictures: str) -> dict[str, float]:
    """Seconds a picture that one core takes to decode, and to run the folded graph at the batch
    that suits it best; the middle of several rounds of each.
    """
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from tlstudio.host import jobs

    jobs.prepare_environment()
    from tlstudio.control import Control
    from tlstudio.training import prefix as prefixes

    paths = sorted(Path(pictures).rglob("*.jpg"))[:ROUND]
    prefix = _pooled_prefix()
    with ExitStack() as stack:
        runners = []
        for batch in (2, 4, 8):
            prefixes.WORK_OF_A_BATCH = batch * prefix.work
            runners.append(stack.enter_context(prefixes.Runner(prefix, "/CPU:0", Control())))
        _round(paths, runners)  # builds them
        rounds = [_round(paths, runners) for _ in range(ROUNDS)]
    decoding, *graph = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
    return {"cores": cores, "decode": decoding, "graph": min(graph)}


def _round(paths: Sequence[Path], runners: Sequence["Runner"]) -> list[float]:
    """Seconds a picture to decode it, and to run it in each."""
    import numpy as np

    from tlstudio.data.decode import decode

    began = time.perf_counter()
    decoded = [decode(path, (224, 224)) for path in paths]
    seconds = [time.perf_counter() - began]
    for runner in runners:
        batches = np.split(np.stack(decoded), len(paths) // runner.batch)
        began = time.perf_counter()
        for batch in batches:
            runner(batch)
        seconds.append(time.perf_counter() - began)
    return [each / len(paths) for each in seconds]


def _pooled_prefix():
    from naive import backbone_with_weights

    from tlstudio.model.boundary import find_boundary
    from tlstudio.model.head import head_layers
    from tlstudio.project.spec import Backbone, Head
    from tlstudio.training.prefix import cut_off

    backbone = backbone_with_weights()
    boundary = find_boundary(backbone, frozenset())
    assert boundary is not None
    return cut_off(backbone, Backbone(), boundary, head_layers(Head(), 4, seed=1))[0]

"""What tlstudio takes for the same."""

import os
import tempfile
import time
from pathlib import Path


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
    that suits it best.
    """
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from tlstudio.host import jobs

    jobs.prepare_environment()
    import numpy as np

    from tlstudio.control import Control
    from tlstudio.data.decode import decode
    from tlstudio.training import prefix as prefixes

    paths = sorted(Path(pictures).rglob("*.jpg"))[:200]
    began = time.perf_counter()
    decoded = [decode(path, (224, 224)) for path in paths]
    decoding = (time.perf_counter() - began) / len(paths)
    prefix = _pooled_prefix()
    graph = []
    for batch in (2, 4, 8):
        prefixes.WORK_OF_A_BATCH = batch * prefix.work
        with prefixes.Runner(prefix, "/CPU:0", Control()) as runner:
            some = np.stack(decoded[: runner.batch])
            runner(some)
            began = time.perf_counter()
            for _ in range(128 // batch):
                runner(some)
            graph.append((time.perf_counter() - began) / 128)
    return {"cores": cores, "decode": decoding, "graph": min(graph)}


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

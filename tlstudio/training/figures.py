"""How fast a training is and what it takes, about once a second."""

import time
from collections.abc import Iterator

import psutil
import tensorflow as tf

from tlstudio.events import Batch, CacheUse, Event, Figures, Progress, Started

SECONDS = 1.0


def with_figures(events: Iterator[Event], batch_size: int) -> Iterator[Event]:
    """The events of a training, and its figures between them."""
    process = psutil.Process()
    device = ""
    cache = CacheUse(0, 0)
    stage, since, pictures = "", time.perf_counter(), 0
    for event in events:
        yield event
        match event:
            case Started():
                device = event.device
                continue
            case Progress(stage="extract"):
                if stage != "extract":
                    # What is done when it begins was kept.
                    cache = CacheUse(event.done, event.total - event.done)
                    stage, since, before, pictures = "extract", time.perf_counter(), event.done, 0
                pictures = event.done - before
            case Batch():
                if stage != "train":
                    stage, since, pictures = "train", time.perf_counter(), 0
                pictures += batch_size
            case _:
                continue
        now = time.perf_counter()
        if now - since >= SECONDS:
            yield Figures(
                pictures_per_second=pictures / (now - since),
                memory_bytes=process.memory_info().rss,
                device=device,
                device_memory_bytes=_memory_of(device),
                cache=cache,
            )
            since, pictures = now, 0
            if isinstance(event, Progress):
                before = event.done


def _memory_of(device: str) -> int:
    if not device.startswith("GPU"):
        return 0
    return int(tf.config.experimental.get_memory_info(device)["current"])

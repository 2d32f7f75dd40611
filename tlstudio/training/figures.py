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
    stage, pictures, done, building = "", 0, 0, False
    since = last = time.perf_counter()
    for event in events:
        yield event
        now = time.perf_counter()
        match event:
            case Started():
                device = event.device
            case Progress(stage="extract"):
                if stage != "extract" or event.done < done:
                    # What is done when it begins was kept. It may begin anew, as at the boundary
                    # of another phase.
                    cache = CacheUse(event.done, event.total - event.done)
                    stage, since, pictures = "extract", now, 0
                    building = True
                elif building:
                    # The first ones only start the clock: before them, the prefix was built.
                    since, building = now, False
                else:
                    pictures += event.done - done
                done = event.done
            case Progress(stage="build") if stage == "train":
                # Another phase, in which nothing may be kept.
                cache, stage = CacheUse(0, 0), ""
            case Batch():
                if stage != "train":
                    # The first one only starts the clock: before it, the step was traced.
                    stage, since, pictures, building = "train", now, 0, False
                else:
                    pictures += batch_size
            case _:
                # Neither extracted nor trained meanwhile, but validated perhaps.
                since += now - last
        last = now
        if now - since >= SECONDS and not building:
            yield Figures(
                pictures_per_second=pictures / (now - since),
                memory_bytes=process.memory_info().rss,
                device=device,
                device_memory_bytes=_memory_of(device),
                cache=cache,
            )
            since, pictures = now, 0


def _memory_of(device: str) -> int:
    if not device.startswith("GPU"):
        return 0
    return int(tf.config.experimental.get_memory_info(device)["current"])

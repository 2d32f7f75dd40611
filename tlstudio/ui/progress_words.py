"""What is said of a training's progress. No Qt."""

from tlstudio.events import Finished, Progress
from tlstudio.ui.time_left import in_words


def stage(event: Progress, per_second: float) -> str:
    """How far a stage is; `per_second` counts its units, 0 where that is not known."""
    parts = []
    if event.stage == "download":
        parts.append(_megabytes(event.done, event.total))
    elif event.total > 1:
        parts.append(f"{event.done:,} of {event.total:,}")
    if event.detail:
        parts.append(event.detail)
    if per_second and event.total > event.done:
        parts.append(f"{in_words((event.total - event.done) / per_second)} left of this step")
    return ", ".join(parts)


def epoch(number: int, epochs: int, head_epochs: int, left: float | None) -> tuple[str, str]:
    """(headline, detail) of an epoch; `left` are the seconds to the end of its phase.

    In the first `head_epochs`, if any, the head alone is trained.
    """
    time = "" if left is None else f"{in_words(left)} left"
    of = f"poch {number:,} of {epochs:,}"
    if not head_epochs:
        return f"E{of}", time
    if number <= head_epochs:
        return f"Head first, e{of}", time and f"{time} of this phase"
    return f"Fine-tuning, e{of}", time


def end(event: Finished, planned: int, early: bool, worked: float) -> str:
    """What came of the planned epochs in `worked` seconds; `early`, they ended for want of a
    better one.
    """
    kept = f"epoch {event.best_epoch:,} of {event.epochs:,} kept"
    if early:
        kept = (
            f"no better epoch came, so it ended after {event.epochs:,} of {planned:,}; "
            f"epoch {event.best_epoch:,} kept"
        )
    if event.stopped:
        kept = (
            f"stopped after {event.epochs:,} of {planned:,} epochs, epoch {event.best_epoch:,} kept"
        )
    hits, total = event.cache.hits, event.cache.hits + event.cache.misses
    cached = f", {hits:,} of {total:,} from the cache" if hits else ""
    return f"{kept}, {in_words(worked)} in all{cached}"


def _megabytes(done: int, total: int) -> str:
    if not total:
        return f"{done / 1e6:.0f} MB"
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"

"""How fast a stage goes and how long the rest of it takes. No Qt."""

from collections import deque
from statistics import median


class Speed:
    """Units a second over the last few seconds."""

    WINDOW = 4.0
    LEAST = 1.0
    """Seconds before there is a speed: the first units are also those of a start."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque()

    def mark(self, now: float, done: float) -> None:
        """`done` units in all were done at the time `now` (seconds)."""
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] > self.WINDOW:
            self._marks.popleft()

    @property
    def per_second(self) -> float:
        """0 while it is not known."""
        if len(self._marks) < 2:
            return 0.0
        (first, before), (last, after) = self._marks[0], self._marks[-1]
        return (after - before) / (last - first) if last - first >= self.LEAST else 0.0


class EpochClock:
    """Seconds left until an epoch, from those measured so far.

    The median of the last five is taken, so that one that was slowed down from outside does not
    count; the first one also traces and compiles, and counts only while it is the only one.
    """

    SHARE = 0.5
    """Of an epoch, that is measured before anything is said."""
    LEAST = 0.25
    """Seconds that are measured in one; of very short epochs several are heard of at once."""

    def __init__(self, last: int) -> None:
        """Counts to the end of epoch `last`."""
        self.last = last
        self._lasted: list[float] = []
        self._epoch_began = 0.0
        self._epochs_at_begin = 0.0
        self._done = 0.0

    def start(self, now: float, done: float) -> None:
        """What follows is timed: `done` epochs (with a fraction) are done, in no known time."""
        self._epoch_began = now
        self._done = self._epochs_at_begin = done

    def batch(self, done: float) -> None:
        """`done` epochs (with a fraction) are done."""
        self._done = done

    def epoch(self, now: float, epoch: int) -> None:
        """Epoch number `epoch` ended, its validation included."""
        self._done = epoch
        share = epoch - self._epochs_at_begin
        if share >= self.SHARE:
            if now - self._epoch_began < self.LEAST:
                return
            self._lasted.append((now - self._epoch_began) / share)
        self._epoch_began = now
        self._epochs_at_begin = epoch

    def left(self, now: float) -> float | None:
        """Seconds; None while there is too little to judge by."""
        remaining = max(self.last - self._done, 0.0)
        if self._lasted:
            return remaining * median(self._lasted[1:][-5:] or self._lasted)
        done_since = self._done - self._epochs_at_begin
        if done_since >= self.SHARE:
            return remaining * (now - self._epoch_began) / done_since
        return None


def in_words(seconds: float) -> str:
    """A length of time as short as it is exact: 9 s, 2 min, 1 h 20 min."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"

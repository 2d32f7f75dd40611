"""What is known of the training that runs or ran last, its clock included. No Qt."""

from dataclasses import dataclass, field

from tlstudio.ui.time_left import EpochClock, Speed

LEAST_BETWEEN = 0.5
"""Seconds; figures that change more often cannot be read."""


@dataclass(slots=True)
class TrainingRun:
    """Times are in seconds."""

    epochs: int = 0
    head_epochs: int = 0
    """In which the head alone is trained, before the others."""
    done: int = 0
    stage: str = ""
    in_training: bool = False
    stopping: bool = False
    best_epoch: int = 0
    paused: float = 0.0
    paused_at: float | None = None
    speed_has_pause: bool = False
    """Whether the next speed is that of a time with a pause in it."""
    refreshed: float = float("-inf")
    clock: EpochClock = field(default_factory=lambda: EpochClock(0))
    speed: Speed = field(default_factory=Speed)
    warnings: list[str] = field(default_factory=list)

    def paused_until(self, time: float) -> float:
        """How long it has been paused in all."""
        return self.paused + (0.0 if self.paused_at is None else time - self.paused_at)

    def now(self, time: float) -> float:
        """On a clock that stands still while paused."""
        return time - self.paused_until(time)

    @property
    def may_speak(self) -> bool:
        """Whether what still comes from the engine is the news; not after a pause or stop."""
        return not self.stopping and self.paused_at is None

    def may_refresh(self, now: float) -> bool:
        """Whether figures may change again, which then counts as their last time."""
        if now - self.refreshed < LEAST_BETWEEN:
            return False
        self.refreshed = now
        return True

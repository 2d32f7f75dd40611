"""Running a training in the test's own process."""

from collections.abc import Iterator
from pathlib import Path

from tlstudio.control import Control
from tlstudio.events import Event
from tlstudio.host import jobs
from tlstudio.project.spec import Project


def train(project: Project, out: Path, control: Control | None = None) -> list[Event]:
    """All events of a training."""
    return list(watch(project, out, control or Control()))


def watch(project: Project, out: Path, control: Control) -> Iterator[Event]:
    return jobs.run(jobs.TrainRequest(project, out), control)

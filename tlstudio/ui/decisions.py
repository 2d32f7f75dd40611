"""The five decisions as the window holds them: a project that may still lack its pictures."""

from dataclasses import dataclass, field, replace

from tlstudio.project.spec import Backbone, FreezePlan, Head, Pictures, Project, Training


@dataclass(frozen=True, slots=True)
class Decisions:
    pictures: Pictures | None = None
    backbone: Backbone = field(default_factory=Backbone)
    freeze: FreezePlan = field(default_factory=FreezePlan)
    head: Head = field(default_factory=Head)
    training: Training = field(default_factory=Training)

    def project(self) -> Project | None:
        """The project, once there are pictures."""
        if self.pictures is None:
            return None
        return Project(
            pictures=self.pictures,
            backbone=self.backbone,
            freeze=self.freeze,
            head=self.head,
            training=self.training,
        )


PARTS = ("pictures", "backbone", "freeze", "head", "training")


def of(project: Project) -> Decisions:
    return replace(Decisions(), **{part: getattr(project, part) for part in PARTS})


def differing(one: Decisions, other: Decisions) -> list[str]:
    """The names of the decisions that differ."""
    return [part for part in PARTS if getattr(one, part) != getattr(other, part)]

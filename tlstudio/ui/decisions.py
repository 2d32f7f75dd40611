"""The five decisions as the window holds them: a project that may still lack its pictures."""

from dataclasses import dataclass, field, replace

from tlstudio.model.catalog import BackboneFacts
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


def layers_of(chosen: Decisions) -> Backbone:
    """What the layers depend on: all of the backbone but its weights."""
    return chosen.backbone.model_copy(update={"weights": ""})


def drawn_from(chosen: Decisions) -> tuple[Pictures | None, int]:
    """What the split depends on."""
    return chosen.pictures, chosen.training.seed


def other_network(old: Backbone, facts: BackboneFacts) -> Backbone:
    """The backbone when another network is chosen: with the pretrained weights that it has, at the
    input that it was trained at. The same one where it is chosen already.
    """
    if facts.name == old.name:
        return old
    return Backbone(name=facts.name, weights=facts.weights[0], input_shape=facts.input_shape)

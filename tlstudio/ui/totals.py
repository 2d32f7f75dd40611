"""How many parameters are trained and frozen: plain arithmetic on what the session knows."""

from dataclasses import dataclass

from tlstudio.project.head_size import head_params
from tlstudio.ui.session import Session


@dataclass(frozen=True, slots=True)
class Totals:
    """`head` is 0 until the classes are known; it is always trained."""

    backbone_trained: int
    head: int
    frozen: int

    @property
    def trained(self) -> int:
        return self.backbone_trained + self.head


def totals(session: Session) -> Totals | None:
    """None until the backbone's layers are known."""
    description, scan = session.description, session.scan
    if description is None:
        return None
    trained = sum(
        layer.trainable_params for layer in description.layers if layer.name in session.trainable
    )
    every = sum(layer.params for layer in description.layers)
    head = session.decisions.head
    in_head = head_params(head, description.output_shape, len(scan.classes)) if scan else 0
    return Totals(trained, in_head, every - trained)

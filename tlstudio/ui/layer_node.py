"""A row of the layer tree."""

from dataclasses import dataclass, field

from tlstudio.events import LayerRow


@dataclass(eq=False, slots=True)
class Node:
    """A row: a block, a layer, or the boundary line, which has no layers."""

    name: str
    layers: tuple[LayerRow, ...] = ()
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)
    is_open: bool = False
    """Whether a view shows the children."""
    is_top: bool = False
    """Whether it is of the ImageNet classifier, which is there to be looked at alone."""

    @property
    def is_boundary(self) -> bool:
        return not self.layers

    @property
    def is_block(self) -> bool:
        return self.parent is not None and self.parent.parent is None

    @property
    def inner_name(self) -> str:
        """A layer's name without that of its block, which stands above it."""
        block = self.parent.name if self.parent else ""
        return self.name.removeprefix(block).lstrip("_") or self.name

    @property
    def row(self) -> int:
        return self.parent.children.index(self) if self.parent else 0

"""Where in the layer tree the boundary line stands."""

from tlstudio.ui.boundary_line import BoundaryLine
from tlstudio.ui.layer_node import Node


def boundary_place(line: BoundaryLine, root: Node) -> tuple[Node, Node | None, str] | None:
    """(parent, the row that follows, text) of the line: after the block that the prefix ends
    with; within a block among its layers, or above the block while they are not shown.
    """
    blocks = [node for node in root.children if not node.is_boundary]
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        names = [layer.name for layer in block.layers]
        if line.after == names[-1]:
            return root, following, line.text
        if line.after in names:
            if not block.is_open:
                return root, block, line.text_in_block.format(block.name)
            rows = [node for node in block.children if not node.is_boundary]
            return block, rows[names.index(line.after) + 1], line.text
    return None

"""Which block of its backbone a layer belongs to, read off the layers' names.

The names are those that keras.applications gives, in the order of `model.layers`.
"""

import re
from collections.abc import Sequence

STEM, TOP = "stem", "top"

# Layers that say which block they are in. A layer that does not is in the block before it.
_INSIDE = tuple(
    (re.compile(pattern), block)
    for pattern, block in (
        (r"block(\d+)[a-z]?_", r"block\1"),  # VGG, Xception, EfficientNet (block2a_, block2b_)
        (r"conv(\d)_block\d", r"conv\1"),  # ResNet, DenseNet
        (r"pool([2-9])_", r"conv\1"),  # DenseNet: the transition after a dense block
        (r"conv_(?:pad|dw|pw)_(\d+)", r"block_\1"),  # MobileNet
        (r"(?:block|expanded_conv)_(\d+)_", r"block_\1"),  # MobileNetV2, MobileNetV3
        (r"expanded_conv_", r"block_0"),
        (r"convnext_\w+?_stage_(\d)_", r"stage_\1"),
    )
)

# Layers in which a block ends, in networks that leave the names of most others to Keras. Layers
# before one are in its block.
_ENDS = tuple(
    (re.compile(pattern), block)
    for pattern, block in (
        (r"(mixed\d+)$", r"\1"),  # Inception
        (r"(mixed_\d[ab])$", r"\1"),  # Inception-ResNet
        (r"(block(?:35|17|8))_\d+_(?:mixed|conv|ac)$", r"\1"),
        (r"reduction_concat_stem_\d$", STEM),  # NASNet
        (r"normal_concat_(\d+)$", r"cell_\1"),
        (r"reduction_concat_(reduce_\d+)$", r"\1"),
    )
)


def block_of_layers(names: Sequence[str]) -> list[str]:
    """The block of each layer, in the order given: stem, the network's own blocks, top.

    Every block is one run of the list.
    """
    ends: list[str] = []
    for name in names:
        # In Inception-ResNet a block ends in an addition whose name does not tell the block.
        adds = ends and name.startswith("custom_scale_layer")
        ends.append(ends[-1] if adds else _named(name, _ENDS))
    if any(ends):
        return _filled_from_ends(names, ends)
    return _filled_onwards([_named(name, _INSIDE) for name in names])


def _named(name: str, rules: Sequence[tuple[re.Pattern[str], str]]) -> str:
    """The block that a name tells, or nothing."""
    matches = ((rule.match(name), block) for rule, block in rules)
    return next((match.expand(block) for match, block in matches if match), "")


def _filled_onwards(known: list[str]) -> list[str]:
    last = max((index for index, block in enumerate(known) if block), default=-1)
    blocks, current = [], STEM
    for index, block in enumerate(known):
        current = TOP if index > last >= 0 else block or current
        blocks.append(current)
    return blocks


def _filled_from_ends(names: Sequence[str], ends: list[str]) -> list[str]:
    blocks, current = [], TOP
    for end in reversed(ends):
        current = end or current
        blocks.append(current)
    blocks.reverse()
    # The stem pools twice, and nothing of the first block does before it ends.
    first = next(index for index, end in enumerate(ends) if end)
    pools = [index for index in range(first) if names[index].startswith("max_pooling2d")]
    stem = pools[-1] + 1 if pools else 0
    return [STEM] * stem + blocks[stem:]

"""Which block of its backbone a layer belongs to.

A block is a stage of the network: all units (residual, inverted residual, dense or inception
units, NASNet cells, plain convolutions) that follow one another and put out tensors of one shape,
rows x columns x channels. Before the first is a stem and after the last a top where a layer with a
kernel is there, such as a last 1 x 1 convolution; so every block has something to train.

The names that keras.applications gives tell the units, and the graph tells where each ends: where
the fewest tensors go on to the next, which is one but for NASNet, whose cells read the two before.
"""

import re
from collections.abc import Sequence
from itertools import accumulate, groupby, pairwise
from math import prod
from operator import itemgetter
from string import ascii_lowercase
from typing import NamedTuple

import keras

from tlstudio.model.boundary import inputs_of, outputs_of

STEM, TOP = "stem", "top"

# The unit that a layer's name tells. Where Keras names most layers of a unit, its last does.
_UNITS = tuple(
    (re.compile(pattern), unit)
    for pattern, unit in (
        (r"block(\d+)[a-z]?_", r"block\1"),  # VGG, Xception, EfficientNet (block2a_, block2b_)
        (r"conv(\d)_block\d", r"conv\1"),  # ResNet, DenseNet
        (r"pool([2-9])_", r"conv\1"),  # DenseNet: the transition after a dense block
        (r"conv_(?:pad|dw|pw)_(\d+)", r"block\1"),  # MobileNet
        (r"(?:block|expanded_conv)_(\d+)_", r"block\1"),  # MobileNetV2, MobileNetV3
        (r"expanded_conv_", "block0"),
        (r"convnext_\w+?_stage_(\d)_", r"stage\1"),
        (r"mixed(\d+)$", r"mixed\1"),  # Inception
        # Inception-ResNet: what puts out the shape of the residual units (block35_1_) after it.
        (r"mixed_5b$", "block35"),
        (r"mixed_6a$", "block17"),
        (r"mixed_7a$", "block8"),
        (r"reduction_concat_stem_\d$", STEM),  # NASNet
        (r"normal_concat_(\d+)$", r"cell\1"),
        (r"reduction_concat_reduce_(\d+)$", r"reduce\1"),
    )
)


def blocks_of(model: keras.Model) -> list[str]:
    """The block of each of `model.layers`, such as stem, block1, block2, top.

    Every block is one run of the list. A stage is called what its units are (block2, conv4), by
    the first and the last where they are numbered (block3-5). In a network whose names tell
    nothing, a stage goes as far as its rows and columns stay the same (stage1).
    """
    operations = model.operations
    crossing = _crossing(model)
    stages = _by_name(operations, crossing) or _by_size(operations, crossing)
    blocks: list[str] = []
    for name, end in _with_kernels([*stages, _Stage(TOP, len(operations))], operations):
        blocks += [name] * (end - len(blocks))
    layers = zip(operations, blocks, strict=True)
    return [block for operation, block in layers if isinstance(operation, keras.layers.Layer)]


class _Stage(NamedTuple):
    name: str
    end: int
    """The index after its last operation."""


def _by_name(operations: Sequence[keras.Operation], crossing: Sequence[int]) -> list[_Stage]:
    """Nothing where no name tells a unit."""
    told = [(index, _unit(operation.name)) for index, operation in enumerate(operations)]
    runs = groupby((pair for pair in told if pair[1]), key=itemgetter(1))
    units = [(unit, [index for index, _ in run]) for unit, run in runs]
    if not units:
        return []
    firsts = [indices[0] for _, indices in units]
    stem = min(reversed(range(max(1, firsts[0]))), key=crossing.__getitem__)
    found = [_Stage(STEM, stem + 1)]
    for (unit, indices), following in zip(units, [*firsts[1:], len(operations)], strict=True):
        last = min(range(indices[-1], following), key=crossing.__getitem__)
        found.append(_Stage(unit, last + 1))

    def shape(stage: _Stage) -> object:
        return stage.name == STEM or outputs_of(operations[stage.end - 1])[0].shape

    groups = [list(group) for _, group in groupby(found, key=shape)]
    return [_Stage(_called([stage.name for stage in group]), group[-1].end) for group in groups]


def _by_size(operations: Sequence[keras.Operation], crossing: Sequence[int]) -> list[_Stage]:
    """A kernel with a stride begins a stage, and pooling ends one, where one tensor crosses."""
    kernels = [index for index, operation in enumerate(operations) if _has_kernel(operation)]
    ends = [len(operations)]
    alone = [index for index, count in enumerate(crossing) if count == 1]
    for before, after in pairwise(alone):
        if _size(operations[after]) < _size(operations[before]):
            strided = any(before < index <= after for index in kernels)
            ends.append((before if strided else after) + 1)
    stages = _with_kernels([_Stage("", end) for end in sorted(ends)], operations)
    return [stage._replace(name=f"stage{n}" if n else STEM) for n, stage in enumerate(stages)]


def _with_kernels(stages: Sequence[_Stage], operations: Sequence[keras.Operation]) -> list[_Stage]:
    """What has no kernel, such as a last BatchNorm, belongs to the stage before it; what comes
    first, such as the input of a VGG, to the one after it.
    """
    kept = [stages[0]]
    for stage in stages[1:]:
        if any(map(_has_kernel, operations[kept[-1].end : stage.end])):
            kept.append(stage)
        else:
            kept[-1] = kept[-1]._replace(end=stage.end)
    if any(map(_has_kernel, operations[: kept[0].end])):
        return kept
    return kept[1:] or kept


def _crossing(model: keras.Model) -> list[int]:
    """How many tensors go on to what follows each operation, the model's outputs included."""
    operations = model.operations
    read: dict[int, int] = {}
    for index, operation in enumerate(operations):
        read.update((id(tensor), index) for tensor in inputs_of(operation))
    read.update((id(tensor), len(operations)) for tensor in model.outputs)
    changes = [0] * (len(operations) + 1)
    for index, operation in enumerate(operations):
        for tensor in outputs_of(operation):
            changes[index] += 1
            changes[read.get(id(tensor), index)] -= 1
    return list(accumulate(changes[:-1]))


def _unit(name: str) -> str:
    """The unit that a name tells, or nothing."""
    matches = ((rule.match(name), unit) for rule, unit in _UNITS)
    return next((match.expand(unit) for match, unit in matches if match), "")


def _called(units: Sequence[str]) -> str:
    """One name for units in a row: block3, block4, block5 are block3-5."""
    first, last = units[0], units[-1]
    return first if first == last else f"{first}-{last.lstrip(ascii_lowercase)}"


def _has_kernel(operation: keras.Operation) -> bool:
    return any(len(weight.shape) > 1 for weight in getattr(operation, "weights", ()))


def _size(operation: keras.Operation) -> int:
    return prod(outputs_of(operation)[0].shape[1:-1])

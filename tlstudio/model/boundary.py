"""The boundary: where a backbone is cut into a frozen prefix, whose outputs can be kept, and a
suffix with everything that is trained.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import prod

import keras

from tlstudio.project import kept_row

NOT_CUT = "No frozen layer with weights comes before all that is trained."

FLOPS_A_SECOND = 1e11
"""What a laptop computes: the weight of work that is not saved, against bytes to be read."""
BYTES_A_SECOND = 1e9
BYTES_A_VALUE = 2
"""Of rows that are large enough to matter."""
FLOPS_A_VALUE = 10
"""Of an operation without a kernel, such as an activation, for each value that it puts out."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """The tensors that cross from the prefix to the suffix, one or several.

    `work` is what the prefix computes for a picture and `all_work` what the backbone does, in
    floating-point operations; `values` is how many numbers cross.
    """

    tensors: tuple[keras.KerasTensor, ...]
    layers: tuple[str, ...]
    """The operations that put out the tensors."""
    work: int
    all_work: int
    values: int
    reason: str
    """Why this cut and no other, in a sentence."""

    @property
    def name(self) -> str:
        return " + ".join(self.layers)


def find_boundary(backbone: keras.Model, trainable: AbstractSet[str]) -> Boundary | None:
    """The cut that makes an epoch cheapest, None where no layer with a kernel can be cut off.

    The prefix grows in network order, over all that depends on nothing trained; whatever of the
    network does not, such as the other branch of a skip connection, stays behind. Each step is a
    cut, which saves the work before it and has the tensors that cross it read once a picture.
    """
    all_work = work_of(backbone)
    cuts = [cut for cut in _cuts(backbone, trainable) if cut.has_kernel]
    if not cuts:
        return None
    best = min(cuts, key=_seconds_left)
    layers = tuple(dict.fromkeys(tensor._keras_history.operation.name for tensor in best.tensors))
    return Boundary(
        best.tensors,
        layers,
        best.work,
        all_work,
        best.values,
        _reason(backbone, best, cuts[-1], all_work),
    )


def work_of(backbone: keras.Model) -> int:
    """Of the whole backbone for a picture, in floating-point operations."""
    return sum(_work(operation) for operation in backbone.operations)


def prefix_of(backbone: keras.Model, boundary: Boundary) -> keras.Model:
    """The frozen part: preprocessed pictures in, the tensors of the boundary out, as a list."""
    return keras.Model(backbone.input, list(boundary.tensors), name="prefix")


def suffix_of(backbone: keras.Model, boundary: Boundary) -> keras.Model:
    """The rest: the list of tensors in, the backbone's features out; the identity where nothing
    is left. Shares the backbone's layers, so that what it learns the backbone knows.
    """
    if set(map(id, boundary.tensors)) == set(map(id, backbone.outputs)):
        features = keras.Input(backbone.output_shape[1:])
        return keras.Model([features], features, name="suffix")
    return keras.Model(list(boundary.tensors), backbone.output, name="suffix")


def operations_in_prefix(
    backbone: keras.Model, trainable: AbstractSet[str]
) -> Iterator[keras.Operation]:
    """All operations whose outputs depend on nothing that is trained, in network order."""
    changing: set[int] = set()
    for operation in backbone.operations:
        trained = operation.name in trainable and bool(getattr(operation, "weights", ()))
        if trained or any(id(tensor) in changing for tensor in inputs_of(operation)):
            changing.update(id(tensor) for tensor in outputs_of(operation))
        else:
            yield operation


@dataclass(frozen=True, slots=True)
class _Cut:
    tensors: tuple[keras.KerasTensor, ...]
    work: int
    frozen_work: int
    """Of the whole frozen part: what is not in `work` is done again in each epoch."""
    values: int
    has_kernel: bool


def _cuts(backbone: keras.Model, trainable: AbstractSet[str]) -> Iterator[_Cut]:
    frozen = list(operations_in_prefix(backbone, trainable))
    frozen_work = sum(_work(operation) for operation in frozen)
    outputs = {id(tensor) for tensor in backbone.outputs}
    waiting: dict[int, int] = {}
    for operation in backbone.operations:
        for tensor in inputs_of(operation):
            waiting[id(tensor)] = waiting.get(id(tensor), 0) + 1
    crossing: dict[int, keras.KerasTensor] = {}
    work, has_kernel = 0, False
    for operation in frozen:
        work += _work(operation)
        has_kernel = has_kernel or bool(_kernels(operation))
        for tensor in inputs_of(operation):
            waiting[id(tensor)] -= 1
            if not waiting[id(tensor)] and id(tensor) not in outputs:
                crossing.pop(id(tensor), None)
        for tensor in outputs_of(operation):
            if waiting.get(id(tensor)) or id(tensor) in outputs:
                crossing[id(tensor)] = tensor
        values = sum(prod(tensor.shape[1:]) for tensor in crossing.values())
        yield _Cut(tuple(crossing.values()), work, frozen_work, values, has_kernel)


def _seconds_left(cut: _Cut) -> float:
    """A picture's cost in each epoch that this cut does not save."""
    return (cut.frozen_work - cut.work) / FLOPS_A_SECOND + (
        cut.values * BYTES_A_VALUE / BYTES_A_SECOND
    )


def _reason(backbone: keras.Model, best: _Cut, last: _Cut, all_work: int) -> str:
    said = (
        f"{100 * best.work / all_work:.0f} % of the backbone's work is done once, for "
        f"{_size(best.values)} kept a picture"
    )
    if best.tensors == tuple(backbone.outputs) and len(backbone.output_shape) == 4:
        pooled = kept_row.POOLED * backbone.output_shape[-1]
        said += f" where the head begins with Flatten, {_size(pooled)} where it begins with pooling"
    if best.values < last.values:
        more = (last.work - best.work) / all_work
        said += f"; {100 * more:.1f} % more would take {_size(last.values)}"
    return f"{said}."


def _size(values: int) -> str:
    return f"{kept_row.size(values) / 1000:,.0f} kB"


def _work(operation: keras.Operation) -> int:
    """Floating-point operations for a picture: two for each weight of a kernel at each place."""
    outputs = outputs_of(operation)
    places = sum(prod(tensor.shape[1:-1]) for tensor in outputs)
    values = sum(prod(tensor.shape[1:]) for tensor in outputs)
    return int(FLOPS_A_VALUE * values + 2 * places * sum(map(prod, _kernels(operation))))


def _kernels(operation: keras.Operation) -> list[tuple[int, ...]]:
    weights = getattr(operation, "weights", ())
    return [tuple(weight.shape) for weight in weights if len(weight.shape) > 1]


def inputs_of(operation: keras.Operation) -> list[keras.KerasTensor]:
    if isinstance(operation, keras.layers.InputLayer):
        return []
    return keras.tree.flatten(operation.input)  # type: ignore[no-any-return]


def outputs_of(operation: keras.Operation) -> list[keras.KerasTensor]:
    return keras.tree.flatten(operation.output)  # type: ignore[no-any-return]

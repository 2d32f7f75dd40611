"""Which layers of a network a weights file has, by name and shape."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
from keras.src.utils.naming import to_snake_case

from tlstudio.backbone_events import WeightsMatched
from tlstudio.model.weight_files import Group, StoredArray, StoredLayer

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """What a file has for a network."""

    report: WeightsMatched
    arrays: Sequence[tuple[keras.Variable, StoredArray]]
    """What matched, to be read while the file is open."""
    share: float
    """Of the network's parameters, 0 to 1."""
    shapes: Sequence[tuple[Shape, Shape]]
    """Of each weight, here and in the file, where the file has the same layers; else none."""


def fit(model: keras.Model, groups: Sequence[Group]) -> Fit:
    """Match a network with the one in a file that has most of it.

    Layers belong together by name. Those that Keras numbers, which counts on over all networks of a
    process (conv2d_94), may do with each count begun anew. Where a file has other names, layers
    belong together by their place, if then all of them fit, and where it has none, also if some do.
    """
    leaves = list(_leaves(model.layers))
    tries = [_try(leaves, pairs) for group in groups for pairs in _pairings(leaves, group)]
    best = max(tries, key=lambda tried: tried.rank, default=_Try({}, {}, {}, (0, 0)))
    arrays = [
        pair
        for leaf in leaves
        if leaf.place in best.arrays
        for pair in zip(leaf.layer.weights, best.arrays[leaf.place], strict=True)
    ]
    report = _report(leaves, groups, best)
    share = best.rank[0] / max(1, model.count_params())
    # A classifier or a head of its own does not make it another network.
    same = 2 * len(report.unused) <= len(leaves)
    return Fit(report, arrays, share, _shapes(leaves, best.pairs) if same else ())


class _Leaf(NamedTuple):
    """A layer that has weights of its own."""

    layer: keras.layers.Layer
    owner: str
    """The layer of the network that it is or lies in: some of ConvNeXt are of several."""
    place: str
    """By types and numbers, as `StoredLayer` has it."""


Pairs = dict[str, StoredLayer]
"""By the places of a network's layers, those of a file that may be theirs."""


@dataclass(frozen=True, slots=True)
class _Try:
    pairs: Pairs
    arrays: dict[str, Sequence[StoredArray]]
    """By place, where names and shapes match."""
    different: dict[str, str]
    """By place, a sentence on why they do not."""
    rank: tuple[int, int]
    """Parameters that match, and layers that are at least there."""


def _leaves(
    layers: Iterable[keras.layers.Layer], owner: str = "", place: str = ""
) -> Iterator[_Leaf]:
    counts: Counter[str] = Counter()
    for layer in layers:
        kind = _kind(layer)
        number, counts[kind] = counts[kind], counts[kind] + 1
        where = f"{place}{kind}_{number}" if number else f"{place}{kind}"
        if isinstance(layer, keras.Model):
            yield from _leaves(layer.layers, owner or layer.name, f"{where}/layers/")
        elif layer.weights:
            yield _Leaf(layer, owner or layer.name, where)


def _try(leaves: Sequence[_Leaf], pairs: Pairs) -> _Try:
    arrays, different, parameters = {}, {}, 0
    for leaf in leaves:
        if leaf.place not in pairs:
            continue
        held = _in_order(leaf.layer, pairs[leaf.place].arrays)
        why = _difference(leaf.layer, held)
        if why:
            different[leaf.place] = why
        else:
            arrays[leaf.place] = held
            parameters += leaf.layer.count_params()
    return _Try(pairs, arrays, different, (parameters, len(pairs)))


def _pairings(leaves: Sequence[_Leaf], group: Group) -> Iterator[Pairs]:
    """Ways to pair a network's layers with those of a file, in order of trust."""
    named = [stored for stored in group.layers if stored.name]
    kinds = {_kind(leaf.layer) for leaf in leaves}
    # Of an older MobileNetV3.
    theirs = [stored.name.replace("/", "_") for stored in named]
    ours = [leaf.layer.name for leaf in leaves]
    yield _paired(leaves, ours, named, theirs)
    of_kinds = [{stored.kind} if stored.kind else kinds for stored in named]
    begun_anew = _begun_anew(zip(theirs, of_kinds, strict=True))
    yield _paired(leaves, _begun_anew((name, kinds) for name in ours), named, begun_anew)
    places = [leaf.place for leaf in leaves]
    if group.by_place:
        by_place = _paired(leaves, places, group.layers, [stored.place for stored in group.layers])
    else:
        by_place = dict(zip(places, group.layers, strict=False))
    if not named or len(_try(leaves, by_place).arrays) == len(leaves):
        yield by_place


def _paired(
    leaves: Sequence[_Leaf],
    keys: Sequence[str],
    stored: Sequence[StoredLayer],
    stored_keys: Sequence[str],
) -> Pairs:
    by_key = dict(zip(stored_keys, stored, strict=True))
    pairs = zip(leaves, keys, strict=True)
    return {leaf.place: by_key[key] for leaf, key in pairs if key in by_key}


def _begun_anew(named: Iterable[tuple[str, Collection[str]]]) -> list[str]:
    """The names, given with the types whose layers Keras numbers, with each count from 0 on."""
    split = []
    first: dict[str, int] = {}
    for name, kinds in named:
        stem, _, digits = name.rpartition("_")
        if not re.fullmatch("[0-9]{1,9}", digits):
            stem, digits = name, "0"
        number = int(digits) if stem in kinds else -1
        split.append((name, stem, number))
        if number >= 0:
            first[stem] = min(number, first.get(stem, number))
    return [
        name if number < 0 else f"{stem}_{number - first[stem]}" for name, stem, number in split
    ]


def _kind(layer: keras.layers.Layer) -> str:
    return str(to_snake_case(type(layer).__name__))


def _in_order(layer: keras.layers.Layer, held: Sequence[StoredArray]) -> Sequence[StoredArray]:
    """As the layer has them. Older files have another order where a part of it was frozen."""
    by_name = {array.name: array for array in held}
    names = [weight.name for weight in layer.weights]
    if len(held) == len(names) and all(name in by_name for name in names):
        return [by_name[name] for name in names]
    return held


def _difference(layer: keras.layers.Layer, held: Sequence[StoredArray]) -> str:
    """A sentence, or nothing where the file's weights fit."""
    if len(held) != len(layer.weights):
        return f"{layer.name}: {len(held)} weights in the file and {len(layer.weights)} here."
    for weight, array in zip(layer.weights, held, strict=True):
        if tuple(weight.shape) != array.shape:
            return (
                f"{layer.name}: {weight.name} is {_shape(array.shape)} in the file and "
                f"{_shape(weight.shape)} here."
            )
    return ""


def _shapes(leaves: Sequence[_Leaf], pairs: Pairs) -> list[tuple[Shape, Shape]]:
    """Nothing unless each layer has a partner with weights of as many dimensions."""
    shapes: list[tuple[Shape, Shape]] = []
    for leaf in leaves:
        held = _in_order(leaf.layer, pairs[leaf.place].arrays) if leaf.place in pairs else ()
        ours = [tuple(weight.shape) for weight in leaf.layer.weights]
        theirs = [array.shape for array in held]
        if [len(shape) for shape in ours] != [len(shape) for shape in theirs]:
            return []
        shapes += zip(ours, theirs, strict=True)
    return shapes


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _report(leaves: Sequence[_Leaf], groups: Sequence[Group], best: _Try) -> WeightsMatched:
    different = {leaf.owner for leaf in leaves if leaf.place in best.different}
    lacking = {leaf.owner for leaf in leaves if leaf.place not in best.arrays}
    owners = list(dict.fromkeys(leaf.owner for leaf in leaves))
    paired = {_address(stored) for stored in best.pairs.values()}
    stored = {_address(layer): layer.label for group in groups for layer in group.layers}
    return WeightsMatched(
        matched=tuple(owner for owner in owners if owner not in lacking),
        missing=tuple(owner for owner in owners if owner in lacking - different),
        different=tuple(best.different.values()),
        unused=tuple(label for address, label in stored.items() if address not in paired),
    )


def _address(stored: StoredLayer) -> str:
    """Where it is in its file, since a layer within a network is in two groups."""
    return str(stored.arrays[0].dataset.name)

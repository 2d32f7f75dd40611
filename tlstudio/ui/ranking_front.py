"""Which backbones no other one beats: the Pareto front of score against cost."""

from collections.abc import Callable, Sequence

from tlstudio.advice_events import BackboneScore

Cost = Callable[[BackboneScore], float]

COSTS: dict[str, Cost] = {
    "time": lambda one: one.seconds_per_picture,
    "size": lambda one: one.size_mb,
}


def front(scores: Sequence[BackboneScore], cost: Cost) -> tuple[BackboneScore, ...]:
    """Those for which no other is as good for less, or better for as much; cheapest first."""
    found: list[BackboneScore] = []
    for one in sorted(scores, key=lambda each: (cost(each), -each.score)):
        if not found or one.score > found[-1].score:
            found.append(one)
    return tuple(found)

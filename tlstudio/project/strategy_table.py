"""Which strategy suits which pictures: the table that transfer learning is taught with.

A large set of unfamiliar pictures has everything trained, a small one of familiar pictures the
head alone, and the others the top layers.
"""

from tlstudio.project.spec import Strategy

LARGE_SET = 1000
"""Training pictures; below that an epoch is some thirty steps of gradients from the same few."""
LARGE_CLASS = 50
"""Training pictures a class on average: with fewer, a class is known by its single pictures."""

STRATEGIES: dict[tuple[bool, bool], Strategy] = {
    (True, False): "all",
    (True, True): "top",
    (False, False): "top",
    (False, True): "head",
}
"""By whether the set is large and whether it is similar to what the backbone has seen."""


def is_large(pictures: int, classes: int) -> bool:
    """Whether there are enough training pictures to train a backbone's layers on."""
    return pictures >= LARGE_SET and pictures >= LARGE_CLASS * classes

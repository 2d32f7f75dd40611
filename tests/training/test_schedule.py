from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from tlstudio.training.phases import Phase
from tlstudio.training.schedule import rates

RATE = 0.04


def phase(**how: object) -> Phase:
    return Phase("plan", frozenset(), rate=RATE, **how)  # type: ignore[arg-type]


def whole(of: Phase, steps: int) -> NDArray[np.float64]:
    """The rates of a whole phase."""
    return np.concatenate([rates(of, epoch, steps) for epoch in range(of.epochs)])


def test_a_constant_rate_is_the_same_in_each_step() -> None:
    np.testing.assert_array_equal(whole(phase(epochs=3), 4), [RATE] * 12)


def test_the_rate_rises_in_a_line_over_the_warm_up_and_then_stays() -> None:
    found = whole(phase(epochs=3, warmup=2), 3)
    np.testing.assert_allclose(found / RATE, [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1, 1])


def test_a_cosine_falls_from_the_full_rate_to_nearly_nothing() -> None:
    found = whole(phase(epochs=4, schedule="cosine"), 5)
    assert found[0] == RATE
    assert found[10] == pytest.approx(RATE / 2)
    assert all(b < a for a, b in pairwise(found))
    # Nothing would be learned in a step of rate 0.
    assert 0 < found[-1] < 0.01 * RATE
    # Slow at both ends and fastest in the middle, which a line is not.
    falls = -np.diff(found)
    assert falls[0] < falls[9] / 5
    assert falls[-1] < falls[9] / 4


def test_a_cosine_begins_when_the_warm_up_ends() -> None:
    found = whole(phase(epochs=5, schedule="cosine", warmup=1), 4)
    np.testing.assert_allclose(found[:4] / RATE, [0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(found[4:], whole(phase(epochs=4, schedule="cosine"), 4))


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("warmup", [2, 9])
def test_a_warm_up_as_long_as_the_phase_or_longer_ends_with_the_full_rate(
    schedule: str, warmup: int
) -> None:
    found = whole(phase(epochs=2, schedule=schedule, warmup=warmup), 2)
    np.testing.assert_allclose(found / RATE, [0.25, 0.5, 0.75, 1])


def test_a_single_step_has_a_rate() -> None:
    assert whole(phase(epochs=1, schedule="cosine"), 1) == [RATE]

import pytest

from tlstudio.events import LayerRow
from tlstudio.ui import expected_time

LAYERS = (
    LayerRow("conv", "Conv2D", "a", (112, 112, 32), 864, False, 864),
    LayerRow("bn", "BatchNormalization", "a", (112, 112, 32), 128, False, 64),
)
ALL = frozenset({"conv"})


def test_work_is_each_kernel_once_per_output_cell() -> None:
    assert expected_time.multiply_adds(LAYERS) == 864 * 112 * 112


def test_epochs_cost_little_when_the_backbone_is_frozen() -> None:
    few = expected_time.seconds(LAYERS, frozenset(), 10_000, 1, cores=2)
    many = expected_time.seconds(LAYERS, frozenset(), 10_000, 11, cores=2)
    assert many - few == pytest.approx(7.0)


def test_training_through_the_backbone_costs_every_epoch_and_cores_help() -> None:
    two = expected_time.seconds(LAYERS, ALL, 10_000, 10, cores=2) - expected_time.START_SECONDS
    four = expected_time.seconds(LAYERS, ALL, 10_000, 10, cores=4) - expected_time.START_SECONDS
    assert two == pytest.approx(2 * four)


@pytest.mark.parametrize(
    ("expected", "words"),
    [(1, "about 5 s"), (22, "about 20 s"), (170, "about 3 min"), (7300, "about 2 h")],
)
def test_it_is_said_as_roughly_as_it_is_known(expected: float, words: str) -> None:
    assert expected_time.in_words(expected) == words

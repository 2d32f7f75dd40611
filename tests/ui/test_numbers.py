import pytest

from tlstudio.ui import numbers


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (992, "992"),
        (999, "999"),
        (1000, "1.00 k"),
        (16_800, "16.8 k"),
        (465_000, "465 k"),
        (999_600, "1.00 M"),
        (3_413_024, "3.41 M"),
        (138_357_544, "138 M"),
        (999_600_000, "1.00 G"),
        (1_006_000_000, "1.01 G"),
    ],
)
def test_numbers_are_short(number: int, text: str) -> None:
    assert numbers.short(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (992, "992 B"), (16_800, "16.8 kB"), (3_410_000_000, "3.41 GB")],
)
def test_sizes_have_their_unit(number: int, text: str) -> None:
    assert numbers.size(number) == text


def test_nouns_follow_their_number() -> None:
    assert numbers.count(1, "class", "classes") == "1 class"
    assert numbers.count(2000, "class", "classes") == "2,000 classes"

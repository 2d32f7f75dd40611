import numpy as np
import pytest
from numpy.typing import NDArray

from tlstudio.control import Cancelled, Control
from tlstudio.training.probe import can_probe, probe


def clusters(counts: list[int], distance: float, size: int = 20) -> tuple[NDArray, NDArray]:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = distance * random.normal(size=(len(counts), size))
    return random.normal(size=(len(labels), size)) + centres[labels], labels


def test_what_is_clear_is_right_and_noise_is_a_guess() -> None:
    clear = probe(*clusters([30, 30, 30], 3.0), Control())
    assert clear.accuracy > 0.98
    assert clear.deviation < 0.03
    noise = probe(*clusters([100, 100, 100], 0.0), Control())
    assert noise.accuracy == pytest.approx(1 / 3, abs=0.09)
    assert 0 < noise.deviation < 0.2


def test_pictures_are_judged_by_those_of_other_folds_alone() -> None:
    """With more features than pictures anything can be learned by heart."""
    features, labels = clusters([20, 20], 0.0, size=2000)
    assert probe(features, labels, Control()).accuracy < 0.75


def test_scale_and_offset_of_a_feature_do_not_matter() -> None:
    features, labels = clusters([30, 30, 30], 0.4)
    scales = np.geomspace(1e-3, 1e3, features.shape[1])
    other = probe((features * scales + 100 * scales).astype(np.float32), labels, Control())
    assert other.accuracy == pytest.approx(probe(features, labels, Control()).accuracy, abs=0.02)


def test_a_feature_that_is_always_the_same_does_no_harm() -> None:
    features, labels = clusters([30, 30], 3.0)
    features[:, :10] = 7.0
    assert probe(features, labels, Control()).accuracy > 0.95


@pytest.mark.parametrize("counts", [[30, 30, 1], [30, 30, 3], [3, 3], [2, 2, 1]])
def test_classes_with_fewer_pictures_than_folds(counts: list[int]) -> None:
    features, labels = clusters(counts, 5.0)
    assert can_probe(labels)
    assert probe(features, labels, Control()).accuracy >= (sum(counts) - 1) / sum(counts) - 0.05


def test_rare_classes_are_named_only_where_features_say_so() -> None:
    features, labels = clusters([95, 5], 0.0)
    assert probe(features, labels, Control()).accuracy > 0.85


def test_class_numbers_may_have_gaps() -> None:
    features, labels = clusters([20, 20], 3.0)
    gaps = probe(features, 3 * labels + 1, Control())
    assert gaps == probe(features, labels, Control())


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1], [0, 0, 0, 1, 2]])
def test_what_cannot_be_probed(labels: list[int]) -> None:
    assert not can_probe(np.array(labels))


def test_a_stop_is_obeyed() -> None:
    control = Control()
    control.stop()
    with pytest.raises(Cancelled):
        probe(*clusters([10, 10], 1.0), control)


def test_the_accuracy_is_a_whole_number_of_pictures_also_where_folds_differ_in_size() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 6)
    for _ in range(20):
        right = 12 * probe(random.normal(size=(12, 3)), labels, Control()).accuracy
        assert right == pytest.approx(round(right))

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from tlstudio.training.transferability import logme


def clusters(number: int, size: int, distance: float, classes: int = 3) -> tuple[NDArray, NDArray]:
    random = np.random.default_rng(0)
    labels = np.arange(number) % classes
    centres = distance * random.normal(size=(classes, size))
    return random.normal(size=(number, size)) + centres[labels] + 2, labels


def greatest_evidence(features: NDArray, target: NDArray) -> float:
    """By search, from the density of the labels as a normal distribution over the pictures."""

    def without(logs: NDArray) -> float:
        weights, noise = np.exp(np.clip(logs, -20, 20))
        covariance = np.eye(len(target)) / noise + features @ features.T / weights
        return -float(multivariate_normal.logpdf(target, cov=covariance))

    starts = [(a, b) for a in (0, 3, 6) for b in (0, 3)]
    return max(-minimize(without, start, method="Nelder-Mead").fun for start in starts)


@pytest.mark.parametrize(("number", "size"), [(40, 6), (24, 24), (18, 50)])
def test_is_the_greatest_evidence_whichever_there_are_more_of(number: int, size: int) -> None:
    features, labels = clusters(number, size, 0.3)
    wanted = [greatest_evidence(features, (labels == label).astype(float)) for label in range(3)]
    assert logme(features, labels) == pytest.approx(np.mean(wanted) / number, abs=2e-4)


def test_clearer_classes_score_higher_and_noise_lowest() -> None:
    scores = [logme(*clusters(60, 20, distance)) for distance in (0.0, 0.3, 0.6, 1.2)]
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] > 0.3


def test_more_features_of_noise_do_not_raise_the_score() -> None:
    features, labels = clusters(40, 10, 0.5)
    noise = np.random.default_rng(1).normal(size=(40, 200))
    assert logme(np.hstack([features, noise]), labels) < logme(features, labels)


def test_order_scale_rotation_and_the_numbers_of_classes_do_not_matter() -> None:
    features, labels = clusters(40, 10, 0.5)
    score = logme(features, labels)
    random = np.random.default_rng(1)
    order = random.permutation(40)
    rotation = np.linalg.qr(random.normal(size=(10, 10)))[0]
    assert logme(features[order], labels[order]) == pytest.approx(score)
    assert logme(1000 * features, labels) == pytest.approx(score, abs=1e-5)
    assert logme(features @ rotation, labels) == pytest.approx(score)
    assert logme(features, 7 - 2 * labels) == pytest.approx(score)


def test_half_precision_features_are_computed_in_double() -> None:
    features, labels = clusters(40, 10, 0.5)
    rounded = (100 * features).astype(np.float16)
    assert logme(rounded, labels) == logme(rounded.astype(np.float64), labels)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_features_that_say_nothing_have_a_finite_score(value: float) -> None:
    labels = np.arange(12) % 3
    assert np.isfinite(logme(np.full((12, 5), value), labels))


def test_features_that_say_everything_have_a_finite_score() -> None:
    labels = np.arange(12) % 3
    perfect = np.eye(3)[labels]
    assert np.isfinite(logme(perfect, labels))
    assert logme(perfect, labels) > logme(*clusters(12, 3, 0.5))

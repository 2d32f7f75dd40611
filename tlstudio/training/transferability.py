"""How well features already tell labels apart, without training anything: LogME."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits

MOST_STEPS = 200
"""Of the fixed point. Most data take fewer than ten; where there are more features than pictures
and these explain the labels without noise, it only creeps on.
"""
ENOUGH = 1e-6
"""Change of a picture's log evidence in a step, below which the fixed point is found."""
NOISE = 1e-12
"""Of the largest eigenvalue: below it there is only what rounding to float32 has left."""
TINY = 1e-12


def on_one_core() -> threadpool_limits:
    """A context in which linear algebra takes one core. Matrices of a thousand rows are too small
    for several: their threads mostly wait for each other, and keep the cores busy with it.
    """
    return threadpool_limits(1, "blas")


def logme(features: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Log of the maximum evidence a picture, the mean over the classes, one against the rest.

    The evidence is that of a Bayesian linear regression of a class's labels (0 or 1) on the
    features: the probability of the labels, whatever the weights, at the most likely precisions
    of weights and noise. It does not overfit, whether there are more features or more pictures.

    `features` are of shape (pictures, features) and any scale, `labels` class numbers of shape
    (pictures,), of two classes or more. Computed in float64: evidence is a small difference of
    large numbers. The higher, the better; only comparable between features of the same pictures.

    You, Liu, Wang and Long, LogME: Practical Assessment of Pre-trained Models for Transfer
    Learning, ICML 2021, https://arxiv.org/abs/2102.11005, algorithm 1.
    """
    rows = np.asarray(features, np.float64)
    number, size = rows.shape
    targets = (labels[:, None] == np.unique(labels)).astype(np.float64)
    # Of whichever side is smaller; as exact as features in single precision are.
    wide = size > number
    with on_one_core():
        spectrum, vectors = eigh(rows @ rows.T if wide else rows.T @ rows)
    known = spectrum > NOISE * max(float(spectrum[-1]), NOISE)
    spectrum, vectors = spectrum[known, None], vectors[:, known]
    projected = vectors.T @ (targets if wide else rows.T @ targets)
    within = np.square(projected) / (1.0 if wide else spectrum)
    # What no weights can explain: the part of the labels that is outside the features' span.
    beyond = np.maximum(np.square(targets).sum(0) - within.sum(0), 0)
    return float(np.mean(_evidence(spectrum, within, beyond, number, size)) / number)


def _evidence(
    spectrum: NDArray[np.float64],
    within: NDArray[np.float64],
    beyond: NDArray[np.float64],
    number: int,
    size: int,
) -> NDArray[np.float64]:
    """The log evidence of each class at the fixed point of its two precisions.

    `spectrum` (rank, 1) are the squared singular values of the features, `within` (rank, classes)
    the squared components of the labels along them, `beyond` (classes,) the rest.
    """
    weights, noise = np.ones_like(beyond), np.ones_like(beyond)
    found: NDArray[np.float64] = np.full_like(beyond, -np.inf)
    for _ in range(MOST_STEPS):
        shrunk = weights + noise * spectrum
        norm = (np.square(noise / shrunk) * spectrum * within).sum(0)
        error = (np.square(weights / shrunk) * within).sum(0) + beyond
        evidence: NDArray[np.float64] = 0.5 * (
            number * np.log(noise / (2 * np.pi))
            + size * np.log(weights)
            - noise * error
            - weights * norm
            - np.log(shrunk).sum(0)
            - (size - len(spectrum)) * np.log(weights)
        )
        if np.max(np.abs(evidence - found)) < ENOUGH * number:
            return evidence
        found = evidence
        used = (noise * spectrum / shrunk).sum(0)
        weights = np.maximum(used, TINY) / np.maximum(norm, TINY)
        noise = np.maximum(number - used, TINY) / np.maximum(error, TINY)
    return found

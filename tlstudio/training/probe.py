"""What a linear classifier makes of features: how much of a question they already answer."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlstudio.control import Control
from tlstudio.training.transferability import on_one_core

FOLDS = 5
RIDGE = 1.0
"""Against a mean squared feature of 1: of 0.1, 1 and 10 the one that is within a point of a tuned
logistic regression on each of the benchmark's data sets, at a tenth of its time.
"""


@dataclass(frozen=True, slots=True)
class Probed:
    """Of a cross-validation, 0 to 1."""

    accuracy: float
    """The share of all pictures that it is right on."""
    deviation: float
    """The standard deviation of its folds' accuracies."""


def can_probe(labels: NDArray[np.integer]) -> bool:
    """Whether every part of the pictures has two classes in what is left to learn from."""
    return int((np.bincount(labels) > 1).sum()) > 1


def probe(features: NDArray[np.floating], labels: NDArray[np.integer], control: Control) -> Probed:
    """Cross-validate a ridge classifier on standardised features.

    `features` are of shape (pictures, features), `labels` class numbers of shape (pictures,), for
    which `can_probe` holds. There are at most five folds, each with its share of every class;
    classes with fewer pictures than that are missing in some. Raises Cancelled between two fits.
    """
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    # Standardised over all pictures, which tells nothing of their labels, so that what makes up
    # most of the work is done once for all folds.
    rows = StandardScaler().fit_transform(features.astype(np.float64))
    with on_one_core():
        kernel = rows @ rows.T / rows.shape[1]
    targets = (labels[:, None] == np.unique(labels)).astype(np.float64)
    names = targets.argmax(1)
    folds = StratifiedKFold(
        min(FOLDS, int(np.bincount(labels).max())), shuffle=True, random_state=0
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        parts = list(folds.split(rows, labels))
    right = []
    for train, test in parts:
        control.checkpoint()
        with on_one_core():
            usual = targets[train].mean(0)
            ridge = KernelRidge(alpha=RIDGE, kernel="precomputed")
            ridge.fit(kernel[np.ix_(train, train)], targets[train] - usual)
            said = ridge.predict(kernel[np.ix_(test, train)]) + usual
        right.append(said.argmax(1) == names[test])
    deviation = np.std([fold.mean() for fold in right])
    return Probed(float(np.concatenate(right).mean()), float(deviation))

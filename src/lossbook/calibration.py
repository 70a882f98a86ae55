"""Do predicted probabilities come true? The numbers behind a reliability diagram."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Reliability(NamedTuple):
    """Of each bin that has cases: mean prediction, share that came true, number of cases."""

    predicted: np.ndarray
    observed: np.ndarray
    cases: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: the mean of ``abs(predicted - observed)`` over all cases (Guo et al., 2017).

        A mean of absolute values: chance alone makes it positive, the more so the fewer cases there are in a bin.
        """
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.cases))


def reliability(y: np.ndarray, p: np.ndarray, bins: int = 10) -> Reliability:
    """Sort cases by their predicted probability into bins of equal width on [0, 1], and see what came true.

    y, p : arrays of one shape: what happened, 0 or 1 (or True, False), and the predicted probability of 1. A
        prediction on the border of two bins belongs to the upper one, and 1 to the last.

    Raises ValueError for unequal shapes, probabilities outside [0, 1] and less than one bin.

    >>> found = reliability(np.array([0, 1, 1, 1]), np.array([0.1, 0.3, 0.8, 1.0]), bins=2)
    >>> found.predicted, found.observed, found.cases
    (array([0.2, 0.9]), array([0.5, 1. ]), array([2, 2]))
    >>> round(found.error, 3)
    0.2
    """
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    if y.shape != p.shape:
        raise ValueError(f"reliability: y has shape {y.shape} and p has shape {p.shape}; expected one shape")
    if not (p.size and np.all((p >= 0) & (p <= 1))):
        raise ValueError("reliability: p must hold at least one probability, and all of them in [0, 1]")
    if bins < 1:
        raise ValueError(f"reliability: bins must be at least 1, got {bins}")
    place = np.minimum((p.ravel() * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    used = count > 0
    sums = [np.bincount(place, weights=v.ravel(), minlength=bins)[used] for v in (p, y)]
    return Reliability(sums[0] / count[used], sums[1] / count[used], count[used])

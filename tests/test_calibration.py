"""Reliability diagrams: against scikit-learn, and what must hold of any."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from lossbook.calibration import reliability


@pytest.mark.parametrize("bins", [1, 2, 7, 10, 25])
def test_agrees_with_scikit_learn(bins):
    rng = np.random.default_rng(0)
    p = rng.random(400) ** 3
    y = rng.random(400) < p
    observed, predicted = calibration_curve(y, p, n_bins=bins)
    found = reliability(y, p, bins)
    np.testing.assert_allclose(found.predicted, predicted, rtol=1e-12)
    np.testing.assert_allclose(found.observed, observed, rtol=1e-12)
    assert found.cases.sum() == 400


def test_the_error_is_what_it_says():
    y, p = np.array([0, 1, 1, 1, 0]), np.array([0.5, 0.5, 0.5, 1.0, 0.0])
    assert reliability(y, p).error == pytest.approx(3 / 5 * (2 / 3 - 1 / 2))
    assert reliability(y, y.astype(float)).error == 0
    assert reliability(y, 1.0 - y).error == 1
    # With one bin only the total counts.
    assert reliability(y, p, bins=1).error == pytest.approx(abs(np.mean(y) - np.mean(p)))


def test_borders():
    assert reliability(np.ones(3), np.array([0.0, 0.5, 1.0]), bins=2).cases.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("y", "p", "bins", "message"),
    [
        (np.ones(3), np.full((3, 1), 0.5), 10, r"y has shape \(3,\) and p has shape \(3, 1\)"),
        (np.ones(2), np.array([0.5, 1.5]), 10, r"all of them in \[0, 1\]"),
        (np.ones(2), np.array([0.5, np.nan]), 10, r"all of them in \[0, 1\]"),
        (np.ones(0), np.ones(0), 10, "at least one"),
        (np.ones(2), np.array([0.5, 0.5]), 0, "bins must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_binned_is_refused(y, p, bins, message):
    with pytest.raises(ValueError, match=message):
        reliability(y, p, bins)

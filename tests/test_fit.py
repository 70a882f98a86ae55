"""Fits of a constant and of a linear model agree with estimators that other libraries make in other ways."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LinearRegression, QuantileRegressor

from lossbook import data, fit, gaussian_nll, huber, mae, mse, pinball, poisson_nll, rmse

SKEWED = np.random.default_rng(0).exponential(1.0, 101)


@pytest.mark.parametrize(
    ("loss", "parameters", "expected"),
    [
        (mse, {}, np.mean(SKEWED)),
        (rmse, {}, np.mean(SKEWED)),
        (mae, {}, np.median(SKEWED)),
        (pinball, {"tau": 0.9}, np.quantile(SKEWED, 0.9)),
        (poisson_nll, {}, np.log(np.mean(SKEWED))),
    ],
)
def test_a_constant_is_the_statistic(loss, parameters, expected):
    assert fit.constant(loss, SKEWED, **parameters) == pytest.approx(expected, rel=1e-6)


def test_a_constant_between_two_middle_targets():
    assert fit.constant(mae, np.array([0.0, 1.0, 3.0, 10.0])) == pytest.approx(2.0)


def test_a_constant_for_equal_targets():
    assert fit.constant(mse, np.full(4, 2.5)) == 2.5


@pytest.fixture(scope="module")
def split():
    return data.diabetes(0, corrupt=0.05)


def test_squared_error_is_least_squares(split):
    peer = LinearRegression().fit(split.x_train, split.y_train)
    assert fit.linear(mse, split.x_train, split.y_train) == pytest.approx(np.r_[peer.intercept_, peer.coef_], rel=1e-6, abs=1e-6)


def test_its_root_has_the_same_minimum(split):
    ours = fit.linear(rmse, split.x_train, split.y_train)
    assert ours == pytest.approx(fit.linear(mse, split.x_train, split.y_train), rel=1e-5, abs=1e-5)


def test_pinball_is_quantile_regression(split):
    peer = QuantileRegressor(quantile=0.75, alpha=0.0).fit(split.x_train, split.y_train)
    ours = fit.linear(pinball, split.x_train, split.y_train, tau=0.75)
    value = pinball(split.y_train, fit.predict(ours, split.x_train), tau=0.75)
    assert value == pytest.approx(pinball(split.y_train, peer.predict(split.x_train), tau=0.75), rel=1e-9)


def test_huber_solves_its_estimating_equations(split):
    w = fit.linear(huber, split.x_train, split.y_train, delta=40.0)
    clipped = np.clip(fit.predict(w, split.x_train) - split.y_train, -40, 40)
    assert np.column_stack([np.ones(len(clipped)), split.x_train]).T @ clipped == pytest.approx(np.zeros(11), abs=1e-3)


def test_poisson_is_the_generalised_linear_model():
    visits = data.doctor_visits(0)
    peer = sm.GLM(visits.y_train, sm.add_constant(visits.x_train), family=sm.families.Poisson()).fit()
    assert fit.linear(poisson_nll, visits.x_train, visits.y_train) == pytest.approx(peer.params, abs=1e-5)


def test_two_predictions_are_refused(split):
    with pytest.raises(ValueError, match="gaussian_nll takes y, mean, log_var; only a loss of one target and one prediction"):
        fit.linear(gaussian_nll, split.x_train, split.y_train)


def test_splits_are_scaled_disjoint_and_reproducible(split):
    assert split.x_train.mean(axis=0) == pytest.approx(np.zeros(10), abs=1e-12)
    assert split.x_train.std(axis=0) == pytest.approx(np.ones(10))
    again = data.diabetes(0, corrupt=0.05)
    assert all(np.array_equal(a, b) for a, b in zip(split[:4], again[:4], strict=True))
    assert len(split.y_train) + len(split.y_test) == 442


def test_corruption_multiplies_a_share_of_the_training_targets(split):
    clean = data.diabetes(0)
    assert np.array_equal(clean.y_test, split.y_test)
    hit = clean.y_train != split.y_train
    assert hit.sum() == round(0.05 * hit.size)
    assert split.y_train[hit] == pytest.approx(10 * clean.y_train[hit])

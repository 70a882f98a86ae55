"""What a loss means: the statistic that its best constant is, and the noise of which it is the log-likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from estimates import best, cost
from instances import INSTANCES, PENALTIES, WITH_TARGETS, Instance, counts
from scipy import integrate, optimize, special, stats

import lossbook
from lossbook.card import evaluate

# What it elicits


def skewed(instance: Instance) -> np.ndarray:
    """101 targets with a long tail to the right; counts where the loss is one of counts."""
    rng = np.random.default_rng(0)
    return rng.poisson(rng.lognormal(1.0, 0.8, 101)).astype(float) if counts(instance) else rng.lognormal(0.0, 0.8, 101)


def gaussian(instance: Instance) -> np.ndarray:
    """The quantiles of N(1.5, 0.7²), which stand for the distribution itself."""
    return stats.norm.ppf((np.arange(4001) + 0.5) / 4001, 1.5, 0.7)


def huber_location(y: np.ndarray, parameters: Mapping[str, Any]) -> float:
    threshold = parameters.get("delta", parameters.get("beta"))
    norm = sm.robust.norms.HuberT(t=threshold)
    return float(sm.robust.norms.estimate_location(y, 1.0, norm=norm, maxiter=500, tol=1e-12))


def log_cosh_location(y: np.ndarray, parameters: Mapping[str, Any]) -> float:
    return optimize.brentq(lambda c: np.sum(np.tanh(c - y)), y.min(), y.max(), xtol=1e-13)


def general_location(y: np.ndarray, parameters: Mapping[str, Any]) -> float:
    """Of the roots of Barron's influence function, the one whose loss is least; both from the paper's formulas."""
    alpha, scale = parameters["alpha"], parameters["scale"]

    def rho(c: float) -> float:
        u = ((c - y) / scale) ** 2
        if alpha in (2, 0, -math.inf):
            return float(np.sum({2: u / 2, 0: np.log(u / 2 + 1), -math.inf: 1 - np.exp(-u / 2)}[alpha]))
        return float(np.sum(abs(alpha - 2) / alpha * ((u / abs(alpha - 2) + 1) ** (alpha / 2) - 1)))

    def psi(c: float) -> float:
        u = (c - y) / scale
        if alpha == 2:
            return float(np.sum(u))
        if alpha == -math.inf:
            return float(np.sum(u * np.exp(-u * u / 2)))
        return float(np.sum(u * (u * u / abs(alpha - 2) + 1) ** (alpha / 2 - 1)))

    grid = np.linspace(y.min() - 0.01, y.max() + 0.01, 2000)
    signs = np.sign([psi(c) for c in grid])
    roots = [optimize.brentq(psi, grid[i], grid[i + 1], xtol=1e-13) for i in np.flatnonzero(signs[:-1] < signs[1:])]
    return float(min(roots, key=rho))


Sample = Callable[[Instance], np.ndarray]
Functional = Callable[[np.ndarray, Mapping[str, Any]], Any]

#: For each ``card.elicits``: a sample, the statistic by other means, and how closely it must be met.
STATISTICS: dict[str, tuple[Sample, Functional, float]] = {
    "mean": (skewed, lambda y, p: np.mean(y), 1e-6),
    "median": (skewed, lambda y, p: np.median(y), 1e-9),
    "quantile": (skewed, lambda y, p: np.quantile(y, p["tau"], method="inverted_cdf"), 1e-9),
    "Huber location": (skewed, huber_location, 1e-6),
    "log-cosh location": (skewed, log_cosh_location, 1e-6),
    "general location": (skewed, general_location, 1e-6),
    "log of the mean": (skewed, lambda y, p: np.log(np.mean(y)), 1e-6),
    "mean and log-variance": (skewed, lambda y, p: (np.mean(y), np.log(np.var(y))), 1e-6),
    "mean and scale of a Gaussian": (gaussian, lambda y, p: (1.5, 0.7), 1e-3),
}


def check_elicits(instance: Instance) -> None:
    """The constant that minimises the mean loss over a sample is the statistic that the card names."""
    assert instance.card.elicits in STATISTICS, f"{instance} elicits {instance.card.elicits!r}: say in STATISTICS what that is"
    draw, statistic, tolerance = STATISTICS[instance.card.elicits]
    y = draw(instance)
    found, expected = best(instance, y), np.atleast_1d(statistic(y, instance.parameters))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, np.ptp(y)), err_msg=str(instance))


@pytest.mark.parametrize("instance", WITH_TARGETS, ids=str)
def test_elicits(instance: Instance) -> None:
    check_elicits(instance)


def test_every_statistic_is_elicited() -> None:
    assert {instance.card.elicits for instance in WITH_TARGETS} == set(STATISTICS)


@pytest.mark.parametrize("instance", PENALTIES, ids=str)
def test_a_penalty_draws_to_zero(instance: Instance) -> None:
    """It has no targets to elicit anything from; it is 0 at 0, and grows with the size of the parameter."""
    assert not instance.card.elicits
    sizes = np.linspace(0, 5, 50)
    for side in (sizes, -sizes):
        values = instance(side, reduction="none")
        assert values[0] == 0
        assert np.all(np.diff(values) > 0)


# The noise model

MODELLED = [i for i in INSTANCES if i.card.assumption is not None and evaluate(i.card.assumption.when, i.parameters)]


def logpdf(instance: Instance, *arrays: Any) -> Any:
    """The card's log-density, as its expression says."""
    scope = {"np": np, "stats": stats, "special": special, **instance.parameters}
    assert instance.card.assumption is not None
    return eval(instance.card.assumption.logpdf, scope | dict(zip(instance.loss.arguments, arrays, strict=True)))


def check_noise(instance: Instance) -> None:
    """Minus the log-density and the loss differ by what does not contain the predictions."""
    rng = np.random.default_rng(0)
    targets = [instance.sample(rng, 40)[0][:, None] + np.zeros((40, 60)) for _ in instance.loss.targets]
    predictions = [instance.sample(rng, 60)[place][None] + np.zeros((40, 60)) for place in instance.predictions]
    loss = instance(*targets, *predictions, reduction="none")
    difference = -logpdf(instance, *targets, *predictions) - loss
    rounding = 1e-11 * (1 + np.max(np.abs(loss)))
    np.testing.assert_allclose(difference, difference[:, :1] + 0 * difference, rtol=0, atol=rounding)
    if instance.parameters.get("full"):
        np.testing.assert_allclose(difference, 0, atol=rounding, err_msg="full means the whole log-likelihood")


@pytest.mark.parametrize("instance", MODELLED, ids=str)
def test_the_loss_is_the_negative_log_likelihood(instance: Instance) -> None:
    check_noise(instance)


@pytest.mark.parametrize("instance", MODELLED, ids=str)
def test_the_density_is_one(instance: Instance) -> None:
    """It integrates, or sums, to 1 over the target, for several predictions; a prior does over the parameter."""
    for seed in range(3):
        _, *predictions = (float(np.clip(a[0], -2, 2)) for a in instance.sample(np.random.default_rng(seed), 1))
        assert total_probability(instance, predictions) == pytest.approx(1, abs=1e-7)


def total_probability(instance: Instance, predictions: list[float]) -> float:
    def density(y: Any) -> Any:
        with np.errstate(over="ignore"):  # SciPy's hypsecant, far out
            return np.exp(logpdf(instance, y, *predictions))

    if counts(instance):
        return float(np.sum(density(np.arange(200.0))))
    # Piece by piece between the kinks, where quadrature is exact to many digits.
    center = predictions[0] if predictions else 0.0
    ends = sorted({center, *(center - kink for kink in instance.kinks)})
    return sum(integrate.quad(density, low, high)[0] for low, high in zip([-np.inf, *ends], [*ends, np.inf], strict=True))


def test_every_noise_model_is_tested() -> None:
    assert {i.loss.name for i in MODELLED} == {name for name, loss in lossbook.catalogue.items() if loss.card.assumption}


# What a card says where there is no noise model


def log_rmse_is_a_profile_likelihood() -> None:
    """With the variance at its best value, minus the Gaussian log-likelihood is m log RMSE plus a constant."""
    rng = np.random.default_rng(0)
    differences = []
    for y, y_hat in rng.normal(size=(20, 2, 7)):
        best_variance = np.mean((y - y_hat) ** 2)
        likelihood = np.sum(stats.norm.logpdf(y, y_hat, np.sqrt(best_variance)))
        differences.append(-likelihood - 7 * np.log(lossbook.rmse(y, y_hat)))
    np.testing.assert_allclose(differences, differences[0], rtol=1e-12)


def crps_is_no_log_likelihood() -> None:
    """The integral of exp(-CRPS) over the target changes with the predicted scale."""
    y = np.linspace(-60, 60, 200_001)
    totals = []
    for scale in (0.5, 1.0, 3.0):
        score = lossbook.gaussian_crps(y, np.zeros_like(y), np.full_like(y, scale), reduction="none")
        totals.append(np.trapezoid(np.exp(-score), y))
    assert np.ptp(totals) > 0.1


REASONS = {"rmse": log_rmse_is_a_profile_likelihood, "gaussian_crps": crps_is_no_log_likelihood}


@pytest.mark.parametrize("name", [name for name, loss in lossbook.catalogue.items() if loss.card.no_assumption])
def test_why_there_is_no_noise_model(name: str) -> None:
    REASONS[name]()


def test_cost_is_the_loss_of_constants() -> None:
    """The helper behind these tests computes what it should: each loss, averaged over the sample."""
    for instance in WITH_TARGETS:
        y = skewed(instance)
        constants = np.random.default_rng(0).uniform(0.5, 2.0, (4, len(instance.loss.wrt)))
        expected = [instance(y, *(np.full(y.shape, c) for c in row)) for row in constants]
        np.testing.assert_allclose(cost(instance, y, constants), expected, rtol=1e-12)

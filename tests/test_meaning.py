"""What a loss means: the statistic that its best constant is, and the noise of which it is the log-likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from estimates import best, best_row, cost
from instances import APART, INSTANCES, PENALTIES, WITH_TARGETS, Instance, counts
from scipy import integrate, optimize, special, stats

import lossbook
from lossbook.card import evaluate
from lossbook.domain import PROBABILITIES, SIGNS, Labels

# What it elicits


def skewed(instance: Instance) -> np.ndarray:
    """101 targets with a long tail to the right; counts where the loss is one of counts."""
    rng = np.random.default_rng(0)
    if instance.of_classes:
        return np.repeat(signs_of(instance), (30, 71))
    return rng.poisson(rng.lognormal(1.0, 0.8, 101)).astype(float) if counts(instance) else rng.lognormal(0.0, 0.8, 101)


def signs_of(instance: Instance) -> tuple[float, float]:
    """The two values of the target of a loss of two classes."""
    domain = instance.card.domain_of("y")
    return (-1.0, 1.0) if domain == SIGNS else (0.0, 1.0)


def tempered(y: np.ndarray, parameters: Mapping[str, Any]) -> float:
    """The log-odds of the probability with the smallest expected focal loss, by the paper's formula in probabilities."""
    share, gamma, alpha = np.mean(y), parameters["gamma"], parameters["alpha"]
    yes, no = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)

    def expected(p: float) -> float:
        return -share * yes * (1 - p) ** gamma * math.log(p) - (1 - share) * no * p**gamma * math.log(1 - p)

    p = optimize.minimize_scalar(expected, bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-14}).x
    if yes == no:  # on the right side of ½, and no further from it than the truth
        assert 0.5 < p <= share + 1e-7
    return math.log(p / (1 - p))


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
    "probability": (skewed, lambda y, p: np.mean(y), 1e-6),
    "log-odds": (skewed, lambda y, p: np.log(p["pos_weight"] * np.mean(y) / (1 - np.mean(y))), 1e-6),
    "tempered log-odds": (skewed, tempered, 1e-6),
    "sign": (skewed, lambda y, p: np.sign(np.mean(y)), 1e-6),
    "mean of the signs": (skewed, lambda y, p: np.mean(y), 1e-6),
    "mean and log-variance": (skewed, lambda y, p: (np.mean(y), np.log(np.var(y))), 1e-6),
    "mean and scale of a Gaussian": (gaussian, lambda y, p: (1.5, 0.7), 1e-3),
}


def shares(targets: np.ndarray, parameters: Mapping[str, Any]) -> np.ndarray:
    """The weighted mean of the targets as probabilities, smoothed as the parameters say."""
    if targets.ndim == 2:
        return np.mean(targets, axis=0)
    epsilon = parameters.get("label_smoothing", 0.0)
    weight = np.asarray(parameters.get("class_weight") or (1.0, 1.0, 1.0))[targets]
    return np.average((1 - epsilon) * np.eye(3)[targets] + epsilon / 3, axis=0, weights=weight)


def tempered_shares(labels: np.ndarray, parameters: Mapping[str, Any]) -> np.ndarray:
    """The probabilities with the smallest expected focal loss, by the paper's formula in probabilities."""
    share, gamma = np.mean(np.eye(3)[labels], axis=0), parameters["gamma"]
    weight = np.asarray(parameters["alpha"] or (1.0, 1.0, 1.0))

    def expected(free: np.ndarray) -> float:
        p = special.softmax(free)
        return float(-np.sum(weight * share * (1 - p) ** gamma * np.log(p)))

    p = special.softmax(optimize.minimize(expected, np.log(share), method="BFGS", options={"gtol": 1e-12}).x)
    if np.ptp(weight) == 0:  # the order of the truth, and no sharper than it
        assert list(np.argsort(p)) == list(np.argsort(share))
        assert np.max(p) <= np.max(share) + 1e-7
    return p


def majority(labels: np.ndarray, parameters: Mapping[str, Any]) -> np.ndarray:
    return np.eye(3)[np.argmax(np.bincount(labels))]


def mean_direction(y: np.ndarray, parameters: Mapping[str, Any]) -> np.ndarray:
    total = np.sum(y / np.linalg.norm(y, axis=1, keepdims=True), axis=0)
    return total / np.linalg.norm(total)


def mean_softened(teachers: np.ndarray, parameters: Mapping[str, Any]) -> np.ndarray:
    """Logits, all but for one number added to them, whose softened softmax is the mean of the softened teachers."""
    temperature = parameters["temperature"]
    logits = temperature * np.log(np.mean(special.softmax(teachers / temperature, axis=1), axis=0))
    return logits - np.mean(logits)


#: The same for losses of rows: what to compute from the targets, and what to make of the best row to compare it.
ROW_STATISTICS: dict[str, tuple[Callable[[np.ndarray, Mapping[str, Any]], Any], Callable[[np.ndarray], Any]]] = {
    "probabilities": (shares, np.asarray),
    "log-probabilities": (shares, special.softmax),
    "tempered log-probabilities": (tempered_shares, special.softmax),
    "log-odds of each label": (shares, special.expit),
    "class of the majority": (majority, lambda scores: np.eye(3)[np.argmax(scores)]),
    "softened log-probabilities": (mean_softened, lambda z: z - np.mean(z)),
    "mean direction": (mean_direction, lambda v: v / np.linalg.norm(v)),
}


def some_targets(instance: Instance) -> np.ndarray:
    """21 rows, or labels of which the second is the most frequent."""
    if isinstance(instance.card.domain_of(instance.loss.arguments[0]), Labels):
        return np.repeat([0, 1, 2], (4, 12, 5))
    return instance.sample(np.random.default_rng(5), 21)[0]


def check_elicits_row(instance: Instance) -> None:
    statistic, canonical = ROW_STATISTICS[instance.card.elicits]
    targets = some_targets(instance)
    expected = statistic(targets, instance.parameters)
    np.testing.assert_allclose(canonical(best_row(instance, targets)), expected, atol=5e-5, err_msg=str(instance))


def check_elicits(instance: Instance) -> None:
    """The constant that minimises the mean loss over a sample is the statistic that the card names."""
    if instance.rows:
        check_elicits_row(instance)
        return
    assert instance.card.elicits in STATISTICS, f"{instance} elicits {instance.card.elicits!r}: say in STATISTICS what that is"
    draw, statistic, tolerance = STATISTICS[instance.card.elicits]
    y = draw(instance)
    found, expected = best(instance, y), np.atleast_1d(statistic(y, instance.parameters))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, np.ptp(y)), err_msg=str(instance))


@pytest.mark.parametrize("instance", WITH_TARGETS, ids=str)
def test_elicits(instance: Instance) -> None:
    check_elicits(instance)


def test_every_statistic_is_elicited() -> None:
    assert {instance.card.elicits for instance in WITH_TARGETS} == {*STATISTICS, *ROW_STATISTICS}


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
    hard = instance.card.domain_of(instance.loss.arguments[0]).hardened

    def every(array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array, (40, 60, *array.shape[2:]))

    targets = [every(hard(instance.sample(rng, 40)[0])[:, None]) for _ in instance.loss.targets]
    predictions = [every(instance.sample(rng, 60)[place][None]) for place in instance.predictions]
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
        _, *predictions = (np.clip(a[0], -2, 2) for a in instance.sample(np.random.default_rng(seed), 1))
        if instance.rows:
            assert total_of_rows(instance, predictions[0]) == pytest.approx(1, abs=1e-7)
            continue
        predictions = [float(p) for p in predictions]
        assert total_probability(instance, predictions) == pytest.approx(1, abs=1e-7)


def total_of_rows(instance: Instance, prediction: np.ndarray) -> float:
    """The sum over the classes, over all sets of labels, or over the directions in space."""
    domain = instance.card.domain_of(instance.loss.arguments[0])
    if instance.loss.name == "distillation":
        # Teachers who are sure of one class: the density is then the probability of that class.
        teachers = 1000 * np.eye(3)
        return float(np.sum(np.exp(logpdf(instance, teachers, np.tile(prediction, (3, 1))))))
    if not domain.of_classes:
        z, w = np.polynomial.legendre.leggauss(40)
        angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
        height, turn = (a.ravel() for a in np.meshgrid(z, angle, indexing="ij"))
        around = np.sqrt(1 - height**2)
        targets = np.stack([around * np.cos(turn), around * np.sin(turn), height], axis=-1)
        area = np.repeat(w, 80) * 2 * np.pi / 80
    else:
        corners = np.stack([a.ravel() for a in np.meshgrid(*[[0.0, 1.0]] * 3)], axis=-1)
        targets = corners if domain == PROBABILITIES else np.arange(3) if isinstance(domain, Labels) else np.eye(3)
        area = np.ones(len(targets))
    return float(area @ np.exp(logpdf(instance, targets, np.tile(prediction, (len(targets), 1)))))


def total_probability(instance: Instance, predictions: list[float]) -> float:
    def density(y: Any) -> Any:
        with np.errstate(over="ignore"):  # SciPy's hypsecant, far out
            return np.exp(logpdf(instance, y, *predictions))

    if instance.of_classes:
        return float(np.sum(density(np.array(signs_of(instance)))))
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


def is_no_log_likelihood(name: str) -> Callable[[], None]:
    """The values of exp(−loss) of the two labels do not sum to one number at every score."""

    def check() -> None:
        [instance] = [i for i in INSTANCES if i.loss.name == name][:1]
        scores = np.array([0.0, 0.5, 1.0, 3.0])
        if instance.rows:
            rows = np.stack([scores, 0 * scores, 0 * scores], axis=-1)
            if instance.loss.wrt == ("p",):
                rows = special.softmax(rows, axis=-1)
            labels = isinstance(instance.card.domain_of(instance.loss.arguments[0]), Labels)
            targets = [np.full(4, k) if labels else np.tile(np.eye(3)[k], (4, 1)) for k in range(3)]
            totals = sum(np.exp(-instance(target, rows, reduction="none")) for target in targets)
        else:
            totals = sum(np.exp(-instance(np.full(4, label), scores, reduction="none")) for label in signs_of(instance))
        assert np.ptp(totals) > 0.1

    return check


NO_MASS = ("focal", "hinge", "squared_hinge", "softmax_focal", "multiclass_hinge", "brier")
REASONS = {
    **{name: is_no_log_likelihood(name) for name in NO_MASS},
    "rmse": log_rmse_is_a_profile_likelihood,
    "gaussian_crps": crps_is_no_log_likelihood,
}


@pytest.mark.parametrize("name", [n for n, loss in lossbook.catalogue.items() if loss.card.no_assumption and n not in APART])
def test_why_there_is_no_noise_model(name: str) -> None:
    REASONS[name]()


def test_cost_is_the_loss_of_constants() -> None:
    """The helper behind these tests computes what it should: each loss, averaged over the sample."""
    for instance in (i for i in WITH_TARGETS if not i.rows):
        y = skewed(instance)
        constants = np.random.default_rng(0).uniform(0.5, 0.9, (4, len(instance.loss.wrt)))
        expected = [instance(y, *(np.full(y.shape, c) for c in row)) for row in constants]
        np.testing.assert_allclose(cost(instance, y, constants), expected, rtol=1e-12)

"""What a loss makes of a sample: the constant predictions that minimise it, found from its values alone."""

from __future__ import annotations

import numpy as np
from instances import Instance
from scipy import optimize, special

from lossbook.domain import PROBABILITIES, SIMPLEX


def neutral(instance: Instance) -> list[float]:
    """A value for each prediction that a test holds fixed: 0, 1 where only positive numbers are allowed, or a chance of ½."""
    domains = [instance.card.domain_of(name) for name in instance.loss.wrt]
    return [0.5 if domain == PROBABILITIES else 1.0 if domain.low == 0 else 0.0 for domain in domains]


def cost(instance: Instance, y: np.ndarray, constants: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """The mean loss of predicting each row of ``constants`` for every target: shape (m, predictions) gives (m,)."""
    weight = np.full(len(y), 1 / len(y)) if weight is None else weight
    if not instance.loss.reducible:
        return np.array([instance(y, *(np.full(y.shape, c) for c in row)) for row in constants])
    targets = np.broadcast_to(y, (len(constants), len(y)))
    predictions = [np.broadcast_to(column[:, None], targets.shape) for column in constants.T]
    return instance(targets, *predictions, reduction="none") @ weight


def best_first(instance: Instance, y: np.ndarray) -> float:
    """The constant first prediction that minimises the mean loss, the other predictions held fixed.

    A grid through the data finds the right valley, a search between the neighbours of its best point the bottom.
    """
    others = neutral(instance)[1:]

    def at(points: np.ndarray) -> np.ndarray:
        return cost(instance, y, np.stack([points, *(np.full(points.shape, o) for o in others)], axis=1))

    ordered = np.sort(y)
    grid = np.unique(np.concatenate([y, np.linspace(ordered[0], ordered[-2], 400), np.linspace(ordered[0], ordered[-1], 400)]))
    if instance.of_classes:
        ends = (0, 1) if instance.card.domain_of(instance.loss.wrt[0]) == PROBABILITIES else (-12, 12)
        grid = np.union1d(np.linspace(*ends, 800), y)
    elif instance.card.elicits.startswith("log of"):
        grid = np.log(grid[grid > 0])
    with np.errstate(divide="ignore"):
        values = at(grid)
    best = int(np.argmin(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(lambda c: at(np.array([c]))[0], bounds=(low, high), options={"xatol": 1e-12})
    return float(found.x if found.fun < values[best] else grid[best])


def best(instance: Instance, y: np.ndarray, weight: np.ndarray | None = None) -> tuple[float, ...]:
    """The constant predictions, one each, that together minimise the mean loss."""
    if len(instance.loss.wrt) == 1 and weight is None:
        return (best_first(instance, y),)
    positive = np.array([instance.card.domain_of(name).low == 0 for name in instance.loss.wrt])

    def constants(free: np.ndarray) -> np.ndarray:
        return np.where(positive, np.exp(np.where(positive, free, 0.0)), free)

    start = np.zeros(len(positive))
    options = {"xatol": 1e-9, "fatol": 1e-15, "maxiter": 4000, "maxfev": 4000}
    for _ in range(2):  # Nelder-Mead once more from where it stopped
        found = optimize.minimize(
            lambda free: cost(instance, y, constants(free)[None], weight)[0], start, method="Nelder-Mead", options=options
        )
        start = found.x
    return tuple(float(c) for c in constants(start))


def best_row(instance: Instance, targets: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """The constant row that, predicted for every target, has the smallest mean loss; probabilities by way of softmax."""
    weight = np.full(len(targets), 1 / len(targets)) if weight is None else weight
    simplex = instance.card.domain_of(instance.loss.wrt[0]) == SIMPLEX

    def row(free: np.ndarray) -> np.ndarray:
        return special.softmax(free) if simplex else free

    def mean_loss(free: np.ndarray) -> float:
        return float(instance(targets, np.tile(row(free), (len(targets), 1)), reduction="none") @ weight)

    start = np.array([0.1, 0.2, -0.1])
    options = {"xatol": 1e-10, "fatol": 1e-17, "maxiter": 4000, "maxfev": 4000}
    for _ in range(3):  # Nelder-Mead again from where it stopped
        start = optimize.minimize(mean_loss, start, method="Nelder-Mead", options=options).x
    return row(start)

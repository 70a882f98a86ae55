"""Fit the two simplest models to any loss of one prediction: a constant, and a linear function."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize

from lossbook.domain import Counts
from lossbook.loss import Loss


def constant(loss: Loss, y: np.ndarray, **parameters: Any) -> float:
    """The number that, predicted for every target, has the smallest loss.

    A grid over the range of the targets (for counts, around the log of their mean) finds the lowest valley,
    a bounded search its floor. Where a whole interval is lowest, as for the median of an even number of
    targets, the answer is its middle.

    >>> from lossbook import mae
    >>> constant(mae, np.array([1.0, 2.0, 9.0]))
    2.0
    """
    _one_prediction(loss)
    low, high = float(np.min(y)), float(np.max(y))
    if _counts(loss):  # the prediction is the log of a rate, and no target
        low, high = np.log(np.mean(y)) - 3.0, np.log(np.mean(y)) + 3.0

    def value(c: float) -> float:
        return float(loss(y, np.full(y.shape, float(c)), **parameters))

    if low == high:
        return low
    grid = np.linspace(low, high, 201)
    first, last = _lowest([value(c) for c in grid])
    bounds = grid[max(first - 1, 0)], grid[min(last + 1, grid.size - 1)]
    if _straight_lines(loss):
        # The minimum is at a target, or on a stretch between two.
        kinks = np.unique(y[(y >= bounds[0]) & (y <= bounds[1])])
        first, last = _lowest([value(c) for c in kinks])
        return float((kinks[first] + kinks[last]) / 2)
    found = optimize.minimize_scalar(value, bounds=bounds, method="bounded", options={"xatol": 1e-10 * (high - low)})
    return float(found.x)


def _lowest(values: list[float]) -> tuple[int, int]:
    """The ends of the first run of smallest values, equal up to rounding."""
    level = min(values) + 1e-12 * max(1.0, abs(min(values)))
    first = last = next(i for i, v in enumerate(values) if v <= level)
    while last + 1 < len(values) and values[last + 1] <= level:
        last += 1
    return first, last


def linear(loss: Loss, x: np.ndarray, y: np.ndarray, **parameters: Any) -> np.ndarray:
    """Intercept and coefficients of the linear model with the smallest loss on features ``x``, shape (m, p).

    Predictions are ``w[0] + x @ w[1:]``. Least squares is the start. A loss of straight lines with one kink
    (absolute error, pinball) is a linear programme, and scikit-learn solves it; any other goes to BFGS with
    the loss's own gradient. Where the loss is not convex the answer is the valley below least squares.
    """
    _one_prediction(loss)
    design = np.column_stack([np.ones(len(y)), x])
    if _straight_lines(loss):
        from sklearn.linear_model import QuantileRegressor

        below, above = (float(loss.grad(np.zeros(1), np.array([e]), **parameters)[0]) for e in (-1.0, 1.0))
        model = QuantileRegressor(quantile=-below / (above - below), alpha=0.0, solver="highs").fit(x, y)
        return np.concatenate([[model.intercept_], model.coef_])

    def objective(w: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss.value_and_grad(y, design @ w, **parameters)
        return float(value), design.T @ gradient

    start = np.linalg.lstsq(design, np.asarray(y, dtype=float), rcond=None)[0]
    if _counts(loss):
        start = np.concatenate([[np.log(np.mean(y))], np.zeros(x.shape[1])])
    return np.asarray(optimize.minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 2000}).x)


def predict(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Predictions of the linear model ``w`` at features ``x``, shape (m, p)."""
    return np.asarray(w[0] + x @ w[1:])


def _one_prediction(loss: Loss) -> None:
    if len(loss.wrt) != 1 or len(loss.arguments) != 2:
        raise ValueError(f"{loss.name} takes {', '.join(loss.arguments)}; only a loss of one target and one prediction fits here")


def _straight_lines(loss: Loss) -> bool:
    return loss.reducible and loss.card.properties.smooth == 0


def _counts(loss: Loss) -> bool:
    return isinstance(loss.card.domain_of("y"), Counts)

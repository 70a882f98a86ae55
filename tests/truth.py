"""The truth of every loss to 50 digits and more, and the grid on which the code is held to it.

The functions are written from the definitions, for exact inputs, and share nothing with the code under test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
from instances import Instance
from mpmath import mpf

#: The textbook forms of log cosh and of Barron's loss lose 60 digits at a residual of 1e-30, the smallest of the grid.
DIGITS = 130

Truth = tuple[Any, tuple[Any, ...]]


# Definitions: each gives the value and the derivative in every prediction.


def _mse(y: Any, y_hat: Any) -> Truth:
    return (y_hat - y) ** 2, (2 * (y_hat - y),)


def _mae(y: Any, y_hat: Any) -> Truth:
    return abs(y_hat - y), (mpmath.sign(y_hat - y),)


def _rmse(y: Sequence[Any], y_hat: Sequence[Any]) -> Truth:
    errors = [p - t for t, p in zip(y, y_hat, strict=True)]
    root = mpmath.sqrt(sum(e**2 for e in errors) / len(errors))
    return root, tuple(e / (len(errors) * root) if root else mpf(0) for e in errors)


def _huber(y: Any, y_hat: Any, delta: Any) -> Truth:
    e = y_hat - y
    if abs(e) <= delta:
        return e**2 / 2, (e,)
    return delta * (abs(e) - delta / 2), (delta * mpmath.sign(e),)


def _smooth_l1(y: Any, y_hat: Any, beta: Any) -> Truth:
    e = y_hat - y
    if abs(e) < beta:
        return e**2 / (2 * beta), (e / beta,)
    return abs(e) - beta / 2, (mpmath.sign(e),)


def _log_cosh(y: Any, y_hat: Any) -> Truth:
    return mpmath.log(mpmath.cosh(y_hat - y)), (mpmath.tanh(y_hat - y),)


def _pinball(y: Any, y_hat: Any, tau: Any) -> Truth:
    e = y_hat - y
    return max(-tau * e, (1 - tau) * e), (-tau if e < 0 else 1 - tau if e > 0 else mpf(0),)


def _poisson_nll(y: Any, log_rate: Any, full: bool) -> Truth:
    rate = mpmath.exp(log_rate)
    return rate - y * log_rate + (mpmath.loggamma(y + 1) if full else 0), (rate - y,)


def _gaussian_nll(y: Any, mean: Any, log_var: Any, full: bool) -> Truth:
    precision = mpmath.exp(-log_var)
    value = (log_var + (y - mean) ** 2 * precision) / 2 + (mpmath.log(2 * mpmath.pi) / 2 if full else 0)
    return value, ((mean - y) * precision, (1 - (y - mean) ** 2 * precision) / 2)


def _general_robust(y: Any, y_hat: Any, alpha: float, scale: Any) -> Truth:
    u = (y_hat - y) / scale
    if alpha == 2:
        return u**2 / 2, (u / scale,)
    if alpha == 0:
        return mpmath.log(u**2 / 2 + 1), (u / (u**2 / 2 + 1) / scale,)
    if alpha == -math.inf:
        return 1 - mpmath.exp(-(u**2) / 2), (u * mpmath.exp(-(u**2) / 2) / scale,)
    alpha = mpf(alpha)
    base = u**2 / abs(alpha - 2) + 1
    return abs(alpha - 2) / alpha * (base ** (alpha / 2) - 1), (u * base ** (alpha / 2 - 1) / scale,)


def _gaussian_crps(y: Any, mean: Any, scale: Any) -> Truth:
    z = (y - mean) / scale
    twice = mpmath.erf(z / mpmath.sqrt(2))  # 2 Phi(z) - 1
    density = mpmath.npdf(z)
    rest = 2 * density - 1 / mpmath.sqrt(mpmath.pi)
    return scale * (z * twice + rest), (-twice, rest)


def _l1(parameter: Any, strength: Any) -> Truth:
    return strength * abs(parameter), (strength * mpmath.sign(parameter),)


def _l2(parameter: Any, strength: Any) -> Truth:
    return strength * parameter**2, (2 * strength * parameter,)


def _elastic_net(parameter: Any, strength: Any, l1_ratio: Any) -> Truth:
    value = strength * (l1_ratio * abs(parameter) + (1 - l1_ratio) / 2 * parameter**2)
    return value, (strength * (l1_ratio * mpmath.sign(parameter) + (1 - l1_ratio) * parameter),)


TRUTHS: Mapping[str, Callable[..., Truth]] = {
    "mse": _mse,
    "mae": _mae,
    "rmse": _rmse,
    "huber": _huber,
    "smooth_l1": _smooth_l1,
    "log_cosh": _log_cosh,
    "pinball": _pinball,
    "poisson_nll": _poisson_nll,
    "gaussian_nll": _gaussian_nll,
    "general_robust": _general_robust,
    "gaussian_crps": _gaussian_crps,
    "l1": _l1,
    "l2": _l2,
    "elastic_net": _elastic_net,
}


def exact(instance: Instance) -> Callable[..., Truth]:
    """The truth as a function of the arrays alone; parameters are exactly the float64 numbers that the code gets."""
    parameters = {k: mpf(v) if isinstance(v, float) and k != "alpha" else v for k, v in instance.parameters.items()}
    return lambda *arrays: TRUTHS[instance.loss.name](*arrays, **parameters)


# The grid


def _both_signs(sizes: Sequence[float]) -> list[float]:
    return [0.0, *sizes, *(-s for s in sizes)]


RESIDUALS = _both_signs([1e-30, *np.logspace(-10, 4, 43)])
FEW_RESIDUALS = _both_signs([1e-30, *np.logspace(-10, 4, 15), 0.7, 2.0, 5.0])
OFFSETS = (0.0, 1.0, -3.7, 1000.0)
WIDE = [*np.linspace(-80, 80, 41), *_both_signs([1e-10, 1e-3, 0.1, 1.0, 1e4])]
COUNTS = [0.0, 1e-10, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, *range(1, 21), 2.5, 50.0, 100.0, 1000.0, 1e5]
SCALES = np.logspace(-6, 6, 25)
VECTORS = [
    [0.0, 0.0, 0.0, 0.0],
    [1e-30, -1e-30, 2e-30, 0.0],
    [1e-22, 3e-22, -5e-23, 1e-23],
    [1.0, -2.0, 3.0, 0.5],
    [1e4, 1e-4, -1e4, 1.0],
    [1e-30, 1e4, 0.0, -1e-10],
    [1e25, -3e25, 1e24, 2e25],
    [1e38, -1e38, 1e38, -1e38],
    [0.3],
    list(np.logspace(-10, 4, 43)),
]


def grid(instance: Instance, dtype: Any) -> Iterator[tuple[np.ndarray, ...]]:
    """Arrays of ``dtype``: one tuple with a point of the grid in each entry, or one tuple a point for losses of a vector."""
    arguments = instance.loss.arguments
    if not instance.loss.reducible:
        for vector in VECTORS:
            for offset in OFFSETS:
                errors = np.array(vector, dtype=dtype)
                yield np.full_like(errors, offset), np.full_like(errors, offset) + errors
        return
    if arguments == ("y", "y_hat"):
        residuals = [*RESIDUALS, *_around(instance.kinks, dtype)]
        points = [(offset, offset + r) for offset in OFFSETS for r in np.array(residuals, dtype=dtype)]
    elif arguments == ("parameters",):
        points = [(w,) for w in [*RESIDUALS, 1e25, -1e30, 3e38]]
    elif arguments == ("y", "log_rate"):
        points = [(count, z) for count in COUNTS for z in [*WIDE, *_around([math.log(count)] if count else [], dtype)]]
    elif arguments == ("y", "mean", "log_var"):
        points = [
            (offset, offset + r, s)
            for offset in OFFSETS[:2]
            for r in np.array(FEW_RESIDUALS, dtype=dtype)
            for s in [*WIDE, *_around([2 * math.log(abs(r))] if r else [], dtype)]
        ]
    elif arguments == ("y", "mean", "scale"):
        zero = math.sqrt(math.log(2))  # where the derivative in the scale passes through zero
        points = [
            (offset, offset + r, s)
            for offset in OFFSETS[:2]
            for r in np.array(FEW_RESIDUALS, dtype=dtype)
            for s in [*SCALES, *_around([abs(r) / zero] if 1e-6 < abs(r) < 1e6 else [], dtype)]
        ]
    else:
        raise KeyError(f"no grid for a loss of {arguments}")
    yield tuple(np.array(column, dtype=dtype) for column in zip(*points, strict=True))


def _around(places: Sequence[float], dtype: Any) -> list[float]:
    """The places, their neighbours in ``dtype``, and points a little further off."""
    found: list[float] = []
    for place in np.array(places, dtype=dtype):
        found += [place, np.nextafter(place, dtype(np.inf)), np.nextafter(place, dtype(-np.inf))]
        found += [place * dtype(1 + 1e-3), place * dtype(0.9)]
    return found

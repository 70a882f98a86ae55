"""The truth of every loss to 50 digits and more, and the grid on which the code is held to it.

The functions are written from the definitions, for exact inputs, and share nothing with the code under test.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
from instances import Instance
from mpmath import mpf

from lossbook.domain import PROBABILITIES, SIMPLEX, Labels

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


def _bernoulli(y: Any, yes: Any, no: Any) -> Any:
    """The cross-entropy of probabilities of 1 and of 0, with 0 log 0 = 0."""
    return -sum(share * (mpmath.log(p) if p else -mpmath.inf) for share, p in ((y, yes), (1 - y, no)) if share)


def _binary_cross_entropy(y: Any, p: Any) -> Truth:
    slope = sum((share / q if q else mpmath.inf) * sign for share, q, sign in ((y, p, -1), (1 - y, 1 - p, 1)) if share)
    return _bernoulli(y, p, 1 - p), (slope,)


def _logistic(z: Any) -> Any:
    return 1 / (1 + mpmath.exp(-z))


def _softplus(z: Any) -> Any:
    # At -1e4 exp(z) is 1e-4343 and log(1 + exp(z)) would need that many digits: there it is exp(z) to all of them.
    return mpmath.log1p(mpmath.exp(z)) if z > -200 else mpmath.exp(z) - mpmath.exp(2 * z) / 2


def _binary_cross_entropy_with_logits(y: Any, z: Any, pos_weight: Any) -> Truth:
    value = pos_weight * y * _softplus(-z) + (1 - y) * _softplus(z)
    return value, ((1 - y) * _logistic(z) - pos_weight * y * _logistic(-z),)


def _focal(y: Any, z: Any, gamma: Any, alpha: Any) -> Truth:
    weight = 1 if alpha is None else alpha if y else 1 - alpha
    sign = 1 if y else -1
    margin = sign * z
    surprise, off, right = _softplus(-margin), _logistic(-margin), _logistic(margin)
    # d/dm (1 - p)^g s, with p' = p (1 - p) and s' = -(1 - p)
    slope = -gamma * off**gamma * right * surprise - off**gamma * off
    return weight * off**gamma * surprise, (weight * sign * slope,)


def _hinge(y: Any, score: Any) -> Truth:
    return max(mpf(0), 1 - y * score), (-y if y * score < 1 else mpf(0),)


def _squared_hinge(y: Any, score: Any) -> Truth:
    missing = max(mpf(0), 1 - y * score)
    return missing**2, (-2 * y * missing,)


def _surprises(z: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """−log p, p and 1 − p of each class under softmax, each from the odds against it, so that none is a difference."""
    odds = [sum(mpmath.exp(other - own) for j, other in enumerate(z) if j != k) for k, own in enumerate(z)]
    return [mpmath.log1p(s) for s in odds], [1 / (1 + s) for s in odds], [s / (1 + s) for s in odds]


def _cross_entropy(y: Sequence[Any], p: Sequence[Any]) -> Truth:
    value = sum((-t * (mpmath.log(q) if q else -mpmath.inf) for t, q in zip(y, p, strict=True) if t), mpf(0))
    return value, (tuple((-t / q if q else -mpmath.inf) if t else mpf(0) for t, q in zip(y, p, strict=True)),)


def _softmax_cross_entropy(y: Sequence[Any], z: Sequence[Any]) -> Truth:
    surprise, p, rest = _surprises(z)
    gradient = [p[k] * sum(t for j, t in enumerate(y) if j != k) - y[k] * rest[k] for k in range(len(z))]
    return sum(t * s for t, s in zip(y, surprise, strict=True)), (tuple(gradient),)


def _sparse_softmax_cross_entropy(
    label: int, z: Sequence[Any], label_smoothing: Any, class_weight: Any, ignore_index: int | None
) -> Truth:
    if label == ignore_index:
        return mpf(0), ((mpf(0),) * len(z),)
    weight = 1 if class_weight is None else mpf(class_weight[label])
    share = mpf(label_smoothing) / len(z)
    target = [share + (1 - label_smoothing if k == label else 0) for k in range(len(z))]
    value, (gradient,) = _softmax_cross_entropy(target, z)
    return weight * value, (tuple(weight * g for g in gradient),)


def _sigmoid_cross_entropy(y: Sequence[Any], z: Sequence[Any]) -> Truth:
    each = [_binary_cross_entropy_with_logits(t, x, mpf(1)) for t, x in zip(y, z, strict=True)]
    return sum(value for value, _ in each), (tuple(slope for _, (slope,) in each),)


def _softmax_focal(label: int, z: Sequence[Any], gamma: Any, alpha: Any) -> Truth:
    surprise, p, rest = _surprises(z)
    s, q, r = surprise[label], p[label], rest[label]
    weight = 1 if alpha is None else mpf(alpha[label])
    # The derivative in log p, then that of log p in each logit.
    slope = -gamma * r ** (gamma - 1) * q * s - r**gamma if gamma else mpf(-1)
    own = [r if k == label else -p[k] for k in range(len(z))]
    return weight * r**gamma * s, (tuple(weight * slope * x for x in own),)


def _multiclass_hinge(label: int, scores: Sequence[Any], margin: Any) -> Truth:
    others = [-mpmath.inf if k == label else s for k, s in enumerate(scores)]
    missing = margin + max(others) - scores[label]
    gradient = [mpf(0)] * len(scores)
    if missing > 0:
        gradient[label], gradient[others.index(max(others))] = mpf(-1), mpf(1)
    return max(mpf(0), missing), (tuple(gradient),)


def _brier(y: Sequence[Any], p: Sequence[Any]) -> Truth:
    errors = [q - t for t, q in zip(y, p, strict=True)]
    return sum(e**2 for e in errors), (tuple(2 * e for e in errors),)


def _kl_divergence(p: Sequence[Any], q: Sequence[Any]) -> Truth:
    cross, gradient = _cross_entropy(p, q)
    return cross + sum(t * mpmath.log(t) for t in p if t), gradient


def _cosine_distance(y: Sequence[Any], y_hat: Sequence[Any]) -> Truth:
    length, length_hat = (mpmath.sqrt(sum(x**2 for x in v)) for v in (y, y_hat))
    if not length or not length_hat:
        return mpf(1), ((mpf(0),) * len(y),)
    cosine = sum(a * b for a, b in zip(y, y_hat, strict=True)) / length / length_hat
    # y |y_hat|^2 - (y y_hat) y_hat, as a sum of minors: exactly 0 where it is
    minors = [sum((a * q - t * b) * q for t, q in zip(y, y_hat, strict=True)) for a, b in zip(y, y_hat, strict=True)]
    return 1 - cosine, (tuple(-m / (length * length_hat**3) for m in minors),)


def _token_cross_entropy(label: int, z: Sequence[Any], mask: None, label_smoothing: Any) -> Truth:
    return _sparse_softmax_cross_entropy(label, z, label_smoothing, None, None)


def _distillation(teacher: Sequence[Any], student: Sequence[Any], temperature: Any) -> Truth:
    if len({s - t for t, s in zip(teacher, student, strict=True)}) == 1:  # one number added: exactly nothing
        return mpf(0), ((mpf(0),) * len(teacher),)
    surprise, p, _ = _surprises([x / temperature for x in teacher])
    surprise_hat, q, _ = _surprises([x / temperature for x in student])
    value = temperature**2 * sum(a * (t - s) for a, t, s in zip(p, surprise_hat, surprise, strict=True))
    return value, (tuple(temperature * (b - a) for a, b in zip(p, q, strict=True)),)


TRUTHS: Mapping[str, Callable[..., Truth]] = {
    "binary_cross_entropy": _binary_cross_entropy,
    "binary_cross_entropy_with_logits": _binary_cross_entropy_with_logits,
    "focal": _focal,
    "hinge": _hinge,
    "squared_hinge": _squared_hinge,
    "cross_entropy": _cross_entropy,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "sparse_softmax_cross_entropy": _sparse_softmax_cross_entropy,
    "sigmoid_cross_entropy": _sigmoid_cross_entropy,
    "softmax_focal": _softmax_focal,
    "multiclass_hinge": _multiclass_hinge,
    "brier": _brier,
    "kl_divergence": _kl_divergence,
    "cosine_distance": _cosine_distance,
    "token_cross_entropy": _token_cross_entropy,
    "distillation": _distillation,
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
SHARES = [0.0, 1e-45, 1e-30, 1e-10, 1e-3, 0.3, 0.5, 0.7, 0.999, 1 - 2**-24, 1.0]
CHANCES = [*SHARES, 1e-38, 1e-20, 1e-7, 0.01, *np.linspace(0.05, 0.95, 19), 1 - 1e-6]
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


def logits(classes: int) -> list[list[float]]:
    """Rows of logits: ties, margins at which float32 sees nothing, near misses, the far ends, and random ones."""
    rng = np.random.default_rng(classes)
    rows = [
        [0.0] * classes,
        [1e-10] + [0.0] * (classes - 1),
        [17.0] + [0.0] * (classes - 1),
        [-17.0] + [0.0] * (classes - 1),
        [100.0] + [-100.0] * (classes - 1),
        [1e4, -1e4] + [0.0] * (classes - 2),
        [5000.0, 5000.0] + [-3.0] * (classes - 2),
        [1e4, 9999.0] + [9990.0] * (classes - 2),
        [1e-30, -1e-30] + [0.0] * (classes - 2),
    ]
    return [*rows, *(list(scale * rng.normal(size=classes)) for scale in (1e-3, 0.3, 1, 1, 3, 3, 10, 10, 30, 30, 100))]


def chances(classes: int) -> list[list[float]]:
    """Rows of probabilities: corners, with traces of other classes, even, and random ones."""
    rng = np.random.default_rng(classes)
    rest = [0.0] * (classes - 2)
    rows = [
        [1.0, 0.0, *rest],
        [0.0, 1.0, *rest],
        [0.5, 0.5, *rest],
        [1.0, 1e-45, *rest],
        [1e-30, 1.0, *rest],
        [1.0, 1e-10, *rest],
    ]
    rows += [[0.999999, 1e-6, *rest], [1 / classes] * classes]
    return [*rows, *(list(rng.dirichlet(np.full(classes, a))) for a in (0.3, 1, 1, 10, 100))]


def close_pairs(rows: list[list[float]]) -> list[tuple[list[float], list[float]]]:
    """Two rows that hardly differ, as a target and its prediction at the end of training."""
    return [(row, [x * (1 + by * (-1) ** k) for k, x in enumerate(row)]) for row in rows for by in (0.0, 1e-7, 1e-4, 0.1)]


def row_grid(instance: Instance, dtype: Any) -> Iterator[tuple[np.ndarray, ...]]:
    """The grid of a loss of rows: two classes and six, or three where a parameter has one number a class."""
    three = any(isinstance(value, tuple) for value in instance.parameters.values())
    for classes in (3,) if three else (2, 6):
        target, prediction = (instance.card.domain_of(name) for name in instance.loss.arguments)
        pairs: list[tuple[Any, Any]]
        if isinstance(target, Labels):
            ignored = instance.parameters.get("ignore_index")
            names = [*range(classes), *([] if ignored is None else [ignored])]
            pairs = [(label, row) for label in names for row in logits(classes)]
        elif prediction == SIMPLEX:
            pairs = [(y, p) for y in chances(classes) for p in chances(classes)]
            pairs += [(y, p) for y, p in close_pairs(chances(classes)[-5:]) if abs(sum(p) - 1) < 1e-6]
        elif target == SIMPLEX:
            pairs = [(y, row) for y in chances(classes) for row in logits(classes)]
            # Predictions that meet their target, where the gradient is nearly 0.
            pairs += [(y, list(np.log(y))) for y in chances(classes) if min(y) > 0]
        elif target == PROBABILITIES:
            shares = [[0.0] * classes, [1.0] * classes, [0.3, 0.999] * (classes // 2)]
            pairs = [(y, row) for y in shares for row in logits(classes)]
        else:
            vectors = [*logits(classes)[1:], [1e-20] * classes, [1e18, -1e18] * (classes // 2)]
            pairs = [*itertools.product(vectors, vectors), *close_pairs(vectors), *((v, [-x for x in v]) for v in vectors)]
            if instance.loss.name == "distillation":  # a student who has nearly learnt what the teacher knows
                vectors = logits(classes)
                pairs = [*itertools.product(vectors, vectors), *close_pairs(vectors)]
                pairs += [(v, [x + 1e-3 * (-1) ** k for k, x in enumerate(v)]) for v in vectors]
            pairs += [(v, [0.0] * classes) for v in vectors[:3]] + [([0.0] * classes, v) for v in vectors[:3]]
        columns = list(zip(*pairs, strict=True))
        yield (
            np.array(columns[0]) if isinstance(target, Labels) else np.array(columns[0], dtype=dtype),
            np.array(columns[1], dtype=dtype),
        )


def grid(instance: Instance, dtype: Any) -> Iterator[tuple[np.ndarray, ...]]:
    """Arrays of ``dtype``: one tuple with a point of the grid in each entry, or one tuple a point for losses of a vector."""
    arguments = instance.loss.arguments
    if instance.rows:
        yield from row_grid(instance, dtype)
        return
    if not instance.loss.reducible:
        for vector in VECTORS:
            for offset in OFFSETS:
                errors = np.array(vector, dtype=dtype)
                yield np.full_like(errors, offset), np.full_like(errors, offset) + errors
        return
    if arguments == ("y", "y_hat"):
        residuals = [*RESIDUALS, *_around(instance.kinks, dtype)]
        points = [(offset, offset + r) for offset in OFFSETS for r in np.array(residuals, dtype=dtype)]
    elif arguments == ("y", "p"):
        points = [(y, p) for y in SHARES for p in [*CHANCES, *_around([y] if 1e-6 < y < 1 - 1e-6 else [], dtype)]]
    elif arguments == ("y", "z"):
        shares = SHARES if instance.card.domain_of("y") == PROBABILITIES else [0.0, 1.0]
        points = [(y, z) for y in shares for z in [*WIDE, *_around([math.log(y / (1 - y))] if 0 < y < 1 else [], dtype)]]
    elif arguments == ("y", "score"):
        points = [(y, s) for y in (-1.0, 1.0) for s in [*RESIDUALS, *_around([-1.0, 1.0], dtype)]]
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

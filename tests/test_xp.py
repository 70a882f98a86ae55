"""What the array API lacks: each function against 50 digits, in every library, with its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import array_api_compat as compat
import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import torch
from mpmath import mp

from lossbook import _xp

LIBRARIES: dict[str, Callable[[Any], Any]] = {
    "NumPy": np.asarray,
    "array-api-strict": array_api_strict.asarray,
    "PyTorch": torch.as_tensor,
    "JAX": jnp.asarray,
}
EACH_LIBRARY = pytest.mark.parametrize("convert", LIBRARIES.values(), ids=LIBRARIES)
WIDE = np.concatenate([[0.0], np.logspace(-30, 4, 103)])
BOTH = np.concatenate([-WIDE[::-1], WIDE])


def call(name: str, convert: Callable[[Any], Any], array: np.ndarray, *more: Any) -> np.ndarray:
    converted = convert(array)
    result = getattr(_xp, name)(compat.array_namespace(converted), converted, *more)
    assert result.dtype == converted.dtype, f"{name} changes the dtype"
    return np.asarray(result)


def truth(function: Callable[[Any], Any], array: np.ndarray) -> np.ndarray:
    with mp.workdps(100):
        return np.array([float(function(mpmath.mpf(float(x)))) for x in array])


def gradients(name: str, array: np.ndarray, *more: Any) -> list[np.ndarray]:
    """By PyTorch's and by JAX's autograd."""
    tensor = torch.tensor(array, requires_grad=True)
    getattr(_xp, name)(torch_namespace(), tensor, *(torch.as_tensor(m) for m in more)).sum().backward()
    namespace = compat.array_namespace(jnp.ones(1))
    by_jax = jax.grad(lambda a: getattr(_xp, name)(namespace, a, *(jnp.asarray(m) for m in more)).sum())(jnp.asarray(array))
    return [tensor.grad.numpy(), np.asarray(by_jax)]


def torch_namespace() -> Any:
    return compat.array_namespace(torch.ones(1))


def log_cosh(x: Any) -> Any:
    return mpmath.log(mpmath.cosh(x))


def lgamma1p(y: Any) -> Any:
    return mpmath.loggamma(1 + y)


def poisson_floor(y: Any) -> Any:
    return mpmath.loggamma(y + 1) - y * mpmath.log(y) + y


CASES = {
    "erf": (mpmath.erf, BOTH, 4),
    "lgamma1p": (lgamma1p, np.concatenate([WIDE[WIDE < 1.5], 1 + WIDE[WIDE < 0.5], 1 - WIDE[WIDE < 1]]), 16),
    "log_cosh": (log_cosh, BOTH, 8),
    "poisson_floor": (poisson_floor, np.concatenate([np.arange(1, 30), np.logspace(0, 6, 25)]), 4),
}


@EACH_LIBRARY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_value(name: str, dtype: Any, convert: Callable[[Any], Any]) -> None:
    function, points, units = CASES[name]
    array = points.astype(dtype)
    tiny = float(np.finfo(dtype).smallest_normal)
    with np.errstate(under="ignore"):
        found = call(name, convert, array).astype(float)
    np.testing.assert_allclose(found, truth(function, array), rtol=units * float(np.finfo(dtype).eps), atol=tiny)


@EACH_LIBRARY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lgamma(dtype: Any, convert: Callable[[Any], Any]) -> None:
    """As good as the libraries': around its zeros at 1 and 2 only the absolute error is small."""
    array = np.array([1e-10, 0.1, 0.5, 0.9, 1.0, 1.5, 2.0, 2.5, 3.0, 10.0, 171.0, 1e5, 1e10], dtype)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(call("lgamma", convert, array), truth(mpmath.loggamma, array), rtol=4 * eps, atol=10 * eps)


SLOPES = {
    "erf": (lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x), BOTH),
    "lgamma": (mpmath.digamma, np.array([0.1, 0.5, 1.0, 2.0, 10.0, 1e5])),
    "log_cosh": (mpmath.tanh, np.concatenate([BOTH, [-1.0, 1.0, np.nextafter(1.0, 0)]])),
}


@pytest.mark.parametrize("name", SLOPES)
def test_gradient(name: str) -> None:
    """Right everywhere, also where one branch of a ``where`` would overflow."""
    function, points = SLOPES[name]
    expected = truth(function, points)
    for found in gradients(name, points):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-300)


# logsumexp

ROWS = np.array(
    [[0.0, 0.0, 0.0], [1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1001.0], [3.0, -math.inf, 4.0], [1e-20, 1.0, 1e308]]
)


@EACH_LIBRARY
def test_logsumexp(convert: Callable[[Any], Any]) -> None:
    expected = []
    with mp.workdps(60):
        for row in ROWS:
            top = max(row)
            total = sum(mpmath.exp(mpmath.mpf(float(x)) - mpmath.mpf(float(top))) for x in row if x != -math.inf)
            expected.append(float(mpmath.mpf(float(top)) + mpmath.log(total)))
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(call("logsumexp", convert, ROWS), expected, rtol=4e-16)
    with np.errstate(divide="ignore"):
        assert call("logsumexp", convert, np.full(3, -math.inf)) == -math.inf  # the log of nothing
    assert call("logsumexp", convert, np.zeros((2, 3, 4), np.float32)).shape == (2, 3)


def test_the_gradient_of_logsumexp_is_softmax() -> None:
    with mp.workdps(60):
        expected = [[float(mpmath.exp(mpmath.mpf(float(x)) - max(map(float, row)))) for x in row] for row in ROWS[:4]]
    for found in gradients("logsumexp", ROWS[:4]):
        np.testing.assert_allclose(found, expected / np.sum(expected, axis=1, keepdims=True), rtol=1e-14, atol=1e-300)


def test_the_gradient_of_logsumexp_is_no_nan_where_top_entries_tie() -> None:
    for found in gradients("logsumexp", np.array([5.0, 5.0, -math.inf, 5.0])):
        np.testing.assert_allclose(found, [1 / 3, 1 / 3, 0, 1 / 3], rtol=1e-15)


# gather

TABLE = np.arange(12.0).reshape(3, 4)


@EACH_LIBRARY
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_gather(convert: Callable[[Any], Any], dtype: Any) -> None:
    labels = np.array([0, 3, 1], dtype)
    np.testing.assert_array_equal(call("gather", convert, TABLE, convert(labels)), [0, 7, 9])
    np.testing.assert_array_equal(call("gather", convert, TABLE[None], convert(labels[None])), [[0, 7, 9]])


@pytest.mark.parametrize("bad", [4, 5, 100, -1, -4])
def test_gather_refuses_labels_out_of_range(bad: int) -> None:
    """PyTorch's take_along_dim would wrap them round, and -1 would be the last class."""
    labels = np.array([0, bad, 1])
    for name in ("NumPy", "array-api-strict"):
        with pytest.raises(IndexError):
            call("gather", LIBRARIES[name], TABLE, LIBRARIES[name](labels))
    with pytest.raises((IndexError, RuntimeError)):
        call("gather", torch.as_tensor, TABLE, torch.as_tensor(labels))
    for gather in (_xp.gather, jax.jit(_xp.gather, static_argnums=0)):
        found = gather(compat.array_namespace(jnp.ones(1)), jnp.asarray(TABLE), jnp.asarray(labels))
        np.testing.assert_array_equal(found, [0, math.nan, 9])


def test_the_gradient_of_gather_is_one_hot() -> None:
    for found in gradients("gather", TABLE, np.array([0, 3, 1])):
        np.testing.assert_array_equal(found, np.eye(4)[[0, 3, 1]])


# softmax and its kin


def softmax_truth(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """−log p, p and 1 − p in float64, each computed from the odds against a class with many digits."""
    parts: list[list[list[float]]] = [[], [], []]
    with mp.workdps(60):
        for row in rows.astype(float):
            odds = [
                sum(mpmath.exp(mpmath.mpf(b) - mpmath.mpf(a)) for j, b in enumerate(row) if j != k) for k, a in enumerate(row)
            ]
            for part, numbers in zip(
                parts, ([mpmath.log1p(o) for o in odds], [1 / (1 + o) for o in odds], [o / (1 + o) for o in odds]), strict=True
            ):
                part.append([float(x) for x in numbers])
    return tuple(np.array(part) for part in parts)  # type: ignore[return-value]


LOGITS = np.array([[0.0, 0.0, 0.0], [17.0, 0.0, 0.0], [-17.0, 0.0, 1.0], [2.0, 2.0, -3.0], [60.0, 20.0, 0.0], [1e-10, 0.0, 0.0]])


@EACH_LIBRARY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_surprises(dtype: Any, convert: Callable[[Any], Any]) -> None:
    rows = LOGITS.astype(dtype)
    converted = convert(rows)
    found = _xp.surprises(compat.array_namespace(converted), converted)
    for part, expected in zip(found, softmax_truth(rows), strict=True):
        assert part.dtype == converted.dtype
        np.testing.assert_allclose(np.asarray(part), expected, rtol=4 * float(np.finfo(dtype).eps), atol=0)
    _, p, _ = softmax_truth(rows)
    uneven = np.asarray(_xp.unevenness(compat.array_namespace(converted), converted))
    np.testing.assert_allclose(uneven[:5], (p - 1 / 3)[:5], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(uneven[5] / rows[5, 0], [2 / 9, -1 / 9, -1 / 9], rtol=1e-6)  # p - 1/K cancels to nothing here


@EACH_LIBRARY
def test_softplus_and_sigmoid(convert: Callable[[Any], Any]) -> None:
    points = BOTH[np.abs(BOTH) < 700]
    np.testing.assert_allclose(call("sigmoid", convert, points), truth(lambda x: 1 / (1 + mpmath.exp(-x)), points), rtol=1e-15)
    np.testing.assert_allclose(
        call("softplus", convert, points), truth(lambda x: mpmath.log1p(mpmath.exp(x)), points), rtol=1e-15
    )


def test_slopes_at_zero() -> None:
    """The usual softplus of max and abs has a slope of 0 or 1 at 0, the logit of every network that has learnt nothing."""
    for name, expected in (("softplus", 0.5), ("sigmoid", 0.25)):
        for found in gradients(name, np.array([0.0])):
            np.testing.assert_allclose(found, expected, rtol=1e-15)


@EACH_LIBRARY
def test_log_sum(convert: Callable[[Any], Any]) -> None:
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(call("log_sum", convert, ROWS), call("logsumexp", convert, ROWS), rtol=1e-15)
    sure = np.array([[-1e-12, -40.0]])
    np.testing.assert_allclose(call("log_sum", convert, sure), -1e-12 + math.exp(-40), rtol=1e-12)
    assert call("log_sum", convert, np.full(3, -math.inf)) == -math.inf
    for found in gradients("log_sum", np.array([[-math.inf] * 3, [0.0, -math.inf, 0.0]])):
        np.testing.assert_allclose(found, [[0, 0, 0], [0.5, 0, 0.5]], rtol=1e-15)


@EACH_LIBRARY
def test_others_and_pick(convert: Callable[[Any], Any]) -> None:
    weights = np.array([[1.0, 1e-20, 2e-20], [0.0, 0.5, 0.25]])
    np.testing.assert_allclose(call("others", convert, weights), [[3e-20, 1, 1], [0.75, 0.25, 0.5]], rtol=1e-15)
    np.testing.assert_array_equal(
        call("pick", convert, TABLE, convert(np.array([[0, 0], [3, 1], [2, 2]]))), [[0, 0], [7, 5], [10, 10]]
    )

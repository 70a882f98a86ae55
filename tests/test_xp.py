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

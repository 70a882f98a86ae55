"""What the array API lacks, for NumPy, PyTorch and JAX: each form chosen for accuracy and a right gradient.

scipy.special accepts the arrays too, but its array-API forms are not safe to differentiate: the gradient of
its ``logsumexp([1000, 0])`` is NaN in PyTorch and in JAX. SciPy serves NumPy arrays only.
"""

from __future__ import annotations

import contextlib
import importlib
import math
from typing import Any

import array_api_compat as compat
import numpy as np

from lossbook._inputs import Array


def _special(xp: Any, name: str, array: Array) -> Array:
    """``name`` from the special functions of the array's own library, in the array's dtype."""
    if compat.is_torch_namespace(xp):
        import torch

        return getattr(torch.special, name)(array)
    special = importlib.import_module("jax.scipy.special" if compat.is_jax_namespace(xp) else "scipy.special")
    return xp.astype(xp.asarray(getattr(special, name)(array)), array.dtype, copy=False)


def erf(xp: Any, array: Array) -> Array:
    """The error function, elementwise."""
    return _special(xp, "erf", array)


def lgamma(xp: Any, array: Array) -> Array:
    """Log of the absolute value of the gamma function, elementwise."""
    return _special(xp, "gammaln", array)


def lgamma1p(xp: Any, array: Array) -> Array:
    """``lgamma(1 + y)`` for 0 <= y <= 3/2, elementwise.

    Adding 1 to a small y rounds its digits away, and the answer, near -0.577 y, goes with them; around its zeros
    at 1 and 2 the libraries' own lgamma loses digits too. The series of ``lgamma(2 + t)`` (DLMF 5.7.3, whose
    coefficients are zeta(k) - 1) serves both: with t = y, less ``log1p(y)``, and with t = y - 1.
    """
    low = array < 0.5
    t = xp.where(low, array, array - 1)
    series = xp.zeros_like(t)
    for k, coefficient in reversed(list(enumerate(_ZETA_LESS_ONE, start=2))):
        series = (series + (-1) ** k * coefficient / k) * t
    return (0.422784335098467139 + series) * t - xp.log1p(xp.where(low, array, xp.zeros_like(array)))  # 1 - Euler's constant


_ZETA_LESS_ONE = (
    0.644934066848226436, 0.202056903159594285, 0.0823232337111381915, 0.0369277551433699263, 0.0173430619844491397,
    0.00834927738192282684, 0.00407735619794433938, 0.00200839282608221442, 0.000994575127818085337,
    0.000494188604119464559, 0.000246086553308048299, 0.000122713347578489147, 0.0000612481350587048293,
    0.0000305882363070204936, 0.0000152822594086518717, 7.63719763789976227e-6, 3.81729326499983986e-6,
    1.90821271655393893e-6, 9.53962033872796113e-7, 4.76932986787806463e-7, 2.3845050272773299e-7, 1.19219925965311073e-7,
    5.96081890512594796e-8, 2.98035035146522802e-8, 1.49015548283650412e-8,
)  # fmt: skip


def logsumexp(xp: Any, array: Array) -> Array:
    """``log(sum(exp(array)))`` over the last axis. Minus infinity is the log of nothing and drops out.

    The largest entry is taken out as a constant: its gradient would be 1 - 1, and where all entries are
    minus infinity it would be NaN.
    """
    top = constant(xp.max(array, axis=-1, keepdims=True))
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return xp.squeeze(top, axis=-1) + xp.log(xp.sum(xp.exp(array - top), axis=-1))


def log_sum(xp: Any, array: Array) -> Array:
    """``log(sum(exp(array)))`` over the last axis, precise where one entry outweighs all others by far.

    The exponential of the largest entry is 1 and left out of the sum: log1p of the rest is not rounded away. Minus
    infinity drops out, and where all is minus infinity so is the answer, with a gradient of 0.
    """
    top = one_hot(xp, xp.argmax(array, axis=-1), array)
    zero = xp.zeros_like(array)
    largest = xp.sum(xp.where(top, array, zero), axis=-1)
    some = xp.isfinite(largest)
    finite = xp.where(some, largest, xp.zeros_like(largest))
    below = array - xp.expand_dims(finite, axis=-1)
    possible = xp.isfinite(below)
    rest = xp.sum(xp.where(top | ~possible, zero, xp.exp(xp.where(possible, below, zero))), axis=-1)
    return xp.where(some, finite + xp.log1p(rest), constant(largest))


def pick(xp: Any, array: Array, labels: Array) -> Array:
    """``array[..., n, labels[..., n, s]]``: several entries of the last axis of each row.

    ``take_along_axis`` is not safe here: on PyTorch it wraps a label that is out of range, and on JAX -1 is
    the last class. PyTorch and NumPy raise here, JAX gives NaN, for labels nobody could check beforehand.
    """
    if compat.is_torch_namespace(xp):
        import torch

        return torch.gather(array, -1, labels.to(torch.int64))
    if compat.is_jax_namespace(xp):
        import jax.numpy as jnp

        return jnp.take_along_axis(array, jnp.where(labels < 0, array.shape[-1], labels), axis=-1, mode="fill")
    if xp.any(labels < 0):
        raise IndexError(f"label {int(xp.min(labels))} is negative")
    return xp.take_along_axis(array, labels, axis=-1)


def gather(xp: Any, array: Array, labels: Array) -> Array:
    """``array[..., labels]``: one entry of the last axis for each integer label; see `pick`."""
    return pick(xp, array, xp.expand_dims(labels, axis=-1))[..., 0]


def to_infinity(xp: Any) -> contextlib.AbstractContextManager[Any]:
    """Where a division by 0 or the logarithm of 0 is the answer: infinity, without the warning that NumPy alone gives."""
    return np.errstate(divide="ignore") if compat.is_numpy_namespace(xp) else contextlib.nullcontext()


def softplus(xp: Any, array: Array) -> Array:
    """``log(1 + exp(array))``, elementwise: with the right slope at 0, which ``max(x, 0) + log1p(exp(-abs(x)))`` has not."""
    return xp.logaddexp(array, xp.zeros_like(array))


def sigmoid(xp: Any, array: Array) -> Array:
    """``1/(1 + exp(-array))``, elementwise, small values to the last digit."""
    negative = array < 0
    small = xp.exp(xp.where(negative, array, -array))
    return xp.where(negative, small, xp.ones_like(small)) / (1 + small)


def log1p(xp: Any, array: Array) -> Array:
    """``log(1 + array)``, elementwise: below -1/4 by the sum, since XLA's log1p is off by 50 units at -0.4."""
    low = array < -0.25
    far, near = xp.where(low, array, xp.zeros_like(array)), xp.where(low, xp.zeros_like(array), array)
    return xp.where(low, xp.log(1 + far), xp.log1p(near))


def numbers(xp: Any, stop: int, like: Array) -> Array:
    """0, 1, … up to below ``stop``, of the dtype and on the device of ``like``."""
    return xp.arange(stop, dtype=like.dtype, device=compat.device(like))


def one_hot(xp: Any, labels: Array, like: Array) -> Array:
    """Booleans of the shape of ``like``: True where the index on the last axis is the label."""
    return xp.expand_dims(labels, axis=-1) == numbers(xp, like.shape[-1], labels)


def surprises(xp: Any, logits: Array) -> tuple[Array, Array, Array]:
    """Of each class of the last axis: ``-log(p)``, p and ``1 - p``, where p is the softmax.

    Everything is measured from the largest logit, and its own exponential, 1, is left out of the sum ``rest`` of the
    others. With it, ``log(1 + rest)`` and ``1 - p`` of a sure prediction would round to 0: at a margin of 17 in float32.
    """
    zero = xp.zeros_like(logits)
    top = one_hot(xp, xp.argmax(logits, axis=-1), logits)
    below = logits - xp.sum(xp.where(top, logits, zero), axis=-1, keepdims=True)
    weights = xp.exp(below)
    rest = xp.sum(xp.where(top, zero, weights), axis=-1, keepdims=True)
    others = xp.where(top, zero + rest, (1 + rest) - weights)
    return xp.log1p(rest) - below, weights / (1 + rest), others / (1 + rest)


def unevenness(xp: Any, logits: Array) -> Array:
    """``softmax(logits) - 1/K``, to the last digit where the logits are nearly equal."""
    below = logits - xp.max(logits, axis=-1, keepdims=True)
    missing = xp.expm1(below)
    return (missing - xp.mean(missing, axis=-1, keepdims=True)) / xp.sum(xp.exp(below), axis=-1, keepdims=True)


def others(xp: Any, weights: Array) -> Array:
    """For each entry of the last axis the sum of the other entries, all of them non-negative.

    The total less the entry, but for the largest entry, of which nothing might be left: there the others are added up.
    """
    top = one_hot(xp, xp.argmax(weights, axis=-1), weights)
    zero = xp.zeros_like(weights)
    rest = xp.sum(xp.where(top, zero, weights), axis=-1, keepdims=True)
    largest = xp.sum(xp.where(top, weights, zero), axis=-1, keepdims=True)
    return xp.where(top, zero + rest, rest + (largest - weights))


def log_cosh(xp: Any, array: Array) -> Array:
    """``log(cosh(array))``, elementwise.

    ``abs(x) - log(2)`` plus a remainder cancels for small x, and cosh overflows for large: two forms, each
    fed only arguments at which it is finite, since the gradient of the branch not taken is multiplied by 0
    and infinity would make that NaN.
    """
    size = xp.abs(array)
    small = xp.where(size < 1, size, xp.ones_like(size))
    sinh = xp.sinh(small / 2)
    near = xp.log1p(2 * sinh * sinh)
    far = size + (xp.log1p(xp.exp(-2 * size)) - math.log(2))
    return xp.where(size < 1, near, far)


def constant(array: Array) -> Array:
    """The array with its history cut, so that nothing differentiates through it."""
    if compat.is_torch_array(array):
        return array.detach()
    if compat.is_jax_array(array):
        import jax

        return jax.lax.stop_gradient(array)
    return array


def poisson_floor(xp: Any, counts: Array) -> Array:
    """``lgamma(y + 1) - y log(y) + y`` for y >= 1: minus the log-probability of y under its own Poisson rate.

    The three terms cancel: at y = 1000 float32 keeps three digits of their sum. By Stirling's series the sum
    is ``log(2 pi y)/2 + d(y)``, and ``d(y) = d(y + 1) + (y + 1/2) log1p(1/y) - 1`` carries y up to where the
    series (DLMF 5.11.1) has converged to the last digit of float64.
    """
    remainder = xp.zeros_like(counts)
    shifted = counts
    for _ in range(8):
        remainder = remainder + ((shifted + 0.5) * xp.log1p(1 / shifted) - 1)
        shifted = shifted + 1
    inverse = 1 / shifted
    square = inverse * inverse
    series = xp.zeros_like(counts)
    for coefficient in (1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = series * square + coefficient
    return xp.log(2 * math.pi * counts) / 2 + (remainder + series * inverse)

"""How a loss is called: reductions and weights, dtypes, what it leaves alone, and what it says at its corners."""

from __future__ import annotations

from functools import partial
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from instances import INSTANCES, ONE_EACH, Arrays, Instance, as_tuple, counts
from test_battery import EVERY, ROWS, close, inputs, jax_gradient, torch_gradient


def takes_integers(instance: Instance) -> bool:
    return any(instance.card.domain_of(name).integral for name in instance.loss.arguments)


EACH_LOSS = pytest.mark.parametrize("instance", ONE_EACH, ids=str)


# Reductions and weights


@EVERY
@given(seed=st.integers(0, 10**6))
def test_value_and_grad_is_both(instance: Instance, seed: int) -> None:
    arrays = inputs(instance, seed)
    value, gradient = instance.loss.value_and_grad(*arrays, **instance.parameters)
    assert value == instance(*arrays)
    for ours, theirs in zip(as_tuple(gradient), instance.grad(*arrays), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("instance", [i for i in INSTANCES if i.loss.reducible], ids=str)
@given(seed=st.integers(0, 10**6), integer=st.booleans())
def test_reductions_and_weights(instance: Instance, seed: int, integer: bool) -> None:
    arrays = inputs(instance, seed)
    weight = np.random.default_rng(seed).integers(0, 4, ROWS)
    each, count = instance(*arrays, reduction="none"), instance.counted(arrays)
    given_weight = weight if integer else weight / 3
    for reduction, expected in {
        "none": each * given_weight,
        "sum": np.sum(each * given_weight),
        "mean": np.sum(each * given_weight) / count,
    }.items():
        options = {"weight": given_weight, "reduction": reduction}
        np.testing.assert_allclose(instance(*arrays, **options), expected, rtol=1e-12, atol=1e-14 * np.sum(np.abs(each)))
        divisor = count if reduction == "mean" else 1
        for ours, plain in zip(instance.grad(*arrays, **options), instance.grad(*arrays, reduction="none"), strict=True):
            np.testing.assert_allclose(ours, plain * instance.per_entry(given_weight) / divisor, rtol=1e-14)
    np.testing.assert_allclose(instance(*arrays, reduction="sum"), np.sum(each), rtol=1e-14)
    mean = instance(*arrays, reduction="mean")
    np.testing.assert_allclose(mean, np.sum(each) / count, rtol=1e-13, atol=1e-15 * np.sum(np.abs(each)))
    assert instance(*arrays) == (mean if instance.loss.targets else instance(*arrays, reduction="sum"))


@EVERY
def test_shape_is_free(instance: Instance) -> None:
    """Any number of axes, none included; what is reduced is every example."""
    arrays = inputs(instance)
    examples = arrays[0].ndim if not instance.rows else 1  # the axes that hold examples; then those of a row
    folded = [a.reshape(2, -1, 2, *a.shape[examples:]) for a in arrays]
    close(instance(*folded), instance(*arrays))
    for ours, theirs in zip(instance.grad(*folded), instance.grad(*arrays), strict=True):
        np.testing.assert_array_equal(ours, theirs.reshape(ours.shape))
    single = [a[0] if instance.rows else np.asarray(a.flat[0]) for a in arrays]
    single = [np.asarray(s) for s in single]
    close(np.asarray(instance(*single)), np.asarray(instance(*(s[None] for s in single))))


# Dtypes

DTYPES = {
    "NumPy": (np.asarray, [np.float16, np.float32, np.float64]),
    "PyTorch": (torch.from_numpy, [torch.float16, torch.bfloat16, torch.float32, torch.float64]),
    "JAX": (jnp.asarray, [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64]),
}


def cast(array: Any, dtype: Any) -> Any:
    return array.to(dtype) if isinstance(array, torch.Tensor) else array.astype(dtype)


@pytest.mark.parametrize("library", DTYPES)
@EVERY
def test_the_answer_has_the_dtype_of_the_predictions(instance: Instance, library: str) -> None:
    convert, dtypes = DTYPES[library]
    arrays = [convert(a if a.dtype.kind == "i" else np.clip(a, -4, 4)) for a in inputs(instance)]
    for dtype in dtypes:
        narrow = instance.replace(arrays, [cast(arrays[i], dtype) for i in instance.predictions])  # the target stays float64
        for option in [{"reduction": r} for r in ("mean", "sum", "none")] if instance.loss.reducible else [{}]:
            call = partial(instance.loss.value_and_grad, **instance.parameters, **option)
            # JAX knows the dtypes before it computes, which spares a compilation for each.
            value, gradient = jax.eval_shape(call, *narrow) if library == "JAX" else call(*narrow)
            assert value.dtype == dtype, option
            for part, place in zip(as_tuple(gradient), instance.predictions, strict=True):
                assert part.dtype == dtype, option
                assert part.shape == arrays[place].shape


@pytest.mark.parametrize("library", ["NumPy", "PyTorch", "JAX"])
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@pytest.mark.parametrize("instance", [i for i in ONE_EACH if i.loss.targets and not takes_integers(i)], ids=str)
def test_whole_targets_are_numbers(instance: Instance, dtype: str, library: str) -> None:
    """uint8 would wrap (1 - 3 = 254), bool would raise, int64 would turn float32 into float64."""
    convert, _ = DTYPES[library]
    target, *rest = inputs(instance)
    domain = instance.card.domain_of(instance.loss.arguments[0])
    whole = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 9, target.shape).astype(dtype)
    if domain.of_classes:
        whole = np.abs(domain.hardened(target)).astype(dtype)  # the sign −1 is nothing that uint8 has
    rest = [convert(a.astype(np.float32)) for a in rest]
    value = instance(convert(whole), *rest)
    close(value, instance(convert(whole.astype(np.float32)), *rest))
    for ours, theirs in zip(
        instance.grad(convert(whole), *rest), instance.grad(convert(whole.astype(np.float32)), *rest), strict=True
    ):
        close(ours, theirs)


# What a call leaves alone


@EVERY
def test_inputs_stay_as_they_are(instance: Instance) -> None:
    arrays = inputs(instance)
    tensors = [torch.tensor(a, requires_grad=i in instance.predictions) for i, a in enumerate(arrays)]
    before = [a.copy() for a in arrays]
    instance(*arrays)
    instance.grad(*arrays)
    instance(*tensors)
    instance.grad(*tensors)
    for array, tensor, old in zip(arrays, tensors, before, strict=True):
        np.testing.assert_array_equal(array, old)
        np.testing.assert_array_equal(tensor.detach(), old)
        assert tensor.is_leaf
        assert tensor.grad is None
    assert [t.requires_grad for t in tensors] == [i in instance.predictions for i in range(len(tensors))]


# Kinks and perfect predictions

NEAR_A_TARGET = [instance for instance in INSTANCES if not instance.of_classes and not instance.rows]
KINKED = [instance for instance in INSTANCES if instance.kinks]


@pytest.mark.parametrize("instance", KINKED, ids=str)
def test_gradient_at_a_kink_is_a_subgradient(instance: Instance) -> None:
    """Between the slopes on the left and on the right; 0 where the kink is a perfect prediction."""
    for kink in instance.kinks:
        step = 1e-6
        left, at, right = instance.values(instance.at_error([kink - step, kink, kink + step]))
        along = instance.at_error([1.0])[-1] - instance.at_error([0.0])[-1]
        slope = np.sum(instance.slopes(instance.at_error([kink]))[0] * along)
        assert (at - left) / step - 1e-5 <= slope <= (right - at) / step + 1e-5
        if kink == 0:
            assert slope == 0


def perfect(instance: Instance) -> Arrays:
    """Predictions without error, of the first prediction; the others as they come. Of a penalty: parameters of 0."""
    arrays = list(inputs(instance))
    first = instance.predictions[0]
    if not instance.loss.targets:
        arrays[first] = np.zeros_like(arrays[first])
    elif counts(instance):
        arrays[0] = np.maximum(arrays[0], 1)
        arrays[first] = np.log(arrays[0])
    else:
        arrays[first] = arrays[0].copy()
    return tuple(arrays)


def indifferent(instance: Instance) -> Arrays:
    """Predictions that prefer no class: what a network says before it has learnt anything, and where entries tie."""
    arrays = inputs(instance)
    chances = [instance.card.domain_of(name).low == 0 for name in instance.loss.wrt]
    equal = [np.full_like(arrays[i], 1 / 2 if arrays[i].ndim == 1 else 1 / 3) for i in instance.predictions]
    return instance.replace(arrays, [e if chance else 0 * e for e, chance in zip(equal, chances, strict=True)])


def delicate(instance: Instance) -> list[Arrays]:
    """Inputs at which autograd meets 0/0: perfect predictions, and the kinks."""
    points = [indifferent(instance)] if instance.of_classes or instance.rows else [perfect(instance)]
    if instance.kinks:
        points.append(instance.at_error(np.resize(instance.kinks, ROWS)))  # a shape that JAX has compiled
    return points


@EVERY
def test_autograd_is_finite_at_kinks_and_perfect_predictions(instance: Instance) -> None:
    for arrays in delicate(instance):
        for gradient in (torch_gradient(instance, arrays), jax_gradient(instance, arrays), instance.grad(*arrays)):
            for part in gradient:
                assert np.all(np.isfinite(part))


@pytest.mark.parametrize("instance", NEAR_A_TARGET, ids=str)
def test_perfect_predictions_cost_nothing_to_improve(instance: Instance) -> None:
    """The gradient in the first prediction is 0 where it meets the target, exactly but for the logarithm of a count."""
    arrays = perfect(instance)
    first = instance.grad(*arrays, **instance.unreduced("sum"))[0]
    np.testing.assert_allclose(first, 0, atol=1e-13 * np.max(arrays[0]) if counts(instance) else 0)

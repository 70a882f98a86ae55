"""Every loss, in every library: one value, and a hand-written gradient that is its derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_strict
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from instances import APART, INSTANCES, Arrays, Instance, as_tuple

import lossbook
from lossbook.report import central_differences

ROWS = 12
pytestmark = [
    # array-api-compat caches its look-ups; Dynamo traces through the cache and says so.
    pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`"),
    # PyTorch's own use of what it deprecates.
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]
EVERY = pytest.mark.parametrize("instance", INSTANCES, ids=str)


def inputs(instance: Instance, seed: int = 0) -> Arrays:
    return instance.sample(np.random.default_rng(seed), ROWS)


def read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LIBRARIES: dict[str, Callable[[np.ndarray], Any]] = {
    "read-only NumPy": read_only,
    "array-api-strict": array_api_strict.asarray,
    "PyTorch": torch.from_numpy,
    "JAX": jnp.asarray,
}


def close(left: Any, right: Any, rtol: float = 1e-12) -> None:
    """Equal up to the last digits of float64, and of the dtype itself."""
    left, right = np.asarray(left), np.asarray(right)
    assert left.dtype == right.dtype
    np.testing.assert_allclose(left, right, rtol=rtol, atol=1e-14, strict=True)


def test_every_loss_has_an_instance() -> None:
    assert {instance.loss.name for instance in INSTANCES} | APART == set(lossbook.catalogue)


# Gradients


def torch_gradient(instance: Instance, arrays: Arrays, **options: Any) -> tuple[np.ndarray, ...]:
    tensors = [torch.tensor(a, requires_grad=i in instance.predictions) for i, a in enumerate(arrays)]
    instance(*tensors, **options).backward()
    return tuple(tensors[i].grad.numpy() for i in instance.predictions)


def jax_gradient(instance: Instance, arrays: Arrays, **options: Any) -> tuple[np.ndarray, ...]:
    function = jax.grad(lambda *a: instance(*a, **options), argnums=instance.predictions)
    return tuple(np.asarray(part) for part in function(*map(jnp.asarray, arrays)))


def check_gradient(instance: Instance, arrays: Arrays) -> None:
    """The hand gradient is the derivative, by three ways of taking it."""
    options = instance.unreduced("sum")
    size = 1 + np.max(np.abs(instance(*arrays, **instance.unreduced())))
    hand = instance.grad(*arrays, **options)
    ways = {
        "PyTorch": torch_gradient(instance, arrays, **options),
        "JAX": jax_gradient(instance, arrays, **options),
        "central differences": central_differences(instance.loss, arrays, {**instance.parameters, **instance.unreduced()}),
    }
    for way, parts in ways.items():
        loose = way == "central differences"
        for ours, theirs in zip(hand, parts, strict=True):
            np.testing.assert_allclose(
                ours, theirs, rtol=1e-7 if loose else 1e-11, atol=(1e-9 if loose else 1e-14) * size, err_msg=f"{instance}: {way}"
            )


@EVERY
def test_hand_gradient_is_the_derivative(instance: Instance) -> None:
    check_gradient(instance, inputs(instance))


@EVERY
@given(seed=st.integers(0, 10**6))
def test_hand_gradient_is_what_autograd_gives(instance: Instance, seed: int) -> None:
    arrays = inputs(instance, seed)
    for ours, theirs in zip(instance.grad(*arrays), torch_gradient(instance, arrays), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13 * (1 + np.max(np.abs(ours))))


@EVERY
def test_curvature_by_autograd_is_the_slope_of_the_hand_gradient(instance: Instance) -> None:
    """The value differentiates twice, as Newton's method needs."""
    arrays = [torch.from_numpy(a) for a in inputs(instance)]
    rng = np.random.default_rng(1)
    predictions = tuple(arrays[i] for i in instance.predictions)
    direction = tuple(torch.from_numpy(rng.normal(size=p.shape)) for p in predictions)

    def value(*parts: Any) -> Any:
        return instance(*instance.replace(arrays, parts), **instance.unreduced("sum"))

    def gradient(*parts: Any) -> Any:
        return instance.grad(*instance.replace(arrays, parts), **instance.unreduced("sum"))

    by_value = torch.func.jvp(torch.func.grad(value, tuple(range(len(predictions)))), predictions, direction)[1]
    by_hand = torch.func.jvp(gradient, predictions, direction)[1]
    for ours, theirs in zip(by_hand, by_value, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


# Libraries and their transformations


@pytest.mark.parametrize("library", LIBRARIES)
@EVERY
def test_libraries_agree(instance: Instance, library: str) -> None:
    arrays = inputs(instance)
    converted = [LIBRARIES[library](a) for a in arrays]
    close(instance(*converted), instance(*arrays))
    for ours, theirs in zip(instance.grad(*arrays), instance.grad(*converted), strict=True):
        assert type(theirs) is type(converted[0])
        close(theirs, ours)


@EVERY
def test_jax_transformations(instance: Instance) -> None:
    """jit and vmap of value and gradient, in one compilation."""
    arrays = inputs(instance)
    places = tuple(instance.predictions)

    @jax.jit
    def everything(*a: Any) -> tuple[Any, ...]:
        value = instance.loss.value_and_grad(*a, **instance.parameters)
        rows = jax.vmap(lambda *row: instance(*(r[None] for r in row)))(*a)
        return value[0], as_tuple(value[1]), jax.grad(lambda *b: instance(*b), argnums=places)(*a), rows

    value, hand, autograd, rows = everything(*map(jnp.asarray, arrays))
    close(value, instance(*arrays), rtol=1e-11)
    close(rows, instance.values(arrays), rtol=1e-11)
    for expected, *found in zip(instance.grad(*arrays), hand, autograd, strict=True):
        for part in found:
            close(part, expected, rtol=1e-11)


@EVERY
def test_torch_func(instance: Instance) -> None:
    arrays = [torch.from_numpy(a) for a in inputs(instance)]
    rows = torch.func.vmap(lambda *row: instance(*(r[None] for r in row)))(*arrays)
    close(rows, instance.values([a.numpy() for a in arrays]))
    # As it is used: the gradient in the predictions, the targets captured and not part of the transformation.
    captured = torch.func.grad(lambda parts: instance(*instance.replace(arrays, parts)))
    gradient = captured(tuple(arrays[i] for i in instance.predictions))
    for ours, theirs in zip(instance.grad(*arrays), gradient, strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-10, atol=1e-13)
    one_row = torch.func.grad(lambda *row: instance(*(r[None] for r in row)), argnums=tuple(instance.predictions))
    per_example = torch.func.vmap(one_row)(*arrays)
    for ours, theirs in zip(instance.slopes([a.numpy() for a in arrays]), per_example, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-10, atol=1e-13)


@EVERY
def test_torch_compile_in_one_graph(instance: Instance) -> None:
    arrays = [torch.from_numpy(a) for a in inputs(instance)]
    torch.compiler.reset()
    compiled = torch.compile(lambda *a: instance.loss.value_and_grad(*a, **instance.parameters), fullgraph=True, backend="eager")
    value, gradient = compiled(*arrays)
    close(value, instance(*arrays))
    for ours, theirs in zip(instance.grad(*arrays), as_tuple(gradient), strict=True):
        close(theirs, ours)


def test_torch_inductor() -> None:
    """Once through the real compiler: machine code for value and autograd's gradient."""
    arrays = [torch.tensor(a, dtype=torch.float32, requires_grad=True) for a in inputs(Instance(lossbook.huber))]
    torch.compiler.reset()
    value = torch.compile(lossbook.huber, fullgraph=True)(*arrays, delta=0.5)
    value.backward()
    torch.testing.assert_close(value, lossbook.huber(*arrays, delta=0.5))
    torch.testing.assert_close(arrays[1].grad, lossbook.huber.grad(*arrays, delta=0.5).detach())

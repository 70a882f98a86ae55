"""The checks every loss makes before it computes: bad input never yields a number."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from numbers import Real
from typing import Any

import array_api_compat as compat
import numpy as np

from lossbook.card import Card
from lossbook.domain import POSITIVE, Interval

Array = Any  # numpy.ndarray, torch.Tensor or jax.Array: the array API has no common base class

#: Weights may be zero: an example that does not count.
WEIGHTS = Interval(0.0, POSITIVE.high, "left")


def library(array: Array) -> str | None:
    """``"NumPy"``, ``"PyTorch"``, ``"JAX"`` or ``"array-api-strict"``; None for anything else."""
    if compat.is_numpy_array(array):
        return "NumPy"
    if compat.is_torch_array(array):
        return "PyTorch"
    if compat.is_jax_array(array):
        return "JAX"
    if type(array).__module__.startswith("array_api_strict"):
        return "array-api-strict"
    return None


def readable(array: Array) -> np.ndarray | None:
    """The values as NumPy where reading them is free, else None.

    Not free: under ``torch.compile``, ``torch.func`` and JAX transformations, where there are no values yet,
    and off the CPU, where reading waits for the device. A JAX array that is concrete inside a jitted function
    still reads: NumPy looks at its buffer, while ``jnp.min`` of it would be traced.
    """
    if compat.is_torch_array(array):
        import torch

        if torch.compiler.is_compiling() or array.device.type != "cpu":
            return None
        # Inside a transformation even detach() of a tensor that it does not transform gives one without storage.
        if torch._C._functorch.peek_interpreter_stack() is not None or type(array) not in (torch.Tensor, torch.nn.Parameter):
            return None
        array = array.detach()
        values: np.ndarray = (array.float() if array.dtype == torch.bfloat16 else array).numpy()
        return values
    if compat.is_jax_array(array):
        jax = sys.modules["jax"]
        if isinstance(array, jax.core.Tracer) or any(d.platform != "cpu" for d in array.devices()):
            return None
        values = np.asarray(array)
        return values.astype(np.float32) if values.dtype.name == "bfloat16" else values
    return np.asarray(array)


def prepare(name: str, card: Card, arrays: Mapping[str, Array], wrt: tuple[str, ...]) -> tuple[Any, dict[str, Array]]:
    """Check the arrays of one call; return their namespace and the arrays, targets in the predictions' dtype."""
    libraries = {}
    for argument, array in arrays.items():
        if (found := library(array)) is None:
            raise TypeError(
                f"{name}: {argument} is a {type(array).__name__}; expected a NumPy, PyTorch or JAX array. "
                f"For a list or a pandas object, pass numpy.asarray({argument})."
            )
        libraries[argument] = found
    if len(set(libraries.values())) > 1:
        listing = ", ".join(f"{argument} is {found}" for argument, found in libraries.items())
        raise TypeError(f"{name}: all arrays must come from one library; {listing}. Convert one of them.")
    xp = compat.array_namespace(*arrays.values())
    _same_shape(name, arrays)
    dtype = _prediction_dtype(name, xp, arrays, wrt)
    for argument, array in arrays.items():
        if argument not in wrt and not xp.isdtype(array.dtype, ("real floating", "integral", "bool")):
            raise TypeError(f"{name}: {argument} has dtype {array.dtype}; expected real numbers.")
    for argument, array in arrays.items():
        _check_values(name, argument, array, card.domain_of(argument))
    # Targets take the predictions' dtype once, here: int64 - float32 is float64 in NumPy and float32 in
    # PyTorch, bool - bool raises, and uint8 images wrap (1 - 3 = 254).
    return xp, {a: xp.astype(v, dtype, copy=False) if a not in wrt else v for a, v in arrays.items()}


def prepare_weight(name: str, xp: Any, weight: Array, terms: Array) -> Array:
    """Check example weights against the unreduced loss and return them in its dtype."""
    if library(weight) is None or library(weight) != library(terms):
        raise TypeError(
            f"{name}: weight is a {type(weight).__name__}; expected the same kind of array as the others, {library(terms)}."
        )
    if tuple(weight.shape) != tuple(terms.shape):
        raise ValueError(
            f"{name}: weight has shape {tuple(weight.shape)}, the loss of each example {tuple(terms.shape)}. They must be equal."
        )
    if not xp.isdtype(weight.dtype, ("real floating", "integral", "bool")):
        raise TypeError(f"{name}: weight has dtype {weight.dtype}; expected real numbers.")
    _check_values(name, "weight", weight, WEIGHTS)
    return xp.astype(weight, terms.dtype, copy=False)


def prepare_parameters(name: str, card: Card, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Check the hyper-parameters; numbers come back as Python scalars, which never change an array's dtype."""
    checked: dict[str, Any] = {}
    for key, given in parameters.items():
        domain = card.parameters[key].domain
        if domain is None:
            if not isinstance(given, (bool, np.bool_)):
                raise TypeError(f"{name}: {key} must be True or False, got {given!r}.")
            checked[key] = bool(given)
            continue
        if isinstance(given, (bool, np.bool_)) or not isinstance(given, Real):
            raise TypeError(f"{name}: {key} must be one real number, got {given!r} of type {type(given).__name__}.")
        if float(given) not in domain:
            raise ValueError(f"{name}: {key} must lie in {domain}, got {given!r}.")
        checked[key] = float(given)
    return checked


def _same_shape(name: str, arrays: Mapping[str, Array]) -> None:
    shapes = {argument: tuple(array.shape) for argument, array in arrays.items()}
    (first, expected), *others = shapes.items()
    for argument, shape in others:
        if shape != expected:
            hint = ""
            if math.prod(shape) == math.prod(expected):
                hint = f" Both hold {math.prod(shape)} numbers: {argument}.reshape({first}.shape) may be what you want."
            raise ValueError(
                f"{name}: {first} has shape {expected} and {argument} has shape {shape}. "
                f"They must be equal; nothing is broadcast.{hint}"
            )
    if 0 in expected:
        raise ValueError(f"{name}: the arrays are empty, shape {expected}; the loss of no examples is not a number.")


def _prediction_dtype(name: str, xp: Any, arrays: Mapping[str, Array], wrt: tuple[str, ...]) -> Any:
    for argument in wrt:
        if not xp.isdtype(arrays[argument].dtype, "real floating"):
            raise TypeError(f"{name}: {argument} has dtype {arrays[argument].dtype}; predictions must be floating point.")
    dtypes = {argument: arrays[argument].dtype for argument in wrt}
    if len(set(dtypes.values())) > 1:
        listing = ", ".join(f"{argument} is {dtype}" for argument, dtype in dtypes.items())
        raise TypeError(f"{name}: the predictions must share one dtype; {listing}.")
    return arrays[wrt[0]].dtype


def _check_values(name: str, argument: str, array: Array, domain: Interval) -> None:
    values = readable(array)
    if values is None:
        return
    # Two passes that allocate nothing settle the common case: NaN travels through min and max.
    if float(values.min()) in domain and float(values.max()) in domain:
        return
    index = tuple(int(i) for i in np.argwhere(domain.outside(values))[0])
    place = argument + (f"[{', '.join(map(str, index))}]" if index else "")
    raise ValueError(f"{name}: {place} is {values[index]}; {argument} must lie in {domain}.")

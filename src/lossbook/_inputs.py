"""The checks every loss makes before it computes: bad input never yields a number."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import array_api_compat as compat
import numpy as np

from lossbook.card import Card, Parameter
from lossbook.domain import NON_NEGATIVE, Domain

Array = Any  # numpy.ndarray, torch.Tensor or jax.Array: the array API has no common base class


@dataclass(frozen=True)
class Layout:
    """The axes of each argument, and of the unreduced loss.

    Axes are named as in einops: ``"... K"`` is any axes and then one called K. ``axes`` holds the arguments that
    are not just ``"..."``; ``example`` the axes of the unreduced loss, which are the examples.
    """

    axes: Mapping[str, str]
    example: str = "..."

    def of(self, argument: str) -> str:
        return self.axes.get(argument, "...")

    def sizes(self, name: str, arrays: Mapping[str, Array]) -> dict[str, Any]:
        """The length of each named axis, and the lengths that "..." stands for; a ValueError where they disagree."""
        if not self.axes:
            _same_shape(name, arrays)
            return {"...": tuple(next(iter(arrays.values())).shape)}
        sizes: dict[str, Any] = {}
        # The argument with the most axes first: the others are said to differ from it.
        listed = sorted(arrays, key=lambda argument: -len(self.of(argument).split()))
        for argument in listed:
            shape, names = tuple(arrays[argument].shape), self.of(argument).split()
            kin = [a for a in arrays if self.of(a) == self.of(argument)]
            if argument == kin[0] and len(kin) > 1:
                _same_shape(name, {a: arrays[a] for a in kin})
            free = names[0] == "..."
            named = names[1:] if free else names
            if len(shape) < len(named) or (not free and len(shape) > len(named)):
                raise ValueError(f"{name}: {argument} has shape {shape}; expected the axes ({', '.join(names)}).")
            lead = shape[: len(shape) - len(named)]
            found = {**({"...": lead} if free else {}), **dict(zip(named, shape[len(lead) :], strict=True))}
            if any(sizes.get(axis, size) != size for axis, size in found.items()):
                raise ValueError(self._mismatch(name, argument, listed[0], arrays, self.shape(names, {**found, **sizes})))
            sizes.update(found)
        return sizes

    def shape(self, names: list[str] | str, sizes: Mapping[str, Any]) -> tuple[int, ...]:
        """The shape of an array with these axes."""
        names = names.split() if isinstance(names, str) else names
        return tuple(length for axis in names for length in (sizes[axis] if axis == "..." else (sizes[axis],)))

    def expand(self, array: Array, argument: str) -> Array:
        """An array with one entry an example, laid out so that it multiplies ``argument``."""
        if self.of(argument) == self.example:
            return array
        present = self.example.split()
        places = {"...": ...}
        return array[tuple(places.get(a, slice(None)) if a in present else None for a in self.of(argument).split())]

    def _mismatch(self, name: str, argument: str, first: str, arrays: Mapping[str, Array], expected: tuple[int, ...]) -> str:
        shape, other = tuple(arrays[argument].shape), tuple(arrays[first].shape)
        text = f"{name}: {first} has shape {other} and {argument} has shape {shape}; expected {expected}, "
        text += f"the axes ({self.of(argument).replace(' ', ', ')}) of {first}'s ({self.of(first).replace(' ', ', ')})."
        if shape == other:
            text += f" {argument} holds one number an example: of one-hot rows or probabilities pass {argument}.argmax(-1)."
        elif math.prod(shape) == math.prod(expected):
            text += f" {argument}.reshape({expected}) may be what you want."
        return text


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


def prepare(
    name: str, card: Card, arrays: Mapping[str, Array], wrt: tuple[str, ...], layout: Layout
) -> tuple[Any, dict[str, Array], dict[str, Any]]:
    """Check libraries, shapes and dtypes of the arrays of one call, whatever they hold.

    Returns their namespace, the arrays, and the lengths of their axes.
    """
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
    sizes = layout.sizes(name, arrays)
    for array in arrays.values():
        if 0 in tuple(array.shape):
            raise ValueError(
                f"{name}: the arrays are empty, shape {tuple(array.shape)}; the loss of no examples is not a number."
            )
    if sizes.get("K") == 1:
        raise ValueError(
            f"{name}: the last axis of {wrt[0]}, the classes, has length 1, and a choice of one is none. "
            "For one logit or probability an example use the binary loss."
        )
    _prediction_dtype(name, xp, arrays, wrt)
    ready = dict(arrays)
    for argument, array in arrays.items():
        if card.domain_of(argument).integral:
            if not xp.isdtype(array.dtype, "integral"):
                raise TypeError(f"{name}: {argument} has dtype {array.dtype}; expected integers.")
            # Small integers cannot name a class past 127 or 255, and -100 wraps in the unsigned ones.
            ready[argument] = xp.astype(array, xp.int32) if xp.iinfo(array.dtype).bits < 32 else array
        elif argument not in wrt and not xp.isdtype(array.dtype, ("real floating", "integral", "bool")):
            raise TypeError(f"{name}: {argument} has dtype {array.dtype}; expected real numbers.")
    return xp, ready, sizes


def check_values(name: str, xp: Any, card: Card, arrays: Mapping[str, Array], sizes: Mapping[str, Any]) -> None:
    """Check what the arrays hold, where it can be read for free."""
    for argument, array in arrays.items():
        _check_values(name, xp, argument, array, card.domain_of(argument).within(sizes))


def cast_targets(xp: Any, card: Card, arrays: Mapping[str, Array], wrt: tuple[str, ...]) -> dict[str, Array]:
    """The arrays with targets in the predictions' dtype; labels stay the integers that they are.

    Once, here: int64 - float32 is float64 in NumPy and float32 in PyTorch, bool - bool raises, and uint8 images
    wrap (1 - 3 = 254).
    """
    dtype = arrays[wrt[0]].dtype
    kept = {a for a in arrays if a in wrt or card.domain_of(a).integral}
    return {a: v if a in kept else xp.astype(v, dtype, copy=False) for a, v in arrays.items()}


def prepare_weight(name: str, xp: Any, weight: Array, like: Array, shape: tuple[int, ...]) -> Array:
    """Check example weights against the shape of the unreduced loss and return them in the dtype of ``like``."""
    _same_library(name, "weight", weight, like)
    if tuple(weight.shape) != shape:
        raise ValueError(f"{name}: weight has shape {tuple(weight.shape)}, the loss of each example {shape}. They must be equal.")
    if not xp.isdtype(weight.dtype, ("real floating", "integral", "bool")):
        raise TypeError(f"{name}: weight has dtype {weight.dtype}; expected real numbers.")
    _check_values(name, xp, "weight", weight, NON_NEGATIVE)
    return xp.astype(weight, like.dtype, copy=False)


def prepare_parameters(name: str, card: Card, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Check the hyper-parameters; numbers come back as Python scalars, which never change an array's dtype.

    Those that are arrays come back as they are: they are checked against the other arrays of a call.
    """
    checked: dict[str, Any] = {}
    for key, given in parameters.items():
        described = card.parameters[key]
        if given is None and described.optional:
            checked[key] = None
        elif described.axes:
            checked[key] = given
        else:
            checked[key] = check_number(name, key, given, described.domain)
    return checked


def check_number(name: str, key: str, given: Any, domain: Domain | None) -> bool | int | float:
    """A parameter as a Python number; without a domain, as a Boolean."""
    if domain is None:
        if not isinstance(given, (bool, np.bool_)):
            raise TypeError(f"{name}: {key} must be True or False, got {given!r}.")
        return bool(given)
    kind, wanted = (Integral, "integer") if domain.integral else (Real, "real number")
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, kind):
        raise TypeError(f"{name}: {key} must be one {wanted}, got {given!r} of type {type(given).__name__}.")
    if float(given) not in domain:
        raise ValueError(f"{name}: {key} {domain.rule}, got {given!r}.")
    return int(float(given)) if domain.integral else float(given)


def check_array(name: str, what: str, array: Array, domain: Domain) -> None:
    """Check an argument of a function that is no loss."""
    if library(array) is None:
        raise TypeError(f"{name}: {what} is a {type(array).__name__}; expected a NumPy, PyTorch or JAX array.")
    _check_values(name, compat.array_namespace(array), what, array, domain)


def prepare_array_parameters(
    name: str, xp: Any, card: Card, parameters: Mapping[str, Any], like: Array, layout: Layout, sizes: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters, those that are arrays checked and in the dtype of the predictions."""
    ready = dict(parameters)
    for key, given in parameters.items():
        described = card.parameters[key]
        if described.axes and given is not None:
            ready[key] = _array_parameter(name, xp, key, given, described, like, layout.shape(described.axes, sizes))
    return ready


def _array_parameter(
    name: str, xp: Any, key: str, given: Any, described: Parameter, like: Array, shape: tuple[int, ...]
) -> Array:
    if isinstance(given, list | tuple) and all(isinstance(x, Real) for x in given):
        given = xp.asarray([float(x) for x in given], dtype=like.dtype, device=compat.device(like))
    _same_library(name, key, given, like)
    if tuple(given.shape) != shape:
        raise ValueError(f"{name}: {key} has shape {tuple(given.shape)}; expected {shape}, {described.per}.")
    if not xp.isdtype(given.dtype, ("real floating", "integral", "bool")):
        raise TypeError(f"{name}: {key} has dtype {given.dtype}; expected real numbers.")
    assert described.domain is not None
    _check_values(name, xp, key, given, described.domain)
    return xp.astype(given, like.dtype, copy=False)


def _same_library(name: str, what: str, given: Any, like: Array) -> None:
    if library(given) is None or library(given) != library(like):
        raise TypeError(
            f"{name}: {what} is a {type(given).__name__}; expected the same kind of array as the others, {library(like)}."
        )


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


def _prediction_dtype(name: str, xp: Any, arrays: Mapping[str, Array], wrt: tuple[str, ...]) -> None:
    for argument in wrt:
        if not xp.isdtype(arrays[argument].dtype, "real floating"):
            raise TypeError(f"{name}: {argument} has dtype {arrays[argument].dtype}; predictions must be floating point.")
    dtypes = {argument: arrays[argument].dtype for argument in wrt}
    if len(set(dtypes.values())) > 1:
        listing = ", ".join(f"{argument} is {dtype}" for argument, dtype in dtypes.items())
        raise TypeError(f"{name}: the predictions must share one dtype; {listing}.")


def _check_values(name: str, xp: Any, argument: str, array: Array, domain: Domain) -> None:
    values = readable(array)
    if values is None:
        return
    eps = float(xp.finfo(array.dtype).eps) if xp.isdtype(array.dtype, "real floating") else 0.0
    if (fault := domain.fault(values, eps)) is None:
        return
    index, what = fault
    place = argument + (f"[{', '.join(map(str, index))}]" if index else "")
    raise ValueError(f"{name}: {place} {what}; {argument} {domain.rule}.")

"""What a loss is: a function of arrays, its hand-written derivative, its card, and the catalogue of them all."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lossbook._inputs import (
    Array,
    Layout,
    cast_targets,
    check_values,
    prepare,
    prepare_array_parameters,
    prepare_parameters,
    prepare_weight,
    readable,
)
from lossbook.card import Card

if TYPE_CHECKING:
    from lossbook.report import Report

REDUCTIONS = ("mean", "sum", "none")


class Loss:
    """A loss function over NumPy, PyTorch or JAX arrays.

    Made by the `loss` decorator from a function ``terms(xp, y, y_hat, *, parameter=default)`` that returns
    the loss of each example. Calling the loss takes the same arrays and parameters without ``xp``, and

    reduction : "mean", "sum" or "none"
        The default is ``mean``, and ``sum`` for a penalty, which has no examples to average over.
        ``mean`` divides by the number of examples, weighted or not. An example that the loss is told to
        ignore is none: it may hold anything, costs 0 and is not counted. A mean over nothing but ignored examples
        is a ValueError, and 0 where values cannot be read.
    weight : array of the shape of the unreduced loss, optional
        Non-negative factors, one an example.

    Everything after the arrays is keyword-only. The answer has the dtype of the predictions.

    Raises TypeError for a wrong kind of array or dtype, and ValueError for unequal shapes, empty arrays, NaN
    or other values outside the domain of an argument or parameter, and an unknown reduction. Values are
    checked where they can be read for free: not under jit, ``torch.compile`` or vmap, nor off the CPU.
    """

    def __init__(
        self,
        terms: Callable[..., Array],
        card: Card,
        wrt: tuple[str, ...] = (),
        reducible: bool = True,
        reduction: str = "mean",
        layout: Layout | None = None,
    ) -> None:
        signature = inspect.signature(terms)
        listed = list(signature.parameters.values())[1:]  # without xp
        self.arguments = tuple(p.name for p in listed if p.kind is p.POSITIONAL_OR_KEYWORD)
        self.defaults = {p.name: p.default for p in listed if p.kind is p.KEYWORD_ONLY}
        self.wrt = wrt or self.arguments[-1:]
        self.reducible = reducible
        self.layout = layout or Layout({})
        self.card = card
        self.name = self.__name__ = self.__qualname__ = terms.__name__
        self.__doc__, self.__module__, self.__wrapped__ = terms.__doc__, terms.__module__, terms
        self.shared: dict[str, Any] = {"weight": None, "reduction": reduction} if reducible else {}
        self.__signature__ = inspect.Signature(
            [p.replace(annotation=p.empty) for p in listed]
            + [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d) for n, d in self.shared.items()]
        )
        self._terms = terms
        self._derivative: Callable[..., Any] | None = None
        self._wants_value = False
        self._counted: Callable[..., Array | None] | None = None
        self._inspects: Callable[..., str | None] | None = None
        #: Makes sample arrays, ``sampler(rng, examples)``, for a loss whose arguments hang together; else None.
        self.sampler: Callable[..., tuple[Array, ...]] | None = None
        if set(self.defaults) != set(card.parameters):
            raise ValueError(
                f"{self.name}: the card describes {sorted(card.parameters)}, the function takes {sorted(self.defaults)}"
            )

    @property
    def targets(self) -> tuple[str, ...]:
        """The arguments that are no predictions; none for a penalty."""
        return tuple(a for a in self.arguments if a not in self.wrt)

    @property
    def page(self) -> str:
        """The page of the book that the loss is on, as ``part/page``: its own, unless it shares that of its kin."""
        return f"{self.card.part}/{self.card.page or self.name}"

    def derivative(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Register the derivative of each example's loss in the predictions named by ``wrt``.

        ``function`` takes what the loss's own function takes. One that also names a keyword ``value`` is
        given the unreduced loss, so that work already done is not done again. It returns an array, or a
        tuple where ``wrt`` names several predictions. At a kink it is the definition.
        """
        self._derivative = function
        self._wants_value = "value" in inspect.signature(function).parameters
        return function

    def counts(self, function: Callable[..., Array | None]) -> Callable[..., Array | None]:
        """Register which examples count.

        ``function`` takes what the loss's own function takes, before anything is known of what the arrays hold,
        and returns an array of booleans, one an example, or None where all count. The loss's own functions never
        see an example that does not.
        """
        self._counted = function
        return function

    def inspects(self, function: Callable[..., str | None]) -> Callable[..., str | None]:
        """Register a check of what the arguments hold together, as when a target is too long for its input.

        ``function`` takes the arguments and the parameters by name, the arguments as NumPy arrays, and returns what
        is wrong, or None. It is called where the values of all arguments can be read for free.
        """
        self._inspects = function
        return function

    def samples(self, function: Callable[..., tuple[Array, ...]]) -> Callable[..., tuple[Array, ...]]:
        """Register what makes sample arrays, where the domains of the arguments alone cannot."""
        self.sampler = function
        return function

    def __call__(self, *arrays: Array, **options: Any) -> Array:
        return self._value(self._prepare(arrays, options))

    def unchecked(self, *arrays: Array, **options: Any) -> Array:
        """The loss without a look at what the arrays hold, as under jit: for differences that step off a domain."""
        return self._value(self._prepare(arrays, options, look=False))

    def grad(self, *arrays: Array, **options: Any) -> Any:
        """Derivative of the reduced loss in its predictions, by the hand-written formula.

        Takes what the loss itself takes. Returns an array of the prediction's shape and dtype, or a tuple
        where there are several predictions. With ``reduction="none"``: each example's own derivative.
        """
        call = self._prepare(arrays, options)
        return self._gradient(call, call.terms() if self._wants_value else None)

    def value_and_grad(self, *arrays: Array, **options: Any) -> tuple[Array, Any]:
        """The loss and its derivative, checked and computed once: ``(loss(...), loss.grad(...))``."""
        call = self._prepare(arrays, options)
        terms = call.terms()
        return self._value(call, terms), self._gradient(call, terms)

    def check(self, **parameters: Any) -> Report:
        """Compare value and gradient with the reference libraries, autograd and central differences.

        Returns a report that prints as a table; raises AssertionError where anything disagrees.
        """
        from lossbook.report import report

        return report(self, parameters)

    def __repr__(self) -> str:
        return f"<loss {self.__module__}.{self.name}{self.__signature__}>"

    def _prepare(self, arrays: tuple[Array, ...], options: dict[str, Any], look: bool = True) -> _Call:
        if len(arrays) > len(self.arguments):
            raise TypeError(
                f"{self.name} takes {len(self.arguments)} arrays ({', '.join(self.arguments)}), got {len(arrays)}; "
                "everything after them is keyword-only."
            )
        given = dict(zip(self.arguments, arrays, strict=False))
        parameters = dict(self.defaults)
        shared = dict(self.shared)
        for key, value in options.items():
            if key in self.arguments and key not in given:
                given[key] = value
            elif key in parameters:
                parameters[key] = value
            elif key in shared:
                shared[key] = value
            else:
                raise TypeError(f"{self.name} got {key!r}, which it does not take or already has; it takes {self.__signature__}.")
        if missing := [a for a in self.arguments if a not in given]:
            raise TypeError(f"{self.name} is missing {', '.join(missing)}; it takes {self.__signature__}.")
        if self.reducible and shared["reduction"] not in REDUCTIONS:
            raise ValueError(f"{self.name}: reduction must be 'mean', 'sum' or 'none', got {shared['reduction']!r}.")
        parameters = prepare_parameters(self.name, self.card, parameters)
        xp, named, sizes = prepare(self.name, self.card, {a: given[a] for a in self.arguments}, self.wrt, self.layout)
        like = named[self.wrt[0]]
        parameters = prepare_array_parameters(self.name, xp, self.card, parameters, like, self.layout, sizes)
        counted = self._counted(xp, *named.values(), **parameters) if self._counted else None
        if counted is not None:
            # What does not count may be a label of -100 or a NaN, which even a weight of 0 would let through.
            named = {a: self._only(xp, counted, a, array) for a, array in named.items()}
        reduction = shared.get("reduction", "none")
        if look:
            check_values(self.name, xp, self.card, named, sizes)
            self._look(named, parameters, counted, reduction)
        ready = cast_targets(xp, self.card, named, self.wrt)
        shape = self.layout.shape(self.layout.example, sizes)
        weight = shared.get("weight")
        if weight is not None:
            weight = prepare_weight(self.name, xp, weight, like, shape)
        return _Call(self._terms, xp, tuple(ready.values()), parameters, weight, counted, reduction, math.prod(shape))

    def _look(self, named: dict[str, Array], parameters: dict[str, Any], counted: Array | None, reduction: str) -> None:
        """The checks that need values of more than one argument."""
        if counted is not None and reduction == "mean" and (mask := readable(counted)) is not None and not mask.any():
            raise ValueError(f"{self.name}: every example is ignored; nothing is left to average. reduction='sum' gives 0.")
        if self._inspects:
            values = {argument: readable(array) for argument, array in named.items()}
            if all(v is not None for v in values.values()) and (complaint := self._inspects(**values, **parameters)):
                raise ValueError(f"{self.name}: {complaint}")

    def _only(self, xp: Any, counted: Array, argument: str, array: Array) -> Array:
        """The array with 0 at the examples that do not count."""
        return xp.where(self.layout.expand(counted, argument), array, xp.zeros_like(array))

    def _value(self, call: _Call, terms: Array | None = None) -> Array:
        terms = call.terms() if terms is None else terms
        if call.counted is not None:
            terms = call.xp.where(call.counted, terms, call.xp.zeros_like(terms))
        if call.weight is not None:
            terms = terms * call.weight
        if call.reduction == "none":
            return terms
        if call.reduction == "sum":
            return call.xp.sum(terms)
        mean = call.xp.mean(terms)
        return mean if call.counted is None else mean / call.share(terms)

    def _gradient(self, call: _Call, terms: Array | None) -> Any:
        if self._derivative is None:
            raise NotImplementedError(f"{self.name} has no registered derivative")
        extra = {"value": terms} if self._wants_value else {}
        parts = self._derivative(call.xp, *call.arrays, **call.parameters, **extra)
        parts = parts if isinstance(parts, tuple) else (parts,)
        if call.counted is not None:
            parts = tuple(self._only(call.xp, call.counted, name, p) for name, p in zip(self.wrt, parts, strict=True))
        if call.weight is not None:
            parts = tuple(p * self.layout.expand(call.weight, name) for name, p in zip(self.wrt, parts, strict=True))
        if call.reduction == "mean":
            divisor = call.examples if call.counted is None else call.examples * call.share(parts[0])
            parts = tuple(part / divisor for part in parts)
        return parts if len(parts) > 1 else parts[0]


class _Call:
    """One checked call: everything that value and gradient share."""

    def __init__(
        self,
        function: Callable[..., Array],
        xp: Any,
        arrays: tuple[Array, ...],
        parameters: dict[str, Any],
        weight: Array | None,
        counted: Array | None,
        reduction: str,
        examples: int,
    ) -> None:
        self.function, self.xp, self.arrays, self.parameters = function, xp, arrays, parameters
        self.weight, self.counted, self.reduction, self.examples = weight, counted, reduction, examples

    def terms(self) -> Array:
        return self.function(self.xp, *self.arrays, **self.parameters)

    def share(self, like: Array) -> Array:
        """Which part of the examples counts; 1 where none does, so that a mean over nothing is 0 and not NaN.

        A mean of terms over a share, not a sum over a count: a sum of float16 terms soon overflows.
        """
        share = self.xp.mean(self.xp.astype(self.counted, like.dtype))
        return self.xp.where(share > 0, share, self.xp.ones_like(share))


class Catalogue(Mapping[str, Loss]):
    """Every loss by name, in the order of registration. Aliases look up too, in any case; iteration gives names."""

    def __init__(self) -> None:
        self._losses: dict[str, Loss] = {}
        self._aliases: dict[str, str] = {}

    def register(self, new: Loss) -> None:
        """Add a loss. A name or alias that is taken is a ValueError."""
        for alias in dict.fromkeys([new.name, new.card.title.lower(), *(a.lower() for a in new.card.aliases)]):
            if alias in self._aliases:
                raise ValueError(f"{new.name}: {alias!r} already names {self._aliases[alias]}")
            self._aliases[alias] = new.name
        self._losses[new.name] = new

    def __getitem__(self, name: str) -> Loss:
        try:
            return self._losses[self._aliases[name.lower()]]
        except KeyError:
            near = difflib.get_close_matches(name.lower(), self._aliases, n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise KeyError(f"no loss is called {name!r}{hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._losses)

    def __len__(self) -> int:
        return len(self._losses)


catalogue = Catalogue()


def loss(
    card: Card,
    *,
    wrt: tuple[str, ...] = (),
    reducible: bool = True,
    reduction: str = "mean",
    axes: Mapping[str, str] | None = None,
    example: str = "...",
) -> Callable[[Callable[..., Array]], Loss]:
    """Make a `Loss` of a function ``terms(xp, *arrays, *, parameters)`` and enter it in the catalogue.

    wrt : the arguments that are predictions; the last array unless given.
    reducible : False where the value is already one number that is no mean of terms (RMSE).
    reduction : what a call without one gets.
    axes : the axes of the arguments that are not the examples alone: ``{"z": "... K"}`` where an example is a row.
    example : the axes of the unreduced loss.
    """

    def decorate(terms: Callable[..., Array]) -> Loss:
        part = terms.__module__.split(".")[1]  # a part may be a package of several modules
        made = Loss(terms, replace(card, part=part), wrt, reducible, reduction, Layout(axes or {}, example))
        catalogue.register(made)
        return made

    return decorate

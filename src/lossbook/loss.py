"""What a loss is: a function of arrays, its hand-written derivative, its card, and the catalogue of them all."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lossbook._inputs import Array, prepare, prepare_parameters, prepare_weight
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
        ``mean`` divides by the number of examples, weighted or not.
    weight : array of the shape of the unreduced loss, optional
        Non-negative factors, one an example.

    Everything after the arrays is keyword-only. The answer has the dtype of the predictions.

    Raises TypeError for a wrong kind of array or dtype, and ValueError for unequal shapes, empty arrays, NaN
    or other values outside the domain of an argument or parameter, and an unknown reduction. Values are
    checked where they can be read for free: not under jit, ``torch.compile`` or vmap, nor off the CPU.
    """

    def __init__(
        self, terms: Callable[..., Array], card: Card, wrt: tuple[str, ...], reducible: bool, reduction: str = "mean"
    ) -> None:
        signature = inspect.signature(terms)
        listed = list(signature.parameters.values())[1:]  # without xp
        self.arguments = tuple(p.name for p in listed if p.kind is p.POSITIONAL_OR_KEYWORD)
        self.defaults = {p.name: p.default for p in listed if p.kind is p.KEYWORD_ONLY}
        self.wrt = wrt or self.arguments[-1:]
        self.reducible = reducible
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

    def __call__(self, *arrays: Array, **options: Any) -> Array:
        return self._value(self._prepare(arrays, options))

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

    def _prepare(self, arrays: tuple[Array, ...], options: dict[str, Any]) -> _Call:
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
        xp, named = prepare(self.name, self.card, {a: given[a] for a in self.arguments}, self.wrt)
        return _Call(self._terms, xp, tuple(named.values()), parameters, shared.get("weight"), shared.get("reduction", "none"))

    def _value(self, call: _Call, terms: Array | None = None) -> Array:
        terms = call.terms() if terms is None else terms
        if call.weight is not None:
            terms = terms * prepare_weight(self.name, call.xp, call.weight, terms)
        if call.reduction == "none":
            return terms
        return call.xp.mean(terms) if call.reduction == "mean" else call.xp.sum(terms)

    def _gradient(self, call: _Call, terms: Array | None) -> Any:
        if self._derivative is None:
            raise NotImplementedError(f"{self.name} has no registered derivative")
        extra = {"value": terms} if self._wants_value else {}
        parts = self._derivative(call.xp, *call.arrays, **call.parameters, **extra)
        parts = parts if isinstance(parts, tuple) else (parts,)
        if call.weight is not None:
            weight = prepare_weight(self.name, call.xp, call.weight, parts[0])
            parts = tuple(part * weight for part in parts)
        if call.reduction == "mean":
            parts = tuple(part / _count(parts[0]) for part in parts)
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
        reduction: str,
    ) -> None:
        self.function, self.xp, self.arrays = function, xp, arrays
        self.parameters, self.weight, self.reduction = parameters, weight, reduction

    def terms(self) -> Array:
        return self.function(self.xp, *self.arrays, **self.parameters)


def _count(array: Array) -> int:
    count = 1
    for length in array.shape:
        count *= length
    return count


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
    card: Card, *, wrt: tuple[str, ...] = (), reducible: bool = True, reduction: str = "mean"
) -> Callable[[Callable[..., Array]], Loss]:
    """Make a `Loss` of a function ``terms(xp, *arrays, *, parameters)`` and enter it in the catalogue.

    wrt : the arguments that are predictions; the last array unless given.
    reducible : False where the value is already one number that is no mean of terms (RMSE).
    reduction : what a call without one gets.
    """

    def decorate(terms: Callable[..., Array]) -> Loss:
        part = terms.__module__.rpartition(".")[2]
        made = Loss(terms, replace(card, part=part), wrt, reducible, reduction)
        catalogue.register(made)
        return made

    return decorate

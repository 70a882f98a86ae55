"""An array namespace over SymPy, so that the code of a loss itself runs on symbols.

An array is a tuple of expressions. Wherever the code chooses (``where``, ``abs``, ``minimum``, ``clip`` …) the
choice is made by the numbers of a sample point and written down: what comes out is the one analytic expression
that the code computes around that point, and the list of choices says which region that is.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy as sp

Point = Mapping[sp.Symbol, sp.Rational]

#: Floats that stand for numbers that are not rational.
CONSTANTS = [
    sp.pi, sp.log(2), sp.sqrt(sp.pi), sp.log(2 * sp.pi) / 2, 2 * sp.pi, 1 - sp.EulerGamma,
    *((-1) ** k * (sp.zeta(k) - 1) / k for k in range(2, 27)),
]  # fmt: skip


def exact(number: Any) -> sp.Expr:
    """The exact number that a Python number stands for: a fraction, a root of one, or one of `CONSTANTS`."""
    if isinstance(number, sp.Expr):
        return number
    if isinstance(number, int):
        return sp.Integer(number)
    if math.isinf(number):
        return sp.oo if number > 0 else -sp.oo
    candidates = [sp.Rational(Fraction(number).limit_denominator(10**6))]
    candidates.append(sp.sqrt(sp.Rational(Fraction(number**2).limit_denominator(10**4))) * int(math.copysign(1, number)))
    for candidate in (*candidates, *CONSTANTS):
        if math.isclose(float(candidate), number, rel_tol=4e-16, abs_tol=0):
            return candidate
    raise ValueError(f"{number!r} is neither a fraction nor a root of one; add it to CONSTANTS")


def value(expression: sp.Expr, point: Point) -> sp.Expr:
    """The number at a point, to 40 digits."""
    return sp.N(expression.subs(point), 40, maxn=400)


@dataclass
class Trace:
    """The choices of one run. ``untaken`` says for each place in the code which of its options never came up;
    ``tie`` is set where a choice was on its edge.
    """

    point: Point
    untaken: dict[tuple[str, int, int], set[Any]] = field(default_factory=dict)
    tie: bool = False

    def note(self, chosen: Any, options: Sequence[Any]) -> Any:
        """Write down what the code outside this file chose, and out of what."""
        frame = sys._getframe(1)
        while frame.f_code.co_filename == __file__:
            assert frame.f_back is not None
            frame = frame.f_back
        site = (Path(frame.f_code.co_filename).name, frame.f_lineno, frame.f_lasti)
        self.untaken.setdefault(site, set(options)).discard(chosen)
        return chosen


@dataclass(frozen=True, eq=False)
class Symbolic:
    """An array of expressions; ``shape`` is () for one of them."""

    entries: tuple[sp.Expr, ...]
    shape: tuple[int, ...]
    trace: Trace
    dtype = "float64"
    device = "cpu"

    def _with(self, other: Any, function: Callable[[sp.Expr, sp.Expr], Any]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
        theirs = other if isinstance(other, Symbolic) else Symbolic((exact(other),), (), self.trace)
        (left, right), shape = spread(self, theirs)
        return tuple(map(function, left, right)), shape

    def _compare(self, other: Any, relation: Callable[[Any, Any], bool]) -> Mask:
        def at_point(a: sp.Expr, b: sp.Expr) -> bool:
            difference = value(a - b, self.trace.point)
            if abs(difference) < 1e-30:
                self.trace.tie |= bool((a - b).free_symbols)  # between numbers, such as labels, there is no edge
                difference = sp.Integer(0)
            return bool(relation(difference, 0))

        entries, shape = self._with(other, at_point)
        return Mask(entries, shape)

    def __neg__(self) -> Symbolic:
        return Symbolic(tuple(-e for e in self.entries), self.shape, self.trace)

    def __getitem__(self, index: Any) -> Symbolic:
        assert index == (..., 0)
        return Symbolic(self.entries[:1], (), self.trace)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Symbolic:
        """SciPy's special functions, by their exact namesakes."""
        function = {"erf": sp.erf, "gammaln": sp.loggamma}[ufunc.__name__]
        return Symbolic(tuple(map(function, self.entries)), self.shape, self.trace)


@dataclass(frozen=True)
class Mask:
    """What was true at the sample point."""

    entries: tuple[bool, ...]
    shape: tuple[int, ...]
    guard: bool = False  # against infinity, which no symbol is: no branch of the formula

    def __or__(self, other: Mask) -> Mask:
        (left, right), shape = spread(self, other)
        return Mask(tuple(a or b for a, b in zip(left, right, strict=True)), shape)

    def __and__(self, other: Mask) -> Mask:
        (left, right), shape = spread(self, other)
        return Mask(tuple(a and b for a, b in zip(left, right, strict=True)), shape)


def spread(*arrays: Any) -> tuple[list[tuple[Any, ...]], tuple[int, ...]]:
    """The entries of arrays with one entry, or all with the same number of them, at the length of the longest."""
    longest = max(arrays, key=lambda a: (len(a.entries), len(a.shape)))
    count = len(longest.entries)
    assert all(len(a.entries) in (1, count) for a in arrays)
    return [a.entries * (1 if len(a.entries) == count else count) for a in arrays], longest.shape


def _operators() -> None:
    """Give `Symbolic` Python's operators."""

    def forward(function: Callable[[Any, Any], Any]) -> Callable[[Symbolic, Any], Symbolic]:
        return lambda self, other: Symbolic(*self._with(other, function), self.trace)

    def comparison(function: Callable[[Any, Any], bool]) -> Callable[[Symbolic, Any], Mask]:
        return lambda self, other: self._compare(other, function)

    for name in ("add", "sub", "mul", "truediv", "pow"):
        function = getattr(operator, name)
        setattr(Symbolic, f"__{name}__", forward(function))
        setattr(Symbolic, f"__r{name}__", forward(lambda a, b, function=function: function(b, a)))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Symbolic, f"__{name}__", comparison(getattr(operator, name)))


_operators()


class Namespace:
    """The array API's functions, as far as the losses use them."""

    __name__ = "symbolic"

    def __init__(self, point: Point) -> None:
        self.trace = Trace(point)
        for name, function in {
            "exp": sp.exp, "log": sp.log, "sqrt": sp.sqrt, "tanh": sp.tanh, "sinh": sp.sinh,
            "log1p": lambda x: sp.log(1 + x), "expm1": lambda x: sp.exp(x) - 1,
            "zeros_like": lambda x: sp.Integer(0), "ones_like": lambda x: sp.Integer(1),
        }.items():  # fmt: skip
            setattr(self, name, lambda array, function=function: self.map(function, array))

    def array(self, *entries: sp.Expr) -> Symbolic:
        return Symbolic(entries, () if len(entries) == 1 else (len(entries),), self.trace)

    def map(self, function: Callable[[sp.Expr], sp.Expr], array: Symbolic) -> Symbolic:
        return Symbolic(tuple(map(function, array.entries)), array.shape, self.trace)

    def sign_at(self, expression: sp.Expr) -> int:
        """The sign at the sample point; 0 is a tie."""
        number = value(expression, self.trace.point)
        if abs(number) < 1e-30:
            self.trace.tie |= bool(expression.free_symbols)
            return 0
        return 1 if number > 0 else -1

    def where(self, mask: Mask, left: Symbolic, right: Symbolic) -> Symbolic:
        (masks, ones, twos), shape = spread(mask, left, right)
        note = (lambda m, _: m) if mask.guard else self.trace.note
        entries = tuple(one if note(m, (True, False)) else two for m, one, two in zip(masks, ones, twos, strict=True))
        return Symbolic(entries, shape, self.trace)

    def abs(self, array: Symbolic) -> Symbolic:
        return self.map(lambda e: e * self.trace.note(self.sign_at(e) or 1, (1, -1)), array)

    def sign(self, array: Symbolic) -> Symbolic:
        return self.map(lambda e: sp.Integer(self.trace.note(self.sign_at(e), (1, -1))), array)

    def minimum(self, left: Symbolic, right: Symbolic) -> Symbolic:
        def smaller(a: sp.Expr, b: sp.Expr) -> sp.Expr:
            return a if self.trace.note(self.sign_at(b - a) >= 0, (True, False)) else b

        return Symbolic(*left._with(right, smaller), self.trace)

    def clip(self, array: Symbolic, low: Any = None, high: Any = None) -> Symbolic:
        low, high = (bound.entries[0] if isinstance(bound, Symbolic) else bound for bound in (low, high))
        options = ["inside", *(["low"] if low is not None else []), *(["high"] if high is not None else [])]

        def clipped(e: sp.Expr) -> sp.Expr:
            if low is not None and self.sign_at(e - exact(low)) < 0:
                self.trace.note("low", options)
                return exact(low)
            if high is not None and self.sign_at(e - exact(high)) > 0:
                self.trace.note("high", options)
                return exact(high)
            self.trace.note("inside", options)
            return e

        return self.map(clipped, array)

    def logaddexp(self, left: Symbolic, right: Symbolic) -> Symbolic:
        return Symbolic(*left._with(right, lambda a, b: sp.log(sp.exp(a) + sp.exp(b))), self.trace)

    def hypot(self, left: Symbolic, right: Symbolic) -> Symbolic:
        return Symbolic(*left._with(right, lambda a, b: sp.sqrt(a**2 + b**2)), self.trace)

    def max(self, array: Symbolic, axis: int | None = None, keepdims: bool = False) -> Symbolic:
        return Symbolic((array.entries[self.largest(array)],), (1,) if keepdims else (), self.trace)

    def largest(self, array: Symbolic) -> int:
        places = range(len(array.entries))
        best = max(places, key=lambda i: value(array.entries[i], self.trace.point))
        rivals = [e for e in array.entries if e != -sp.oo]
        self.trace.tie |= any(
            (array.entries[best] - e).free_symbols and self.sign_at(array.entries[best] - e) == 0 for e in rivals
        )
        return self.trace.note(best, places)

    def argmax(self, array: Symbolic, axis: int) -> Symbolic:
        return Symbolic((sp.Integer(self.largest(array)),), (), self.trace)

    def sum(self, array: Symbolic, axis: int | None = None, keepdims: bool = False) -> Symbolic:
        return Symbolic((sp.Add(*array.entries),), (1,) if keepdims else (), self.trace)

    def mean(self, array: Symbolic, axis: int | None = None, keepdims: bool = False) -> Symbolic:
        return self.sum(array, axis, keepdims) / len(array.entries)

    def arange(self, stop: int, dtype: Any = None, device: Any = None) -> Symbolic:
        return Symbolic(tuple(map(sp.Integer, range(stop))), (stop,), self.trace)

    def expand_dims(self, array: Any, axis: int) -> Any:
        return replace(array, shape=(*array.shape, 1))

    def squeeze(self, array: Any, axis: int) -> Any:
        return replace(array, shape=())

    def isfinite(self, array: Symbolic) -> Mask:
        return Mask(tuple(bool(e.is_finite) or bool(e.free_symbols) for e in array.entries), array.shape, guard=True)

    def broadcast_to(self, array: Symbolic, shape: tuple[int, ...]) -> Symbolic:
        return array

    def any(self, mask: Mask) -> bool:
        return any(mask.entries)

    def take_along_axis(self, array: Symbolic, index: Symbolic, axis: int) -> Symbolic:
        return Symbolic((array.entries[int(index.entries[0])],), (1,), self.trace)

    def asarray(self, array: Symbolic) -> Symbolic:
        return array

    def astype(self, array: Symbolic, dtype: Any, copy: bool = True) -> Symbolic:
        return array

    def finfo(self, dtype: Any) -> Any:
        return SimpleNamespace(max=float(np.finfo(np.float64).max))


def resolve(expression: sp.Expr, point: Point) -> sp.Expr:
    """A textbook formula around a point: each Piecewise, Abs, Max, Min and sign replaced by the case that holds there."""

    def case(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.Piecewise):
            return next(branch for branch, condition in e.args if condition.subs(point) == True)  # noqa: E712
        if isinstance(e, sp.Abs):
            return e.args[0] if value(e.args[0], point) >= 0 else -e.args[0]
        return (max if isinstance(e, sp.Max) else min)(e.args, key=lambda arg: value(arg, point))

    return expression.replace(lambda e: isinstance(e, sp.Piecewise | sp.Abs | sp.Max | sp.Min), case)


def equal(left: sp.Expr, right: sp.Expr, point: Point) -> bool:
    """Whether two expressions are the same function around a point, by proof and not by numbers alone.

    Their difference simplifies to 0; or every derivative of it does and it is 0 at the point; or the same holds
    of their logarithms, or of their squares.
    """
    if left == right:
        return True
    if abs(value(left - right, point)) > 1e-30 * (1 + abs(value(left, point))):
        return False
    free = sorted((left - right).free_symbols, key=str)
    difference, squares = left - right, left**2 - right**2
    logarithms = sp.expand_log(sp.log(left), force=True) - sp.expand_log(sp.log(right), force=True)
    claims = ([difference], [squares], [sp.diff(difference, s) for s in free], [sp.diff(logarithms, s) for s in free])
    # The quick ways first: simplify may search for long in vain.
    if difference.has(sp.exp) and _cancels_in_odds(difference):
        return True
    return any(all(map(vanishes, claim)) for vanishes in (_cancels, _simplifies) for claim in claims)


def _cancels_in_odds(expression: sp.Expr) -> bool:
    """With u = exp(z) for each real z what softmax makes is a ratio of polynomials in u, and logarithms of them."""
    odds = {z: sp.log(sp.Symbol(f"u_{z}", positive=True)) for z in expression.free_symbols if not z.is_positive}
    ratios = expression.subs(odds).replace(sp.log, lambda a: sp.expand_log(sp.log(sp.factor(sp.together(a))), force=True))
    return sp.cancel(sp.together(sp.expand(ratios))) == 0


def _cancels(expression: sp.Expr) -> bool:
    return sp.cancel(sp.powsimp(sp.expand(expression.rewrite(sp.exp)))) == 0


def _simplifies(expression: sp.Expr) -> bool:
    return sp.simplify(expression) == 0

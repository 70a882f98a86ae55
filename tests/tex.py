"""The value of a formula: what the cards' TeX says, computed from the TeX itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import special, stats

from lossbook.sphinx.tex import (
    Big,
    Call,
    Cases,
    Factorial,
    Fence,
    Fraction,
    List,
    Name,
    Node,
    Number,
    Product,
    Relation,
    Root,
    Script,
    Slash,
    Sum,
    parse,
)

Scope = Mapping[str, Any]

#: What book/notation.md defines once for all pages.
NOTATION: dict[str, Any] = {
    "log": np.log, "exp": np.exp, "cosh": np.cosh, "tanh": np.tanh, "sign": np.sign, "clip": np.clip,
    "softmax": special.softmax, "softplus": lambda z: np.logaddexp(0.0, z), "σ": special.expit, "Φ": stats.norm.cdf,
    "φ": stats.norm.pdf, "π": math.pi, "∞": math.inf, "else": True,
}  # fmt: skip
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "≠": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "≤": lambda a, b: a <= b, "≥": lambda a, b: a >= b,
}  # fmt: skip


class Transposed:
    """A vector that the next factor is multiplied with as a scalar product."""

    def __init__(self, vector: np.ndarray) -> None:
        self.vector = vector

    def __mul__(self, other: np.ndarray) -> float:
        return float(self.vector @ other)


def define(definitions: tuple[str, ...], scope: Scope) -> dict[str, Any]:
    """The scope and what ``name = formula`` adds to it; what is in it already stays."""
    full = dict(scope)
    for tex in definitions:
        match parse(tex):
            case Relation(Name(name), "=", right):
                full.setdefault(name, evaluate(right, full))
            case Relation(Script(Name(name), Name(low), None), "=", right):
                full.setdefault(f"{name}_{low}", evaluate(right, full))
            case Relation(Product((Name(name), Fence("(", Name(argument)))), "=", right):
                value, given = evaluate(right, full), full[argument]
                full[name] = lambda x, value=value, given=given: value if x == given else math.nan
            case other:
                raise ValueError(f"{tex}: expected a definition, got {other}")
    return full


def evaluate(node: Node, scope: Scope) -> Any:
    """The value of a formula.

    An index counts from 1. ``over:k`` in the scope lists what a ``k`` under a sum may be.
    """
    with np.errstate(divide="ignore", over="ignore"):
        return _value(node, scope)


def _value(node: Node, scope: Scope) -> Any:
    match node:
        case Number(text):
            return float(text)
        case Name(text):
            return scope[text]
        case Script():
            return _script(node, scope)
        case Fraction(top, bottom) | Slash(top, bottom):
            return _value(top, scope) / _value(bottom, scope)
        case Root(body):
            return np.sqrt(_value(body, scope))
        case Fence("|", body):
            return abs(_value(body, scope))
        case Fence("\\lVert", body):
            return np.linalg.norm(_value(body, scope))
        case Fence("[", body):
            inside = _value(body, scope)
            return float(inside) if isinstance(inside, bool | np.bool_) else inside
        case Fence("(", body):
            return _value(body, scope)
        case Call(function, argument):
            given = _value(argument, scope)
            return scope[function](*given) if isinstance(given, tuple) else scope[function](given)
        case Big():
            return _big(node, scope)
        case Factorial(body):
            return special.gamma(_value(body, scope) + 1)
        case Product(factors):
            return _product([_value(factor, scope) for factor in factors])
        case Sum(terms):
            return sum(_value(term, scope) * (1 if sign == "+" else -1) for sign, term in terms)
        case Relation(left, sign, right):
            return COMPARE[sign](_value(left, scope), _value(right, scope))
        case List(items):
            return tuple(_value(item, scope) for item in items)
        case Cases(rows):
            return next(_value(value, scope) for value, condition in rows if _value(condition, scope))


def _script(node: Script, scope: Scope) -> Any:
    match node:
        case Script(base, Name("+"), _):
            value = np.maximum(0.0, _value(base, scope))
        case Script(Name(text), Name(low), _) if f"{text}_{low}" in scope:
            value = scope[f"{text}_{low}"]
        case Script(base, low, _):
            value = _value(base, scope)
            if low is not None:
                value = value[round(_value(low, scope)) - 1]
    if node.high is None:
        return value
    return Transposed(value) if node.high == Name("⊤") else value ** _value(node.high, scope)


def _product(values: list[Any]) -> Any:
    """Letters that are functions take what follows them; 0 times anything is 0, as in 0 log 0."""
    factors = []
    while values:
        value = values.pop(0)
        factors.append(value(values.pop(0)) if callable(value) else value)
    if any(np.ndim(f) == 0 and not isinstance(f, Transposed) and f == 0 for f in factors):
        return 0.0
    result = factors[0]
    for factor in factors[1:]:
        result = result * factor
    return result


def _big(node: Big, scope: Scope) -> Any:
    values = {place: _value(node.body, {**scope, name: place}) for name, place in _places(node, scope)}
    match node.kind:
        case "sum":
            return sum(values.values())
        case "product":
            return math.prod(values.values())
        case "max":
            return max(values.values())
        case "arg max":
            return max(values, key=lambda place: values[place])


def _places(node: Big, scope: Scope) -> Iterator[tuple[str, Any]]:
    """The letter under a sum, and each of its values."""
    match node.under:
        case Relation(Name(name), "=", low):
            first, last = _value(low, scope), _value(node.over, scope)
            yield from ((name, place) for place in range(round(first), round(last) + 1))
        case Name(name):
            yield from ((name, place) for place in scope[f"over:{name}"])
        case Relation(Name(name), _, _):
            yield from ((name, place) for place in scope[f"over:{name}"] if _value(node.under, {**scope, name: place}))
        case List((Name(name), *conditions)):
            for place in scope[f"over:{name}"]:
                if all(_value(condition, {**scope, name: place}) for condition in conditions):
                    yield name, place
        case other:
            raise ValueError(f"a sum over {other}")

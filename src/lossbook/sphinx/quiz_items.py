"""The pictures of the quiz: drawn from the catalogue, each with three tempting wrong answers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np

from lossbook import catalogue, fit
from lossbook.card import Parameter
from lossbook.domain import REALS, Interval
from lossbook.loss import Loss
from lossbook.sphinx.curves import ERROR, WEIGHT, Example, example

KINDS = ("value", "gradient", "fit", "setting")
#: How many pictures of a kind the quiz has at most, and how many answers each offers.
PICTURES, ANSWERS = 10, 4
#: Distances are shares of the picture's height. Two curves nowhere further apart than ``VISIBLE``, or on average nearer
#: than ``DISTINCT``, may look the same; one that is ``ABSURD`` or further on average tempts nobody. Fits lie further
#: apart than curves: a curve can be read off at its ends and its corners, of a line only its place among the targets.
VISIBLE, ABSURD = 0.06, 0.35
DISTINCT = {"value": 0.015, "gradient": 0.015, "fit": 0.05}
#: How far outside its picture a curve still gets further from the right one, where answers are looked for that tempt.
LEAVING = 0.5
#: Curves that go on for ever are cut off here.
CEILING = {"value": 4.5, "gradient": 6.0}


@dataclass(frozen=True)
class Frame:
    """The lowest and the highest number of a picture, and how far apart two curves must be there to be told apart."""

    low: float
    high: float
    distinct: float

    def distance(self, a: np.ndarray, b: np.ndarray, beyond: float = 0.0) -> tuple[float, float]:
        """How far apart two curves are, on average and at most, as shares of the picture's height.

        What lies outside the picture by more than ``beyond`` of its height is taken to lie there.
        """
        height = self.high - self.low
        low, high = self.low - beyond * height, self.high + beyond * height
        apart = np.abs(np.clip(a, low, high) - np.clip(b, low, high)) / height
        return float(apart.mean()), float(apart.max())

    def alike(self, a: np.ndarray, b: np.ndarray) -> bool:
        """Whether a reader may take two curves for one."""
        mean, most = self.distance(a, b)
        return mean < self.distinct or most < VISIBLE


@dataclass(frozen=True, eq=False)
class Candidate:
    """A loss at some parameters, and what it draws."""

    loss: Loss
    parameters: Mapping[str, float]
    y: np.ndarray
    held: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As an answer names it: "Huber loss (δ = 1)"."""
        symbols = self.loss.card.parameters
        said = [setting(symbols[key].symbol, value) for key, value in self.parameters.items()]
        said += [setting(key, value) for key, value in self.held.items()]
        return f"{self.loss.card.title} ({', '.join(said)})" if said else self.loss.card.title


@dataclass(frozen=True, eq=False)
class Item:
    """A picture with its answers. ``same`` are the names of others that would draw the same.

    ``drawn`` says what is drawn, ``sloped`` whether it is a slope. ``parameter`` is the one that is asked, if one is.
    ``dots`` are the targets of a fit.
    """

    id: str
    kind: str
    ask: str
    drawn: str
    axis: str
    x: np.ndarray
    frame: Frame
    answers: tuple[Candidate, ...]
    right: int
    same: tuple[str, ...]
    sloped: bool
    parameter: str = ""
    dots: np.ndarray | None = None

    @property
    def answer(self) -> Candidate:
        return self.answers[self.right]

    def label(self, candidate: Candidate) -> str:
        """The words of an answer: the loss, or its setting alone where that is asked."""
        if not self.parameter:
            return candidate.name
        return setting(candidate.loss.card.parameters[self.parameter].symbol, candidate.parameters[self.parameter])


@dataclass(frozen=True, eq=False)
class Sheet:
    """What a picture is drawn on: all that can be drawn there can be offered as an answer."""

    kind: str
    axis: str
    drawn: str
    x: np.ndarray
    candidates: tuple[Candidate, ...]
    dots: np.ndarray | None = None

    def frame(self, right: Candidate) -> Frame:
        """What a picture of this curve shows."""
        if self.dots is not None:
            low, high = float(self.dots.min()), float(self.dots.max())
        else:
            limit = CEILING[self.kind]
            low, high = max(min(float(right.y.min()), 0.0), -limit), min(max(float(right.y.max()), 0.0), limit)
        margin = 0.05 * (high - low)
        return Frame(low - margin, high + margin, DISTINCT[self.kind])


def setting(symbol: str, value: float) -> str:
    """A parameter and its value, as a reader writes them."""
    return f"{symbol} = {number(value)}"


def number(value: float) -> str:
    """Three digits, with a true minus sign, and no minus before a zero."""
    return f"{round(value, 3) + 0.0:.3g}".replace("-", "−")


def same(a: Candidate, b: Candidate) -> bool:
    """Whether two draw one curve, up to rounding, or up to where a fit stops."""
    return a.y.shape == b.y.shape and bool(np.allclose(a.y, b.y, rtol=1e-6, atol=1e-6))


def items() -> list[Item]:
    """The whole quiz, the same at every build from the same catalogue."""
    curves = {kind: list(sheets(kind)) for kind in ("value", "gradient")}
    named = {**curves, "fit": list(_fits())}
    found = [item for kind, sheets in named.items() for item in _of_losses(kind, sheets)]
    return found + list(_of_settings([sheet for sheets in curves.values() for sheet in sheets]))


# What can be drawn


def values_of(parameter: Parameter, default: Any) -> list[float]:
    """The values of a parameter that the quiz tells apart: around its default, inside its domain; none for a switch."""
    domain = parameter.domain
    if not isinstance(domain, Interval) or parameter.axes or not isinstance(default, float | int):
        return []
    if math.isfinite(domain.low) and math.isfinite(domain.high):
        tried = [domain.low + share * (domain.high - domain.low) for share in (0.1, 0.25, 0.5, 0.75, 0.9)]
    elif math.isfinite(domain.low):
        reach = default - domain.low or 1.0
        tried = [domain.low + reach * factor for factor in (0.25, 0.5, 1.0, 2.0, 4.0)]
    else:
        tried = [default + step for step in (-3.0, -2.0, -1.0, 0.0, 1.0)]
    return sorted({float(value) for value in [*tried, default] if value in domain})


def settings(loss: Loss) -> list[dict[str, float]]:
    """The parameters at which the quiz draws a loss, the defaults first; one at a time differs from them."""
    choices = {name: values_of(p, loss.defaults[name]) for name, p in loss.card.parameters.items()}
    default = {name: float(loss.defaults[name]) for name, values in choices.items() if values}
    return [default] + [
        default | {name: value} for name, values in choices.items() for value in values if value != default.get(name)
    ]


def sheets(kind: str) -> Iterator[Sheet]:
    """One for each axis over which losses of one example can be compared."""
    drawable = [(loss, one) for by in (False, True) for loss in catalogue.values() if (one := example(loss, by_probability=by))]
    for axis in dict.fromkeys(one.axis for _, one in drawable):
        here = [(loss, one) for loss, one in drawable if one.axis == axis]
        candidates = [_candidate(kind, loss, one, parameters) for loss, one in here for parameters in settings(loss)]
        finite = tuple(c for c in candidates if np.isfinite(c.y).all())
        what = "penalty" if axis == WEIGHT else "loss of one example"
        drawn = what.capitalize() if kind == "value" else f"Slope of the {what}"
        yield Sheet(kind, axis, drawn, here[0][1].x, finite)


def _candidate(kind: str, loss: Loss, one: Example, parameters: dict[str, float]) -> Candidate:
    curve = one.value if kind == "value" else one.slope
    return Candidate(loss, parameters, curve(loss, **parameters), one.held)


#: Targets to fit: the words for them, where they lie, and whether a level line is fitted.
Data = tuple[str, np.ndarray, np.ndarray, bool]


def data() -> list[Data]:
    """Three sets of targets on which losses disagree: some wild, some on a line of their own, skewed ones."""
    rng = np.random.default_rng(5)
    x = np.linspace(0.0, 6.0, 31)
    wild = 0.5 + 0.5 * x + rng.normal(0.0, 0.3, x.size)
    wild[[21, 24, 26, 28, 30]] += np.array([3.0, 4.5, 3.5, 4.5, 4.0])
    apart = 0.5 + 0.3 * x + rng.normal(0.0, 0.25, x.size)
    apart[::3] += 0.9 * x[::3]
    level = rng.lognormal(0.3, 0.8, x.size)
    return [
        ("A straight line fitted to targets of which five are far too high", x, wild, False),
        ("A straight line fitted to targets every third of which rises faster", x, apart, False),
        ("A constant fitted to skewed targets", np.arange(1.0, x.size + 1), level, True),
    ]


def _fits() -> Iterator[Sheet]:
    able = [loss for loss in catalogue.values() if _fits_a_line(loss)]
    for words, x, y, level in data():
        candidates = tuple(Candidate(loss, p, _fitted(loss, x, y, level, p)) for loss in able for p in settings(loss))
        yield Sheet("fit", "number of the target" if level else "x", words, x, candidates, y)


def _fits_a_line(loss: Loss) -> bool:
    one = example(loss)
    return one is not None and one.axis == ERROR and len(loss.arguments) == 2 and loss.card.domain_of(loss.targets[0]) == REALS


def _fitted(loss: Loss, x: np.ndarray, y: np.ndarray, level: bool, parameters: dict[str, float]) -> np.ndarray:
    if level:
        return np.full(x.size, fit.constant(loss, y, **parameters))
    return fit.predict(fit.linear(loss, x[:, None], y, **parameters), x[:, None])


# What is asked


_ASK = {
    "value": "Which loss is this curve?",
    "gradient": "Which loss has this slope?",
    "fit": "Which loss gave this fit?",
}


def _of_losses(kind: str, sheets: list[Sheet]) -> Iterator[Item]:
    """Pictures whose loss is asked: no picture twice, from all sheets in turn; a curve of each loss, a fit a sheet."""
    asked: list[tuple[Sheet, Candidate]] = []
    for wanted, sheet in _in_turn([[(c, s) for c in _askable(s)] for s in sheets]):
        if len(asked) == PICTURES:
            break
        right, frame = _plainest(wanted, sheet), sheet.frame(wanted)
        if any(c.loss is right.loss and (s is sheet or kind != "fit") for s, c in asked):
            continue
        if any(s is sheet and frame.alike(c.y, right.y) for s, c in asked):
            continue
        wrong = tempting(right, sheet.candidates, frame)
        if len({c.loss for c in wrong} - {right.loss}) > 1:
            asked.append((sheet, right))
            yield _item(sheet, right, wrong, f"{kind}-{len(asked)}", _ASK[kind])


def _plainest(drawn: Candidate, sheet: Sheet) -> Candidate:
    """Of all that draw the same, the one with the fewest parameters: who sees a parabola says squared error."""
    return min((c for c in sheet.candidates if same(c, drawn)), key=lambda c: len(c.parameters) + len(c.held))


def _askable(sheet: Sheet) -> list[Candidate]:
    """In an order that is the same at every build and favours no part of the book.

    A curve is asked at the defaults, its slope one step from them, so that the two kinds do not repeat each other; a fit
    at any setting.
    """
    wanted = list(sheet.candidates)
    if sheet.dots is None:
        step = 0 if sheet.kind == "value" else 1
        wanted = [c for c in wanted if c.parameters == settings(c.loss)[: step + 1][-1]]
    return sorted(wanted, key=lambda c: _rank(sheet.kind, sheet.drawn, c.name))


def _of_settings(sheets: list[Sheet]) -> Iterator[Item]:
    """Pictures of a named loss, one of whose parameters is asked: each parameter once, no family of curves twice."""
    families = sorted(
        (family for sheet in sheets for family in _families(sheet)), key=lambda f: _rank(f[0].kind, f[0].axis, f[1], f[2][0].name)
    )
    asked: list[tuple[Loss, str]] = []
    drawn: list[np.ndarray] = []
    for sheet, name, family in families:
        loss, curves = family[0].loss, np.array([c.y for c in family])
        if len(asked) == PICTURES:
            break
        if (loss, name) in asked or any(known.shape == curves.shape and np.allclose(known, curves) for known in drawn):
            continue
        for right in sorted(family, key=lambda c: _rank("setting", c.name)):
            if wrong := tempting(right, family, sheet.frame(right)):
                asked.append((loss, name))
                drawn.append(curves)
                ask = f"{loss.card.title}: which {loss.card.parameters[name].symbol}?"
                yield _item(sheet, right, wrong, f"setting-{len(asked)}", ask, name)
                break


def _families(sheet: Sheet) -> Iterator[tuple[Sheet, str, list[Candidate]]]:
    """The curves of one loss that differ by one parameter."""
    for loss in dict.fromkeys(c.loss for c in sheet.candidates):
        default = settings(loss)[0]
        for name in default:
            family = [c for c in sheet.candidates if c.loss is loss and {**c.parameters, name: default[name]} == default]
            yield sheet, name, family


def tempting(right: Candidate, candidates: Iterable[Candidate], frame: Frame) -> list[Candidate]:
    """The wrong answers nearest to the right one in its picture, of as many losses as there are; none if too few tempt."""
    near = []
    for candidate in candidates:
        mean, _ = frame.distance(candidate.y, right.y, LEAVING)
        if not frame.alike(candidate.y, right.y) and mean < ABSURD:
            near.append((mean, candidate))
    near.sort(key=lambda found: found[0])
    taken = [right]
    for another_loss in (True, False):
        for _, candidate in near:
            new = candidate.loss not in [c.loss for c in taken] if another_loss else candidate.name not in [c.name for c in taken]
            if len(taken) < ANSWERS and new and not any(frame.alike(candidate.y, c.y) for c in taken):
                taken.append(candidate)
    return taken[1:] if len(taken) == ANSWERS else []


def _item(sheet: Sheet, right: Candidate, wrong: list[Candidate], identifier: str, ask: str, parameter: str = "") -> Item:
    if parameter:
        answers = sorted([right, *wrong], key=lambda c: c.parameters[parameter])
        others: dict[Loss, str] = {}
    else:
        answers = sorted([right, *wrong], key=lambda c: _rank(identifier, c.name))
        others = {c.loss: c.name for c in reversed(sheet.candidates) if c.loss is not right.loss and same(c, right)}
    return Item(
        id=f"quiz-{identifier}",
        kind="setting" if parameter else sheet.kind,
        ask=ask,
        drawn=sheet.drawn,
        axis=sheet.axis,
        x=sheet.x,
        frame=sheet.frame(right),
        answers=tuple(answers),
        right=answers.index(right),
        same=tuple(reversed(others.values())),
        sloped=sheet.kind == "gradient",
        parameter=parameter,
        dots=sheet.dots,
    )


def _in_turn(groups: list[list[tuple[Candidate, Sheet]]]) -> Iterator[tuple[Candidate, Sheet]]:
    """One of each group, then the next of each."""
    return (one for together in zip_longest(*groups) for one in together if one)


def _rank(*words: str) -> str:
    """A place in an order without a reason, which a new loss does not change for the others."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()

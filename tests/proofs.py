"""The losses as mathematics: textbook definitions, noise models, and the points at which the code is read off in symbols."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest import mock

import sympy as sp
from symbolic import Namespace, Point, Symbolic, exact, resolve
from sympy import Abs, Max, Piecewise, Rational, S, cosh, erf, exp, log, oo, pi, sqrt

import lossbook
from lossbook import regression, sequences

#: A target and the error of its prediction, which is y + r; so of every example of a vector.
Y, R = sp.symbols("y r", real=True)
TARGETS, ERRORS = sp.symbols("y1:4", real=True), sp.symbols("r1:4", real=True)
E, LOG_RATE, LOG_VAR = sp.symbols("E log_rate log_var", real=True)
COUNT, DELTA, BETA, TAU, SCALE, STRENGTH = sp.symbols("y delta beta tau scale lambda", positive=True)


@dataclass(frozen=True)
class Proof:
    """A loss at some parameters, numbers or symbols.

    ``arguments`` are the entries of each array in symbols, ``free`` the symbols of each prediction. ``points``
    reach every branch of the code. ``noise`` is the card's density times ``total``, in pieces: each an expression
    in E = y − prediction, and the ends between which it holds. ``mass`` is the probability of the target, where that
    is one of a few numbers: a proof for each of them.
    """

    loss: str
    definition: sp.Expr
    points: Sequence[Point]
    arguments: Sequence[Sequence[sp.Expr]] = ((Y,), (Y + R,))
    free: Sequence[Sequence[sp.Symbol]] = ((R,),)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    noise: Sequence[tuple[sp.Expr, Any, Any]] = ()
    total: sp.Expr = S.One
    mass: sp.Expr | None = None

    def __str__(self) -> str:
        return self.loss + "".join(f" {key}={value}" for key, value in self.parameters.items())


def points(values: Mapping[sp.Symbol, Sequence[Any]]) -> list[Point]:
    """Every combination of values of the symbols."""
    return [dict(zip(values, map(S, row), strict=True)) for row in itertools.product(*values.values())]


HALF = Rational(1, 2)
SOME_TARGETS = (0, Rational(1, 3))
SOME_ERRORS = (0, *(sign * size for sign in (1, -1) for size in (Rational(1, 10), HALF, 1, Rational(7, 5), 3, 20)))
LOCATION = {Y: SOME_TARGETS, R: SOME_ERRORS}


def barron(alpha: Any, u: sp.Expr) -> sp.Expr:
    """Barron (2019), equation 8."""
    alpha = exact(alpha)
    if alpha == 2:
        return u**2 / 2
    if alpha == 0:
        return log(u**2 / 2 + 1)
    if alpha == -oo:
        return 1 - exp(-(u**2) / 2)
    return Abs(alpha - 2) / alpha * ((u**2 / Abs(alpha - 2) + 1) ** (alpha / 2) - 1)


def gaussian(error: sp.Expr, variance: sp.Expr) -> sp.Expr:
    return exp(-(error**2) / (2 * variance)) / sqrt(2 * pi * variance)


def crps(error: sp.Expr, scale: sp.Expr) -> sp.Expr:
    """Gneiting et al. (2005), equation 5, at an error y − μ."""
    z = error / scale
    return scale * (z * (2 * (1 + erf(z / sqrt(2))) / 2 - 1) + 2 * gaussian(z, S(1)) - 1 / sqrt(pi))


def logistic(z: sp.Expr) -> sp.Expr:
    return 1 / (1 + exp(-z))


CHANCE, WEIGHT, ALPHA, MARGIN = sp.symbols("p w alpha Delta", positive=True)
Z = sp.Symbol("z", real=True)
CHANCES = (Rational(1, 10), HALF, Rational(9, 10))
LOGITS = (-3, 0, HALF, 2)

BINARY = [
    *(
        Proof(
            "binary_cross_entropy",
            -(y * log(CHANCE) if y else 0) - ((1 - y) * log(1 - CHANCE) if y != 1 else 0),
            points({CHANCE: CHANCES}),
            ((y,), (CHANCE,)),
            ((CHANCE,),),
            mass={0: 1 - CHANCE, 1: CHANCE}.get(y),
        )
        for y in (S.Zero, Rational(1, 3), S.One)
    ),
    *(
        Proof(
            "binary_cross_entropy_with_logits",
            -weight * y * log(logistic(Z)) - (1 - y) * log(logistic(-Z)),
            points({Z: LOGITS, **({WEIGHT: (HALF, 3)} if weight == WEIGHT else {})}),
            ((y,), (Z,)),
            ((Z,),),
            {"pos_weight": weight},
            mass=None if weight == WEIGHT else {0: logistic(-Z), 1: logistic(Z)}[y],
        )
        for y, weight in ((S.Zero, 1.0), (S.One, 1.0), (S.Zero, WEIGHT), (Rational(1, 3), WEIGHT), (S.One, WEIGHT))
    ),
    *(
        Proof(
            "focal",
            -(1 if alpha is None else alpha if y else 1 - alpha)
            * (1 - logistic(sign * Z)) ** exact(gamma)
            * log(logistic(sign * Z)),
            points({Z: LOGITS, **({} if alpha is None else {ALPHA: (Rational(1, 4),)})}),
            ((y,), (Z,)),
            ((Z,),),
            {"gamma": gamma, "alpha": alpha},
        )
        for y, sign in ((S.Zero, -1), (S.One, 1))
        for gamma in (0.0, 0.5, 2.0)
        for alpha in (None, ALPHA)
    ),
    *(
        Proof(name, Max(0, 1 - y * R) ** power, points({R: (-2, -1, 0, HALF, 1, 3)}), ((y,), (R,)), ((R,),))
        for y in (S.One, -S.One)
        for name, power in (("hinge", 1), ("squared_hinge", 2))
    ),
]

#: A row of three logits, and of three probabilities, which here are free of each other.
ZS, PS, WEIGHTS = sp.symbols("z1:4", real=True), sp.symbols("p1:4", positive=True), sp.symbols("w1:4", positive=True)
TS = sp.symbols("t1:4", positive=True)
HOT = [tuple(S(int(j == k)) for j in range(3)) for k in range(3)]
SOFT = tuple(Rational(k, 6) for k in (1, 2, 3))
#: Each order of size, and ties.
ROWS = [(1, 0, -2), (-1, 2, 0), (HALF, -3, 1), (2, 1, 4), (0, 0, 0), (2, 2, -1)]
#: Positive entries, of which each is the larger once: by symmetry the signs of the target suffice.
LENGTHS = [(1, 2), (3, 1)]
MIXES = [tuple(Rational(k, 10) for k in row) for row in ((1, 2, 7), (2, 5, 3), (6, 3, 1))]


def rows(symbols: Sequence[sp.Symbol], values: Sequence[Any], more: Mapping[sp.Symbol, Any] | None = None) -> list[Point]:
    return [dict(zip(symbols, map(S, row), strict=True)) | dict(more or {}) for row in values]


def softmax(z: Sequence[sp.Expr], k: int) -> sp.Expr:
    return exp(z[k]) / sum(map(exp, z))


def cross(y: Sequence[Any], p: Sequence[sp.Expr]) -> sp.Expr:
    return -sum(t * log(q) for t, q in zip(y, p, strict=True) if t)


SOFTMAX = [softmax(ZS, k) for k in range(3)]
WEIGHED = dict(zip(WEIGHTS, (HALF, 2, 3), strict=True))


def smoothed(k: int, epsilon: Any) -> list[sp.Expr]:
    return [(1 - exact(epsilon)) * t + exact(epsilon) / 3 for t in HOT[k]]


def softened(z: Sequence[sp.Expr]) -> list[sp.Expr]:
    """Softmax at a temperature of 2."""
    return [softmax([x / 2 for x in z], k) for k in range(len(z))]


MULTICLASS = [
    *(
        Proof("cross_entropy", cross(y, PS), rows(PS, MIXES), (y, PS), (PS,), mass=None if y == SOFT else PS[y.index(1)])
        for y in (*HOT, SOFT)
    ),
    *(
        Proof(
            "softmax_cross_entropy",
            cross(y, SOFTMAX),
            rows(ZS, ROWS),
            (y, ZS),
            (ZS,),
            mass=None if y == SOFT else SOFTMAX[y.index(1)],
        )
        for y in (*HOT, SOFT)
    ),
    *(
        Proof(
            "sparse_softmax_cross_entropy",
            (1 if weight is None else weight[k]) * cross(smoothed(k, epsilon), SOFTMAX),
            rows(ZS, ROWS, {} if weight is None else WEIGHED),
            ((S(k),), ZS),
            (ZS,),
            {"label_smoothing": epsilon, "class_weight": weight, "ignore_index": None},
            mass=SOFTMAX[k] if epsilon == 0 and weight is None else None,
        )
        for k in range(3)
        for epsilon, weight in ((0.0, None), (0.25, WEIGHTS), (1.0, None))
    ),
    *(
        Proof(
            "sigmoid_cross_entropy",
            cross((*y, *(1 - t for t in y)), [logistic(s * z) for s in (1, -1) for z in ZS[:2]]),
            rows(ZS[:2], [row[:2] for row in ROWS]),
            (y, ZS[:2]),
            (ZS[:2],),
            mass=sp.Mul(*(logistic(z if t else -z) for t, z in zip(y, ZS[:2], strict=True))) if set(y) <= {0, 1} else None,
        )
        for y in (*itertools.product((S.Zero, S.One), repeat=2), (Rational(1, 3), Rational(3, 4)))
    ),
    *(
        Proof(
            "softmax_focal",
            -(1 if alpha is None else alpha[k]) * (1 - softmax(ZS[:2], k)) ** exact(gamma) * log(softmax(ZS[:2], k)),
            rows(ZS[:2], [row[:2] for row in ROWS], {} if alpha is None else WEIGHED),
            ((S(k),), ZS[:2]),
            (ZS[:2],),
            {"gamma": gamma, "alpha": alpha},
        )
        for k in range(2)
        for gamma, alpha in ((2.0, None), (0.0, None), (0.5, WEIGHTS[:2]))
    ),
    *(
        Proof(
            "multiclass_hinge",
            Max(0, MARGIN + Max(*(z for j, z in enumerate(ZS) if j != k)) - ZS[k]),
            rows(ZS, ROWS[:4], {MARGIN: S.One * size}),
            ((S(k),), ZS),
            (ZS,),
            {"margin": MARGIN},
        )
        for k in range(3)
        for size in (Rational(1, 3), Rational(5, 3))
    ),
    Proof(
        "brier",
        sum((p - t) ** 2 for p, t in zip(PS, TS, strict=True)),
        [{**a, **b} for a in rows(PS, MIXES) for b in rows(TS, MIXES[:2])],
        (TS, PS),
        (PS,),
    ),
    *(
        Proof(
            "kl_divergence",
            sum(t * log(t / q) for t, q in zip(p, PS, strict=True) if t),
            rows(PS, [*MIXES, SOFT]),
            (p, PS),
            (PS,),
            mass=None if p == SOFT else PS[p.index(1)],
        )
        for p in (*HOT, SOFT)
    ),
    *(
        Proof(
            "cosine_distance",
            1
            - sum(a * b for a, b in zip(y, PS[:2], strict=True))
            / sqrt(sum(S(a) ** 2 for a in y))
            / sqrt(sum(b**2 for b in PS[:2])),
            rows(PS[:2], LENGTHS),
            (y, PS[:2]),
            (PS[:2],),
        )
        for y in [tuple(map(S, row)) for row in ((3, 4), (-4, 3), (0, -2))]
    ),
    Proof("cosine_distance", S.One, rows(PS[:2], LENGTHS[:1]), ((S.Zero,) * 2, PS[:2]), (PS[:2],)),
    *(
        Proof(
            "token_cross_entropy",
            cross(smoothed(k, epsilon), SOFTMAX),
            rows(ZS, ROWS),
            ((S(k),), ZS),
            (ZS,),
            {"mask": None, "label_smoothing": epsilon},
            mass=SOFTMAX[k] if epsilon == 0 else None,
        )
        for k in range(3)
        for epsilon in (0.0, 0.25)
    ),
    *(
        Proof(
            "distillation",
            S(4) * sum(p * log(p / q) for p, q in zip(softened(teacher), softened(ZS[:2]), strict=True)),
            rows(ZS[:2], [(Rational(1, 5), 0), (3, 1), (-2, 2), (2, -9), (12, 0)]),
            (teacher, ZS[:2]),
            (ZS[:2],),
            {"temperature": 2.0},
        )
        for teacher in [tuple(map(S, row)) for row in ((0, 0), (1, 3), (3, 1), (-20, 2))]
    ),
]

PROOFS = [
    *BINARY,
    *MULTICLASS,
    Proof("mse", R**2, points(LOCATION), noise=[(exp(-(E**2)) / sqrt(pi), -oo, oo)]),
    Proof("mae", Abs(R), points(LOCATION), noise=[(exp(E) / 2, -oo, 0), (exp(-E) / 2, 0, oo)]),
    Proof(
        "rmse",
        sqrt(sum(r**2 for r in ERRORS) / 3),
        [
            dict(zip((*TARGETS, *ERRORS), map(S, (1, 2, 3, *errors)), strict=True))
            for errors in [(0, 0, 0), (5, 1, -2), (-5, 1, 2), (1, 5, 2), (-1, -5, 2), (1, 2, 5), (1, -2, -5)]
        ],
        (TARGETS, [t + r for t, r in zip(TARGETS, ERRORS, strict=True)]),
        (ERRORS,),
    ),
    Proof(
        "huber",
        Piecewise((R**2 / 2, Abs(R) <= DELTA), (DELTA * (Abs(R) - DELTA / 2), True)),
        points({**LOCATION, DELTA: (HALF, 1, 3)}),
        parameters={"delta": DELTA},
        noise=[
            (exp(DELTA * E + DELTA**2 / 2), -oo, -DELTA),
            (exp(-(E**2) / 2), -DELTA, DELTA),
            (exp(-DELTA * E + DELTA**2 / 2), DELTA, oo),
        ],
        total=sqrt(2 * pi) * erf(DELTA / sqrt(2)) + 2 * exp(-(DELTA**2) / 2) / DELTA,
    ),
    Proof(
        "smooth_l1",
        Piecewise((R**2 / (2 * BETA), Abs(R) < BETA), (Abs(R) - BETA / 2, True)),
        points({**LOCATION, BETA: (HALF, 1, 3)}),
        parameters={"beta": BETA},
        noise=[
            (exp(E + BETA / 2), -oo, -BETA),
            (exp(-(E**2) / (2 * BETA)), -BETA, BETA),
            (exp(-E + BETA / 2), BETA, oo),
        ],
        total=sqrt(2 * pi * BETA) * erf(sqrt(BETA / 2)) + 2 * exp(-BETA / 2),
    ),
    Proof("log_cosh", log(cosh(R)), points(LOCATION), noise=[(1 / (pi * cosh(E)), -oo, oo)]),
    Proof(
        "pinball",
        Max(-TAU * R, (1 - TAU) * R),
        points({**LOCATION, TAU: (Rational(1, 10), HALF, Rational(9, 10))}),
        parameters={"tau": TAU},
        noise=[(TAU * (1 - TAU) * exp((1 - TAU) * E), -oo, 0), (TAU * (1 - TAU) * exp(-TAU * E), 0, oo)],
    ),
    *(
        Proof(
            "poisson_nll",
            exp(LOG_RATE) - COUNT * LOG_RATE + (sp.loggamma(COUNT + 1) if full else 0),
            points({COUNT: (0, HALF, 1, 3, 40), LOG_RATE: (-1, 0, 2)}),
            ((COUNT,), (LOG_RATE,)),
            ((LOG_RATE,),),
            {"full": full},
        )
        for full in (False, True)
    ),
    *(
        Proof(
            "gaussian_nll",
            (LOG_VAR + R**2 * exp(-LOG_VAR)) / 2 + (log(2 * pi) / 2 if full else 0),
            points({Y: SOME_TARGETS, R: (0, 1, -3), LOG_VAR: (-10_000, -2, 0, 3)}),
            ((Y,), (Y + R,), (LOG_VAR,)),
            ((R,), (LOG_VAR,)),
            {"full": full},
            [(gaussian(E, exp(LOG_VAR)), -oo, oo)],
        )
        for full in (False, True)
    ),
    *(
        Proof(
            "general_robust",
            barron(alpha, R / SCALE),
            points({**LOCATION, SCALE: (HALF, 2)}),
            parameters={"alpha": alpha, "scale": SCALE},
            noise={
                2.0: [(gaussian(E, SCALE**2), -oo, oo)],
                0.0: [(1 / (pi * sqrt(2) * SCALE * (1 + (E / (sqrt(2) * SCALE)) ** 2)), -oo, oo)],
            }.get(alpha, []),
        )
        for alpha in (2.0, 1.5, 1.0, 0.5, 0.0, -1.0, -2.0, -8.0, float("-inf"))
    ),
    Proof(
        "gaussian_crps",
        crps(-R, SCALE),
        points({Y: SOME_TARGETS, R: (0, HALF, -3), SCALE: (HALF, 2)}),
        ((Y,), (Y + R,), (SCALE,)),
        ((R,), (SCALE,)),
    ),
    Proof(
        "l1",
        STRENGTH * Abs(R),
        points({R: SOME_ERRORS, STRENGTH: (HALF, 2)}),
        ((R,),),
        parameters={"strength": STRENGTH},
        noise=[(STRENGTH * exp(STRENGTH * E) / 2, -oo, 0), (STRENGTH * exp(-STRENGTH * E) / 2, 0, oo)],
    ),
    Proof(
        "l2",
        STRENGTH * R**2,
        points({R: SOME_ERRORS, STRENGTH: (HALF, 2)}),
        ((R,),),
        parameters={"strength": STRENGTH},
        noise=[(sqrt(STRENGTH / pi) * exp(-STRENGTH * E**2), -oo, oo)],
    ),
    *(
        Proof(
            "elastic_net",
            STRENGTH * (ratio * Abs(R) + (1 - ratio) / 2 * R**2),
            points({R: SOME_ERRORS, STRENGTH: (HALF, 2)}),
            ((R,),),
            parameters={"strength": STRENGTH, "l1_ratio": float(ratio)},
            noise=[
                (exp(-STRENGTH * (-ratio * E + (1 - ratio) / 2 * E**2)), -oo, 0),
                (exp(-STRENGTH * (ratio * E + (1 - ratio) / 2 * E**2)), 0, oo),
            ]
            if 0 < ratio < 1
            else [],
            total=2 * sqrt(pi / STRENGTH) * exp(STRENGTH / 4) * sp.erfc(sqrt(STRENGTH) / 2),  # at a ratio of 1/2
        )
        for ratio in (S.Zero, HALF, S.One)
    ),
]


@dataclass(frozen=True)
class Run:
    """What the code computes around a point, written in symbols."""

    point: Point
    space: Namespace
    terms: tuple[sp.Expr, ...]
    gradient: tuple[tuple[sp.Expr, ...], ...]


@cache
def run(index: int) -> list[Run]:
    """The code of a proof's loss at each of its points, without checks and reductions, which look at numbers."""
    proof = PROOFS[index]
    loss = lossbook.catalogue[proof.loss]
    runs = []
    # Three helpers are series, not closed forms: here they are what they stand for, and their own tests are below.
    excess = mock.patch.object(sequences, "_excess", lambda xp, r: xp.map(lambda x: exp(x) - 1 - x, r))
    with (
        excess,
        mock.patch.multiple(regression, poisson_floor=floor, lgamma1p=lambda xp, y: xp.map(lambda c: sp.loggamma(c + 1), y)),
    ):
        for point in proof.points:
            space = Namespace(point)
            arrays = [space.array(*symbols) for symbols in proof.arguments]
            parameters = {k: symbolic_parameter(space, v) for k, v in proof.parameters.items()}
            terms = loss._terms(space, *arrays, **parameters)
            parts = loss._derivative(space, *arrays, **parameters, **({"value": terms} if loss._wants_value else {}))
            parts = parts if isinstance(parts, tuple) else (parts,)
            runs.append(Run(point, space, terms.entries, tuple(part.entries for part in parts)))
    return runs


def symbolic_parameter(space: Namespace, parameter: Any) -> Any:
    if isinstance(parameter, sp.Symbol):
        return space.array(parameter)
    return space.array(*parameter) if isinstance(parameter, tuple) else parameter


def floor(xp: Any, counts: Symbolic) -> Symbolic:
    return xp.map(lambda c: sp.loggamma(c + 1) - c * log(c) + c, counts)


def regions(proof: Proof) -> list[Run]:
    """One run for each different expression, away from the edges where branches meet."""
    distinct: dict[Any, Run] = {}
    for one in run(PROOFS.index(proof)):
        if not one.space.trace.tie:
            distinct.setdefault((one.terms, one.gradient, resolve(proof.definition, one.point)), one)
    return list(distinct.values())


def edges(proof: Proof) -> list[Run]:
    return [one for one in run(PROOFS.index(proof)) if one.space.trace.tie]

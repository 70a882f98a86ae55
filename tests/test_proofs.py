"""Proofs with SymPy, of the code itself: it computes the definition, its gradient is the derivative, its noise model is one."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from instances import APART
from proofs import COUNT, LOG_RATE, PROOFS, PS, E, Proof, R, edges, regions, run
from symbolic import equal, resolve, value
from sympy import S, exp, log, oo

import lossbook
from lossbook.card import evaluate

EACH = pytest.mark.parametrize("proof", PROOFS, ids=str)
MASSES: dict[str, list[Proof]] = {}
for _proof in PROOFS:
    if _proof.mass is not None:
        MASSES.setdefault(_proof.loss, []).append(_proof)
MODELLED = [proof for proof in PROOFS if proof.noise]


def test_every_loss_is_proved() -> None:
    assert {proof.loss for proof in PROOFS} | APART == set(lossbook.catalogue)


@pytest.mark.parametrize("name", [name for name in lossbook.catalogue if name not in APART])
def test_the_points_reach_every_branch(name: str) -> None:
    untaken: dict[Any, set[Any]] = {}
    for one in (one for proof in PROOFS if proof.loss == name for one in run(PROOFS.index(proof))):
        for site, options in one.space.trace.untaken.items():
            untaken[site] = untaken.get(site, options) & options
    assert not any(untaken.values()), {site: options for site, options in untaken.items() if options}


@EACH
def test_the_code_is_the_definition(proof: Proof) -> None:
    assert regions(proof)
    for one in regions(proof):
        [code] = one.terms
        assert equal(code, resolve(proof.definition, one.point), one.point), (code, one.point)
    for one in edges(proof):
        assert abs(value(one.terms[0] - proof.definition, one.point)) < 1e-30, one.point


@EACH
def test_the_gradient_is_the_derivative_of_the_code(proof: Proof) -> None:
    for one in regions(proof):
        [code] = one.terms
        for symbols, part in zip(proof.free, one.gradient, strict=True):
            for symbol, derivative in zip(symbols, part, strict=True):
                assert equal(derivative, sp.diff(code, symbol), one.point), (symbol, derivative, one.point)


@EACH
def test_the_gradient_where_branches_meet(proof: Proof) -> None:
    """The derivative of the definition where it has one; 0 where the loss has its corner."""
    smooth = evaluate(lossbook.catalogue[proof.loss].card.properties.smooth, proof.parameters)
    for one in edges(proof):
        for symbols, part in zip(proof.free, one.gradient, strict=True):
            for symbol, derivative in zip(symbols, part, strict=True):
                expected = S(0) if smooth == 0 else sp.diff(resolve(proof.definition, one.point), symbol)
                assert abs(value(derivative - expected, one.point)) < 1e-30, one.point


@pytest.mark.parametrize("proof", MODELLED, ids=str)
def test_the_loss_is_the_negative_log_density(proof: Proof) -> None:
    """Their difference has no derivative in any prediction."""
    reached = 0
    for one in regions(proof):
        for piece, low, high in proof.noise:
            if S(low).subs(one.point) < -one.point[R] < S(high).subs(one.point):
                reached += 1
                for [symbol] in proof.free:
                    noise = -sp.diff(sp.expand_log(log(piece.subs(E, -R) / proof.total), force=True), symbol)
                    assert equal(noise, sp.diff(one.terms[0], symbol), one.point), (piece, one.point)
    assert reached >= len(proof.noise)


@pytest.mark.parametrize("proof", MODELLED, ids=str)
def test_the_density_integrates_to_one(proof: Proof) -> None:
    area = sum(sp.integrate(piece, (E, low, high), conds="none") for piece, low, high in proof.noise)
    assert sp.simplify((area - proof.total).rewrite(sp.erf)) == 0


@pytest.mark.parametrize("name", MASSES)
def test_the_loss_is_the_negative_log_mass(name: str) -> None:
    """Of each target; and over the targets the masses sum to 1."""
    for proof in MASSES[name]:
        for one in regions(proof):
            [code] = one.terms
            assert equal(code, -sp.log(proof.mass), one.point), (code, one.point)
    total = sum(proof.mass for proof in MASSES[name])
    assert sp.simplify(total.subs(PS[2], 1 - PS[0] - PS[1]) - 1) == 0


def test_every_noise_model_is_proved() -> None:
    # cosine_distance and distillation: by numbers, in test_meaning.py
    proved = {proof.loss for proof in MODELLED} | {"poisson_nll", "cosine_distance", "distillation"} | set(MASSES)
    assert proved == {name for name, loss in lossbook.catalogue.items() if loss.card.assumption}
    for proof in MODELLED:
        assumption = lossbook.catalogue[proof.loss].card.assumption
        assert assumption is not None
        assert evaluate(
            assumption.when, {k: v.subs(proof.points[0]) if isinstance(v, sp.Symbol) else v for k, v in proof.parameters.items()}
        )


def test_the_poisson_loss_is_the_negative_log_mass() -> None:
    [proof] = [p for p in PROOFS if p.loss == "poisson_nll" and p.parameters["full"]]
    mass = exp(LOG_RATE) ** COUNT * exp(-exp(LOG_RATE)) / sp.gamma(COUNT + 1)
    for one in regions(proof):
        assert equal(sp.diff(one.terms[0], LOG_RATE), -sp.diff(sp.expand_log(log(mass), force=True), LOG_RATE), one.point)
    number, rate = sp.Symbol("n", integer=True, nonnegative=True), sp.Symbol("lambda", positive=True)
    assert sp.simplify(sp.summation(rate**number / sp.factorial(number), (number, 0, oo)) * exp(-rate)) == 1

"""Every formula that a card prints is the loss: its TeX is read, evaluated and compared, and so is that of its slope."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import tex
from instances import APART, INSTANCES, Instance

from lossbook import catalogue, ctc, token_cross_entropy
from lossbook.sphinx.tex import SYMBOLS, parse

CLOSE = {"rel": 1e-9, "abs": 1e-9}


def scope_of(instance: Instance, row: list[Any], **more: Any) -> dict[str, Any]:
    """What the letters of a loss's formulas stand for, at one example (of RMSE: at all of them)."""
    loss = instance.loss
    size = max(np.size(array) for array in row)
    scope: dict[str, Any] = {**tex.NOTATION, "m": size, "K": size, "L": size}
    scope |= {f"over:{letter}": range(1, size + 1) for letter in "ijkl"}
    scope |= {SYMBOLS[name]: value for name, value in zip(loss.arguments, row, strict=True)}
    if "labels" in loss.arguments:
        scope["c"] = row[0] + 1  # classes count from 0, the entries of a formula's sum from 1
    # e is an error where there is a ŷ that may be in error, else Euler's number.
    scope["e"] = scope["ŷ"] - scope["y"] if "y_hat" in loss.arguments else math.e
    for name, value in instance.parameters.items():
        symbol = loss.card.parameters[name].symbol
        # Weights that are not given are 1.
        absent = {symbol: np.ones(size) if loss.card.parameters[name].axes == "K" else 1.0, f"{symbol}_t": 1.0}
        scope |= absent if value is None else {symbol: np.array(value) if isinstance(value, tuple) else value}
    return scope | more


def compare(instance: Instance, row: list[Any], value: float, slopes: list[np.ndarray], **more: Any) -> None:
    """The formulas of the card against what the loss answers."""
    card = instance.card
    scope = tex.define(card.where, scope_of(instance, row, **more))
    by_formula = tex.evaluate(parse(card.formula), scope)
    assert by_formula == pytest.approx(value, **CLOSE), card.formula
    assert len(card.slope) == len(slopes), "one slope a prediction"
    for formula, slope in zip(card.slope, slopes, strict=True):
        for place in np.ndindex(slope.shape):
            here = {letter: number + 1 for letter, number in zip("tk" if len(place) > 1 else "k", place, strict=False)}
            here |= {letter: place[0] + 1 for letter in "ijl" if place}
            found = tex.evaluate(parse(formula), {**here, **scope, "ℒ": by_formula, "ℓ": by_formula})
            expected = slope if np.ndim(found) else slope[place]
            assert found == pytest.approx(expected, **CLOSE), formula


@pytest.mark.parametrize("instance", INSTANCES, ids=str)
def test_the_formula_is_the_loss(instance: Instance) -> None:
    arrays = instance.sample(np.random.default_rng(0), 24)
    if not instance.loss.targets:  # a penalty is of all parameters together
        compare(instance, list(arrays), instance(*arrays), list(instance.grad(*arrays)))
        return
    values, slopes = instance.values(arrays), instance.slopes(arrays)
    counted = instance.counts(arrays)
    assert counted.sum() >= 12
    for i in np.flatnonzero(counted):
        compare(instance, [array[i] for array in arrays], values[i], [slope[i] for slope in slopes])


def test_a_mask_is_a_factor() -> None:
    mask = np.array([1, 0, 1, 0])
    instance = Instance(token_cross_entropy, {"mask": mask, "label_smoothing": 0.1})
    arrays = instance.sample(np.random.default_rng(0), 4)
    values, slopes = instance.values(arrays), instance.slopes(arrays)
    for i, m in enumerate(mask):
        compare(instance, [array[i] for array in arrays], values[i], [slope[i] for slope in slopes], m=m)


@pytest.mark.parametrize(("labels", "blank"), [((1,), 0), ((1, 2), 0), ((1, 1), 0), ((0, 1), 2), ((), 1)])
def test_the_sum_over_alignments_is_ctc(labels: tuple[int, ...], blank: int) -> None:
    """Over every path, with the merging of repeats and the dropping of blanks written out."""
    frames, classes = 4, 3
    log_probs = np.log(np.random.default_rng(1).dirichlet(np.ones(classes), (frames, 1)))
    targets = np.array([labels if labels else (0,)])
    arrays = (log_probs, targets, np.array([frames]), np.array([len(labels)]))
    paths = list(itertools.product(range(1, classes + 1), repeat=frames))  # classes from 1, as entries count
    scope = {
        "T": frames,
        "y": tuple(label + 1 for label in labels),
        "p": [lambda k, row=row: math.exp(row[0, round(k) - 1]) for row in log_probs],
        "π": None,
        "over:π": paths,
        "ℬ": lambda path: tuple(k for k, _ in itertools.groupby(path) if k != blank + 1),
    }
    value = ctc(*arrays, blank=blank)
    [slope] = [ctc.grad(*arrays, blank=blank)[:, 0]]
    card = ctc.card
    full = tex.define(card.where, {**tex.NOTATION, **scope})
    assert tex.evaluate(parse(card.formula), full) == pytest.approx(value, **CLOSE)
    for t, k in np.ndindex(slope.shape):
        found = tex.evaluate(parse(card.slope[0]), {**full, "t": t + 1, "k": k + 1})
        assert found == pytest.approx(slope[t, k], **CLOSE)


def test_every_loss_is_tried() -> None:
    assert {instance.loss.name for instance in INSTANCES} | APART == set(catalogue)
    assert {"ctc"} == APART


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (r"\sin x", r"expected a term at token 1, got '\\\\sin'"),
        (r"(1 - y", r"expected '\)' at token 5, got None"),
        (r"y + ", "expected a term"),
        (r"a / b c", "expected the end"),  # is c above the line or below it?
        (r"y)", "expected the end"),
        (r"\begin{cases} y \end{cases}", "expected '&'"),
    ],
)
def test_what_cannot_be_read_is_refused(wrong: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(wrong)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("2 a - b c", -2.0), ("-a^2", -4.0), ("c a / b", 4 / 3), ("|b - a c| - a", -1.0), (r"\log a b", math.log(6)),
        (r"\log(a) b", 3 * math.log(2)), (r"\sum_{k=1}^3 k a + b", 15.0), (r"\frac12 a", 1.0), (r"(a - b)_+ + (b - a)_+^2", 1.0),
        (r"[a < b] c", 2.0), (r"[a + b] c", 10.0), (r"\begin{cases} a & a > b \\ b & \text{else} \end{cases}", 3.0),
        (r"c!", 2.0), (r"x_2^2", 16.0), (r"x^\top x", 25.0), (r"\argmax_{k \ne a} x_k", 1.0), (r"0 \log 0", 0.0),
    ],
)  # fmt: skip
def test_the_evaluator_reads_as_a_reader_does(formula: str, value: float) -> None:
    scope = {**tex.NOTATION, "a": 2.0, "b": 3.0, "c": 2.0, "x": np.array([3.0, 4.0]), "over:k": range(1, 3)}
    assert tex.evaluate(parse(formula), scope) == pytest.approx(value)

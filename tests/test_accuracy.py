"""Values and hand-written gradients are within 10 units of the last place of the truth, over the whole grid."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import torch
from instances import APART, INSTANCES, Instance
from mpmath import mp
from truth import DIGITS, TRUTHS, exact, grid
from ulp import Truth, exact_row, lines, measure, table

import lossbook

# XLA computes with zero in place of subnormal numbers; everything else holds for JAX as well.
LIBRARIES = {"NumPy": (np.asarray, True), "PyTorch": (torch.from_numpy, True), "JAX": (jnp.asarray, False)}


#: Six roundings lie between logits and the gradient of distillation, and what they may cost is nearly the bound already
#: with NumPy's exp and expm1, which are right to half a unit; those of PyTorch and of XLA are right to one or two.
SLACK = {("distillation", "PyTorch"): 1.3, ("distillation", "JAX"): 2.0}


def test_every_loss_has_a_truth() -> None:
    assert set(TRUTHS) | APART == set(lossbook.catalogue)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("instance", INSTANCES, ids=str)
def test_within_the_bound_of_the_card(instance: Instance, dtype: Any) -> None:
    """NaN, a gradient of 0 that should not be, or infinity too early count as infinitely or hugely wrong."""
    for library, (convert, subnormal) in LIBRARIES.items():
        for result in measure(instance, dtype, convert, subnormal, SLACK.get((instance.loss.name, library), 1.0)):
            assert result.points > 30
            assert not result.breaches, f"{library}: {len(result.breaches)} points, such as {result.breaches[:3]}"


@pytest.mark.parametrize("instance", INSTANCES, ids=str)
def test_autograd_gives_no_nan_on_the_grid(instance: Instance) -> None:
    """Where the gradient is a number, autograd through the value gives one too."""
    for arrays in grid(instance, np.float32):
        tensors = [torch.tensor(a, requires_grad=i in instance.predictions) for i, a in enumerate(arrays)]
        instance(*tensors, **instance.unreduced("sum")).backward()
        for place, hand in zip(instance.predictions, instance.grad(*(t.detach() for t in tensors)), strict=True):
            found = tensors[place].grad
            wrong = torch.isnan(found) & torch.isfinite(hand)
            assert not wrong.any(), [a[wrong.numpy()][:3] for a in arrays]


@pytest.mark.parametrize("instance", [i for i in INSTANCES if i.loss.reducible], ids=str)
def test_truth_is_the_derivative_of_itself(instance: Instance) -> None:
    """The gradients in truth.py are the derivatives of the values in truth.py: a slip in both files would have to be two."""
    truth = exact(instance)
    arrays = instance.sample(np.random.default_rng(3), 3)
    with mp.workdps(DIGITS):
        for row in zip(*arrays, strict=True):
            if instance.rows:
                check_row_derivative(truth, exact_row(row))
                continue
            inputs = [mpmath.mpf(float(x)) for x in row]
            for place, derivative in zip(instance.predictions, truth(*inputs)[1], strict=True):

                def along(x: Any, place: int = place, inputs: Any = inputs) -> Any:
                    return truth(*inputs[:place], x, *inputs[place + 1 :])[0]

                assert mpmath.almosteq(mpmath.diff(along, inputs[place]), derivative, rel_eps=mpmath.mpf("1e-40"))


def check_row_derivative(truth: Any, row: Any) -> None:
    """Each entry of the prediction, the last argument."""
    *targets, prediction = row
    for k, derivative in enumerate(truth(*row)[1][0]):

        def along(x: Any, k: int = k) -> Any:
            return truth(*targets, (*prediction[:k], x, *prediction[k + 1 :]))[0]

        assert mpmath.almosteq(mpmath.diff(along, prediction[k]), derivative, rel_eps=mpmath.mpf("1e-40"))


@pytest.mark.parametrize(
    ("found", "true", "error"),
    [
        (1.0, "1", 0),
        (float(np.nextafter(np.float32(1), np.float32(2))), "1", 1),
        (1.0, "1.00000001", 0.0839),
        (0.0, "0", 0),
        (0.0, "1.1e-38", 0),  # under the smallest normal number: zero is right too
        (-3e-39, "3e-39", 4281774),
        (0.0, "1.2e-38", 8563548),  # a dead gradient
        (math.inf, "1e39", 0),
        (math.inf, "1e38", 23692316),
        (-math.inf, "1e39", 16777216),
        (math.nan, "0", math.inf),
    ],
)
def test_ulp_counts_as_it_should(found: float, true: str, error: float) -> None:
    with mp.workdps(DIGITS):
        assert Truth([mpmath.mpf(true)], np.float32).ulps(np.array([found]))[0] == pytest.approx(error, rel=1e-3)


def test_table_has_a_row_for_every_output() -> None:
    rows = table([i for i in INSTANCES if i.loss.name in ("huber", "rmse")], [np.float32])
    assert [(row.loss, row.output) for row in rows] == [
        ("rmse", "value"), ("rmse", "d/dy_hat"), ("huber", "value"), ("huber", "d/dy_hat"),
    ]  # fmt: skip
    assert len(list(lines(rows))) == 5

"""The tests can fail: each check is given a loss or a card with one mistake in it, and has to find it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from instances import INSTANCES, Instance
from symbolic import equal
from test_battery import check_gradient
from test_meaning import check_elicits, check_noise
from test_oracles import check_equivalent
from test_properties import CHECKS
from truth import grid
from ulp import measure

import lossbook
from lossbook.card import Card, Equivalent, Noise
from lossbook.loss import Loss


def remade(
    loss: Loss, card: Card | None = None, derivative: Callable[..., Any] | None = None, terms: Callable[..., Any] | None = None
) -> Loss:
    """A copy of a loss with one part exchanged, outside the catalogue."""
    copy = Loss(
        terms or loss._terms, card or loss.card, loss.wrt, loss.reducible, loss.shared.get("reduction", "mean"), loss.layout
    )
    copy._counted, copy._inspects, copy.sampler = loss._counted, loss._inspects, loss.sampler
    copy.derivative(derivative or loss._derivative)
    return copy


def claiming(loss: Loss, **properties: Any) -> Loss:
    return remade(loss, card=replace(loss.card, properties=replace(loss.card.properties, **properties)))


def inputs(instance: Instance) -> Any:
    return instance.sample(np.random.default_rng(0), 12)


@pytest.mark.parametrize("instance", INSTANCES, ids=str)
def test_a_sign_in_the_gradient(instance: Instance) -> None:
    loss = instance.loss

    def flipped(*arrays: Any, **options: Any) -> Any:
        parts = loss._derivative(*arrays, **options)
        return (*parts[:-1], -parts[-1]) if isinstance(parts, tuple) else -parts

    flipped.__signature__ = inspect.signature(loss._derivative)  # what says whether it wants the value
    broken = Instance(remade(loss, derivative=flipped), instance.parameters)
    with pytest.raises(AssertionError):
        check_gradient(broken, inputs(broken))
    with pytest.raises(AssertionError, match="DISAGREES"):
        broken.loss.check(**instance.parameters)


def test_a_small_error_in_the_gradient() -> None:
    slightly = remade(lossbook.mse, derivative=lambda xp, y, y_hat: 2.00001 * (y_hat - y))
    with pytest.raises(AssertionError):
        check_gradient(Instance(slightly), inputs(Instance(slightly)))


WRONG = [
    (lossbook.general_robust, {"alpha": 0.0}, "convex", True),
    (lossbook.general_robust, {"alpha": 1.0}, "convex", False),
    (lossbook.gaussian_nll, {}, "convex", True),
    (lossbook.mse, {}, "convex", False),
    (lossbook.mse, {}, "smooth", 1),
    (lossbook.mae, {}, "smooth", 1),
    (lossbook.huber, {}, "smooth", math.inf),
    (lossbook.huber, {}, "smooth", 0),
    (lossbook.mse, {}, "lipschitz", 100),
    (lossbook.huber, {}, "lipschitz", None),
    (lossbook.huber, {"delta": 2.0}, "lipschitz", 1),
    (lossbook.huber, {"delta": 2.0}, "lipschitz", 2.1),
    (lossbook.mse, {}, "bounded_below", None),
    (lossbook.mse, {}, "bounded_below", 1),
    (lossbook.mse, {}, "bounded_below", -1),
    (lossbook.gaussian_nll, {}, "bounded_below", 0),
    (lossbook.pinball, {"tau": 0.9}, "symmetric", True),
    (lossbook.mse, {}, "symmetric", False),
    (lossbook.mse, {}, "homogeneous", 1),
    (lossbook.mse, {}, "homogeneous", None),
    (lossbook.huber, {}, "homogeneous", 1),
    (lossbook.mse, {}, "bounded_influence", True),
    (lossbook.mae, {}, "bounded_influence", False),
    (lossbook.gaussian_crps, {}, "proper", False),
    (lossbook.binary_cross_entropy_with_logits, {"pos_weight": 2.5}, "proper", True),
    (lossbook.binary_cross_entropy_with_logits, {"pos_weight": 2.5}, "symmetric", True),
    (lossbook.focal, {"gamma": 2.0}, "proper", True),
    (lossbook.focal, {"gamma": 2.0}, "convex", True),
    (lossbook.focal, {"gamma": 2.0}, "lipschitz", 1),
    (lossbook.hinge, {}, "smooth", 1),
    (lossbook.squared_hinge, {}, "lipschitz", 1),
    (lossbook.squared_hinge, {}, "lipschitz", True),
    (lossbook.sparse_softmax_cross_entropy, {}, "lipschitz", 1),
    (lossbook.sparse_softmax_cross_entropy, {"label_smoothing": 0.1}, "bounded_below", 0),
    (lossbook.sparse_softmax_cross_entropy, {"label_smoothing": 0.1}, "proper", True),
    (lossbook.sparse_softmax_cross_entropy, {"class_weight": (0.5, 1.0, 3.0)}, "symmetric", True),
    (lossbook.softmax_focal, {"gamma": 2.0}, "proper", True),
    (lossbook.multiclass_hinge, {}, "smooth", 1),
    (lossbook.kl_divergence, {}, "lipschitz", 10),
    (lossbook.brier, {}, "proper", False),
    (lossbook.cosine_distance, {}, "convex", True),
    (lossbook.cosine_distance, {}, "homogeneous", 1),
]


@pytest.mark.parametrize(("loss", "parameters", "name", "claim"), WRONG, ids=lambda v: v.name if isinstance(v, Loss) else str(v))
def test_a_property_that_does_not_hold(loss: Loss, parameters: dict[str, float], name: str, claim: Any) -> None:
    CHECKS[name](Instance(loss, parameters))
    with pytest.raises(AssertionError):
        CHECKS[name](Instance(claiming(loss, **{name: claim}), parameters))


def test_every_property_is_claimed_wrongly_once() -> None:
    assert {name for _, _, name, _ in WRONG} == set(CHECKS)


def test_an_improper_score_is_not_proper() -> None:
    """Without the term in the spread, the expected distance to the forecast rewards a forecast that is too sharp."""

    def sharp(xp: Any, y: Any, mean: Any, scale: Any) -> Any:
        return lossbook.gaussian_crps._terms(xp, y, mean, scale) + scale / math.sqrt(math.pi)

    def slope(xp: Any, y: Any, mean: Any, scale: Any) -> Any:
        first, second = lossbook.gaussian_crps._derivative(xp, y, mean, scale)
        return first, second + 1 / math.sqrt(math.pi)

    with pytest.raises(AssertionError, match="is not the best prediction"):
        CHECKS["proper"](Instance(remade(lossbook.gaussian_crps, terms=sharp, derivative=slope)))


@pytest.mark.parametrize("kinks", [(), ("0", "0.5"), ("0.5",)], ids=["one is missing", "one too many", "in the wrong place"])
def test_kinks_that_are_elsewhere(kinks: tuple[str, ...]) -> None:
    with pytest.raises(AssertionError):
        CHECKS["smooth"](Instance(remade(lossbook.mae, card=replace(lossbook.mae.card, kinks=kinks))))


def test_a_statistic_that_is_not_elicited() -> None:
    def eliciting(statistic: str) -> Instance:
        return Instance(remade(lossbook.mse, card=replace(lossbook.mse.card, elicits=statistic)))

    check_elicits(eliciting("mean"))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_elicits(eliciting("median"))
    with pytest.raises(AssertionError, match="elicits 'mode': say in STATISTICS"):
        check_elicits(eliciting("mode"))


def test_a_row_that_is_not_elicited() -> None:
    def eliciting(statistic: str) -> Instance:
        loss = lossbook.sparse_softmax_cross_entropy
        return Instance(remade(loss, card=replace(loss.card, elicits=statistic)))

    check_elicits(eliciting("log-probabilities"))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_elicits(eliciting("log-odds of each label"))


def test_a_mass_that_does_not_fit() -> None:
    noise = Noise("categorical", "", "np.log(np.sum(y * p, axis=-1)) / 2")
    with pytest.raises(AssertionError):
        check_noise(Instance(remade(lossbook.cross_entropy, card=replace(lossbook.cross_entropy.card, assumption=noise))))


def test_a_noise_model_that_does_not_fit() -> None:
    noise = Noise("Gaussian", "", "stats.norm.logpdf(y, y_hat, 1.0)")  # whose variance should be one half
    with pytest.raises(AssertionError):
        check_noise(Instance(remade(lossbook.mse, card=replace(lossbook.mse.card, assumption=noise))))


@pytest.mark.parametrize(
    "equivalent",
    [
        Equivalent("PyTorch", "F.mse_loss(y_hat, y)", factor="0.5"),
        Equivalent("PyTorch", "F.mse_loss(y_hat, y)", reduction="sum"),
        Equivalent("PyTorch", "F.l1_loss(y_hat, y)"),
        Equivalent("Optax", "optax.l2_loss(y_hat, y)", reduction="none"),
        Equivalent("Keras", "keras.losses.mean_squared_error(y, y_hat)", factor="1.00001"),
    ],
    ids=str,
)
def test_an_equivalent_that_is_not(equivalent: Equivalent) -> None:
    with pytest.raises(AssertionError):
        check_equivalent(Instance(lossbook.mse), equivalent)


def test_a_wrong_digit_is_found_on_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form of log-cosh that other libraries use, and a gradient that dies where the error is small."""
    [instance] = [i for i in INSTANCES if i.loss.name == "log_cosh"]
    assert len(list(grid(instance, np.float32))) == 1

    def poor(y: Any, y_hat: Any) -> Any:
        error = y_hat - y
        size = np.abs(error)
        return size + np.log1p(np.exp(-2 * size)) - np.float32(math.log(2)), np.where(size < 1e-3, 0, np.tanh(error))

    monkeypatch.setattr(Loss, "value_and_grad", lambda self, y, y_hat, **_: poor(y, y_hat))
    value, gradient = measure(instance, np.float32)
    assert len(value.breaches) > 100
    assert gradient.breaches


def test_a_wrong_formula_is_not_proved() -> None:
    x = sp.Symbol("x", positive=True)
    point = {x: sp.Rational(1, 3)}
    assert equal(sp.log(sp.cosh(x)), x + sp.log(1 + sp.exp(-2 * x)) - sp.log(2), point)
    assert equal(sp.sqrt(x**2 + 2 * x + 1), x + 1, point)
    assert not equal(sp.log(sp.cosh(x)), x**2 / 2, point)
    assert not equal(x, -x, point)
    assert not equal(x**2, x / 3, point)  # equal at the point alone

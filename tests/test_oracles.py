"""What other libraries say: every equivalent on a card is run, and gradients are compared with hand-written ones of others."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import statsmodels.api as sm
import torch
from instances import APART, INSTANCES, Arrays, Instance
from mpmath import mp
from sklearn._loss import loss as sklearn_loss

import lossbook
from lossbook.card import LIBRARIES, Equivalent, evaluate

ROOT = Path(__file__).parents[1]

#: What each library takes; NumPy arrays unless named here.
CONVERT: dict[str, Callable[[np.ndarray], Any]] = {
    "PyTorch": torch.from_numpy,
    "kornia": torch.from_numpy,
    "Keras": torch.from_numpy,
    "Optax": jnp.asarray,
}
#: Keras takes its means in float32, whatever comes in, and clips probabilities.
RTOL = {"Keras": 1e-5}
#: The distributions whose versions a comparison depends on.
DISTRIBUTIONS = (
    "torch", "scikit-learn", "scipy", "statsmodels", "keras", "optax", "scoringrules", "kornia",
    "jax", "jaxlib", "numpy", "mpmath", "sympy", "array-api-compat", "array-api-strict",
)  # fmt: skip


def scope(library: str) -> dict[str, Any]:
    """The names that a call in this library may use."""
    names: dict[str, Any] = {"np": np}
    try:
        with mock.patch.dict(os.environ, KERAS_BACKEND="torch"):
            exec(LIBRARIES[library], names)
    except ImportError as error:
        pytest.fail(f"{library} cannot be imported ({error}). Install it: pip install -r requirements-dev.txt")
    return names


@pytest.mark.parametrize("library", LIBRARIES)
def test_library_is_installed(library: str) -> None:
    scope(library)


def pins() -> dict[str, str]:
    text = "\n".join((ROOT / name).read_text() for name in ("requirements.txt", "requirements-dev.txt"))
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;#]+)", text, re.MULTILINE))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_installed_version_is_the_pinned_one(distribution: str) -> None:
    installed = metadata.version(distribution).partition("+")[0]  # torch 2.13.0+cpu is torch 2.13.0
    assert installed == pins()[distribution], "install what is pinned: pip install -r requirements.txt -r requirements-dev.txt"


def moderate(instance: Instance, seed: int) -> Arrays:
    """One axis, since Keras and scikit-learn treat a second one as outputs, and sizes at which no library clips:
    PyTorch's Gaussian likelihood does so at a variance of 1e-6.
    """
    arrays = instance.sample(np.random.default_rng(seed), 9)
    return tuple(a if instance.rows else np.clip(a, -8, 8 if instance.of_classes else None).ravel() for a in arrays)


def check_equivalent(instance: Instance, equivalent: Equivalent) -> None:
    """The loss is the other library's answer times the factor, for several inputs."""
    names = scope(equivalent.library)
    for seed in range(4):
        arrays = moderate(instance, seed)
        if equivalent.hard:
            hard = {name: instance.card.domain_of(name).hardened for name in instance.loss.targets}
            arrays = tuple(hard.get(n, np.asarray)(a) for n, a in zip(instance.loss.arguments, arrays, strict=True))
        convert = CONVERT.get(equivalent.library, np.asarray)
        given = {name: convert(a) for name, a in zip(instance.loss.arguments, arrays, strict=True)}
        theirs = np.asarray(eval(equivalent.call, names | dict(instance.parameters) | given))
        ours = np.asarray(instance(*arrays, **instance.unreduced(equivalent.reduction)))
        assert theirs.shape == ours.shape
        assert theirs.dtype == np.float64 or equivalent.library == "Keras"  # whose hinge makes the labels float32
        factor = evaluate(equivalent.factor, instance.parameters)
        rtol = RTOL.get(equivalent.library, 1e-11)
        np.testing.assert_allclose(ours, factor * theirs, rtol=rtol, atol=1e-14, err_msg=f"{instance}: {equivalent.call}")


def cases() -> Iterator[Any]:
    for instance in INSTANCES:
        for equivalent in instance.card.equivalents:
            if evaluate(equivalent.when, instance.parameters):
                yield pytest.param(instance, equivalent, id=f"{instance}: {equivalent.call}")


@pytest.mark.parametrize(("instance", "equivalent"), list(cases()))
def test_equivalent(instance: Instance, equivalent: Equivalent) -> None:
    check_equivalent(instance, equivalent)


def test_every_equivalent_is_run() -> None:
    run = {(case.values[0].loss.name, case.values[1]) for case in cases()}
    assert run == {(name, e) for name, loss in lossbook.catalogue.items() if name not in APART for e in loss.card.equivalents}


@pytest.mark.parametrize("instance", INSTANCES, ids=str)
def test_the_check_of_the_page_agrees(instance: Instance) -> None:
    report = instance.loss.check(**instance.parameters)
    assert not report.failures
    assert "central differences" in repr(report)
    assert max(map(len, repr(report).splitlines())) <= 88, "a page shows no more"


# Gradients that others wrote by hand


def by_sklearn(loss: Any) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda y, raw: loss.gradient(y_true=y, raw_prediction=raw)


def gradient_oracles() -> Iterator[Any]:
    for instance in INSTANCES:
        p = instance.parameters
        oracles: dict[str, list[tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]]] = {
            "mse": [("HalfSquaredError", lambda y, raw: 2 * by_sklearn(sklearn_loss.HalfSquaredError())(y, raw))],
            "mae": [("AbsoluteError", by_sklearn(sklearn_loss.AbsoluteError()))],
            "pinball": [("PinballLoss", by_sklearn(sklearn_loss.PinballLoss(quantile=p.get("tau", 0.5))))],
            "huber": [
                ("HuberLoss", by_sklearn(sklearn_loss.HuberLoss(delta=p.get("delta", 1.0)))),
                ("HuberT.psi", lambda y, raw, p=p: sm.robust.norms.HuberT(t=p["delta"]).psi(raw - y)),
            ],
            "smooth_l1": [("HuberT.psi", lambda y, raw, p=p: sm.robust.norms.HuberT(t=p["beta"]).psi(raw - y) / p["beta"])],
            "poisson_nll": [("HalfPoissonLoss", by_sklearn(sklearn_loss.HalfPoissonLoss()))],
        }
        if p.get("pos_weight") == 1:
            oracles["binary_cross_entropy_with_logits"] = [("HalfBinomialLoss", by_sklearn(sklearn_loss.HalfBinomialLoss()))]
        if not any(p.get(name) for name in ("label_smoothing", "class_weight", "ignore_index")):
            multinomial = sklearn_loss.HalfMultinomialLoss(n_classes=3)
            oracles["sparse_softmax_cross_entropy"] = [
                ("HalfMultinomialLoss", lambda y, raw, loss=multinomial: loss.gradient(y.astype(float), raw))
            ]
        for name, gradient in oracles.get(instance.loss.name, []):
            yield pytest.param(instance, gradient, id=f"{instance}: {name}")


@pytest.mark.parametrize(("instance", "gradient"), list(gradient_oracles()))
def test_gradient_of_another_hand(instance: Instance, gradient: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    for seed in range(4):
        y, prediction = moderate(instance, seed)
        [ours] = instance.grad(y, prediction, reduction="none")
        np.testing.assert_allclose(ours, gradient(y, prediction), rtol=1e-12, atol=1e-14)


# Definitions that are integrals


def test_crps_is_the_integral_of_its_definition() -> None:
    """The integral over t of (F(t) − 1{t ≥ y})², by quadrature."""
    rng = np.random.default_rng(0)
    with mp.workdps(30):
        for y, mean, scale in zip(rng.normal(0, 2, 5), rng.normal(size=5), rng.lognormal(size=5), strict=True):
            below = mpmath.quad(lambda t, m=mean, s=scale: mpmath.ncdf(t, m, s) ** 2, [-mpmath.inf, mean - 5 * scale, y])
            above = mpmath.quad(lambda t, m=mean, s=scale: mpmath.ncdf(-t, -m, s) ** 2, [y, mean + 5 * scale, mpmath.inf])
            ours = lossbook.gaussian_crps(*(np.array([x]) for x in (y, mean, scale)))
            assert ours == pytest.approx(float(below + above), rel=1e-12)


def test_crps_is_an_expected_distance() -> None:
    """E|X − y| − E|X − X'|/2 for independent X, X' of the predicted distribution (Gneiting and Raftery 2007, equation 21)."""
    z, step = np.linspace(-9, 9, 3001, retstep=True)
    probability = np.exp(-z * z / 2) * step / np.sqrt(2 * np.pi)
    for y, mean, scale in ((0.3, 0.0, 1.0), (-2.0, 1.0, 0.5)):
        x = mean + scale * z
        spread = probability @ np.abs(x[:, None] - x[None]) @ probability
        ours = lossbook.gaussian_crps(*(np.array([v]) for v in (y, mean, scale)))
        assert ours == pytest.approx(np.abs(x - y) @ probability - spread / 2, abs=1e-5)


def test_distillation_in_keras_depends_on_how_its_loss_is_given() -> None:
    """The page on distillation says so: by name it gets neither softmax nor temperature squared, as an object both."""
    keras = scope("Keras")["keras"]
    teacher, student = (torch.from_numpy(a) for a in np.random.default_rng(0).normal(0, 2, (2, 8, 5)))
    ours = float(lossbook.distillation(teacher, student, temperature=3.0))
    kinds = {"object": keras.losses.KLDivergence(), "name": "kl_divergence"}
    theirs = {
        kind: float(keras.distillation.LogitsDistillation(temperature=3.0, loss=given).compute_loss(teacher, student))
        for kind, given in kinds.items()
    }
    assert theirs["object"] == pytest.approx(ours, rel=1e-5)
    assert theirs["name"] != pytest.approx(ours, rel=0.5)

"""Losses of classes: how they are related, what does not count, and what they say of labels and probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import special
from test_messages import refuses, with_

import lossbook as lb

RNG = np.random.default_rng(0)
Z = RNG.normal(0, 3, (12, 4))
LABELS = RNG.integers(0, 4, 12)
HOT = np.eye(4)[LABELS]
P, Q = special.softmax(RNG.normal(size=(2, 12, 4)), axis=-1)
NONE: dict[str, Any] = {"reduction": "none"}


def same(left: Any, right: Any, rtol: float = 1e-13) -> None:
    np.testing.assert_allclose(left, right, rtol=rtol, atol=1e-15)


def both(loss: Any, *arrays: Any, **options: Any) -> tuple[Any, Any]:
    value, gradient = loss.value_and_grad(*arrays, **NONE, **options)
    return value, gradient


# How they are related


def test_softmax_with_two_classes_is_the_sigmoid_of_the_difference() -> None:
    two, y = Z[:, :2], LABELS % 2
    value, gradient = both(lb.sparse_softmax_cross_entropy, y, two)
    binary, slope = both(lb.binary_cross_entropy_with_logits, y, two[:, 1] - two[:, 0])
    same(value, binary)
    same(gradient, np.stack([-slope, slope], axis=-1), rtol=1e-12)
    focal, _ = both(lb.focal, y, two[:, 1] - two[:, 0], gamma=1.5)
    same(both(lb.softmax_focal, y, two, gamma=1.5)[0], focal)


def test_logits_are_the_probabilities_that_they_stand_for() -> None:
    same(lb.softmax_cross_entropy(P, Z, **NONE), lb.cross_entropy(P, special.softmax(Z, axis=-1), **NONE), rtol=1e-11)
    y = (LABELS % 2).astype(float)
    same(lb.binary_cross_entropy_with_logits(y, Z[:, 0], **NONE), lb.binary_cross_entropy(y, special.expit(Z[:, 0]), **NONE))


def test_sparse_is_dense_with_one_hot_rows() -> None:
    for ours, theirs in zip(
        both(lb.sparse_softmax_cross_entropy, LABELS, Z), both(lb.softmax_cross_entropy, HOT, Z), strict=True
    ):
        same(ours, theirs)


def test_focal_without_gamma_is_cross_entropy() -> None:
    for ours, theirs in zip(
        both(lb.softmax_focal, LABELS, Z, gamma=0.0), both(lb.sparse_softmax_cross_entropy, LABELS, Z), strict=True
    ):
        same(ours, theirs, rtol=1e-11)
    y = (LABELS % 2).astype(float)
    plain = lb.binary_cross_entropy_with_logits(y, Z[:, 0], **NONE)
    same(lb.focal(y, Z[:, 0], gamma=0.0, **NONE), plain)
    same(lb.focal(y, Z[:, 0], gamma=0.0, alpha=0.25, **NONE), np.where(y == 1, 0.25, 0.75) * plain)


def test_divergence_is_cross_entropy_less_entropy() -> None:
    same(lb.kl_divergence(P, Q, **NONE), lb.cross_entropy(P, Q, **NONE) - lb.cross_entropy(P, P, **NONE), rtol=1e-11)
    same(lb.kl_divergence.grad(P, Q, **NONE), lb.cross_entropy.grad(P, Q, **NONE))
    same(lb.kl_divergence(HOT, Q, **NONE), lb.cross_entropy(HOT, Q, **NONE))


def test_distillation_from_a_sure_teacher_is_cross_entropy() -> None:
    for ours, theirs in zip(
        both(lb.distillation, 1000 * HOT, Z, temperature=1.0), both(lb.sparse_softmax_cross_entropy, LABELS, Z), strict=True
    ):
        same(ours, theirs, rtol=1e-9)


def test_distillation_at_a_high_temperature_matches_logits() -> None:
    """Hinton, Vinyals and Dean (2015), equation 4: the gradient tends to (s − t)/K, each less its mean."""
    teacher = Z[::-1]
    centred = (Z - Z.mean(-1, keepdims=True)) - (teacher - teacher.mean(-1, keepdims=True))
    np.testing.assert_allclose(lb.distillation.grad(teacher, Z, temperature=1e5, **NONE), centred / 4, rtol=1e-2, atol=1e-3)


def test_smoothing_the_labels_is_smoothing_the_loss() -> None:
    smooth = lb.smooth_labels(HOT, 0.2)
    same(lb.softmax_cross_entropy(smooth, Z, **NONE), lb.sparse_softmax_cross_entropy(LABELS, Z, label_smoothing=0.2, **NONE))
    same(smooth.sum(-1), 1)
    for convert in (torch.asarray, jnp.asarray):
        np.testing.assert_allclose(np.asarray(lb.smooth_labels(convert(HOT), epsilon=0.2)), smooth)
    same(lb.smooth_labels(HOT), 0.9 * HOT + 0.025)


def test_tokens_are_examples() -> None:
    labels, z = LABELS.reshape(3, 4), Z.reshape(3, 4, 4)
    mask = np.arange(12).reshape(3, 4) % 3 != 0
    ignored = np.where(mask, labels, -100)
    for options in ({}, {"label_smoothing": 0.1}):
        ours = lb.token_cross_entropy.value_and_grad(labels, z, mask=mask, **options)
        theirs = lb.sparse_softmax_cross_entropy.value_and_grad(ignored, z, ignore_index=-100, **options)
        same(ours[0], theirs[0])
        same(ours[1], theirs[1])


def test_sums_of_binary_losses() -> None:
    y = (RNG.random((12, 4)) < 0.5).astype(float)
    same(lb.sigmoid_cross_entropy(y, Z, **NONE), lb.binary_cross_entropy_with_logits(y, Z, **NONE).sum(-1))
    p = special.expit(Z[:, 0])
    two = [np.stack([1 - a, a], axis=-1) for a in (y[:, 0], p)]
    same(lb.brier(*two, **NONE), 2 * (p - y[:, 0]) ** 2)
    same(lb.squared_hinge(2 * y - 1, Z, **NONE), lb.hinge(2 * y - 1, Z, **NONE) ** 2)
    scores = np.stack([-Z[:, 0] / 2, Z[:, 0] / 2], axis=-1)
    same(lb.multiclass_hinge(y[:, 0].astype(int), scores, **NONE), lb.hinge(2 * y[:, 0] - 1, Z[:, 0], **NONE))


def test_adding_one_number_to_all_logits_changes_nothing() -> None:
    for loss, target in ((lb.sparse_softmax_cross_entropy, LABELS), (lb.softmax_focal, LABELS), (lb.multiclass_hinge, LABELS)):
        same(loss(target, Z + 7, **NONE), loss(target, Z, **NONE), rtol=1e-10)
        np.testing.assert_allclose(loss.grad(target, Z, **NONE).sum(-1), 0, atol=1e-14)


# What does not count


LIBRARIES: dict[str, Callable[[Any], Any]] = {"NumPy": np.asarray, "PyTorch": torch.asarray, "JAX": jnp.asarray}
EACH_LIBRARY = pytest.mark.parametrize("convert", LIBRARIES.values(), ids=LIBRARIES)


def ignoring(convert: Callable[[Any], Any]) -> list[tuple[Any, tuple[Any, ...], dict[str, Any]]]:
    """The losses that can ignore, with examples 1 and 5 ignored, whatever stands there: −100 or 99, NaN or infinity."""
    z = Z.copy()
    z[1], z[5, 2] = math.nan, math.inf
    labels, mask = LABELS.copy(), np.ones(12)
    labels[[1, 5]], mask[[1, 5]] = -100, 0
    wild = with_(labels, 5, 99)
    return [
        (lb.sparse_softmax_cross_entropy, (convert(labels), convert(z)), {"ignore_index": -100}),
        (lb.sparse_softmax_cross_entropy, (convert(labels), convert(z)), {"ignore_index": -100, "label_smoothing": 0.1}),
        (lb.token_cross_entropy, (convert(wild), convert(z)), {"mask": convert(mask)}),
        (lb.token_cross_entropy, (convert(wild), convert(z)), {"mask": convert(mask != 0)}),
        (lb.token_cross_entropy, (convert(wild), convert(z)), {"mask": convert(mask.astype(int))}),
    ]


@EACH_LIBRARY
def test_what_is_ignored_is_not_there(convert: Callable[[Any], Any]) -> None:
    keep = np.delete(np.arange(12), [1, 5])
    for loss, arrays, options in ignoring(convert):
        rest = {k: v for k, v in options.items() if k == "label_smoothing"}
        value, gradient = loss.value_and_grad(*arrays, **options)
        same(value, loss(LABELS[keep], Z[keep], **rest))
        same(np.asarray(gradient)[keep], loss.grad(LABELS[keep], Z[keep], **rest))
        assert np.all(np.asarray(gradient)[[1, 5]] == 0)
        each = np.asarray(loss(*arrays, **options, **NONE))
        assert np.all(each[[1, 5]] == 0)
        same(loss(*arrays, **options, reduction="sum"), each.sum())
        # A weight multiplies, and is not counted: the mean divides by the ten that count.
        weight = np.arange(12.0)
        same(loss(*arrays, **options, weight=convert(weight)), (each * weight).sum() / 10)
        same(loss.grad(*arrays, **options, weight=convert(weight)), np.asarray(gradient) * weight[:, None])


def test_autograd_sees_nothing_of_what_is_ignored() -> None:
    for loss, (labels, z), options in ignoring(torch.asarray):
        z = z.clone().requires_grad_()
        loss(labels, z, **options).backward()
        same(z.grad, loss.grad(labels, z.detach(), **options), rtol=1e-11)
    for loss, (labels, z), options in ignoring(jnp.asarray):
        by_jax = jax.jit(jax.grad(lambda x, loss=loss, labels=labels, options=options: loss(labels, x, **options)))(z)
        same(by_jax, loss.grad(labels, z, **options), rtol=1e-11)


@EACH_LIBRARY
def test_nothing_left_to_average(convert: Callable[[Any], Any]) -> None:
    """The mean of no examples is refused where that can be seen; PyTorch's is NaN. A sum over nothing is 0."""
    nobody, z, zeros = convert(np.full(12, -100)), convert(Z), convert(np.zeros(12))
    message = "every example is ignored; nothing is left to average. reduction='sum' gives 0"
    sparse, token = lb.sparse_softmax_cross_entropy, lb.token_cross_entropy
    for call in (sparse, sparse.grad, sparse.value_and_grad):
        refuses(ValueError, message, lambda call=call: call(nobody, z, ignore_index=-100))
    refuses(ValueError, message, lambda: token(convert(LABELS), z, mask=zeros))
    assert sparse(nobody, z, ignore_index=-100, reduction="sum") == 0
    assert np.all(np.asarray(sparse.grad(nobody, z, ignore_index=-100, **NONE)) == 0)
    assert np.all(np.asarray(token(convert(LABELS), z, mask=zeros, **NONE)) == 0)
    assert torch.isnan(F.cross_entropy(torch.asarray(Z), torch.full((12,), -100)))


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`", "ignore:`torch.jit:DeprecationWarning")
def test_nothing_left_to_average_where_nobody_can_see() -> None:
    """Under jit and compile: 0, and a gradient of 0, never NaN."""
    nobody = np.full(12, -100)

    def call(labels: Any, z: Any) -> Any:
        return lb.sparse_softmax_cross_entropy.value_and_grad(labels, z, ignore_index=-100)

    torch.compiler.reset()
    compiled = torch.compile(call, fullgraph=True, backend="eager")(torch.asarray(nobody), torch.asarray(Z))
    for value, gradient in (jax.jit(call)(jnp.asarray(nobody), jnp.asarray(Z)), compiled):
        assert value == 0
        assert np.all(np.asarray(gradient) == 0)
    by_jax = jax.jit(jax.grad(lambda z: call(jnp.asarray(nobody) + 0 * z[:, 0].astype(int), z)[0]))(jnp.asarray(Z))
    assert np.all(by_jax == 0)


def test_masks_and_masked_labels_under_jit() -> None:
    mask = np.arange(12) % 2
    arrays = [jnp.asarray(a) for a in (LABELS, Z, mask)]

    def call(y: Any, z: Any, m: Any) -> Any:
        return lb.token_cross_entropy(y, z, mask=m)

    expected = lb.token_cross_entropy(LABELS, Z, mask=mask)
    same(jax.jit(call)(*arrays), expected)
    same(jax.vmap(call)(*(a[None] for a in arrays)), [expected])


def test_weights_of_classes_are_not_counted() -> None:
    """Ours: each example's whole loss times the weight of its label, over the number of examples."""
    weight = np.array([0.5, 1.0, 2.0, 4.0])
    each = lb.sparse_softmax_cross_entropy(LABELS, Z, **NONE)
    ours = lb.sparse_softmax_cross_entropy(LABELS, Z, class_weight=weight)
    same(ours, (weight[LABELS] * each).mean())
    same(lb.sparse_softmax_cross_entropy(LABELS, Z, class_weight=list(weight)), ours)
    y, z, w = torch.asarray(LABELS), torch.asarray(Z), torch.asarray(weight)
    theirs = F.cross_entropy(z, y, weight=w)
    same(theirs * weight[LABELS].mean(), ours)  # PyTorch's divides by the sum of the labels' weights


def test_smoothing_with_class_weights_is_not_pytorchs() -> None:
    """PyTorch weighs the term of each class by that class's weight, ours by the label's; they agree for equal weights."""
    weight, eps = np.array([0.5, 1.0, 2.0, 4.0]), 0.2
    y, z, w = torch.asarray(LABELS), torch.asarray(Z), torch.asarray(weight)
    ours = lb.sparse_softmax_cross_entropy(LABELS, Z, class_weight=weight, label_smoothing=eps, **NONE)
    theirs = F.cross_entropy(z, y, weight=w, label_smoothing=eps, reduction="none").numpy()
    surprise = -special.log_softmax(Z, axis=-1)
    same(ours, weight[LABELS] * ((1 - eps) * surprise[np.arange(12), LABELS] + eps * surprise.mean(-1)))
    same(theirs, (1 - eps) * weight[LABELS] * surprise[np.arange(12), LABELS] + eps * (weight * surprise).mean(-1))
    assert np.max(np.abs(ours - theirs)) > 0.1
    equal = F.cross_entropy(z, y, weight=0 * w + 3, label_smoothing=eps, reduction="none")
    same(lb.sparse_softmax_cross_entropy(LABELS, Z, class_weight=[3] * 4, label_smoothing=eps, **NONE), equal)


# What they say


@EACH_LIBRARY
@pytest.mark.parametrize("loss", [lb.sparse_softmax_cross_entropy, lb.softmax_focal, lb.multiclass_hinge, lb.token_cross_entropy])
def test_labels(loss: Any, convert: Callable[[Any], Any]) -> None:
    z, name = convert(Z), loss.name
    refuses(
        TypeError, rf"^{name}: labels has dtype (torch\.)?float64; expected integers\.$", lambda: loss(convert(LABELS * 1.0), z)
    )
    refuses(TypeError, r"labels has dtype (torch\.)?bool; expected integers", lambda: loss(convert(LABELS > 1), z))
    refuses(
        ValueError,
        rf"^{name}: labels\[2\] is 4; labels must lie in {{0, …, 3}}\.$",
        lambda: loss(convert(with_(LABELS, 2, 4)), z),
    )
    refuses(ValueError, r"labels\[0\] is -1; labels must lie", lambda: loss.grad(convert(with_(LABELS, 0, -1)), z))
    refuses(ValueError, r"of one-hot rows or probabilities pass labels\.argmax\(-1\)", lambda: loss(convert(HOT.astype(int)), z))
    refuses(ValueError, r"labels has shape \(12, 1\); expected \(12,\).*labels\.reshape\(\(12,\)\) may be what",
            lambda: loss(convert(LABELS[:, None]), z))  # fmt: skip
    refuses(ValueError, r"labels has shape \(11,\); expected \(12,\)", lambda: loss(convert(LABELS[:11]), z))
    refuses(ValueError, r"the classes, has length 1, and a choice of one is none", lambda: loss(convert(0 * LABELS), z[:, :1]))
    refuses(ValueError, r"expected the axes \(\.\.\., K\)", lambda: loss(convert(np.array(1)), convert(np.array(1.0))))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64])
@EACH_LIBRARY
def test_small_integers_name_many_classes(dtype: Any, convert: Callable[[Any], Any]) -> None:
    """300 classes do not fit into uint8, in which −100 is 156; the labels do."""
    labels, z = np.array([0, 100, 127]), np.random.default_rng(1).normal(size=(3, 300))
    expected = lb.sparse_softmax_cross_entropy(labels, z, ignore_index=-100)
    same(lb.sparse_softmax_cross_entropy(convert(labels.astype(dtype)), convert(z), ignore_index=-100), expected)


def test_probabilities() -> None:
    for loss, name in ((lb.cross_entropy, "p"), (lb.brier, "p"), (lb.kl_divergence, "q")):
        refuses(ValueError, rf"^{loss.name}: {name}\[3\] sums to 1\.5; {name} must hold probabilities that sum to 1 over",
                lambda loss=loss: loss(P, with_(Q, 3, Q[3] * 1.5)))  # fmt: skip
        refuses(ValueError, rf"{name}\[0, 1\] is -0\.5; {name} must hold", lambda loss=loss: loss(P, with_(Q, (0, 1), -0.5)))
        refuses(ValueError, rf"{name}\[0, 1\] is nan", lambda loss=loss: loss(P, with_(Q, (0, 1), math.nan)))
        refuses(ValueError, r"sums to 0;", lambda loss=loss: loss(0 * P, Q))
        refuses(ValueError, r"p has shape|y has shape", lambda loss=loss: loss(P[:, :3], Q))
        refuses(ValueError, r"the classes, has length 1", lambda loss=loss: loss(np.ones((2, 1)), np.ones((2, 1))))
    refuses(ValueError, r"^softmax_cross_entropy: y\[0\] sums to 0.5", lambda: lb.softmax_cross_entropy(HOT / 2, Z))
    refuses(ValueError, r"y\[0, 0\] is 2; y must lie in \[0, 1\]", lambda: lb.sigmoid_cross_entropy(2 + 0 * HOT.astype(int), Z))
    # Rounding is forgiven: softmax in a narrow dtype, also where it was widened since.
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        p = torch.asarray(Z).to(dtype).softmax(-1)
        assert torch.isfinite(lb.cross_entropy(torch.asarray(HOT), p))
    assert math.isfinite(lb.cross_entropy(HOT, special.softmax(Z.astype(np.float32), axis=-1).astype(np.float64)))
    assert lb.cross_entropy(HOT.astype(int), HOT) == 0


@pytest.mark.filterwarnings("error")
def test_impossible_is_infinite_without_a_warning() -> None:
    for loss in (lb.cross_entropy, lb.kl_divergence):
        y, p = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])
        np.testing.assert_array_equal(loss(y, p, **NONE), [math.inf, 0])
        np.testing.assert_array_equal(loss.grad(y, p, **NONE), [[-math.inf, 0], [0, -1]])


def test_parameters_that_are_arrays() -> None:
    def call(weight: Any, z: Any = Z, labels: Any = LABELS) -> Any:
        return lb.sparse_softmax_cross_entropy(labels, z, class_weight=weight)

    refuses(ValueError, r"^sparse_softmax_cross_entropy: class_weight has shape \(3,\); expected \(4,\), one number a class\.$",
            lambda: call([1, 2, 3]))  # fmt: skip
    refuses(ValueError, r"class_weight\[1\] is -1\.0; class_weight must lie in \[0, ∞\)", lambda: call([1, -1, 1, 1]))
    refuses(TypeError, r"class_weight is a float; expected the same kind of array as the others, NumPy", lambda: call(2.0))
    refuses(TypeError, r"class_weight is a Tensor; expected", lambda: call(torch.ones(4)))
    refuses(TypeError, r"class_weight is a list; expected", lambda: call(["a", "b", "c", "d"]))
    refuses(TypeError, r"class_weight has dtype complex128", lambda: call(np.ones(4) + 0j))
    refuses(
        ValueError, r"^softmax_focal: alpha has shape \(2,\); expected \(4,\)", lambda: lb.softmax_focal(LABELS, Z, alpha=[1, 1])
    )
    refuses(ValueError, r"^token_cross_entropy: mask has shape \(4,\); expected \(12,\), one a token",
            lambda: lb.token_cross_entropy(LABELS, Z, mask=np.ones(4)))  # fmt: skip
    refuses(
        ValueError, r"mask\[0\] is 0\.5; mask must be 0 or 1", lambda: lb.token_cross_entropy(LABELS, Z, mask=np.full(12, 0.5))
    )
    refuses(
        TypeError,
        r"ignore_index must be one integer, got 1\.5",
        lambda: lb.sparse_softmax_cross_entropy(LABELS, Z, ignore_index=1.5),
    )
    refuses(ValueError, r"label_smoothing must lie in \[0, 1\], got 1\.5",
            lambda: lb.sparse_softmax_cross_entropy(LABELS, Z, label_smoothing=1.5))  # fmt: skip
    refuses(ValueError, r"margin must lie in \(0, ∞\), got 0", lambda: lb.multiclass_hinge(LABELS, Z, margin=0))
    refuses(ValueError, r"temperature must lie in \(0, ∞\), got 0", lambda: lb.distillation(Z, Z, temperature=0))
    assert call([1, 1, 1, 1], Z.astype(np.float32)).dtype == np.float32
    same(call(torch.ones(4), torch.asarray(Z), torch.asarray(LABELS)), call(None))
    compiled = jax.jit(lambda w: lb.sparse_softmax_cross_entropy(jnp.asarray(LABELS), jnp.asarray(Z), class_weight=w))
    same(compiled(jnp.asarray([1.0, 2, 3, 4])), call([1, 2, 3, 4]))


def test_smooth_labels_refuses() -> None:
    refuses(
        TypeError, "^smooth_labels: y is a list; expected a NumPy, PyTorch or JAX array", lambda: lb.smooth_labels([0.0, 1.0])
    )
    refuses(ValueError, r"^smooth_labels: y\[0\] sums to 0.5; y must hold probabilities", lambda: lb.smooth_labels(HOT / 2))
    refuses(ValueError, r"^smooth_labels: epsilon must lie in \[0, 1\], got 2", lambda: lb.smooth_labels(HOT, epsilon=2))


# Where other libraries stop


def test_no_dead_gradient() -> None:
    """At a margin of 17 float32's usual forms give exactly 0; the loss is e^-17, and its gradient as much."""
    z = np.array([[17.0, 0.0]], dtype=np.float32)
    value, gradient = lb.sparse_softmax_cross_entropy.value_and_grad(np.array([0]), z)
    assert value == pytest.approx(math.exp(-17), rel=1e-6)
    np.testing.assert_allclose(gradient, [[-math.exp(-17), math.exp(-17)]], rtol=1e-6)
    assert F.cross_entropy(torch.asarray(z), torch.tensor([0])) == 0
    for gamma in (0.0, 0.3, 0.5, 2.0):
        for far in (17.0, 1e4, -1e4):
            tensor = torch.tensor([far], dtype=torch.float32, requires_grad=True)
            lb.focal(torch.ones(1), tensor, gamma=gamma).backward()
            assert torch.isfinite(tensor.grad).all()
            hand = lb.focal.grad(torch.ones(1), tensor.detach(), gamma=gamma)
            torch.testing.assert_close(tensor.grad, hand, rtol=1e-5, atol=1e-30)


def test_a_class_that_is_ruled_out_and_not_asked_for() -> None:
    """Under jit, where minus infinity as a logit is not refused: PyTorch's 0 times infinity is NaN."""
    y, z = np.array([[1.0, 0.0, 0.0]]), np.array([[1.0, 0.0, -math.inf]])
    value, gradient = jax.jit(lb.softmax_cross_entropy.value_and_grad)(jnp.asarray(y), jnp.asarray(z))
    assert value == pytest.approx(math.log1p(math.exp(-1)))
    np.testing.assert_allclose(gradient, [[special.expit(1) - 1, special.expit(-1), 0]], atol=1e-15)
    assert torch.isnan(F.cross_entropy(torch.asarray(z), torch.asarray(y)))


def test_the_series_of_the_excess() -> None:
    """exp(r) − 1 − r, behind distillation: in both dtypes within a few units of the last place."""
    from lossbook.sequences import _excess

    r = np.concatenate([s * np.logspace(-12, -1e-9, 200) for s in (1, -1)])
    exact = np.array([float(special.hyp1f1(1, 3, x) * x * x / 2) for x in r])
    np.testing.assert_allclose(_excess(np, r), exact, rtol=3e-15)
    np.testing.assert_allclose(_excess(np, r.astype(np.float32)), exact, rtol=2e-6)

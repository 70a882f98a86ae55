"""CTC, whose arguments hang together: against all alignments written out, PyTorch, autograd and 50 digits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import pytest
import torch
import torch.nn.functional as F
from mpmath import mp, mpf
from test_messages import refuses, with_
from ulp import Truth

from lossbook import ctc

Call = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def call(seed: int = 0, frames: int = 4, examples: int = 5, classes: int = 3, scale: float = 1.0) -> Call:
    """Targets of every length up to two, two equal labels among them, in inputs of several lengths."""
    rng = np.random.default_rng(seed)
    log_probs = torch.log_softmax(torch.from_numpy(scale * rng.normal(size=(frames, examples, classes))), -1).numpy()
    targets = rng.integers(1, classes, (examples, 2))
    targets[0] = 1
    target_lengths = np.arange(examples)[::-1] % 3
    target_lengths[0] = 2
    return log_probs, targets, np.maximum(rng.integers(2, frames + 1, examples), 2 * target_lengths - 1), target_lengths


def paths(labels: Sequence[int], frames: int, classes: int, blank: int) -> list[tuple[int, ...]]:
    """Every path of this many frames that gives the labels once repeats are merged and blanks dropped."""
    return [
        path
        for path in itertools.product(range(classes), repeat=frames)
        if [c for c, _ in itertools.groupby(path) if c != blank] == list(labels)
    ]


def enumerated(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0) -> tuple[Any, Any]:
    """Values, and derivatives in the log-probabilities, from the list of all paths, in the numbers of ``log_probs``."""
    frames, examples, classes = np.shape(log_probs)
    values, slopes = [], np.full((frames, examples, classes), mpf(0), dtype=object)
    for n in range(examples):
        length = int(input_lengths[n])
        mass, total = {}, mpf(0)
        for path in paths(list(targets[n][: target_lengths[n]]), length, classes, blank):
            mass[path] = mpmath.exp(sum(log_probs[t][n][c] for t, c in enumerate(path)))
            total += mass[path]
        values.append(-mpmath.log(total))
        for path, share in mass.items():
            for t, c in enumerate(path):
                slopes[t, n, c] -= share / total
    return values, slopes


def exact(array: np.ndarray) -> list[Any]:
    return [[[mpf(float(x)) if math.isfinite(x) else -mpmath.inf for x in row] for row in frame] for frame in array]


@pytest.mark.parametrize("blank", [0, 1, 2])
def test_all_alignments(blank: int) -> None:
    log_probs, targets, *lengths = call()
    targets = np.where(targets == blank, 0, targets)
    targets[0] = targets[0, 0]
    with mp.workdps(50):
        values, slopes = enumerated(exact(log_probs), targets, *lengths, blank)
    np.testing.assert_allclose(
        ctc(log_probs, targets, *lengths, blank=blank, reduction="none"), np.array(values, float), rtol=1e-13
    )
    hand = ctc.grad(log_probs, targets, *lengths, blank=blank, reduction="none")
    np.testing.assert_allclose(hand, slopes.astype(float), rtol=1e-12, atol=1e-15)


def test_torch() -> None:
    """The value is PyTorch's. Its gradient is that in logits, as if its input came from log-softmax."""
    for seed in range(4):
        log_probs, targets, *lengths = call(seed, frames=9, examples=5, classes=6)
        tensors = [torch.from_numpy(a) for a in (targets, *lengths)]
        logits = torch.from_numpy(np.random.default_rng(seed).normal(size=log_probs.shape)).requires_grad_()
        theirs = F.ctc_loss(logits.log_softmax(-1), *tensors, reduction="none")
        ours = ctc(logits.log_softmax(-1), *tensors, reduction="none")
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
        # Of the sum over the batch, in the logits: softmax(z) − occupancy, which sums to 0 over the classes.
        [by_torch] = torch.autograd.grad(theirs.sum(), logits)
        [by_ours] = torch.autograd.grad(ours.sum(), logits)
        torch.testing.assert_close(by_ours, by_torch, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(by_ours.sum(-1), torch.zeros(log_probs.shape[:2], dtype=torch.float64), rtol=0, atol=1e-13)
        hand = ctc.grad(logits.detach().log_softmax(-1), *tensors, reduction="sum")
        inside = torch.arange(9)[:, None] < tensors[1]
        torch.testing.assert_close(
            by_torch, torch.where(inside[..., None], logits.detach().softmax(-1) + hand, 0.0), rtol=1e-10, atol=1e-12
        )
        free = logits.detach().log_softmax(-1).requires_grad_()
        [in_log_probs] = torch.autograd.grad(F.ctc_loss(free, *tensors, reduction="sum"), free)
        assert not torch.allclose(in_log_probs, hand)  # PyTorch gives the gradient in logits even here


@pytest.mark.parametrize("blank", [0, 2])
def test_optax(blank: int) -> None:
    """Optax stands in for an impossible path with a log-probability of −1e5, so far from one it agrees."""
    log_probs, targets, frames, labels = call(3, frames=6, examples=6)
    targets = np.where(targets == blank, 1, targets) if blank else targets
    padded = [(np.arange(n)[None] >= lengths[:, None]).astype(float) for n, lengths in ((6, frames), (2, labels))]
    theirs = optax.ctc_loss(log_probs.transpose(1, 0, 2), padded[0], targets, padded[1], blank_id=blank)
    np.testing.assert_allclose(ctc(log_probs, targets, frames, labels, blank=blank, reduction="none"), theirs, rtol=1e-9)


def test_the_gradient_sums_to_minus_one_at_each_frame() -> None:
    log_probs, targets, input_lengths, target_lengths = call(1, frames=7)
    sums = ctc.grad(log_probs, targets, input_lengths, target_lengths, reduction="none").sum(-1)
    np.testing.assert_allclose(sums, -1.0 * (np.arange(7)[:, None] < input_lengths), rtol=1e-13)


@pytest.mark.parametrize("blank", [0, 2])
def test_autograd_and_libraries(blank: int) -> None:
    log_probs, targets, *lengths = call(2, frames=6, classes=4)
    targets = np.where(targets == blank, 1, targets)
    arrays = (log_probs, targets, *lengths)
    value, hand = ctc.value_and_grad(*arrays, blank=blank)
    free = torch.tensor(log_probs, requires_grad=True)
    ctc(free, *(torch.from_numpy(a) for a in arrays[1:]), blank=blank).backward()
    np.testing.assert_allclose(free.grad, hand, rtol=1e-11, atol=1e-14)
    on_jax = [jnp.asarray(a) for a in arrays]
    compiled = jax.jit(lambda *a: ctc.value_and_grad(*a, blank=blank))(*on_jax)
    np.testing.assert_allclose(compiled[0], value, rtol=1e-12)
    np.testing.assert_allclose(compiled[1], hand, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(jax.grad(lambda p: ctc(p, *on_jax[1:], blank=blank))(on_jax[0]), hand, rtol=1e-11, atol=1e-14)
    strict = ctc.value_and_grad(*(array_api_strict.asarray(a) for a in arrays), blank=blank)
    np.testing.assert_allclose(np.asarray(strict[0]), value, rtol=1e-13)
    np.testing.assert_allclose(np.asarray(strict[1]), hand, rtol=1e-12, atol=1e-15)
    batches = jax.vmap(lambda p: ctc(p, *on_jax[1:], blank=blank))(jnp.stack([on_jax[0]] * 2))
    np.testing.assert_allclose(batches, [value, value], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`", "ignore:`torch.jit:DeprecationWarning")
def test_torch_compile_in_one_graph() -> None:
    arrays = [torch.from_numpy(a) for a in call(3)]
    torch.compiler.reset()
    value, gradient = torch.compile(lambda *a: ctc.value_and_grad(*a), fullgraph=True, backend="eager")(*arrays)
    torch.testing.assert_close(value, ctc(*arrays))
    torch.testing.assert_close(gradient, ctc.grad(*arrays))


def test_reductions_and_weights() -> None:
    arrays = call(4)
    each = ctc(*arrays, reduction="none")
    assert each.shape == (5,)
    weight = np.array([0.0, 1.0, 2.0, 0.5, 1.0])
    assert ctc(*arrays) == pytest.approx(each.mean(), rel=1e-14)  # by the batch, never by the lengths of the targets
    assert ctc(*arrays, weight=weight) == pytest.approx((each * weight).mean(), rel=1e-14)
    plain = ctc.grad(*arrays, reduction="none")
    np.testing.assert_allclose(ctc.grad(*arrays, weight=weight), plain * weight[None, :, None] / 5, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_answer_has_the_dtype_of_the_log_probabilities(dtype: Any) -> None:
    log_probs, *rest = call()
    value, gradient = ctc.value_and_grad(log_probs.astype(dtype), *rest)
    assert value.dtype == gradient.dtype == dtype
    assert gradient.shape == log_probs.shape


@pytest.mark.parametrize("scale", [0.0, 1.0, 5.0, 15.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_accuracy(dtype: Any, scale: float) -> None:
    """Within 10 units of the last place, or twice the condition number: the sum of |log p| times its derivative."""
    for seed in range(4):
        log_probs, *rest = call(seed, scale=scale)
        log_probs = log_probs.astype(dtype)
        with mp.workdps(60):
            values, slopes = enumerated(exact(log_probs), *rest)
            value, gradient = ctc.value_and_grad(log_probs, *rest, reduction="none")
            condition = np.abs(slopes.astype(float) * log_probs).sum((0, 2)) / np.abs(np.array(values, float))
            assert np.all(Truth(values, dtype).ulps(value) <= np.maximum(10, 2 * condition))
            flat = slopes.reshape(-1).tolist()
            # What is summed to a probability of a class at a frame moves with every log-probability on its paths.
            reach = np.maximum(10, 2 * np.abs(log_probs).max(-1).sum(0)[None, :, None] + 0 * log_probs)
            assert np.all(Truth(flat, dtype).ulps(gradient.ravel()) <= reach.ravel())


def test_a_sure_and_right_sequence() -> None:
    """The loss of a path that is nearly certain is not rounded to 0."""
    off = np.float32(1e-9)
    log_probs = np.log(np.array([[[1e-12, 1.0]], [[1e-12, 1.0]]])).astype(np.float32)
    log_probs[..., 1] = -off
    value = ctc(log_probs, np.array([[1]]), np.array([2]), np.array([1]))
    assert value == pytest.approx(2e-9 - 2e-12, rel=1e-5)


def test_impossible_classes() -> None:
    """A log-probability of minus infinity: paths through it drop out, and the gradient is a number."""
    with np.errstate(divide="ignore"):
        log_probs = np.log(np.array([[[0.5, 0.5, 0.0]], [[0.25, 0.25, 0.5]], [[1.0, 0.0, 0.0]]]))
    arrays = (log_probs, np.array([[1, 2]]), np.array([3]), np.array([2]))
    value, gradient = ctc.value_and_grad(*arrays)
    assert math.exp(-value) == pytest.approx(0.25)  # only 1, 2, blank
    np.testing.assert_allclose(gradient[:, 0], [[0, -1, 0], [0, 0, -1], [-1, 0, 0]], atol=1e-15)
    free = torch.tensor(log_probs, requires_grad=True)
    ctc(free, *(torch.from_numpy(a) for a in arrays[1:])).backward()
    np.testing.assert_allclose(free.grad, gradient, atol=1e-15)


def test_targets_that_do_not_fit() -> None:
    """Refused where values can be read; infinite, with a gradient of 0 and never NaN, where not."""
    log_probs = np.log(np.full((2, 2, 3), 1 / 3))
    arrays = (log_probs, np.array([[1, 1], [1, 2]]), np.array([2, 2]), np.array([2, 2]))
    message = r"^ctc: targets\[0\] has 2 labels, which need 3 frames with a blank between equal ones; input_lengths\[0\] is 2\.$"
    refuses(ValueError, message, lambda: ctc(*arrays))
    refuses(ValueError, message, lambda: ctc.grad(*map(torch.from_numpy, arrays)))
    on_jax = [jnp.asarray(a) for a in arrays]
    values, gradient = jax.jit(lambda *a: ctc.value_and_grad(*a, reduction="none"))(*on_jax)
    np.testing.assert_allclose(values, [math.inf, math.log(9)])
    assert np.all(gradient[:, 0] == 0)
    assert np.all(np.isfinite(gradient))
    by_jax = jax.jit(jax.grad(lambda p, *a: ctc(p, *a, reduction="none")[1]))(*on_jax)
    np.testing.assert_allclose(by_jax, np.asarray(gradient) * [[[0], [1]]], atol=1e-15)


def test_messages() -> None:
    log_probs, targets, input_lengths, target_lengths = call()
    rest = (targets, input_lengths, target_lengths)
    logits = np.random.default_rng(0).normal(size=log_probs.shape)
    refuses(ValueError, r"^ctc: log_probs\[0, 0\] has exponentials that sum to .*; log_probs must hold log-probabilities",
            lambda: ctc(logits, *rest))  # fmt: skip
    refuses(ValueError, r"input_lengths\[1\] is 9; it must lie in \[1, 4\]",
            lambda: ctc(log_probs, targets, with_(input_lengths, 1, 9), target_lengths))  # fmt: skip
    refuses(ValueError, r"target_lengths\[2\] is 3; it must lie in \[0, 2\]",
            lambda: ctc(log_probs, targets, input_lengths, with_(target_lengths, 2, 3)))  # fmt: skip
    refuses(ValueError, r"targets\[0, 0\] is 0; labels are classes 0 to 2 but the blank, 0",
            lambda: ctc(log_probs, with_(targets, (0, 0), 0), input_lengths, target_lengths))  # fmt: skip
    refuses(ValueError, r"targets\[0, 1\] is 7;", lambda: ctc(log_probs, with_(targets, (0, 1), 7), *rest[1:]))
    refuses(ValueError, r"blank is 3; expected a class, 0 to 2", lambda: ctc(log_probs, *rest, blank=3))
    refuses(TypeError, r"blank must be one integer, got 0\.5", lambda: ctc(log_probs, *rest, blank=0.5))
    refuses(TypeError, r"targets has dtype float64; expected integers", lambda: ctc(log_probs, targets * 1.0, *rest[1:]))
    refuses(ValueError, r"expected the axes \(T, N, C\)", lambda: ctc(log_probs[0], *rest))
    refuses(
        ValueError,
        r"log_probs has shape \(4, 5, 3\) and targets has shape \(4, 2\)",
        lambda: ctc(log_probs, targets[:4], *rest[1:]),
    )
    padded = with_(targets, (4, 1), -100)  # past the length of a target there may be anything
    assert target_lengths[4] == 0
    assert ctc(log_probs, padded, *rest[1:]) == ctc(log_probs, *rest)


def test_properties_of_the_card() -> None:
    """As a function of free log-probabilities it is concave, of slope at most √T, and on probabilities at least 0."""
    rng = np.random.default_rng(0)
    arrays = call(5, frames=6)
    left, right = (torch.log_softmax(torch.from_numpy(rng.normal(size=arrays[0].shape)), -1).numpy() for _ in range(2))
    ends = (ctc(left, *arrays[1:], reduction="none") + ctc(right, *arrays[1:], reduction="none")) / 2
    assert np.all(ctc.unchecked((left + right) / 2, *arrays[1:], reduction="none") >= ends - 1e-12)
    assert not ctc.card.properties.convex
    sure = np.full((6, 1, 3), -60.0)
    sure[:, :, 1] = 0.0
    one = (sure, np.array([[1]]), np.array([6]), np.array([1]))
    value, gradient = ctc.value_and_grad(*one)
    assert abs(value) < 1e-20
    assert np.linalg.norm(gradient) == pytest.approx(math.sqrt(6))
    assert ctc.check().failures == ()

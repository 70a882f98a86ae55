"""Bad input never yields a number, and the message says what was expected and what came."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import torch
from instances import ONE_EACH, Instance

import lossbook
from lossbook.card import Card, Equivalent, Noise, Parameter, Properties
from lossbook.domain import POSITIVE, Interval
from lossbook.loss import Catalogue, Loss

A = np.array([1.0, 2.0, 3.0])
I = np.array([1, 2, 3])  # noqa: E741
LIBRARIES = {"NumPy": np.asarray, "PyTorch": torch.asarray, "JAX": jnp.asarray}
EACH_LIBRARY = pytest.mark.parametrize("convert", LIBRARIES.values(), ids=LIBRARIES)
EACH_LOSS = pytest.mark.parametrize("instance", ONE_EACH, ids=lambda i: i.loss.name)


def with_(array: np.ndarray, index: Any, value: float) -> np.ndarray:
    changed = array.copy()
    changed[index] = value
    return changed


def axes_of(instance: Instance) -> list[str]:
    return [instance.loss.layout.of(name) for name in instance.loss.arguments]


def refuses(kind: type[Exception], message: str, call: Callable[[], Any]) -> None:
    with pytest.raises(kind, match=message):
        call()


# Arrays


@EACH_LIBRARY
@pytest.mark.parametrize("instance", [i for i in ONE_EACH if len(i.loss.arguments) > 1 and not i.rows], ids=lambda i: i.loss.name)
def test_shapes_must_be_equal(instance: Instance, convert: Callable[[Any], Any]) -> None:
    """(N, 1) against (N,) is the most reported bug of loss functions."""
    first, *rest = (convert(np.abs(A)) for _ in instance.loss.arguments)
    name, other = instance.loss.arguments[:2]
    message = (
        rf"^{instance.loss.name}: {name} has shape \(3, 1\) and {other} has shape \(3,\)\. They must be equal; "
        rf"nothing is broadcast\. Both hold 3 numbers: {other}\.reshape\({name}\.shape\)"
    )
    column = first.reshape(3, 1)
    refuses(ValueError, message, lambda: instance(column, *rest))
    refuses(ValueError, message, lambda: instance.grad(column, *rest))
    refuses(ValueError, message, lambda: instance.loss.value_and_grad(column, *rest))
    refuses(ValueError, r"has shape \(3,\) and \w+ has shape \(2,\)\. They must be equal; nothing is broadcast\.$",
            lambda: instance(first, *rest[:-1], rest[-1][:2]))  # fmt: skip


@EACH_LIBRARY
@EACH_LOSS
def test_predictions_must_be_floating_point(instance: Instance, convert: Callable[[Any], Any]) -> None:
    arrays = [convert(I) for _ in instance.loss.arguments]
    if instance.rows:  # a row of each, or labels of rows
        arrays = [convert(np.tile(I[:, None], 3) if " " in axes else I % 3) for axes in axes_of(instance)]
    message = rf"^{instance.loss.name}: {instance.loss.wrt[0]} has dtype (torch\.)?int\d+; predictions must be floating point\.$"
    refuses(TypeError, message, lambda: instance(*arrays))


@EACH_LIBRARY
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("instance", [i for i in ONE_EACH if not i.rows], ids=lambda i: i.loss.name)
def test_nan_and_infinity_are_refused_by_place(instance: Instance, bad: float, convert: Callable[[Any], Any]) -> None:
    """In every argument; the first place is named, in one dimension and in two."""
    for place, name in enumerate(instance.loss.arguments):
        for shape, index, shown in (((3,), 1, "1"), ((2, 2), (1, 0), "1, 0")):
            arrays = [np.ones(shape) for _ in instance.loss.arguments]
            arrays[place] = with_(arrays[place], index, bad)
            arrays[place].flat[-1] = math.nan
            rule = re.escape(instance.card.domain_of(name).rule)
            message = rf"^{instance.loss.name}: {name}\[{shown}\] is {bad}; {name} {rule}\.$"
            refuses(ValueError, message, lambda arrays=arrays: instance(*map(convert, arrays)))


@EACH_LIBRARY
@EACH_LOSS
def test_empty_arrays_are_refused(instance: Instance, convert: Callable[[Any], Any]) -> None:
    arrays = [convert(np.zeros((0, 2))) for _ in instance.loss.arguments]
    if "..." in axes_of(instance) and instance.rows:
        arrays[0] = convert(np.zeros(0, dtype=int))
    message = r"the arrays are empty, shape \(0, ?2?\); the loss of no examples is not a number"
    refuses(ValueError, message, lambda: instance(*arrays))


@pytest.mark.parametrize(
    ("y", "y_hat", "message"),
    [
        (A, torch.ones(3), "y is NumPy, y_hat is PyTorch. Convert one of them"),
        (jnp.ones(3), A, "y is JAX, y_hat is NumPy. Convert one of them"),
        (torch.ones(3), jnp.ones(3), "all arrays must come from one library; y is PyTorch, y_hat is JAX"),
        (A, [1.0, 2.0, 3.0], r"y_hat is a list; expected a NumPy, PyTorch or JAX array\..* pass numpy\.asarray\(y_hat\)"),
        (pd.Series(A), A, r"y is a Series; .*pass numpy\.asarray\(y\)"),
        (A, 1.0, "y_hat is a float; expected"),
        (np.array(["a", "b", "c"]), A, "y has dtype <U1; expected real numbers"),
        (A.astype(object), A, "y has dtype object; expected real numbers"),
        (A + 1j, A, "y has dtype complex128; expected real numbers"),
        (A, A + 1j, "y_hat has dtype complex128; predictions must be floating point"),
        (torch.ones(3, dtype=torch.complex64), torch.ones(3), "y has dtype torch.complex64; expected real numbers"),
    ],
)
def test_wrong_kinds_of_array(y: Any, y_hat: Any, message: str) -> None:
    refuses(TypeError, f"^mse: .*{message}", lambda: lossbook.mse(y, y_hat))


def test_predictions_must_share_a_dtype() -> None:
    narrow = A.astype(np.float32)
    message = "the predictions must share one dtype; mean is float64, log_var is float32"
    refuses(TypeError, message, lambda: lossbook.gaussian_nll(A, A, narrow))
    assert lossbook.gaussian_nll(A, narrow, narrow).dtype == np.float32  # the target may have another


def test_domains_of_arrays() -> None:
    counts, scales = with_(A, 2, -1.0), with_(A, 0, 0.0)
    refuses(ValueError, r"^poisson_nll: y\[2\] is -1\.0; y must lie in \[0, ∞\)\.$", lambda: lossbook.poisson_nll(counts, A))
    refuses(ValueError, r"^poisson_nll: y\[2\] is -1; y must", lambda: lossbook.poisson_nll(counts.astype(int), A))
    message = r"^gaussian_crps: scale\[0\] is 0\.0; scale must lie in \(0, ∞\)\.$"
    refuses(ValueError, message, lambda: lossbook.gaussian_crps(A, A, scales))
    refuses(ValueError, r"scale\[1\] is -2\.0", lambda: lossbook.gaussian_crps(A, A, with_(A, 1, -2.0)))
    assert math.isfinite(lossbook.poisson_nll(np.zeros(3), A))


def test_domains_of_classes() -> None:
    bce, half = lossbook.binary_cross_entropy, np.full(3, 0.5)
    refuses(
        ValueError, r"^binary_cross_entropy: y\[2\] is 2\.0; y must lie in \[0, 1\]\.$", lambda: bce(with_(half, 2, 2.0), half)
    )
    refuses(ValueError, r"p\[0\] is 1\.5; p must lie in \[0, 1\]", lambda: bce(half, with_(half, 0, 1.5)))
    refuses(ValueError, r"p\[1\] is -0\.1", lambda: bce.grad(half, with_(half, 1, -0.1)))
    refuses(ValueError, r"^hinge: y\[0\] is 0; y must be −1 or 1\.$", lambda: lossbook.hinge(np.array([0, 1, 1]), A))
    refuses(ValueError, r"^focal: y\[1\] is 0\.5; y must be 0 or 1\.$", lambda: lossbook.focal(with_(np.ones(3), 1, 0.5), A))
    assert lossbook.hinge(np.array([-1, 1, 1]), A) == 2 / 3
    assert bce(np.array([True, False, True]), half) == pytest.approx(math.log(2))


@pytest.mark.filterwarnings("error")
def test_certain_and_wrong_is_infinite() -> None:
    """No clipping, no NaN since 0 log 0 is 0, and no warning: infinity is the answer."""
    y, p = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0, 0.0])
    np.testing.assert_array_equal(lossbook.binary_cross_entropy(y, p, reduction="none"), [math.inf, math.inf, 0, 0])
    np.testing.assert_array_equal(lossbook.binary_cross_entropy.grad(y, p, reduction="none"), [-math.inf, math.inf, -1, 1])


# Parameters


@pytest.mark.parametrize(
    ("loss", "parameter", "bad", "shown"),
    [
        *(("huber", "delta", bad, r"\(0, ∞\)") for bad in (0, -1.0, math.inf, math.nan)),
        *(("smooth_l1", "beta", bad, r"\(0, ∞\)") for bad in (0.0, -0.5, math.nan)),
        *(("pinball", "tau", bad, r"\(0, 1\)") for bad in (0, 1, 0.0, 1.0, -0.1, 1.5, math.nan)),
        *(("general_robust", "scale", bad, r"\(0, ∞\)") for bad in (0, -1)),
        *(("focal", "gamma", bad, r"\[0, ∞\)") for bad in (-0.5, math.inf)),
        *(("focal", "alpha", bad, r"\[0, 1\]") for bad in (-0.1, 1.5, math.nan)),
        *(("binary_cross_entropy_with_logits", "pos_weight", bad, r"\(0, ∞\)") for bad in (0, -1.0)),
        *(("general_robust", "alpha", bad, r"\[−∞, ∞\)") for bad in (math.inf, math.nan)),
    ],
)
def test_domains_of_parameters(loss: str, parameter: str, bad: float, shown: str) -> None:
    message = rf"^{loss}: {parameter} must lie in {shown}, got {bad!r}\.$"
    refuses(ValueError, message, lambda: lossbook.catalogue[loss](A, A, **{parameter: bad}))


@pytest.mark.parametrize("bad", [A, np.array([1.0]), torch.ones(()), "1", None, 1j, True, [1.0]])
def test_a_parameter_is_one_number(bad: Any) -> None:
    refuses(TypeError, "^huber: delta must be one real number, got .* of type", lambda: lossbook.huber(A, A, delta=bad))


@pytest.mark.parametrize("good", [2, 2.0, np.float32(2), np.float64(2), np.int64(2)])
def test_a_numpy_number_is_a_number_and_widens_nothing(good: Any) -> None:
    assert lossbook.huber(A, A + 1, delta=good) == 0.5
    assert lossbook.huber(A, A.astype(np.float32), delta=good).dtype == np.float32


@pytest.mark.parametrize("bad", [1, 0.0, None, "yes", A])
def test_a_flag_is_true_or_false(bad: Any) -> None:
    refuses(TypeError, "^poisson_nll: full must be True or False, got", lambda: lossbook.poisson_nll(A, A, full=bad))


# The call


@pytest.mark.parametrize("bad", ["average", "Mean", None, 1])
def test_unknown_reduction(bad: Any) -> None:
    message = f"^mae: reduction must be 'mean', 'sum' or 'none', got {bad!r}"
    for call in (lossbook.mae, lossbook.mae.grad, lossbook.mae.value_and_grad):
        refuses(ValueError, message, lambda call=call: call(A, A, reduction=bad))


def test_wrong_arguments() -> None:
    huber = lossbook.huber
    takes = r"it takes \(y, y_hat, \*, delta=1\.0, weight=None, reduction='mean'\)"
    refuses(TypeError, f"^huber got 'gamma', which it does not take or already has; {takes}", lambda: huber(A, A, gamma=1))
    refuses(TypeError, f"^huber got 'y', which it does not take or already has; {takes}", lambda: huber(A, A, y=A))
    refuses(TypeError, f"^huber is missing y_hat; {takes}", lambda: huber(A))
    refuses(TypeError, f"^huber is missing y, y_hat; {takes}", lambda: huber())
    message = r"^huber takes 2 arrays \(y, y_hat\), got 3; everything after them is keyword-only"
    refuses(TypeError, message, lambda: huber(A, A, 2.0))
    refuses(TypeError, "^rmse got 'reduction'", lambda: lossbook.rmse(A, A, reduction="sum"))
    refuses(TypeError, "^rmse got 'weight'", lambda: lossbook.rmse(A, A, weight=A))
    refuses(TypeError, "takes no parameters; got delta", lambda: lossbook.mse.check(delta=1.0))
    assert huber(y_hat=A, y=A) == huber(A, y_hat=A) == 0


def test_weights() -> None:
    mse = lossbook.mse
    refuses(ValueError, r"^mse: weight has shape \(2,\), the loss of each example \(3,\)\.", lambda: mse(A, A, weight=A[:2]))
    refuses(ValueError, r"weight has shape \(3, 1\)", lambda: mse.grad(A, A, weight=A[:, None]))
    refuses(ValueError, r"^mse: weight\[1\] is -2\.0; weight must lie in \[0, ∞\)", lambda: mse(A, A, weight=with_(A, 1, -2.0)))
    refuses(ValueError, r"weight\[0\] is nan", lambda: mse.value_and_grad(A, A, weight=with_(A, 0, math.nan)))
    refuses(TypeError, "^mse: weight is a Tensor; expected .* NumPy", lambda: mse(A, A, weight=torch.ones(3)))
    refuses(TypeError, "^mse: weight is a list; expected", lambda: mse(A, A, weight=[1, 1, 1]))
    refuses(TypeError, "^mse: weight is a float; expected", lambda: mse(A, A, weight=2.0))
    refuses(TypeError, "^mse: weight has dtype complex128", lambda: mse(A, A, weight=A + 0j))
    refuses(TypeError, "^mse: weight has dtype <U1; expected real", lambda: mse(A, A, weight=np.array(["a", "b", "c"])))


# Inside a transformation there are no values to look at; shapes and dtypes there are.


def test_inside_jax_transformations() -> None:
    bad = jnp.asarray(with_(A, 0, math.nan))
    assert jnp.isnan(jax.jit(lossbook.mse)(bad, bad))
    assert jnp.isnan(jax.vmap(lossbook.mse)(bad[None], bad[None]))[0]
    assert jnp.isnan(jax.grad(lossbook.mse, argnums=(0, 1))(bad, bad)[1])[0]
    assert jnp.isfinite(jax.jit(lossbook.poisson_nll)(-jnp.ones(3), jnp.ones(3)))
    refuses(ValueError, "must be equal; nothing is broadcast", lambda: jax.jit(lossbook.mse)(bad[:, None], bad))
    refuses(TypeError, "must be floating point", lambda: jax.jit(lossbook.mse)(bad, jnp.arange(3)))
    # A target that is not transformed still has values, and they are looked at.
    refuses(ValueError, r"y\[0\] is nan", lambda: jax.grad(lossbook.mse, argnums=1)(bad, jnp.ones(3)))
    refuses(ValueError, r"y\[0\] is nan", lambda: jax.jit(lambda p: lossbook.mse(bad, p))(jnp.ones(3)))


def test_inside_torch_func() -> None:
    bad = torch.asarray(with_(A, 0, math.nan))
    assert torch.isnan(torch.func.vmap(lossbook.mse)(bad[None], bad[None]))[0]
    assert torch.isnan(torch.func.grad(lossbook.mse, argnums=1)(bad, bad))[0]
    refuses(ValueError, "must be equal", lambda: torch.func.grad(lossbook.mse)(bad[:, None], bad))
    refuses(TypeError, "must be floating point", lambda: torch.func.vmap(lossbook.mse)(bad[None], torch.arange(3)[None]))


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
def test_inside_torch_compile() -> None:
    torch.compiler.reset()
    bad = torch.asarray(with_(A, 0, math.nan))
    compiled = torch.compile(lambda y, p: lossbook.mse(y, p), fullgraph=True, backend="eager")
    assert torch.isnan(compiled(bad, bad))
    # Dynamo wraps what is raised while it traces in an error of its own; the message survives.
    refuses(Exception, "must be equal; nothing is broadcast", lambda: compiled(bad[:, None], bad))
    refuses(Exception, "predictions must be floating point", lambda: compiled(bad, torch.arange(3)))


# Making a loss

PROPERTIES = Properties(True, 0, 1, 0, True, 1, True)


def card(**changes: Any) -> Card:
    words = dict.fromkeys(("what", "why", "how", "used", "formula", "elicits"), "x")
    return Card(**{"title": "New", "slope": ("x",), "properties": PROPERTIES, "no_assumption": "none", **words, **changes})


def terms(xp: Any, y: Any, y_hat: Any, *, delta: float = 1.0) -> Any:
    return xp.abs(y_hat - y)


def test_registration() -> None:
    delta = {"delta": Parameter("δ", "x", POSITIVE)}
    catalogue = Catalogue()
    catalogue.register(Loss(terms, card(title="First", aliases=("L1",), parameters=delta), (), True))
    for changes in ({"title": "FIRST"}, {"aliases": ("l1",)}, {}):
        refuses(ValueError, "^terms: '.+' already names terms", lambda c=changes: catalogue.register(
            Loss(terms, card(**{"title": "Second", "parameters": delta} | c), (), True)))  # fmt: skip
    assert list(catalogue) == ["terms"]
    assert catalogue["L1"] is catalogue["FIRST"] is catalogue["terms"]
    refuses(ValueError, r"^terms: the card describes \[\], the function takes \['delta'\]", lambda: Loss(terms, card(), (), True))
    refuses(NotImplementedError, "terms has no registered derivative", lambda: catalogue["terms"].grad(A, A))


def test_unknown_name() -> None:
    refuses(KeyError, "no loss is called 'hubber'; did you mean huber", lambda: lossbook.catalogue["hubber"])
    refuses(KeyError, "no loss is called 'zzz'", lambda: lossbook.catalogue["zzz"])


def test_cards() -> None:
    noise = Noise("x", "x", "x")
    refuses(ValueError, "give either assumption or no_assumption", lambda: card(no_assumption=""))
    refuses(ValueError, "give either assumption or no_assumption", lambda: card(assumption=noise))
    refuses(ValueError, r"library must be one of PyTorch, .*; got 'Torch'", lambda: Equivalent("Torch", "x"))
    refuses(ValueError, "closed must be 'neither', 'left', 'right' or 'both', got 'open'", lambda: Interval(0, 1, "open"))
    with pytest.raises(TypeError):
        lossbook.mse.card.domain["y"] = POSITIVE  # type: ignore[index]

"""The page on numerics: what it says that Keras and Optax return, they return."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import torch
from mpmath import mp

with mock.patch.dict(os.environ, KERAS_BACKEND="torch"):
    import keras
import optax

PAGE = Path(__file__).parents[1] / "book" / "foundations" / "numerics.md"
HEAD = ["Call", "x", "value", "slope", "true value", "true slope"]
#: The table gives four digits.
RTOL = 2e-3


def rows() -> list[list[str]]:
    """The cells of the one table of the page that has this head."""
    lines = [
        [c.strip() for c in line.strip("|\n").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    start = lines.index(HEAD) + 2
    found = []
    for cells in lines[start:]:
        if len(cells) != len(HEAD) or not cells[0].startswith("`"):
            break
        found.append([cells[0].strip("`"), *cells[1:]])
    return found


ROWS = rows()


def with_keras(call: str, x: float) -> tuple[float, float]:
    given = torch.tensor(x, dtype=torch.float32, requires_grad=True)
    names: dict[str, Any] = {
        "keras": keras,
        "x": given[None],
        "zero": torch.zeros(1),
        "one": torch.ones(1),
        "second": torch.tensor([[0.0, 1.0]]),
        "sigmoid": torch.sigmoid,
        "softmax": lambda z: torch.softmax(z, -1),
        "pair": lambda z: torch.stack([z, 0 * z], -1),
        "a": lambda z: torch.cat([3 * z, 4 * z]),
        "b": lambda z: torch.cat([4 * z, 3 * z]),
    }
    value = eval(call, names).sum()
    assert value.dtype == torch.float32
    [slope] = torch.autograd.grad(value, given)
    return value.item(), slope.item()


def with_optax(call: str, x: float) -> tuple[float, float]:
    def value(given: Any) -> Any:
        names: dict[str, Any] = {
            "optax": optax,
            "x": given,
            "zero": jnp.float32(0),
            "one": jnp.float32(1),
            "second": jnp.asarray([0.0, 1.0], jnp.float32),
            "pair": lambda z: jnp.stack([z, 0 * z]),
            "a": lambda z: jnp.stack([3 * z, 4 * z]),
            "b": lambda z: jnp.stack([4 * z, 3 * z]),
        }
        return eval(call, names)

    got, slope = jax.value_and_grad(value)(jnp.asarray(x, jnp.float32))
    assert got.dtype == jnp.float32
    return float(got), float(slope)


#: What each call should give, from its definition.
TRUTHS = {
    "binary_crossentropy": lambda x: mp.log1p(mp.exp(x)),
    "sigmoid_binary_cross_entropy": lambda x: mp.log1p(mp.exp(x)),
    "categorical_crossentropy": lambda x: mp.log1p(mp.exp(x)),
    "softmax_cross_entropy": lambda x: mp.log1p(mp.exp(x)),
    "log_cosh": lambda x: mp.log(mp.cosh(x)),
    "cosine_similarity": lambda x: mp.mpf(1) / 25,
    "cosine_distance": lambda x: mp.mpf(1) / 25,
}


def truth_of(call: str) -> Any:
    if "focal" in call:
        gamma = mp.mpf(re.search(r"gamma=([\d.]+)", call)[1])
        sign = 1 if ", one" in call or "(one" in call else -1  # label 0 at z is label 1 at -z
        return lambda x: (1 / (1 + mp.exp(sign * x))) ** gamma * mp.log1p(mp.exp(-sign * x))
    return TRUTHS[re.search(r"(?:losses|optax)\.(\w+)\(", call)[1]]


def agrees(written: str, got: float) -> None:
    if written != "–":
        np.testing.assert_allclose(got, float(written), rtol=RTOL, atol=0 if float(written) else 1e-30)


def test_the_table_is_there() -> None:
    assert len(ROWS) == 18
    assert sum("keras." in row[0] for row in ROWS) == 10
    assert sum("optax." in row[0] for row in ROWS) == 8


@pytest.mark.parametrize("row", ROWS, ids=[f"{r[0]} at {r[1]}" for r in ROWS])
def test_the_library_returns_what_the_page_says(row: list[str]) -> None:
    call, x, value, slope, _, _ = row
    got = (with_keras if "keras." in call else with_optax)(call, float(x))
    agrees(value, got[0])
    agrees(slope, got[1])


@pytest.mark.parametrize("row", ROWS, ids=[f"{r[0]} at {r[1]}" for r in ROWS])
def test_the_truth_of_the_page_is_true(row: list[str]) -> None:
    call, x, _, _, value, slope = row
    with mpmath.workdps(50):
        given = mp.mpf(float(np.float32(x)))
        agrees(value, float(truth_of(call)(given)))
        agrees(slope, float(mp.diff(truth_of(call), given)))


def test_the_page_says_that_it_is_tested() -> None:
    assert f"tests/{Path(__file__).name}" in PAGE.read_text(encoding="utf-8")

"""The page on reductions: what it says that Keras makes of a weighted mean, Keras makes of it."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

with mock.patch.dict(os.environ, KERAS_BACKEND="torch"):
    import keras

import lossbook

PAGE = (Path(__file__).parents[1] / "book" / "foundations" / "reductions.md").read_text(encoding="utf-8")
#: The example of the page.
EXAMPLE = "v = np.array([1.0, 2.0, 3.0])\ny, y_hat = np.zeros(3), np.array([1.0, 2.0, 4.0])\n"


def example() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    names = {"np": np}
    exec(EXAMPLE, names)
    return names["y"], names["y_hat"], names["v"]


def with_keras(shape: tuple[int, ...], **options: str) -> float:
    y, y_hat, v = (torch.from_numpy(a) for a in example())
    loss = keras.losses.MeanSquaredError(**options)
    return float(loss(y.reshape(shape), y_hat.reshape(shape), sample_weight=v))


def test_the_page_has_the_example_and_says_that_it_is_tested() -> None:
    assert EXAMPLE in PAGE
    assert f"tests/{Path(__file__).name}" in PAGE
    for said in ("gives 19.0", "gives 9.5", "one example of loss 7", "give 14.0 and 7.0"):
        assert said in PAGE


def test_default_divides_by_the_number_of_examples() -> None:
    y, y_hat, v = example()
    assert with_keras((3, 1)) == 19.0 == lossbook.mse(y, y_hat, weight=v)


def test_the_other_reduction_divides_by_the_sum_of_weights() -> None:
    y, y_hat, v = example()
    theirs = with_keras((3, 1), reduction="mean_with_sample_weight")
    assert theirs == 9.5 == np.average((y_hat - y) ** 2, weights=v)


@pytest.mark.parametrize(("options", "value"), [({}, 14.0), ({"reduction": "mean_with_sample_weight"}, 7.0)])
def test_without_a_second_axis_the_mean_comes_before_the_weights(options: dict[str, str], value: float) -> None:
    assert with_keras((3,), **options) == value

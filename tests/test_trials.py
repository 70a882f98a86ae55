"""Repeated experiments: what they report is the mean, and an error that is honest about it."""

from __future__ import annotations

import numpy as np
import pytest

from lossbook.trials import repeat


def normal(rng):
    x = rng.normal(2.0, 3.0)
    return {"x": x, "positive": x > 0}


def test_the_error_says_how_far_the_mean_lies_from_the_truth():
    """Over a hundred seeds the distance in units of the error is a standard normal: its square averages 1."""
    distances = []
    for seed in range(100):
        trials = repeat(normal, 50, seed=seed)
        distances.append((trials.mean("x") - 2.0) / trials.error("x"))
    assert 0.7 < np.mean(np.square(distances)) < 1.4
    assert abs(np.mean(distances)) < 0.4


def test_mean_spread_and_error_are_those_of_the_results():
    trials = repeat(normal, 40)
    assert trials["x"].shape == (40,)
    assert trials.mean("x") == pytest.approx(np.mean(trials["x"]))
    assert trials.spread("x") == pytest.approx(np.std(trials["x"], ddof=1))
    assert trials.error("x") == pytest.approx(trials.spread("x") / np.sqrt(40))
    assert trials.mean("positive") == np.mean(trials["x"] > 0)


def test_a_run_draws_the_same_however_many_there_are():
    np.testing.assert_array_equal(repeat(normal, 10)["x"], repeat(normal, 30)["x"][:10])
    assert not np.array_equal(repeat(normal, 10)["x"], repeat(normal, 10, seed=1)["x"])
    assert len(set(repeat(normal, 30)["x"])) == 30


def test_one_run_says_nothing_about_its_error():
    with pytest.raises(ValueError, match="times must be at least 2"):
        repeat(normal, 1)


def test_it_prints_as_a_table():
    head, *rows = repr(repeat(normal, 20)).splitlines()
    assert "mean" in head
    assert "over 20 experiments" in head
    assert [row.split()[0] for row in rows] == ["x", "positive"]

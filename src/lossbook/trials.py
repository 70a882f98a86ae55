"""Repeat a simulated experiment, and say what came out together with its Monte Carlo error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np


class Trials:
    """Results of repeated experiments; see `repeat`. Prints as a table of means with their standard errors."""

    def __init__(self, results: Mapping[str, np.ndarray]) -> None:
        self.results = dict(results)

    def __getitem__(self, name: str) -> np.ndarray:
        """What every single experiment gave under this name, in order."""
        return self.results[name]

    def mean(self, name: str) -> float:
        """Average over the experiments: for a true-or-false result, the share that were true."""
        return float(np.mean(self[name]))

    def spread(self, name: str) -> float:
        """Standard deviation from one experiment to the next."""
        return float(np.std(self[name], ddof=1))

    def error(self, name: str) -> float:
        """Monte Carlo standard error of `mean`: what it would change by if all were repeated with another seed."""
        return self.spread(name) / math.sqrt(len(self[name]))

    def __repr__(self) -> str:
        width = max(map(len, self.results))
        times = len(next(iter(self.results.values())))
        head = f"{'':{width}}  {'mean':>9}  {'± error':>8}   over {times} experiments"
        return "\n".join([head, *(f"{n:{width}}  {self.mean(n):9.4g}  {self.error(n):8.2g}" for n in self.results)])


def repeat(experiment: Callable[[np.random.Generator], Mapping[str, float]], times: int = 1000, *, seed: int = 0) -> Trials:
    """Run ``experiment(rng)`` ``times`` times and collect the numbers that it returns by name.

    Each run draws from a generator of its own, spawned from ``seed``: the runs are independent, and run k
    draws the same however many others there are. Raises ValueError for fewer than two runs.

    >>> coin = repeat(lambda rng: {"heads": rng.random() < 0.5}, times=400)
    >>> abs(coin.mean("heads") - 0.5) < 4 * coin.error("heads")
    True
    """
    if times < 2:
        raise ValueError(f"times must be at least 2, else nothing can be said about the error; got {times}")
    rows = [experiment(rng) for rng in np.random.default_rng(seed).spawn(times)]
    return Trials({name: np.array([row[name] for row in rows], dtype=float) for name in rows[0]})

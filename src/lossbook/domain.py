"""Which numbers an argument may hold: intervals that check, name and sample themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """The numbers between ``low`` and ``high``; ``closed`` names the ends that belong to it.

    ``closed`` is ``"neither"``, ``"left"``, ``"right"`` or ``"both"``. NaN belongs to no interval.

    >>> str(Interval(0, math.inf, "left"))
    '[0, ∞)'
    >>> 0.0 in Interval(0, 1), float("nan") in Interval(0, 1, "both")
    (False, False)
    """

    low: float
    high: float
    closed: str = "neither"

    def __post_init__(self) -> None:
        if self.closed not in ("neither", "left", "right", "both"):
            raise ValueError(f"closed must be 'neither', 'left', 'right' or 'both', got {self.closed!r}")

    @property
    def closed_left(self) -> bool:
        return self.closed in ("left", "both")

    @property
    def closed_right(self) -> bool:
        return self.closed in ("right", "both")

    def __contains__(self, number: float) -> bool:
        above = number >= self.low if self.closed_left else number > self.low
        below = number <= self.high if self.closed_right else number < self.high
        return bool(above and below)

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Mask of the values that are not in the interval, NaN among them."""
        above = values >= self.low if self.closed_left else values > self.low
        below = values <= self.high if self.closed_right else values < self.high
        return ~(above & below)

    def __str__(self) -> str:
        def name(x: float) -> str:
            return {math.inf: "∞", -math.inf: "−∞"}.get(x, f"{x:g}".replace("-", "−"))

        return f"{'[' if self.closed_left else '('}{name(self.low)}, {name(self.high)}{']' if self.closed_right else ')'}"

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """``size`` float64 numbers inside, most of them of ordinary size.

        Two finite ends: uniform between them. One finite end: log-normal distances from it.
        None: Student-t with three degrees of freedom, which now and then reaches far out.
        """
        if math.isfinite(self.low) and math.isfinite(self.high):
            inset = 1e-3 * (self.high - self.low)
            return rng.uniform(self.low + inset, self.high - inset, size)
        if math.isfinite(self.low):
            return self.low + rng.lognormal(0.0, 1.0, size)
        if math.isfinite(self.high):
            return self.high - rng.lognormal(0.0, 1.0, size)
        return rng.standard_t(3, size)


@dataclass(frozen=True)
class Counts(Interval):
    """The non-negative reals, sampled at whole numbers: targets of a count model.

    Fractions are let through (a rate per exposure is one); negative numbers are not.
    """

    low: float = 0.0
    high: float = math.inf
    closed: str = "left"

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        return rng.poisson(rng.lognormal(1.0, 1.0, size)).astype(np.float64)


REALS = Interval(-math.inf, math.inf)
POSITIVE = Interval(0.0, math.inf)
COUNTS = Counts()

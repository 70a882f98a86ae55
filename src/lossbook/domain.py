"""Which numbers an argument may hold: domains that check, name and sample themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

#: Where a value does not belong, and what is wrong with it: ``((2,), "is −1.0")``.
Fault = tuple[tuple[int, ...], str]


class Domain:
    """What an argument may hold.

    ``low`` and ``high`` are the ends of the values that it may hold, ``integral`` whether they are whole.
    """

    low: float = -math.inf
    high: float = math.inf
    integral: bool = False

    @property
    def rule(self) -> str:
        """What an argument must do, as a sentence goes on: "must lie in [0, 1]"."""
        return f"must lie in {self}"

    def __contains__(self, number: float) -> bool:
        return not self.outside(np.asarray(number)).any()

    def within(self, sizes: Mapping[str, int]) -> Domain:
        """The domain where the axes of the arrays have these lengths."""
        return self

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Mask of the values that do not belong, NaN among them."""
        raise NotImplementedError

    def fault(self, values: np.ndarray, eps: float = 0.0) -> Fault | None:
        """The first value that does not belong; ``eps`` is the rounding of the values' dtype."""
        wrong = self.outside(values)
        if not wrong.any():
            return None
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        return index, f"is {values[index]}"

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        """Float64 numbers inside, most of them of ordinary size; whole numbers where only those belong."""
        raise NotImplementedError

    def rounded(self, values: np.ndarray) -> np.ndarray:
        """Values of two decimals near these, for a reader to look at."""
        return np.round(values, 2)

    def hardened(self, values: np.ndarray) -> np.ndarray:
        """The labels nearest to these where they are probabilities, else the values themselves."""
        return np.round(values) if self == PROBABILITIES else values

    @property
    def of_classes(self) -> bool:
        """Whether these are labels, signs or probabilities, and no quantities."""
        return not isinstance(self, Interval) or self == PROBABILITIES


@dataclass(frozen=True)
class Interval(Domain):
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
        above = values >= self.low if self.closed_left else values > self.low
        below = values <= self.high if self.closed_right else values < self.high
        return ~(above & below)

    def fault(self, values: np.ndarray, eps: float = 0.0) -> Fault | None:
        # Two passes that allocate nothing settle the common case: NaN travels through min and max.
        if float(values.min()) in self and float(values.max()) in self:
            return None
        return super().fault(values, eps)

    def __str__(self) -> str:
        def name(x: float) -> str:
            return {math.inf: "∞", -math.inf: "−∞"}.get(x, f"{x:g}".replace("-", "−"))

        return f"{'[' if self.closed_left else '('}{name(self.low)}, {name(self.high)}{']' if self.closed_right else ')'}"

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        """Two finite ends: uniform between them. One finite end: log-normal distances from it.

        None: Student-t with three degrees of freedom, which now and then reaches far out.
        """
        if math.isfinite(self.low) and math.isfinite(self.high):
            inset = 1e-2 * (self.high - self.low)
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

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.poisson(rng.lognormal(1.0, 1.0, size)).astype(np.float64)


@dataclass(frozen=True)
class Choices(Domain):
    """A few numbers and nothing between them: the signs −1 and +1, or 0 and 1.

    >>> str(SIGNS), SIGNS.outside(np.array([1.0, 0.0, np.nan]))
    ('{−1, 1}', array([False,  True,  True]))
    """

    choices: tuple[float, ...]

    @property
    def rule(self) -> str:
        return "must be " + " or ".join(f"{c:g}".replace("-", "−") for c in self.choices)

    def __contains__(self, number: float) -> bool:
        return number in self.choices

    def outside(self, values: np.ndarray) -> np.ndarray:
        return ~np.isin(values, self.choices)

    def __str__(self) -> str:
        return "{" + ", ".join(f"{c:g}".replace("-", "−") for c in self.choices) + "}"

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return np.asarray(rng.choice(np.array(self.choices), size))


@dataclass(frozen=True)
class Integers(Domain):
    """Any whole number: the mark of what is to be ignored."""

    integral = True

    def __contains__(self, number: float) -> bool:
        return float(number).is_integer()

    def __str__(self) -> str:
        return "the integers"


@dataclass(frozen=True)
class Whole(Integers):
    """Whole numbers that a check of their own looks at: lengths, and labels that are padded."""

    def outside(self, values: np.ndarray) -> np.ndarray:
        return np.zeros(values.shape, dtype=bool)


@dataclass(frozen=True)
class Labels(Domain):
    """Class indices: whole numbers from 0, one an entry of the predictions' axis ``axis``.

    >>> print(Labels("K").within({"K": 3}), "or, where K is not known,", Labels("K"))
    {0, …, 2} or, where K is not known, {0, …, K − 1}
    """

    axis: str
    classes: int | None = None
    low = 0.0
    integral = True

    def within(self, sizes: Mapping[str, int]) -> Labels:
        return Labels(self.axis, sizes[self.axis])

    def outside(self, values: np.ndarray) -> np.ndarray:
        assert self.classes is not None
        return (values < 0) | (values >= self.classes)

    def __str__(self) -> str:
        return f"{{0, …, {f'{self.axis} − 1' if self.classes is None else self.classes - 1}}}"

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.integers(0, self.classes or 3, size)


@dataclass(frozen=True)
class Simplex(Domain):
    """Probabilities that sum to 1 over the last axis, up to the rounding of their dtype.

    The slack is the square root of the dtype's epsilon, and at least 1e-6: softmax in float32, then handed on as
    float64, still is a distribution.
    """

    low = 0.0
    high = 1.0

    @property
    def rule(self) -> str:
        return "must hold probabilities that sum to 1 over the last axis"

    def outside(self, values: np.ndarray) -> np.ndarray:
        return PROBABILITIES.outside(values)

    def fault(self, values: np.ndarray, eps: float = 0.0) -> Fault | None:
        if (wrong := PROBABILITIES.fault(values)) is not None:
            return wrong
        totals = values.sum(axis=-1, dtype=np.float64)
        off = np.abs(totals - 1) > max(math.sqrt(eps), 1e-6)
        if not off.any():
            return None
        index = tuple(int(i) for i in np.argwhere(off)[0])
        return index, f"sums to {totals[index]:.6g}"

    def __str__(self) -> str:
        return "the probability simplex: entries in [0, 1] that sum to 1 over the last axis"

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        weights = rng.lognormal(0.0, 1.0, size)
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))

    def hardened(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(np.eye(values.shape[-1])[values.argmax(axis=-1)])

    def rounded(self, values: np.ndarray) -> np.ndarray:
        head = np.clip(np.round(values[..., :-1], 2), 0.01, None)
        return np.concatenate([head, np.round(1 - head.sum(axis=-1, keepdims=True), 2)], axis=-1)


@dataclass(frozen=True)
class LogSimplex(Domain):
    """Logarithms of probabilities that sum to 1 over the last axis; minus infinity for what cannot be."""

    high = 0.0

    @property
    def rule(self) -> str:
        return "must hold log-probabilities, as log_softmax makes them"

    def fault(self, values: np.ndarray, eps: float = 0.0) -> Fault | None:
        with np.errstate(over="ignore", invalid="ignore"):
            totals = np.exp(values.astype(np.float64)).sum(axis=-1)
        off = ~(np.abs(totals - 1) <= max(math.sqrt(eps), 1e-6))
        if not off.any():
            return None
        index = tuple(int(i) for i in np.argwhere(off)[0])
        return index, f"has exponentials that sum to {totals[index]:.6g}"

    def rounded(self, values: np.ndarray) -> np.ndarray:
        return values

    def __str__(self) -> str:
        return "log-probabilities, whose exponentials sum to 1 over the last axis"


REALS = Interval(-math.inf, math.inf)
POSITIVE = Interval(0.0, math.inf)
NON_NEGATIVE = Interval(0.0, math.inf, "left")
PROBABILITIES = Interval(0.0, 1.0, "both")
COUNTS = Counts()
SIGNS = Choices((-1.0, 1.0))
BITS = Choices((0.0, 1.0))
INTEGERS = Integers()
COUNTING = Whole()
SIMPLEX = Simplex()
LOG_SIMPLEX = LogSimplex()

"""How far each loss is from the truth, in units of the last place: ``python tests/ulp.py`` prints the table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
from instances import INSTANCES, Instance, as_tuple
from mpmath import mp, mpf
from truth import DIGITS, exact, grid

STEP = mpf("1e-25")  # relative, for condition numbers


@dataclass
class Accuracy:
    """The errors of one output of a loss over the grid.

    ``ulp`` is the largest error among the points held to ``max_ulp``, ``at`` where it is. Points of an
    ill-conditioned problem that miss ``max_ulp`` are counted in ``conditioned`` and held to twice the condition
    number; ``share`` is their largest error over that bound. ``breaches`` lists what fails its bound.
    """

    loss: str
    dtype: str
    output: str
    points: int = 0
    ulp: float = 0.0
    at: str = ""
    conditioned: int = 0
    share: float = 0.0
    breaches: list[str] = field(default_factory=list)


class Truth:
    """True numbers, each in units of its own last place in a dtype: ``(high + low) * 2**exponent``."""

    def __init__(self, numbers: Sequence[Any], dtype: Any) -> None:
        info = np.finfo(dtype)
        self.digits, self.overflow, self.numbers = int(info.nmant), int(info.maxexp), numbers
        beyond = mpf(2) ** self.overflow
        parts = []
        for number in numbers:
            # Past the largest number infinity is right: it counts as the number that would come next.
            clipped = max(min(number, beyond), -beyond)
            exponent = max(mpmath.frexp(clipped)[1] - 1, int(info.minexp)) if clipped else int(info.minexp)
            scaled = mpmath.ldexp(clipped, self.digits - exponent)
            parts.append((float(scaled), float(scaled - float(scaled)), exponent - self.digits))
        high, low, exponents = zip(*parts, strict=True)
        self.high, self.low, self.exponents = np.array(high), np.array(low), np.array(exponents)
        #: Under the smallest normal number: zero is right as well.
        self.vanishing = (np.abs(self.high) < 2.0**self.digits) & (self.exponents == int(info.minexp) - self.digits)

    def ulps(self, found: np.ndarray) -> np.ndarray:
        """The errors of ``found`` in units of the last place of the truth; infinity for NaN."""
        found = np.asarray(found, dtype=np.float64)
        endless = np.isinf(found)
        with np.errstate(over="ignore"):
            scaled = np.ldexp(np.where(endless, np.sign(found), found), np.where(endless, self.overflow, 0) - self.exponents)
        errors = np.abs((scaled - self.high) - self.low)
        errors[np.isnan(found)] = math.inf
        errors[(found == 0) & self.vanishing] = 0.0
        return errors


@lru_cache(maxsize=2)
def truths(index: int, dtype: Any) -> tuple[list[list[tuple[Any, ...]]], list[Truth]]:
    """For ``INSTANCES[index]``: the inputs of each number that an output gives over the grid, and the truth of them."""
    instance = INSTANCES[index]
    truth = exact(instance)
    inputs: list[list[tuple[Any, ...]]] = [[] for _ in range(1 + len(instance.loss.wrt))]
    numbers: list[list[Any]] = [[] for _ in inputs]
    with mp.workdps(DIGITS):
        for arrays in grid(instance, dtype):
            columns = [[mpf(x) for x in a.astype(float).tolist()] for a in arrays]
            if instance.loss.reducible:
                for row in zip(*columns, strict=True):
                    for output, number in enumerate(flat(truth(*row))):
                        inputs[output].append(row)
                        numbers[output].append(number)
            else:
                value, *gradient = flat(truth(*columns))
                for output, found in enumerate(([value], gradient)):
                    inputs[output] += [tuple(columns[-1])] * len(found)
                    numbers[output] += found
        return inputs, [Truth(column, dtype) for column in numbers]


def flat(truth: tuple[Any, tuple[Any, ...]]) -> tuple[Any, ...]:
    return truth[0], *truth[1]


def measure(
    instance: Instance, dtype: Any, convert: Callable[[np.ndarray], Any] = np.asarray, subnormal: bool = True
) -> list[Accuracy]:
    """The accuracy of the value and of each derivative of one instance over the grid.

    ``subnormal`` False leaves out the points with an input that is subnormal or whose inverse is: XLA computes
    with zero instead of a subnormal number.
    """
    columns: list[list[np.ndarray]] = [[] for _ in range(1 + len(instance.loss.wrt))]
    with np.errstate(all="ignore"):
        for arrays in grid(instance, dtype):
            converted = [convert(a) for a in arrays]
            value, gradient = instance.loss.value_and_grad(*converted, **instance.parameters, **instance.unreduced())
            for column, part in zip(columns, (value, *as_tuple(gradient)), strict=True):
                column.append(np.ravel(np.asarray(part)))
    smallest = float(np.finfo(dtype).smallest_normal)
    results = []
    names = ["value", *(f"d/d{name}" for name in instance.loss.wrt)]
    for output, (name, inputs, truth) in enumerate(zip(names, *truths(INSTANCES.index(instance), dtype), strict=True)):
        found = np.concatenate(columns[output])
        errors = truth.ulps(found)
        if not subnormal:
            usual = [all(x == 0 or smallest <= abs(x) <= 1 / smallest for x in point) for point in inputs]
            errors = np.where(usual, errors, 0.0)
        result = Accuracy(instance.loss.name, np.dtype(dtype).name, name, points=len(inputs))
        results.append(result)
        bound = instance.card.max_ulp
        for i in np.flatnonzero(errors > bound):
            own = bound
            if instance.card.ill_conditioned and instance.loss.reducible:
                own = max(bound, 2 * condition(INSTANCES.index(instance), output, inputs[i]))
                result.conditioned += 1
                result.share = max(result.share, errors[i] / own)
            if not errors[i] <= own:
                result.breaches.append(
                    f"{instance}: {name} at {show(inputs[i])} is {found[i]!r}, should be {mpmath.nstr(truth.numbers[i], 9)}: "
                    f"{errors[i]:.3g} ULP of {result.dtype}, bound {own:.3g}"
                )
        held = np.where(errors > bound, 0.0, errors) if result.conditioned else errors
        result.ulp, result.at = float(np.max(held)), show(inputs[int(np.argmax(held))])
    return results


@lru_cache(maxsize=10_000)
def condition(index: int, output: int, inputs: tuple[Any, ...]) -> float:
    """``sum(|x df/dx|)/|f|`` over the array inputs, by differences at high precision; infinite where f is 0."""
    truth = exact(INSTANCES[index])
    with mp.workdps(DIGITS):
        if (true := flat(truth(*inputs))[output]) == 0:
            return math.inf
        total = mpf(0)
        for place, x in enumerate(inputs):
            up, down = (flat(truth(*inputs[:place], x * (1 + by), *inputs[place + 1 :]))[output] for by in (STEP, -STEP))
            total += abs(up - down) / (2 * STEP)
        return float(total / abs(true))


def show(inputs: Sequence[Any]) -> str:
    return ", ".join(mpmath.nstr(x, 9) for x in inputs[:4]) + (", …" if len(inputs) > 4 else "")


def table(instances: Sequence[Instance] = INSTANCES, dtypes: Sequence[Any] = (np.float32, np.float64)) -> list[Accuracy]:
    """The errors of each loss, dtype and output over all its instances, with NumPy."""
    rows: dict[tuple[str, str, str], Accuracy] = {}
    for result in (result for instance in instances for dtype in dtypes for result in measure(instance, dtype)):
        row = rows.setdefault((result.loss, result.dtype, result.output), result)
        if row is result:
            continue
        if result.ulp > row.ulp:
            row.ulp, row.at = result.ulp, result.at
        row.points += result.points
        row.conditioned += result.conditioned
        row.share = max(row.share, result.share)
        row.breaches += result.breaches
    return list(rows.values())


def lines(rows: Sequence[Accuracy]) -> Iterator[str]:
    yield f"{'loss':16}{'dtype':9}{'output':12}{'points':>7}{'max ULP':>9}{'conditioned':>13}{'of bound':>10}  worst at"
    for row in rows:
        share = f"{row.share:.2f}" if row.conditioned else ""
        yield f"{row.loss:16}{row.dtype:9}{row.output:12}{row.points:7}{row.ulp:9.2f}{row.conditioned:13}{share:>10}  {row.at}"


if __name__ == "__main__":
    print("\n".join(lines(table())))

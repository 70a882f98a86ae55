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


def exact_row(row: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments of one example as exact numbers, those that are rows as tuples; labels stay integers."""
    return tuple(
        tuple(mpf(float(x)) for x in part)
        if np.ndim(part)
        else int(part)
        if np.asarray(part).dtype.kind in "iu"
        else mpf(float(part))
        for part in row
    )


@lru_cache(maxsize=2)
def truths(index: int, dtype: Any) -> tuple[list[list[tuple[Any, ...]]], list[list[int]], list[Truth]]:
    """For ``INSTANCES[index]``: the inputs of each number that an output gives over the grid, which entry of the
    example's output it is, and the truth of them.
    """
    instance = INSTANCES[index]
    truth = exact(instance)
    inputs: list[list[tuple[Any, ...]]] = [[] for _ in range(1 + len(instance.loss.wrt))]
    entries: list[list[int]] = [[] for _ in inputs]
    numbers: list[list[Any]] = [[] for _ in inputs]
    with mp.workdps(DIGITS):
        for arrays in grid(instance, dtype):
            if instance.loss.reducible:
                for row in map(exact_row, zip(*arrays, strict=True)):
                    for output, number in enumerate(flat(truth(*row))):
                        found = number if isinstance(number, tuple) else (number,)
                        inputs[output] += [row] * len(found)
                        entries[output] += range(len(found))
                        numbers[output] += found
            else:
                columns = [[mpf(x) for x in a.astype(float).tolist()] for a in arrays]
                value, *gradient = flat(truth(*columns))
                for output, found in enumerate(([value], gradient)):
                    inputs[output] += [tuple(columns[-1])] * len(found)
                    entries[output] += range(len(found))
                    numbers[output] += found
        return inputs, entries, [Truth(column, dtype) for column in numbers]


def flat(truth: tuple[Any, tuple[Any, ...]]) -> tuple[Any, ...]:
    return truth[0], *truth[1]


def leaves(inputs: Sequence[Any]) -> Iterator[Any]:
    """The numbers of an example, rows one after the other."""
    for part in inputs:
        yield from part if isinstance(part, tuple) else (part,)


def measure(
    instance: Instance, dtype: Any, convert: Callable[[np.ndarray], Any] = np.asarray, subnormal: bool = True, slack: float = 1.0
) -> list[Accuracy]:
    """The accuracy of the value and of each derivative of one instance over the grid.

    ``subnormal`` False leaves out the points with an input that is subnormal or whose inverse is: XLA computes
    with zero instead of a subnormal number. ``slack`` multiplies the bounds.
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
    for output, (name, inputs, entries, truth) in enumerate(zip(names, *truths(INSTANCES.index(instance), dtype), strict=True)):
        found = np.concatenate(columns[output])
        errors = truth.ulps(found)
        if not subnormal:
            usual = [all(x == 0 or smallest <= abs(x) <= 1 / smallest for x in leaves(point)) for point in inputs]
            errors = np.where(usual, errors, 0.0)
        result = Accuracy(instance.loss.name, np.dtype(dtype).name, name, points=len(inputs))
        results.append(result)
        bound = instance.card.max_ulp
        for i in np.flatnonzero(errors > bound):
            own = bound * slack
            if instance.card.ill_conditioned and instance.loss.reducible and not np.isnan(found[i]):
                own = slack * max(bound, 2 * condition(INSTANCES.index(instance), output, inputs[i], entries[i]))
                result.conditioned += 1
                result.share = max(result.share, errors[i] / own if own < math.inf else 0.0)
            if not errors[i] <= own:
                result.breaches.append(
                    f"{instance}: {name} at {show(inputs[i])} is {found[i]!r}, should be {mpmath.nstr(truth.numbers[i], 9)}: "
                    f"{errors[i]:.3g} ULP of {result.dtype}, bound {own:.3g}"
                )
        held = np.where(errors > bound, 0.0, errors) if result.conditioned else errors
        result.ulp, result.at = float(np.max(held)), show(inputs[int(np.argmax(held))])
    return results


@lru_cache(maxsize=10_000)
def condition(index: int, output: int, inputs: tuple[Any, ...], entry: int) -> float:
    """``sum(|x df/dx|)/|f|`` over the array inputs, by differences at high precision; infinite where f is 0."""
    truth = exact(INSTANCES[index])

    def number(*arguments: Any) -> Any:
        found = flat(truth(*arguments))[output]
        return found[entry] if isinstance(found, tuple) else found

    with mp.workdps(DIGITS):
        if (true := number(*inputs)) == 0:
            return math.inf
        total = mpf(0)
        for place, part in enumerate(inputs):
            if isinstance(part, int):  # a label has no neighbours
                continue
            for k, x in enumerate(part if isinstance(part, tuple) else (part,)):
                near = [x * (1 + STEP), x * (1 - STEP)]
                moved = [(*part[:k], n, *part[k + 1 :]) if isinstance(part, tuple) else n for n in near]
                up, down = (number(*inputs[:place], m, *inputs[place + 1 :]) for m in moved)
                total += abs(up - down) / (2 * STEP)
        return float(total / abs(true))


def show(inputs: Sequence[Any]) -> str:
    numbers = list(leaves(inputs))
    return ", ".join(mpmath.nstr(x, 9) for x in numbers[:12]) + (", …" if len(numbers) > 12 else "")


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
    yield f"{'loss':34}{'dtype':9}{'output':12}{'points':>7}{'max ULP':>9}{'conditioned':>13}{'of bound':>10}  worst at"
    for row in rows:
        share = f"{row.share:.2f}" if row.conditioned else ""
        yield f"{row.loss:34}{row.dtype:9}{row.output:12}{row.points:7}{row.ulp:9.2f}{row.conditioned:13}{share:>10}  {row.at}"


if __name__ == "__main__":
    print("\n".join(lines(table())))

"""A property on a card is a test, both ways: what is claimed holds, and what is denied has a counter-example."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from estimates import best_first, best_row, neutral
from instances import INSTANCES, Arrays, Instance, counts
from scipy import special

from lossbook.card import Properties
from lossbook.domain import BITS, PROBABILITIES, SIMPLEX, Choices, Labels

TRIALS = 3000


def sample(instance: Instance, seed: int = 0, trials: int = TRIALS) -> Arrays:
    return instance.sample(np.random.default_rng(seed), trials)


def within(instance: Instance, radius: float) -> Arrays:
    """Every combination of arguments from ``1/radius`` to ``radius`` in size, one example a row."""
    if instance.rows:
        lists = [rows_within(instance, name, radius) for name in instance.loss.arguments]
        places = np.meshgrid(*(np.arange(len(rows)) for rows in lists), indexing="ij")
        return tuple(rows[place.ravel()] for rows, place in zip(lists, places, strict=True))
    sizes = np.geomspace(1 / radius, radius, 16)
    axes = []
    for argument in instance.loss.arguments:
        domain = instance.card.domain_of(argument)
        axis = np.concatenate([-sizes[::-1], [0.0], sizes])
        if isinstance(domain, Choices):
            axis = np.array(domain.choices)
        elif domain == PROBABILITIES:  # certain only as a target
            inside = sizes[sizes <= 0.5]
            axis = np.concatenate([inside, 1 - inside, [] if argument in instance.loss.wrt else [0.0, 1.0]])
        axes.append(axis[~domain.outside(axis)])
    rows = [a.ravel() for a in np.meshgrid(*axes, indexing="ij")]
    return tuple(rows if instance.loss.reducible else [r[:, None] for r in rows])


def rows_within(instance: Instance, argument: str, radius: float) -> np.ndarray:
    """Rows of three entries, or labels, out to a radius and down to its inverse."""
    domain = instance.card.domain_of(argument)
    if isinstance(domain, Labels):
        return np.arange(3)

    def every(axis: Sequence[float], entries: int = 3) -> np.ndarray:
        return np.stack([a.ravel() for a in np.meshgrid(*[axis] * entries)], axis=-1)

    if domain == PROBABILITIES:
        return every([0.0, 0.3, 1.0])
    if domain == SIMPLEX and argument in instance.loss.targets:
        return np.array([*np.eye(3), [0.2, 0.3, 0.5]])
    if domain == SIMPLEX:
        logs = every(math.log(radius) * np.linspace(-1, 1, 9), 2)
        return special.softmax(np.concatenate([logs, np.zeros((len(logs), 1))], axis=1), axis=1)
    return every([-radius, -1.0, -1 / radius, 0.0, 1 / radius, 2.0, radius])


def steepness(instance: Instance, arrays: Arrays) -> np.ndarray:
    """The length of the gradient of each row's loss."""
    with np.errstate(over="ignore"):
        return np.sqrt(sum(np.sum(np.reshape(part, (len(part), -1)) ** 2, axis=1) for part in instance.slopes(arrays)))


def check_convex(instance: Instance) -> None:
    """The value at the midpoint of two predictions is at most the mean of the two values."""
    left = sample(instance)
    right = instance.replace(left, [sample(instance, 1)[place] for place in instance.predictions])
    middle = instance.replace(left, [(left[place] + right[place]) / 2 for place in instance.predictions])
    chord = (instance.values(left) + instance.values(right)) / 2
    above = instance.values(middle) - chord > 1e-12 * (1 + np.abs(chord))
    if instance.claim("convex"):
        assert not np.any(above), f"{instance} is not convex: {np.sum(above)} of {TRIALS} midpoints lie above the chord"
    else:
        assert np.any(above), f"{instance} is called non-convex, but none of {TRIALS} midpoints lies above the chord"


def lines(instance: Instance) -> Iterator[tuple[Arrays, Arrays]]:
    """Ends of straight lines through the predictions: through all kinks, every example alike, or between random points."""
    if instance.kinks:
        reach = 2 * max(1.0, *np.abs(instance.kinks))
        yield instance.at_error([-reach]), instance.at_error([reach])
        return
    for seed in range(6):
        two = [np.clip(a, -8, 8) for a in sample(instance, seed, 2)]
        rows = [tuple(a[i : i + 1] for a in two) for i in range(2)]
        yield rows[0], instance.replace(rows[0], [rows[1][place] for place in instance.predictions])


def jumps(instance: Instance, line: tuple[Arrays, Arrays], order: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Where along a line, and how far, the derivative of ``order`` of the slope moves from one step to the next."""
    start, end = line
    t = np.linspace(0, 1, steps + 1) + 1e-5 * math.pi  # so that no step ends exactly at a kink
    rows = [
        a + np.reshape(t, (-1,) + (1,) * (a.ndim - 1)) * (b - a)
        if place in instance.predictions
        else np.repeat(a, len(t), axis=0)
        for place, (a, b) in enumerate(zip(start, end, strict=True))
    ]
    slope = np.zeros(len(t))
    for place, part in zip(instance.predictions, instance.slopes(tuple(rows)), strict=True):
        slope += np.sum(np.reshape(part * (end[place] - start[place]), (len(t), -1)), axis=1)
    return t[: -order - 1] + order / steps / 2, np.abs(np.diff(slope, order + 1)) * steps**order


def check_smooth(instance: Instance) -> None:
    """A derivative is continuous where halving the step halves its largest move, and jumps where it does not."""
    steps = 1000
    found = math.inf
    for line in lines(instance):
        for order in range(3):
            _, coarse = jumps(instance, line, order, steps)
            where, fine = jumps(instance, line, order, 2 * steps)
            if np.max(fine) > 1e-6 and np.max(fine) > 0.75 * np.max(coarse):
                found = min(found, order)
                break
        if found < math.inf and instance.kinks:
            reach = line[1][-1].flat[0]
            errors = (2 * where[fine > 0.4 * np.max(fine)] - 1) * reach
            distance = np.abs(errors[:, None] - np.array(instance.kinks))
            assert np.all(np.min(distance, axis=1) < 4 * reach / steps), f"{instance} has a kink that the card does not list"
            assert np.all(np.min(distance, axis=0) < 4 * reach / steps), f"{instance} has no kink where the card lists one"
    assert found == instance.claim("smooth"), f"{instance} has {found} continuous derivatives"
    assert bool(instance.kinks) == (found < math.inf), f"{instance}: a loss has kinks just where it is not smooth"


def check_lipschitz(instance: Instance) -> None:
    """The largest slope is the claim, reached to 1% and never passed; without a claim it grows with the range."""
    claimed = instance.claim("lipschitz")
    if claimed is True:
        slopes = [np.max(steepness(instance, within(instance, radius))) for radius in (1e3, 1e6)]
        assert slopes[1] < 1.1 * slopes[0], f"{instance}: slopes seem unbounded, {slopes}"
    elif claimed is None:
        slopes = [np.max(steepness(instance, within(instance, radius))) for radius in (10, 100, 1000)]
        assert slopes[2] > 2 * slopes[1] > 4 * slopes[0], f"{instance}: slopes seem bounded, {slopes}"
    else:
        largest = max(np.max(steepness(instance, arrays)) for arrays in (within(instance, 1e6), sample(instance)))
        assert largest <= claimed * (1 + 1e-12), f"{instance}: a slope of {largest:g} is above {claimed:g}"
        assert largest >= 0.99 * claimed, f"{instance}: the largest slope is {largest:g}, not {claimed:g}"


def check_bounded_below(instance: Instance) -> None:
    """No value is under the bound, and some come as near as one likes; without a bound values fall with the range."""

    def smallest(radius: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.min(instance.values(within(instance, radius))))

    claimed = instance.claim("bounded_below")
    if claimed is None:
        least = [smallest(radius) for radius in (10, 100, 1000)]
        assert least[2] < 3 * least[1] < 9 * least[0] < 0, f"{instance}: values seem bounded, {least}"
    else:
        some = sample(instance)
        least = [smallest(1e6), float(np.min(instance.values(some)[instance.counts(some)]))]
        if instance.rows:
            targets = [sample(instance, trials=4)[0][[i]] for i in range(4)]
            if isinstance(instance.card.domain_of(instance.loss.arguments[0]), Labels):
                targets = [np.array([label]) for label in range(3)]
            least += [float(instance(target, best_row(instance, target)[None])) for target in targets]
        assert claimed - 1e-12 <= min(least) <= claimed + 1e-5, f"{instance}: the smallest value is {min(least):g}"


def check_symmetric(instance: Instance) -> None:
    """An error of the first prediction costs what its mirror image costs, and so does a parameter.

    Of classes: nothing changes where they exchange their names.
    """
    arrays = sample(instance)
    first = instance.predictions[0]
    mirrored = list(arrays)
    if instance.of_classes:
        mirrored = [renamed(instance, name, a) for name, a in zip(instance.loss.arguments, arrays, strict=True)]
    else:
        mirrored[first] = 2 * (arrays[0] if instance.loss.targets else 0) - arrays[first]
    with np.errstate(over="ignore"):
        values, others = instance.values(arrays), instance.values(tuple(mirrored))
    same = np.all(np.abs(values - others) <= 1e-9 * (1e-3 + np.abs(values)))
    assert same == instance.claim("symmetric"), f"{instance}: that mirror images cost the same is {same}"


def renamed(instance: Instance, argument: str, array: np.ndarray) -> np.ndarray:
    """The argument where the classes have exchanged their names: yes and no, or each class of a row with the next."""
    domain = instance.card.domain_of(argument)
    if instance.loss.layout.of(argument).endswith(" K"):
        return np.roll(array, 1, axis=-1)
    if isinstance(domain, Labels):
        return np.where(array < 0, array, (array + 1) % 3)
    return 1 - array if domain in (PROBABILITIES, BITS) else -array


def check_homogeneous(instance: Instance) -> None:
    """Scaling everything by c scales the loss by c**k, or by no common power. Classes and probabilities do not scale."""
    if instance.of_classes:
        assert instance.claim("homogeneous") is None
        return
    arrays = tuple(np.clip(a, -20, 20) for a in sample(instance, trials=200))
    degree = instance.claim("homogeneous")
    fits = []
    for factor in (0.5, 2.0, 10.0):
        ratio = instance.values(tuple(factor * a for a in arrays)) / instance.values(arrays)
        power = np.log(np.median(np.abs(ratio))) / np.log(factor)
        fits.append((np.allclose(ratio, factor**power, rtol=1e-9), power))
    if degree is None:
        assert not all(fit for fit, _ in fits), f"{instance} is homogeneous of degree {fits[0][1]:g}"
    else:
        for fit, power in fits:
            assert fit, f"{instance} is not homogeneous"
            assert math.isclose(power, degree, abs_tol=1e-9), f"{instance} is homogeneous of degree {power:g}, not {degree:g}"


def check_bounded_influence(instance: Instance) -> None:
    """The best constant stays where it is while one target goes from a thousand to a million, or follows it."""
    if not instance.loss.targets or instance.of_classes or instance.rows:
        assert instance.claim("bounded_influence") is None, f"{instance} has no target that could pull"
        return
    y = np.random.default_rng(0).poisson(3.0, 30) + np.linspace(0, 0.5, 30)  # 31 with the outlier: every quantile is one number
    near, far = (best_first(instance, np.append(y, outlier)) for outlier in (1e3, 1e6))
    if instance.claim("bounded_influence"):
        assert abs(far - near) < 0.02, f"{instance}: one target moves the best constant from {near:g} to {far:g}"
    else:
        assert far - near > 1, f"{instance}: one target hardly moves the best constant, from {near:g} to {far:g}"


def check_proper(instance: Instance) -> None:
    """The true distribution costs least in expectation: less than any other, and exactly where the gradient vanishes.

    The expectation is a sum, over counts or over a fine grid that covers ten standard deviations.
    """
    claimed = instance.claim("proper")
    if claimed is None:  # a loss of a number, not of a distribution
        return
    rng = np.random.default_rng(0)
    least_at_truth = True
    for truth, y, probability in true_distributions(instance):
        true = np.array(truth)
        others = true * np.exp(rng.normal(0, 0.5, (300, *true.shape))) + rng.normal(0, 0.1, (300, *true.shape))
        simplex = instance.card.domain_of(instance.loss.wrt[0]) == SIMPLEX
        if simplex:
            others = np.abs(others) / np.sum(np.abs(others), axis=-1, keepdims=True)
        inside = [~instance.card.domain_of(name).outside(others[:, k]) for k, name in enumerate(instance.loss.wrt)]
        others = others[np.all(np.reshape(np.stack(inside, axis=1), (len(others), -1)), axis=1)]
        if not simplex and instance.rows and not instance.loss.layout.of(instance.loss.wrt[0]).endswith("L"):
            others = others[np.ptp(others - true, axis=-1).ravel() > 1e-3]  # one number added to all logits changes nothing
        expected = expectation(instance, y, probability, np.stack([true, *others]))
        least_at_truth &= bool(np.all(expected[1:] > expected[0]))
        for part in instance.grad(y, *(spread(y, part) for part in truth), reduction="none"):
            slope = probability @ part
            # Where only differences of probabilities are free, what they all have in common has no say.
            least_at_truth &= bool(np.max(np.abs(slope - np.mean(slope) if simplex else slope)) < 1e-9)
    assert least_at_truth == claimed, f"{instance}: the truth {'is' if least_at_truth else 'is not'} the best prediction"


def true_distributions(instance: Instance) -> Iterator[tuple[tuple[Any, ...], np.ndarray, np.ndarray]]:
    """Predictions that are true, with the targets that then occur and their probabilities."""
    if instance.loss.name == "distillation":
        for teacher in ((2.0, 0.0, -1.0), (0.1, 0.2, 0.3)):
            yield (np.array(teacher),), np.array([teacher]), np.ones(1)
        return
    if instance.rows and instance.of_classes:
        yield from true_rows(instance)
        return
    if instance.of_classes:
        for chance in (0.1, 0.5, 0.8):
            truth = chance if instance.card.domain_of(instance.loss.wrt[0]) == PROBABILITIES else math.log(chance / (1 - chance))
            yield (truth,), np.array([0.0, 1.0]), np.array([1 - chance, chance])
        return
    if counts(instance):
        for rate in (0.5, 3.0, 20.0):
            y = np.arange(200.0)
            logs = np.cumsum(np.log(np.maximum(y, 1)))
            yield (math.log(rate),), y, np.exp(y * math.log(rate) - rate - logs)
        return
    for mean, scale in ((0.0, 1.0), (2.0, 0.5), (-1.0, 3.0)):
        z, step = np.linspace(-10, 10, 4001, retstep=True)
        second = {"log_var": 2 * math.log(scale), "scale": scale}[instance.loss.wrt[1]]
        yield (mean, second), mean + scale * z, np.exp(-z * z / 2) * step / math.sqrt(2 * math.pi)


def true_rows(instance: Instance) -> Iterator[tuple[tuple[Any, ...], np.ndarray, np.ndarray]]:
    """The same for a row of probabilities, of logits, or of independent labels."""
    name, domain = instance.loss.arguments[0], instance.card.domain_of(instance.loss.arguments[0])
    for chances in ((0.2, 0.3, 0.5), (0.05, 0.9, 0.05)):
        truth = np.array(chances)
        if domain == PROBABILITIES:
            y = np.stack([a.ravel() for a in np.meshgrid(*[[0.0, 1.0]] * 3)], axis=-1)
            yield (special.logit(truth),), y, np.prod(np.where(y == 1, truth, 1 - truth), axis=1)
        else:
            targets = np.arange(3) if isinstance(domain, Labels) else np.eye(3)
            assert name in instance.loss.targets
            logits = instance.card.domain_of(instance.loss.wrt[0]) != SIMPLEX
            yield (np.log(truth) if logits else truth,), targets, truth


def expectation(instance: Instance, y: np.ndarray, probability: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    return np.array([instance(y, *(spread(y, part) for part in row), reduction="none") @ probability for row in predictions])


def spread(y: np.ndarray, part: Any) -> np.ndarray:
    """One prediction, a number or a row, for every target."""
    return np.broadcast_to(part, (len(y), *np.shape(part)))


CHECKS: dict[str, Callable[[Instance], None]] = {
    "convex": check_convex,
    "smooth": check_smooth,
    "lipschitz": check_lipschitz,
    "bounded_below": check_bounded_below,
    "symmetric": check_symmetric,
    "homogeneous": check_homogeneous,
    "bounded_influence": check_bounded_influence,
    "proper": check_proper,
}


def test_every_property_has_a_check() -> None:
    assert list(CHECKS) == [field.name for field in fields(Properties)]


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("instance", INSTANCES, ids=str)
def test_property(instance: Instance, name: str) -> None:
    CHECKS[name](instance)


def test_neutral_predictions_are_allowed() -> None:
    for instance in INSTANCES:
        for name, value in zip(instance.loss.wrt, neutral(instance), strict=True):
            assert instance.rows or value in instance.card.domain_of(name)

"""The curve of a loss: what one example costs, and with what slope, as one number of its prediction moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossbook.domain import Counts, Labels
from lossbook.loss import Loss

STEPS = np.linspace(-3, 3, 241)
#: A probability stays off its ends, where it may cost infinity: from 0.02 to 0.98.
SHARES = 0.5 + 0.16 * STEPS

ERROR, SCORE, PROBABILITY, WEIGHT = "error", "score of the truth", "probability of the truth", "parameter"


@dataclass(frozen=True)
class Example:
    """One example, drawn many times: ``arrays`` holds it once for each of the numbers ``x``.

    ``axis`` says what those are; curves over the same axis can be compared. ``pace`` is how fast the moving prediction
    changes with them. ``held`` are the predictions that stay.
    """

    axis: str
    x: np.ndarray
    arrays: Mapping[str, np.ndarray]
    pace: np.ndarray
    held: Mapping[str, float]

    def value(self, loss: Loss, **parameters: Any) -> np.ndarray:
        """What the example costs at each of the numbers."""
        if loss.reducible:
            return np.asarray(loss(**self.arrays, reduction="none", **parameters))
        return np.array([float(loss(**one, **parameters)) for one in self._ones()])

    def slope(self, loss: Loss, **parameters: Any) -> np.ndarray:
        """The slope of that curve, by the loss's own gradient."""
        if loss.reducible:
            first = _first(loss.grad(**self.arrays, reduction="none", **parameters))
        else:
            first = np.concatenate([_first(loss.grad(**one, **parameters)) for one in self._ones()])
        along = first * self.pace
        return np.asarray(along.sum(axis=-1) if along.ndim > 1 else along)

    def _ones(self) -> list[dict[str, np.ndarray]]:
        return [{a: values[i : i + 1] for a, values in self.arrays.items()} for i in range(self.x.size)]


def _first(gradient: Any) -> np.ndarray:
    return np.asarray(gradient[0] if isinstance(gradient, tuple) else gradient)


def example(loss: Loss, *, by_probability: bool = False) -> Example | None:
    """The example whose first prediction moves; None for a loss whose arguments hang together, where none moves alone.

    A target that is a quantity is 0, and 2 for counts; of classes the first is true. By its probability a loss is
    drawn that scores one and takes a logit; None where it does not.
    """
    if loss.sampler:
        return None
    moved, card = loss.wrt[0], loss.card
    axis = _axis(loss)
    x, moving, pace = STEPS, STEPS, np.ones(STEPS.size)
    if axis == PROBABILITY:
        x = moving = SHARES
    if by_probability:
        if axis != SCORE or card.properties.proper is None:
            return None
        axis, x, moving, pace = PROBABILITY, SHARES, np.log(SHARES / (1 - SHARES)), 1 / (SHARES * (1 - SHARES))
    arrays: dict[str, np.ndarray] = {}
    held: dict[str, float] = {}
    for argument in loss.arguments:
        domain, layout = card.domain_of(argument), loss.layout.of(argument)
        still: float | list[float]
        if isinstance(domain, Labels):
            still = 0
        elif layout == "...":
            certain = argument in loss.targets and domain.of_classes
            still = 2.0 if isinstance(domain, Counts) else 1.0 if certain or 0.0 not in domain else 0.0
            if argument in loss.wrt and argument != moved:
                held[argument] = still
        else:
            still = [1.0] if layout.endswith("L") else [1.0, 0.0]  # of labels that need not exclude each other, one is enough
            if argument == moved:
                moving, pace = _row(axis, moving, pace, layout)
        arrays[argument] = moving if argument == moved else np.array([still] * x.size)
    return Example(axis, x, arrays, pace, held)


def _row(axis: str, moving: np.ndarray, pace: np.ndarray, layout: str) -> tuple[np.ndarray, np.ndarray]:
    """A prediction whose first number moves, and the second with it only where they sum to 1."""
    if layout.endswith("L"):
        return moving[:, None], pace[:, None]
    if axis == PROBABILITY and moving is SHARES:
        return np.stack([moving, 1 - moving], axis=-1), np.stack([pace, -pace], axis=-1)
    # The other logit is 0, so that the first is how far the truth leads; of a direction it is 1, which leaves it one at 0.
    other = np.full(moving.size, 0.0 if layout.endswith("K") else 1.0)
    return np.stack([moving, other], axis=-1), np.stack([pace, np.zeros(pace.size)], axis=-1)


def _axis(loss: Loss) -> str:
    moved, card = loss.wrt[0], loss.card
    if not loss.targets:
        return WEIGHT
    domains = [card.domain_of(argument) for argument in loss.targets]
    if any(domain.of_classes for domain in domains):
        return PROBABILITY if card.domain_of(moved).high == 1 else SCORE
    if loss.layout.of(moved) != "...":
        return f"first entry of {moved}"
    return f"{moved}, for a target of 2" if any(isinstance(domain, Counts) for domain in domains) else ERROR

"""The losses at the hyper-parameters that the tests try, and inputs for them.

One list drives every test: a loss that is new to the catalogue gets its lines here and is then under all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import lossbook
from lossbook.card import Card, evaluate
from lossbook.domain import Counts
from lossbook.loss import Loss

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Instance:
    """A loss with its parameters."""

    loss: Loss
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", {**self.loss.defaults, **self.parameters})

    def __str__(self) -> str:
        shown = {key: value if isinstance(value, bool) else f"{value:.3g}" for key, value in self.parameters.items()}
        return self.loss.name + "".join(f" {key}={value}" for key, value in shown.items())

    @property
    def card(self) -> Card:
        return self.loss.card

    @property
    def kinks(self) -> list[float]:
        found = [evaluate(kink, self.parameters) for kink in self.card.kinks]
        return [float(kink) for kink in found if kink is not None]

    @property
    def predictions(self) -> list[int]:
        """The places of the predictions among the arguments."""
        return [self.loss.arguments.index(name) for name in self.loss.wrt]

    def claim(self, name: str) -> Any:
        """What the card says of a property, at these parameters."""
        return evaluate(getattr(self.card.properties, name), self.parameters)

    def __call__(self, *arrays: Any, **options: Any) -> Any:
        return self.loss(*arrays, **self.parameters, **options)

    def grad(self, *arrays: Any, **options: Any) -> tuple[Any, ...]:
        """The hand-written gradient, always a tuple."""
        return as_tuple(self.loss.grad(*arrays, **self.parameters, **options))

    def unreduced(self, reduction: str = "none") -> dict[str, str]:
        """The option that asks for a reduction, for the losses that have one."""
        return {"reduction": reduction} if self.loss.reducible else {}

    def sample(self, rng: np.random.Generator, rows: int) -> Arrays:
        """Inputs for ``rows`` losses, away from the kinks: shape (rows,), or (rows, 3) where a loss needs several examples."""
        shape = (rows,) if self.loss.reducible else (rows, 3)
        arrays = [self.card.domain_of(a).sample(rng, math.prod(shape)).reshape(shape) for a in self.loss.arguments]
        if self.kinks:
            errors = arrays[-1] - arrays[0] if self.loss.targets else arrays[0]
            near = np.any([np.abs(errors - kink) < 0.05 for kink in self.kinks], axis=0)
            arrays[-1] = arrays[-1] + np.where(near, 0.1, 0.0)
        return tuple(arrays)

    def at_error(self, errors: Sequence[float]) -> Arrays:
        """Rows whose every example misses by the same error, exactly; for losses of one prediction."""
        y_hat = np.array(errors, dtype=np.float64)
        if not self.loss.reducible:
            y_hat = np.repeat(y_hat[:, None], 3, axis=1)
        return (np.zeros_like(y_hat), y_hat) if self.loss.targets else (y_hat,)

    def values(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """The loss of each row."""
        if self.loss.reducible:
            return self(*arrays, reduction="none")
        return np.array([self(*row) for row in zip(*arrays, strict=True)])

    def slopes(self, arrays: Sequence[np.ndarray]) -> Arrays:
        """The hand-written gradient of each row's loss, one array a prediction."""
        if self.loss.reducible:
            return self.grad(*arrays, reduction="none")
        each = [self.grad(*row) for row in zip(*arrays, strict=True)]
        return tuple(np.stack(parts) for parts in zip(*each, strict=True))

    def replace(self, arrays: Sequence[Any], predictions: Sequence[Any]) -> tuple[Any, ...]:
        """``arrays`` with other predictions."""
        new = list(arrays)
        for place, prediction in zip(self.predictions, predictions, strict=True):
            new[place] = prediction
        return tuple(new)


def as_tuple(parts: Any) -> tuple[Any, ...]:
    return parts if isinstance(parts, tuple) else (parts,)


def counts(instance: Instance) -> bool:
    """Whether the target is a count."""
    return any(isinstance(instance.card.domain_of(name), Counts) for name in instance.loss.targets)


INSTANCES = [
    Instance(lossbook.mse),
    Instance(lossbook.mae),
    Instance(lossbook.rmse),
    *(Instance(lossbook.huber, {"delta": delta}) for delta in (0.5, 1.0, 2.5)),
    *(Instance(lossbook.smooth_l1, {"beta": beta}) for beta in (1 / 9, 1.0, 2.5)),
    Instance(lossbook.log_cosh),
    *(Instance(lossbook.pinball, {"tau": tau}) for tau in (0.1, 0.5, 0.9)),
    *(Instance(lossbook.poisson_nll, {"full": full}) for full in (False, True)),
    *(Instance(lossbook.gaussian_nll, {"full": full}) for full in (False, True)),
    *(
        Instance(lossbook.general_robust, {"alpha": alpha, "scale": scale})
        for alpha in (2.0, 1.5, 1.0, 0.5, 0.0, -2.0, -8.0, -math.inf)
        for scale in (0.5, 1.0)
    ),
    Instance(lossbook.gaussian_crps),
    *(Instance(lossbook.l1, {"strength": strength}) for strength in (0.3, 1.0)),
    *(Instance(lossbook.l2, {"strength": strength}) for strength in (0.3, 1.0)),
    *(Instance(lossbook.elastic_net, {"strength": 0.3, "l1_ratio": ratio}) for ratio in (0.0, 0.5, 1.0)),
]

#: The first instance of each loss, for what does not depend on the parameters.
ONE_EACH = list({instance.loss.name: instance for instance in reversed(INSTANCES)}.values())[::-1]

#: Those that compare a prediction with a target, and those that look at parameters alone.
WITH_TARGETS = [instance for instance in INSTANCES if instance.loss.targets]
PENALTIES = [instance for instance in INSTANCES if not instance.loss.targets]

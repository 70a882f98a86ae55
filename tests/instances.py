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
from lossbook.report import sample

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Instance:
    """A loss with its parameters."""

    loss: Loss
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", {**self.loss.defaults, **self.parameters})

    def __str__(self) -> str:
        shown = {key: f"{v:.3g}" if isinstance(v, float) else v for key, v in self.parameters.items()}
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

    @property
    def rows(self) -> bool:
        """Whether an example is a row of the predictions."""
        return bool(self.loss.layout.axes)

    @property
    def of_classes(self) -> bool:
        """Whether the targets are labels, signs or probabilities, or logits of them."""
        return any(self.card.domain_of(a).of_classes or self.loss.layout.of(a).endswith("K") for a in self.loss.targets)

    @property
    def errors(self) -> bool:
        """Whether the predictions are measured by their distance from targets of the same kind."""
        return self.loss.arguments[:2] == ("y", "y_hat") and not self.rows

    def claim(self, name: str) -> Any:
        """What the card says of a property, at these parameters; K and L are the numbers of classes and labels in samples."""
        return evaluate(getattr(self.card.properties, name), {**self.parameters, "K": 3, "L": 3})

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
        arrays = sample(self.loss, rng, shape, self.parameters)
        if self.kinks:
            near = np.any([np.abs(self.distance(arrays) - kink) < 0.05 for kink in self.kinks], axis=0)
            arrays[-1] = arrays[-1] + np.where(near[..., None] if self.rows else near, 0.1, 0.0) * self.away(arrays)
        return tuple(arrays)

    def distance(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """What the kinks are places of: the error; of a penalty the parameter; of a loss of classes the margin."""
        if not self.of_classes:
            return arrays[-1] - arrays[0] if self.loss.targets else arrays[0]
        if not self.rows:
            return arrays[0] * arrays[1]
        hot = self.away(arrays) == 1
        return arrays[1][hot] - np.max(np.where(hot, -np.inf, arrays[1]), axis=-1)

    def away(self, arrays: Sequence[np.ndarray]) -> Any:
        """The direction in which a prediction moves away from a kink: of a row, the score of the label."""
        return np.eye(3)[arrays[0]] if self.rows else 1.0

    def at_error(self, errors: Sequence[float]) -> Arrays:
        """Rows whose every example has the same error, exactly, or the same margin; for losses of one prediction."""
        y_hat = np.array(errors, dtype=np.float64)
        if self.rows:
            return np.zeros(y_hat.shape, dtype=int), np.stack([y_hat, 0 * y_hat, 0 * y_hat - 20], axis=-1)
        if not self.loss.reducible:
            y_hat = np.repeat(y_hat[:, None], 3, axis=1)
        if not self.loss.targets:
            return (y_hat,)
        return np.ones_like(y_hat) if self.of_classes else np.zeros_like(y_hat), y_hat

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

    def counted(self, arrays: Sequence[np.ndarray]) -> int:
        """How many of the examples count."""
        return int(np.sum(self.counts(arrays)))

    def counts(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Which examples count."""
        ignored = self.parameters.get("ignore_index")
        return np.ones(len(arrays[0]), dtype=bool) if ignored is None else arrays[0] != ignored

    def per_entry(self, per_example: np.ndarray) -> np.ndarray:
        """One number an example, laid out to multiply the predictions."""
        return per_example[..., None] if self.rows else per_example

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
    Instance(lossbook.binary_cross_entropy),
    *(Instance(lossbook.binary_cross_entropy_with_logits, {"pos_weight": weight}) for weight in (1.0, 2.5)),
    *(
        Instance(lossbook.focal, {"gamma": gamma, "alpha": alpha})
        for gamma, alpha in ((2.0, None), (0.0, None), (0.5, 0.25), (2.0, 0.25), (5.0, 0.5))
    ),
    Instance(lossbook.hinge),
    Instance(lossbook.squared_hinge),
    Instance(lossbook.cross_entropy),
    Instance(lossbook.softmax_cross_entropy),
    *(
        Instance(lossbook.sparse_softmax_cross_entropy, parameters)
        for parameters in (
            {},
            {"label_smoothing": 0.1},
            {"class_weight": (0.5, 1.0, 3.0)},
            {"label_smoothing": 0.25, "class_weight": (2.0, 1.0, 0.5), "ignore_index": -100},
            {"label_smoothing": 1.0, "ignore_index": -100},
        )
    ),
    Instance(lossbook.sigmoid_cross_entropy),
    *(
        Instance(lossbook.softmax_focal, {"gamma": gamma, "alpha": alpha})
        for gamma, alpha in ((2.0, None), (0.0, None), (0.5, (0.25, 1.0, 2.0)), (5.0, None))
    ),
    *(Instance(lossbook.multiclass_hinge, {"margin": margin}) for margin in (1.0, 0.5)),
    Instance(lossbook.brier),
    Instance(lossbook.kl_divergence),
    Instance(lossbook.cosine_distance),
    *(Instance(lossbook.token_cross_entropy, {"label_smoothing": epsilon}) for epsilon in (0.0, 0.1)),
    *(Instance(lossbook.distillation, {"temperature": temperature}) for temperature in (1.0, 3.0)),
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

#: Losses whose arguments hang together in a way of their own: test_ctc.py asks the same of them.
APART = {"ctc"}

#: The first instance of each loss, for what does not depend on the parameters.
ONE_EACH = list({instance.loss.name: instance for instance in reversed(INSTANCES)}.values())[::-1]

#: Those that compare a prediction with a target, and those that look at parameters alone.
WITH_TARGETS = [instance for instance in INSTANCES if instance.loss.targets]
PENALTIES = [instance for instance in INSTANCES if not instance.loss.targets]

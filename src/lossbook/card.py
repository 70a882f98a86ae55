"""What a loss says of itself. Pages, catalogue, tables and tests are all made from the card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lossbook.domain import REALS, Domain

#: A property of a card: a plain value, or an expression in the loss's parameters such as ``"alpha >= 1"``.
Claim = bool | int | float | str | None

#: How a runnable call names each library, and the import that it needs.
LIBRARIES: Mapping[str, str] = MappingProxyType(
    {
        "PyTorch": "import torch; import torch.nn.functional as F",
        "scikit-learn": "import sklearn.metrics",
        "SciPy": "import scipy.special, scipy.stats",
        "statsmodels": "import statsmodels.api as sm",
        "Keras": "import keras",
        "Optax": "import optax",
        "scoringrules": "import scoringrules",
        "kornia": "import kornia",
    }
)


@dataclass(frozen=True)
class Parameter:
    """A hyper-parameter: its symbol, the values it may take, the value people start from, and its meaning.

    Without a ``domain`` it is True or False; with ``optional`` it may be None. One that is an array says in ``axes``
    which of the arguments' axes it has (``"K"``, ``"..."``), and in ``per`` what that means: "one number a class".
    """

    symbol: str
    meaning: str
    domain: Domain | None = None
    typical: str = ""
    optional: bool = False
    axes: str = ""
    per: str = ""


@dataclass(frozen=True)
class Noise:
    """A noise model of which the loss is the negative log-likelihood, up to terms without the prediction.

    For a penalty: the prior of the parameters of which it is the negative log-density.

    ``density`` is TeX. ``logpdf`` is a runnable expression in the arguments, the parameters, ``np`` and
    ``stats`` (scipy.stats): the tests compare it with the loss. ``when`` limits the claim to some parameters.
    """

    name: str
    density: str
    logpdf: str
    when: str = "True"


@dataclass(frozen=True)
class Equivalent:
    """A call in another library, and the factor that turns its answer into ours.

    ``call`` runs with the loss's arguments and parameters in scope, after ``LIBRARIES[library]``.
    ``factor`` is an expression in the parameters: ``loss(..., reduction=reduction) == factor * call``.
    ``when`` limits the comparison to the parameters for which the library has the loss at all, ``hard`` to targets
    that are labels and no probabilities between.
    """

    library: str
    call: str
    factor: str = "1"
    reduction: str = "mean"
    when: str = "True"
    note: str = ""
    hard: bool = False

    def __post_init__(self) -> None:
        if self.library not in LIBRARIES:
            raise ValueError(f"library must be one of {', '.join(LIBRARIES)}; got {self.library!r}")


@dataclass(frozen=True)
class Properties:
    """Claims about the loss as a function of the prediction, the target held fixed. Each is a test.

    convex           convex in all its predictions together
    smooth           how many continuous derivatives: 0, 1 or ``math.inf``
    lipschitz        the largest slope, None where slopes have no bound, True where the bound has no formula
    bounded_below    the greatest lower bound over all targets and predictions, or None
    symmetric        the same for an error and its mirror image; for a loss of classes: the same if classes change names
    homogeneous      k if scaling target and prediction by c > 0 scales the loss by c**k, else None
    bounded_influence  moving one target to infinity leaves the best constant prediction bounded; None for a penalty,
                     which has no targets, and for a loss of classes or directions, whose targets cannot run away
    proper           minimised in expectation by the true distribution, for losses of a predicted distribution
    """

    convex: Claim
    smooth: Claim
    lipschitz: Claim
    bounded_below: Claim
    symmetric: Claim
    homogeneous: Claim
    bounded_influence: Claim
    proper: Claim = None


@dataclass(frozen=True, kw_only=True)
class Card:
    """The metadata of a loss.

    ``part`` is filled in from the module that registers the loss; ``page`` only where the loss shares the page
    of another. ``formula`` is the TeX of one example's loss in the book's notation, ``slope`` of its derivative in each
    prediction, ``where`` of what both use beyond the notation: the tests evaluate them as they stand. ``domain`` holds
    the arguments that are not free to be any real number. ``elicits`` names what a constant prediction becomes; a
    penalty, which has no targets, leaves it empty. ``words`` says a property that is an expression in a reader's
    words. ``kinks`` are expressions for the errors (prediction minus target;
    of a penalty, the parameters; of classes, the margin) at which the slope or the curvature jumps, None where there
    is none. ``max_ulp`` bounds the error of values and gradients in units of the last place, in float32 and
    float64; where ``ill_conditioned`` says why, the bound is twice the condition number if that is larger.
    """

    title: str
    what: str
    why: str
    how: str
    used: str
    formula: str
    slope: tuple[str, ...]
    where: tuple[str, ...] = ()
    properties: Properties
    elicits: str = ""
    aliases: tuple[str, ...] = ()
    assumption: Noise | None = None
    no_assumption: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    domain: Mapping[str, Domain] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    kinks: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    equivalents: tuple[Equivalent, ...] = ()
    max_ulp: float = 10.0
    ill_conditioned: str = ""
    part: str = ""
    page: str = ""

    def __post_init__(self) -> None:
        if (self.assumption is None) == (not self.no_assumption):
            raise ValueError(f"{self.title}: give either assumption or no_assumption (why there is no noise model)")
        for name in ("parameters", "domain", "words"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def domain_of(self, argument: str) -> Domain:
        """The values that an array argument may hold; any real number unless the card says otherwise."""
        return self.domain.get(argument, REALS)


def evaluate(claim: Claim, parameters: Mapping[str, object]) -> bool | int | float | None:
    """The value of a claim at some parameters.

    >>> evaluate("alpha >= 1", {"alpha": 0.5}), evaluate("1/beta", {"beta": 4.0}), evaluate(True, {})
    (False, 0.25, True)
    """
    if not isinstance(claim, str):
        return claim
    scope: dict[str, object] = {"__builtins__": {}, "abs": abs, "max": max, "min": min, "len": len, "set": set}
    scope |= {"inf": math.inf, "pi": math.pi, "exp": math.exp, "log": math.log, "sqrt": math.sqrt}
    value: bool | int | float | None = eval(claim, scope, dict(parameters))  # the expressions are this package's own cards
    return value

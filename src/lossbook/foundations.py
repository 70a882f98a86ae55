"""Penalties on the parameters of a model: terms of an objective that look at no target."""

from __future__ import annotations

import math
from typing import Any

from lossbook._inputs import Array
from lossbook.card import Card, Equivalent, Noise, Parameter, Properties
from lossbook.domain import Interval
from lossbook.loss import loss

INF = math.inf
STRENGTH = Parameter("λ", "how much the penalty counts beside the loss", Interval(0.0, INF, "left"), "chosen by cross-validation")


@loss(
    Card(
        title="L1 penalty",
        aliases=("lasso penalty", "L1 regularisation", "L1 regularization"),
        what="The sum of the absolute values of the parameters, times a strength.",
        why="A model that uses few features is wanted: this penalty sets parameters to exactly 0.",
        how="Drop the signs, add up, multiply by the strength, add to the loss.",
        used="Lasso regression, sparse logistic regression, compressed sensing, sparse codes.",
        formula=r"\lambda \sum_j |w_j|",
        slope=(r"\lambda \operatorname{sign}(w_j)",),
        assumption=Noise(
            "Laplace on each parameter",
            r"p(w) = \tfrac{\lambda}{2}\, e^{-\lambda |w|}",
            "stats.laplace.logpdf(parameters, 0, 1 / strength)",
            when="strength > 0",
        ),
        parameters={"strength": STRENGTH},
        properties=Properties(
            convex=True, smooth=0, lipschitz="strength", bounded_below=0, symmetric=True, homogeneous=1, bounded_influence=None
        ),
        words={"lipschitz": "λ, in each parameter"},
        kinks=("0",),
        references=("tibshirani1996regression",),
        equivalents=(
            Equivalent("PyTorch", "strength * torch.linalg.vector_norm(parameters, 1)", reduction="sum"),
            Equivalent("Keras", "keras.regularizers.L1(strength)(parameters)", reduction="sum"),
        ),
        page="regularisation",
    ),
    reduction="sum",
)
def l1(xp: Any, parameters: Array, *, strength: float = 1.0) -> Array:
    """L1 penalty: ``strength * sum(|w|)`` over the parameters.

    Parameters
    ----------
    parameters : array of any shape
        The parameters to be penalised; leave the intercept out.
    strength :
        λ ≥ 0, how much the penalty counts beside the loss.

    Returns
    -------
    A number in [0, ∞), the sum; each parameter's term with ``reduction="none"``. ``weight=`` gives each
    parameter its own factor, as the adaptive lasso does. The derivative at 0 is defined as 0, an element of
    the subdifferential [-λ, λ].

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, -2.0, 0.0])
    >>> float(l1(w, strength=0.5))
    1.5
    >>> l1.grad(w, strength=0.5)
    array([ 0.5, -0.5,  0. ])

    References
    ----------
    Tibshirani (1996), Regression shrinkage and selection via the lasso.
    """
    return strength * xp.abs(parameters)


@l1.derivative
def _(xp: Any, parameters: Array, *, strength: float = 1.0) -> Array:
    return strength * xp.sign(parameters)


@loss(
    Card(
        title="L2 penalty",
        aliases=("ridge penalty", "Tikhonov regularisation", "L2 regularisation", "L2 regularization"),
        what="The sum of the squared parameters, times a strength.",
        why="Large parameters that cancel each other are not to be trusted: this penalty draws all of them towards 0.",
        how="Square, add up, multiply by the strength, add to the loss.",
        used="Ridge regression, logistic regression, support vector machines, neural networks as weight decay.",
        formula=r"\lambda \sum_j w_j^2",
        slope=(r"2 \lambda\, w_j",),
        assumption=Noise(
            "Gaussian on each parameter",
            r"p(w) = \sqrt{\lambda / \pi}\, e^{-\lambda w^2}\quad(\text{variance } \tfrac{1}{2\lambda})",
            "stats.norm.logpdf(parameters, 0, np.sqrt(0.5 / strength))",
            when="strength > 0",
        ),
        parameters={"strength": STRENGTH},
        properties=Properties(
            convex=True, smooth=INF, lipschitz=None, bounded_below=0, symmetric=True, homogeneous=2, bounded_influence=None
        ),
        references=("hoerl1970ridge",),
        equivalents=(
            Equivalent("PyTorch", "strength * torch.sum(torch.square(parameters))", reduction="sum"),
            Equivalent("Keras", "keras.regularizers.L2(strength)(parameters)", reduction="sum"),
        ),
        page="regularisation",
    ),
    reduction="sum",
)
def l2(xp: Any, parameters: Array, *, strength: float = 1.0) -> Array:
    """L2 penalty: ``strength * sum(w**2)`` over the parameters, without the factor 1/2 that some texts have.

    Parameters
    ----------
    parameters : array of any shape
        The parameters to be penalised; leave the intercept out.
    strength :
        λ ≥ 0, how much the penalty counts beside the loss.

    Returns
    -------
    A number in [0, ∞), the sum; each parameter's term with ``reduction="none"``. ``weight=`` gives each
    parameter its own factor.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, -2.0, 0.0])
    >>> float(l2(w, strength=0.5))
    2.5
    >>> l2.grad(w, strength=0.5)
    array([ 1., -2.,  0.])

    References
    ----------
    Hoerl and Kennard (1970), Ridge Regression: Biased Estimation for Nonorthogonal Problems.
    """
    # Not strength * (w * w): the square of a parameter overflows and underflows earlier than the product.
    return (strength * parameters) * parameters


@l2.derivative
def _(xp: Any, parameters: Array, *, strength: float = 1.0) -> Array:
    return 2 * strength * parameters


@loss(
    Card(
        title="Elastic net penalty",
        aliases=("elastic net", "L1L2"),
        what="A mixture of the L1 penalty and half the L2 penalty.",
        why="Few features are wanted, but of several that say the same thing no single one should be picked by chance.",
        how="Mix the absolute values and half the squares by a ratio, add up, multiply by the strength.",
        used="Regression on many correlated features, such as gene expression.",
        formula=r"\lambda \sum_j \left(r\, |w_j| + \tfrac{1 - r}{2}\, w_j^2\right)",
        slope=(r"\lambda \left(r \operatorname{sign}(w_j) + (1 - r)\, w_j\right)",),
        assumption=Noise(
            "the product of a Laplace and a Gaussian density, made to integrate to 1",
            r"p(w) \propto e^{-\lambda (r |w| + (1 - r) w^2 / 2)}",
            "stats.laplace.logpdf(parameters, 0, 1 / (strength * l1_ratio))"
            " + stats.norm.logpdf(parameters, 0, 1 / np.sqrt(strength * (1 - l1_ratio)))"
            " - np.log(strength * l1_ratio / 2 * special.erfcx(l1_ratio * np.sqrt(strength / 2 / (1 - l1_ratio))))",
            when="strength > 0 and 0 < l1_ratio < 1",
        ),
        parameters={
            "strength": STRENGTH,
            "l1_ratio": Parameter("r", "the share of the L1 penalty", Interval(0.0, 1.0, "both"), "0.1 to 0.95"),
        },
        properties=Properties(
            convex=True,
            smooth="0 if l1_ratio > 0 else inf",
            lipschitz="strength if l1_ratio == 1 else None",
            bounded_below=0,
            symmetric=True,
            homogeneous="1 if l1_ratio == 1 else 2 if l1_ratio == 0 else None",
            bounded_influence=None,
        ),
        words={
            "smooth": "none at 0 where r > 0, else all",
            "lipschitz": "unbounded where r < 1, else λ in each parameter",
            "homogeneous": "no; of degree 1 at r = 1 and of degree 2 at r = 0",
        },
        kinks=("0 if l1_ratio > 0 else None",),
        references=("zou2005regularization",),
        equivalents=(
            Equivalent(
                "PyTorch",
                "strength * torch.lerp(parameters**2 / 2, parameters.abs(), l1_ratio).sum()",
                reduction="sum",
            ),
            Equivalent(
                "Keras",
                "keras.regularizers.L1L2(strength * l1_ratio, strength * (1 - l1_ratio) / 2)(parameters)",
                reduction="sum",
            ),
        ),
        page="regularisation",
    ),
    reduction="sum",
)
def elastic_net(xp: Any, parameters: Array, *, strength: float = 1.0, l1_ratio: float = 0.5) -> Array:
    """Elastic net penalty: ``strength * (l1_ratio * sum(|w|) + (1 - l1_ratio) / 2 * sum(w**2))``, as scikit-learn has it.

    Parameters
    ----------
    parameters : array of any shape
        The parameters to be penalised; leave the intercept out.
    strength :
        λ ≥ 0, how much the penalty counts beside the loss.
    l1_ratio :
        r in [0, 1]: 1 is the L1 penalty, 0 half the L2 penalty.

    Returns
    -------
    A number in [0, ∞), the sum; each parameter's term with ``reduction="none"``. ``weight=`` gives each
    parameter its own factor. The derivative at 0 is defined as 0.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, -2.0, 0.0])
    >>> float(elastic_net(w, strength=2.0, l1_ratio=0.5))
    5.5
    >>> elastic_net.grad(w, strength=2.0, l1_ratio=0.5)
    array([ 2., -3.,  0.])

    References
    ----------
    Zou and Hastie (2005), Regularization and Variable Selection via the Elastic Net.
    """
    # The size is taken out, so that a square that overflows is never multiplied by 1 - l1_ratio = 0.
    size = xp.abs(parameters)
    return strength * size * (l1_ratio + (1 - l1_ratio) / 2 * size)


@elastic_net.derivative
def _(xp: Any, parameters: Array, *, strength: float = 1.0, l1_ratio: float = 0.5) -> Array:
    return strength * (l1_ratio * xp.sign(parameters) + (1 - l1_ratio) * parameters)

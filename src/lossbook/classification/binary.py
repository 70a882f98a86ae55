"""Losses of a yes or no: from a probability, from a logit, from a score with a margin."""

from __future__ import annotations

import math
from typing import Any

from lossbook._inputs import Array
from lossbook._xp import log1p, sigmoid, softplus, to_infinity
from lossbook.card import Card, Equivalent, Noise, Parameter, Properties
from lossbook.domain import BITS, NON_NEGATIVE, POSITIVE, PROBABILITIES, SIGNS, Interval
from lossbook.loss import loss

INF = math.inf
SOFT_TARGET = "The gradient passes through zero where the prediction meets a target that is neither 0 nor 1."


@loss(
    Card(
        title="Binary cross-entropy",
        aliases=("BCE", "log loss", "logistic loss of a probability", "BCELoss", "BinaryCrossentropy"),
        what="Minus the logarithm of the probability that was given to what happened.",
        why="You predict the probability of a yes, and being sure and wrong should cost without limit.",
        how="Take the predicted probability of the outcome that came true, and the logarithm of it, and change the sign.",
        used="Scoring probabilities that another model gives. To train a network take the form from logits.",
        formula=r"-y \log p - (1 - y) \log(1 - p)",
        slope=(r"\frac{p - y}{p\, (1 - p)}",),
        elicits="probability",
        assumption=Noise("Bernoulli", r"P(y \mid p) = p^y (1 - p)^{1 - y}", "stats.bernoulli.logpmf(y, p)"),
        domain={"y": PROBABILITIES, "p": PROBABILITIES},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz=None,
            bounded_below=0,
            symmetric=True,
            homogeneous=None,
            bounded_influence=None,
            proper=True,
        ),
        references=("good1952rational", "gneiting2007strictly"),
        equivalents=(
            Equivalent("PyTorch", "F.binary_cross_entropy(p, y)", note="the logarithm is clamped at −100"),
            Equivalent("scikit-learn", "sklearn.metrics.log_loss(y, p, labels=[0, 1])", hard=True),
            Equivalent("SciPy", "-scipy.special.xlogy(y, p) - scipy.special.xlog1py(1 - y, -p)", reduction="none"),
            Equivalent(
                "Keras", "keras.losses.binary_crossentropy(y, p)", note="clips p to [1e-7, 1 − 1e-7]; averages the last axis"
            ),
        ),
        ill_conditioned=SOFT_TARGET,
    ),
    wrt=("p",),
)
def binary_cross_entropy(xp: Any, y: Array, p: Array) -> Array:
    """Binary cross-entropy: ``-(y*log(p) + (1 - y)*log(1 - p))``, with ``0*log(0) = 0``.

    Parameters
    ----------
    y, p : arrays of one shape
        Targets, 0 or 1 or a probability between, and the predicted probabilities of 1, in [0, 1]. Nothing is
        clipped: a certain prediction that is wrong costs infinity.

    Returns
    -------
    A number in [0, ∞], in nats, or an array of the shape of ``y`` with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, p = np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.5, 1.0])
    >>> binary_cross_entropy(y, p, reduction="none").round(4) + 0.0
    array([0.6931, 0.6931, 0.    ])
    >>> binary_cross_entropy.grad(y, p, reduction="none")
    array([-2.,  2., -1.])

    References
    ----------
    Good (1952), Rational Decisions, Journal of the Royal Statistical Society B 14, 107-114.
    """
    # Where a factor is 0 its logarithm is not taken: 0 times infinity is NaN, and so is its gradient.
    with to_infinity(xp):
        yes = xp.log(xp.where(y == 0, xp.ones_like(p), p))
        no = log1p(xp, -xp.where(y == 1, xp.zeros_like(p), p))
    return -(y * yes + (1 - y) * no)


@binary_cross_entropy.derivative
def _(xp: Any, y: Array, p: Array) -> Array:
    # (p - y)/(p (1 - p)), with the factor that cancels for a y of 0 or 1 left out: it may be 0.
    one = xp.ones_like(p)
    above = xp.where(y == 0, one, xp.where(y == 1, -one, p - y))
    with to_infinity(xp):
        return above / xp.where(y == 0, one, p) / xp.where(y == 1, one, 1 - p)


@loss(
    Card(
        title="Binary cross-entropy from logits",
        aliases=("logistic loss", "sigmoid cross-entropy of one label", "BCEWithLogitsLoss", "SoftMarginLoss", "deviance"),
        what="Minus the logarithm of the probability of what happened, the probability being the sigmoid of a logit.",
        why="You train a model to say yes or no: this form never loses the gradient of a confident mistake.",
        how="Charge a yes softplus(−z) and a no softplus(z).",
        used="Logistic regression, binary and multi-label networks, gradient boosting, GAN discriminators.",
        formula=r"w\, y \operatorname{softplus}(-z) + (1 - y) \operatorname{softplus}(z)",
        slope=(r"(1 - y)\, \sigma(z) - w\, y\, \sigma(-z)",),
        elicits="log-odds",
        assumption=Noise(
            "Bernoulli with the probability σ(z) (for a weight of 1)",
            r"P(y \mid z) = \sigma(z)^y\, \sigma(-z)^{1 - y}",
            "stats.bernoulli.logpmf(y, special.expit(z))",
            when="pos_weight == 1",
        ),
        parameters={
            "pos_weight": Parameter(
                "w", "how many times a positive example counts", POSITIVE, "1, or the number of negatives per positive"
            )
        },
        domain={"y": PROBABILITIES},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz="max(1, pos_weight)",
            bounded_below=0,
            symmetric="pos_weight == 1",
            homogeneous=None,
            bounded_influence=None,
            proper="pos_weight == 1",
        ),
        words={
            "lipschitz": "the larger of 1 and w",
            "symmetric": "only for w = 1",
            "proper": "for w = 1; else the odds are w times too large",
        },
        references=("cox1958regression", "bishop2006pattern"),
        equivalents=(
            Equivalent("PyTorch", "F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(pos_weight))"),
            Equivalent(
                "PyTorch", "F.soft_margin_loss(z, 2 * y - 1)", when="pos_weight == 1", hard=True, note="takes labels −1 and +1"
            ),
            Equivalent("Optax", "optax.sigmoid_binary_cross_entropy(z, y)", reduction="none", when="pos_weight == 1"),
            Equivalent(
                "Keras",
                "keras.losses.binary_crossentropy(y, z, from_logits=True)",
                when="pos_weight == 1",
                note="averages the last axis only",
            ),
        ),
        ill_conditioned=SOFT_TARGET,
        page="binary_cross_entropy",
    ),
)
def binary_cross_entropy_with_logits(xp: Any, y: Array, z: Array, *, pos_weight: float = 1.0) -> Array:
    """Binary cross-entropy of the probability ``sigmoid(z)``: ``pos_weight*y*softplus(-z) + (1 - y)*softplus(z)``.

    Parameters
    ----------
    y, z : arrays of one shape
        Targets, 0 or 1 or a probability between, and logits, any real numbers.
    pos_weight : float > 0, default 1.0
        How many times a positive example counts.

    Returns
    -------
    A number in [0, ∞), in nats, or an array of the shape of ``y`` with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, z = np.array([1.0, 0.0]), np.array([0.0, 100.0])
    >>> binary_cross_entropy_with_logits(y, z, reduction="none").round(4)
    array([  0.6931, 100.    ])
    >>> binary_cross_entropy_with_logits.grad(y, z, reduction="none")
    array([-0.5,  1. ])

    References
    ----------
    Cox (1958), The Regression Analysis of Binary Sequences, Journal of the Royal Statistical Society B 20, 215-242.
    """
    # The usual max(z, 0) - y z + log1p(exp(-|z|)) cancels for a sure and right yes. Here nothing is subtracted.
    return y * (pos_weight * softplus(xp, -z)) + (1 - y) * softplus(xp, z)


@binary_cross_entropy_with_logits.derivative
def _(xp: Any, y: Array, z: Array, *, pos_weight: float = 1.0) -> Array:
    return (1 - y) * sigmoid(xp, z) - y * (pos_weight * sigmoid(xp, -z))


@loss(
    Card(
        title="Focal loss",
        aliases=("sigmoid focal loss", "binary focal loss", "BinaryFocalCrossentropy"),
        what="Binary cross-entropy in which an example counts the less, the surer and righter its prediction is.",
        why="Easy negatives outnumber everything else by thousands, and their small losses would drown the rest.",
        how="Multiply the cross-entropy by (1 − p_t)^γ, where p_t is the probability given to the truth.",
        used="One-stage object detectors such as RetinaNet, segmentation of rare structures.",
        formula=r"-\alpha_t\, (1 - p_t)^\gamma \log p_t",
        slope=(r"\alpha_t\, (1 - p_t)^\gamma \left(1 - \frac{\gamma\, p_t \log p_t}{1 - p_t}\right) (\sigma(z) - y)",),
        where=(r"p_t = \sigma\left((2 y - 1)\, z\right)", r"\alpha_t = \alpha y + (1 - \alpha) (1 - y)"),
        elicits="tempered log-odds",
        no_assumption="For γ > 0 the values of exp(−loss) of the two outcomes do not sum to a constant.",
        parameters={
            "gamma": Parameter("γ", "how fast easy examples fade; 0 is cross-entropy", NON_NEGATIVE, "2"),
            "alpha": Parameter(
                "α",
                "the weight of a positive example, 1 − α that of a negative; None gives both the weight 1",
                Interval(0.0, 1.0, "both"),
                "0.25 with γ = 2",
                optional=True,
            ),
        },
        domain={"y": BITS},
        properties=Properties(
            convex="gamma == 0",
            smooth=INF,
            lipschitz="1 if gamma == 0 and alpha is None else True",
            bounded_below=0,
            symmetric="alpha is None or alpha == 0.5",
            homogeneous=None,
            bounded_influence=None,
            proper="gamma == 0 and (alpha is None or alpha == 0.5)",
        ),
        words={
            "convex": "only for γ = 0",
            "lipschitz": "1 for γ = 0, a little more above: 1.13 at γ = 2 (times the larger of α and 1 − α)",
            "symmetric": "for α None or ½",
            "proper": "only for γ = 0 and equal weights: the probabilities are drawn towards ½",
        },
        references=("lin2017focal", "mukhoti2020calibrating"),
        equivalents=(
            Equivalent("Optax", "optax.sigmoid_focal_loss(z, y, alpha=alpha, gamma=gamma)", reduction="none"),
            Equivalent(
                "kornia",
                "kornia.losses.binary_focal_loss_with_logits(z[:, None], y[:, None], alpha=alpha, gamma=gamma)[:, 0]",
                reduction="none",
            ),
            Equivalent(
                "Keras",
                "keras.losses.binary_focal_crossentropy(y, z, apply_class_balancing=True, alpha=alpha, gamma=gamma,"
                " from_logits=True)",
                when="alpha is not None",
                note="α counts only with apply_class_balancing; averages the last axis only; clips",
            ),
        ),
        ill_conditioned="For a sure and right prediction the factor is e to the power −γz.",
    ),
)
def focal(xp: Any, y: Array, z: Array, *, gamma: float = 2.0, alpha: float | None = None) -> Array:
    """Focal loss from one logit: ``-alpha_t * (1 - p_t)**gamma * log(p_t)``.

    ``p_t`` is the probability of the truth, ``sigmoid(z)`` for y = 1 and ``sigmoid(-z)`` for y = 0; ``alpha_t`` is
    ``alpha`` for y = 1 and ``1 - alpha`` for y = 0.

    Parameters
    ----------
    y, z : arrays of one shape
        Targets, 0 or 1, and logits, any real numbers.
    gamma : float >= 0, default 2.0
        How fast easy examples fade. 0 is the cross-entropy.
    alpha : float in [0, 1] or None, default None
        The weight of a positive example; None weighs nothing.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, z = np.array([1.0, 1.0]), np.array([0.0, 3.0])
    >>> focal(y, z, reduction="none").round(3)
    array([0.173, 0.   ])
    >>> focal(y, z, gamma=0.0, reduction="none").round(4)
    array([0.6931, 0.0486])

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), Focal Loss for Dense Object Detection, ICCV.
    """
    sign = 2 * y - 1
    return _balance(y, alpha) * fade(xp, sign * z, gamma)


@focal.derivative
def _(xp: Any, y: Array, z: Array, *, gamma: float = 2.0, alpha: float | None = None) -> Array:
    sign = 2 * y - 1
    return _balance(y, alpha) * sign * fade_slope(xp, sign * z, gamma)


def _balance(y: Array, alpha: float | None) -> Any:
    return 1.0 if alpha is None else alpha * y + (1 - alpha) * (1 - y)


def fade(xp: Any, margin: Array, gamma: float) -> Array:
    """``sigmoid(-margin)**gamma * softplus(-margin)``: the factor as the exponential of its logarithm.

    A power of 1 - p would have an infinite slope at 0 for gamma < 1, and autograd would multiply it by 0.
    """
    return xp.exp(-gamma * softplus(xp, margin)) * softplus(xp, -margin)


def fade_slope(xp: Any, margin: Array, gamma: float) -> Array:
    """The derivative of `fade`, of two terms that never cancel."""
    factor = xp.exp(-gamma * softplus(xp, margin))
    return -factor * (gamma * sigmoid(xp, margin) * softplus(xp, -margin) + sigmoid(xp, -margin))


@loss(
    Card(
        title="Hinge loss",
        aliases=("SVM loss", "max-margin loss", "soft margin"),
        what="How far a score falls short of the right side by a margin of one; nothing beyond it.",
        why="You want the decision, not its probability, and examples that are well on their side should not count.",
        how="Multiply score and label, and charge what is missing to 1.",
        used="Linear and kernel support vector machines, with an L2 penalty that makes the margin wide.",
        formula=r"(1 - y s)_+",
        slope=(r"\begin{cases} -y & y s < 1 \\ 0 & y s > 1 \end{cases}",),
        elicits="sign",
        no_assumption="The values of exp(−loss) of the two labels do not sum to a constant: no probability has it.",
        domain={"y": SIGNS},
        properties=Properties(
            convex=True, smooth=0, lipschitz=1, bounded_below=0, symmetric=True, homogeneous=None, bounded_influence=None
        ),
        kinks=("1",),
        references=("cortes1995support", "bartlett2006convexity"),
        equivalents=(
            Equivalent("scikit-learn", "sklearn.metrics.hinge_loss(y, score, labels=[-1, 1])"),
            Equivalent("Optax", "optax.hinge_loss(score, y)", reduction="none", note="accepts 0/1 without a word"),
            Equivalent("Keras", "keras.losses.hinge(y, score)", note="turns labels 0/1 into −1/+1; averages the last axis only"),
        ),
    ),
)
def hinge(xp: Any, y: Array, score: Array) -> Array:
    """Hinge loss: ``max(0, 1 - y*score)``.

    Parameters
    ----------
    y, score : arrays of one shape
        Labels, −1 or +1, and scores, any real numbers. Not 0 and 1: take ``2*y - 1`` of those.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``. The derivative at the
    margin, ``y*score == 1``, is defined as 0, an element of the subdifferential.

    Examples
    --------
    >>> import numpy as np
    >>> y, score = np.array([1.0, -1.0, 1.0]), np.array([2.0, -0.5, -1.0])
    >>> hinge(y, score, reduction="none")
    array([0. , 0.5, 2. ])
    >>> hinge.grad(y, score, reduction="none")
    array([ 0.,  1., -1.])

    References
    ----------
    Cortes and Vapnik (1995), Support-Vector Networks, Machine Learning 20, 273-297.
    """
    return _missing(xp, y, score)


@hinge.derivative
def _(xp: Any, y: Array, score: Array) -> Array:
    return xp.where(y * score < 1, -y, xp.zeros_like(y))


def _missing(xp: Any, y: Array, score: Array) -> Array:
    missing = 1 - y * score
    return xp.where(missing > 0, missing, xp.zeros_like(missing))


@loss(
    Card(
        title="Squared hinge loss",
        aliases=("L2-SVM loss", "quadratic hinge loss", "SquaredHinge"),
        what="The square of what a score is missing to a margin of one on the right side.",
        why="You want the hinge without its corner, and scores that say how sure the labels are.",
        how="Multiply score and label, and square what is missing to 1.",
        used="Linear support vector machines (the default of scikit-learn's LinearSVC).",
        formula=r"(1 - y s)_+^2",
        slope=(r"-2 y\, (1 - y s)_+",),
        elicits="mean of the signs",
        no_assumption="The values of exp(−loss) of the two labels do not sum to a constant: no probability has it.",
        domain={"y": SIGNS},
        properties=Properties(
            convex=True, smooth=1, lipschitz=None, bounded_below=0, symmetric=True, homogeneous=None, bounded_influence=None
        ),
        kinks=("1",),
        references=("cortes1995support", "bartlett2006convexity"),
        equivalents=(
            Equivalent(
                "Keras", "keras.losses.squared_hinge(y, score)", note="turns labels 0/1 into −1/+1; averages the last axis only"
            ),
            Equivalent("Optax", "optax.hinge_loss(score, y)**2", reduction="none"),
        ),
        page="hinge",
    ),
)
def squared_hinge(xp: Any, y: Array, score: Array) -> Array:
    """Squared hinge loss: ``max(0, 1 - y*score)**2``.

    Parameters
    ----------
    y, score : arrays of one shape
        Labels, −1 or +1, and scores, any real numbers. Not 0 and 1: take ``2*y - 1`` of those.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, score = np.array([1.0, -1.0, 1.0]), np.array([2.0, -0.5, -1.0])
    >>> squared_hinge(y, score, reduction="none")
    array([0.  , 0.25, 4.  ])
    >>> squared_hinge.grad(y, score, reduction="none") + 0.0
    array([ 0.,  1., -4.])

    References
    ----------
    Cortes and Vapnik (1995), Support-Vector Networks, Machine Learning 20, 273-297.
    """
    missing = _missing(xp, y, score)
    return missing * missing


@squared_hinge.derivative
def _(xp: Any, y: Array, score: Array) -> Array:
    return -2 * y * _missing(xp, y, score)

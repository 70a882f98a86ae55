"""Distances between a target and a prediction of several numbers: distributions, and directions."""

from __future__ import annotations

import math
from typing import Any

from lossbook._inputs import Array
from lossbook._xp import constant, one_hot, to_infinity
from lossbook.card import Card, Equivalent, Noise, Properties
from lossbook.domain import SIMPLEX
from lossbook.loss import loss

INF = math.inf


@loss(
    Card(
        title="Brier score",
        aliases=("quadratic score", "squared error of probabilities"),
        what="The squared distance between predicted probabilities and what happened.",
        why="You want true probabilities, and a certain mistake to cost a fixed price instead of infinity.",
        how="Subtract, square, add up the classes.",
        used="Weather and medical forecasts, calibration studies, the scoring of classifiers.",
        formula=r"\sum_{k=1}^K (p_k - y_k)^2",
        slope=(r"2\, (p_k - y_k)",),
        elicits="probabilities",
        no_assumption="The values of exp(−loss) of the classes do not sum to a constant.",
        domain={"y": SIMPLEX, "p": SIMPLEX},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz="2*sqrt(2)",
            bounded_below=0,
            symmetric=True,
            homogeneous=None,
            bounded_influence=None,
            proper=True,
        ),
        words={"lipschitz": "2√2"},
        references=("brier1950verification", "gneiting2007strictly"),
        equivalents=(
            Equivalent(
                "scikit-learn",
                "sklearn.metrics.brier_score_loss(y.argmax(-1), p, labels=range(p.shape[-1]), scale_by_half=False)",
                hard=True,
                note="takes labels; halves the score of two classes unless told not to",
            ),
            Equivalent("PyTorch", "F.mse_loss(p, y, reduction='none').sum(-1)", reduction="none"),
        ),
    ),
    axes={"y": "... K", "p": "... K"},
)
def brier(xp: Any, y: Array, p: Array) -> Array:
    """Brier score: ``sum((p - y)**2)`` over the last axis.

    Parameters
    ----------
    y, p : arrays of one shape, (..., K)
        Target and predicted probabilities of K ≥ 2 classes. Each row sums to 1; a target may be one-hot.

    Returns
    -------
    A number in [0, 2], or an array of shape (...) with ``reduction="none"``. For two classes it is twice the
    square of one probability's error, the form that many texts give.

    Examples
    --------
    >>> import numpy as np
    >>> y, p = np.array([[0.0, 1.0]]), np.array([[0.25, 0.75]])
    >>> float(brier(y, p))
    0.125
    >>> brier.grad(y, p)
    array([[ 0.5, -0.5]])

    References
    ----------
    Brier (1950), Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 78, 1-3.
    """
    return xp.sum((p - y) * (p - y), axis=-1)


@brier.derivative
def _(xp: Any, y: Array, p: Array) -> Array:
    return 2 * (p - y)


@loss(
    Card(
        title="Kullback–Leibler divergence",
        aliases=("KL divergence", "relative entropy", "KLDivLoss", "KLDivergence"),
        what="How many nats more it costs to code what p makes with a code that was made for q.",
        why="The target is a distribution, and a perfect prediction should cost nothing.",
        how="Average the logarithm of p/q over p.",
        used="Distillation, soft labels, variational inference, policy constraints.",
        formula=r"\sum_{k=1}^K p_k \log\frac{p_k}{q_k}",
        slope=(r"-\frac{p_k}{q_k}",),
        elicits="probabilities",
        assumption=Noise("categorical", r"P(k \mid q) = q_k", "np.log(np.sum(p * q, axis=-1))"),
        domain={"p": SIMPLEX, "q": SIMPLEX},
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
        references=("kullback1951information", "cover2006elements"),
        equivalents=(
            Equivalent(
                "PyTorch",
                "F.kl_div(q.log(), p, reduction='batchmean')",
                note="log q comes first; divides by the first axis, its 'mean' by all of them; NaN where p = q = 0",
            ),
            Equivalent("SciPy", "scipy.stats.entropy(p, q, axis=-1)", reduction="none", note="divides p and q by their sums"),
            Equivalent("SciPy", "scipy.special.rel_entr(p, q).sum(-1)", reduction="none"),
            Equivalent("Keras", "keras.losses.kl_divergence(p, q)", reduction="none", note="clips both to [1e-7, 1]"),
        ),
        ill_conditioned="Near p = q its terms cancel, and the sum depends on the last digits of q.",
    ),
    axes={"p": "... K", "q": "... K"},
)
def kl_divergence(xp: Any, p: Array, q: Array) -> Array:
    """Kullback–Leibler divergence: ``sum(p*log(p/q))`` over the last axis, with ``0*log(0) = 0``.

    Parameters
    ----------
    p, q : arrays of one shape, (..., K)
        Target and predicted probabilities of K ≥ 2 classes; each row sums to 1. Nothing is clipped: where p has
        what q rules out the divergence is infinite.

    Returns
    -------
    A number in [0, ∞], in nats, or an array of shape (...) with ``reduction="none"``. The derivative is in q,
    each probability moving alone.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]])
    >>> round(float(kl_divergence(p, q)), 4), round(float(kl_divergence(q, p)), 4)
    (0.1438, 0.1308)
    >>> kl_divergence.grad(p, q).round(4)
    array([[-2.    , -0.6667]])

    References
    ----------
    Kullback and Leibler (1951), On Information and Sufficiency, Annals of Mathematical Statistics 22, 79-86.
    """
    one, zero = xp.ones_like(q), xp.zeros_like(q)
    p_there, q_there = xp.where(p == 0, one, p), xp.where(p == 0, one, q)
    # Near p = q the logarithm of the ratio comes from the exact difference; further off two logarithms, since the
    # ratio itself may overflow.
    near = 4 * xp.abs(p_there - q_there) < q_there
    off = xp.where(near, p_there - q_there, zero) / xp.where(near, q_there, one)
    with to_infinity(xp):
        return xp.sum(p * xp.where(near, xp.log1p(off), xp.log(p_there) - xp.log(q_there)), axis=-1)


@kl_divergence.derivative
def _(xp: Any, p: Array, q: Array) -> Array:
    with to_infinity(xp):
        return -p / xp.where(p == 0, xp.ones_like(q), q)


@loss(
    Card(
        title="Cosine distance",
        aliases=("cosine proximity", "cosine loss", "cosine similarity loss", "CosineSimilarity", "CosineEmbeddingLoss"),
        what="One minus the cosine of the angle between two vectors.",
        why="Only the direction of a vector means something, as in most embeddings; its length does not.",
        how="Scale both vectors to length 1 and halve the squared distance between them.",
        used="Text and image embeddings, self-supervised learning, retrieval.",
        formula=r"1 - u^\top v",
        slope=(r"\frac{(u^\top v)\, v - u}{\lVert \hat y \rVert}",),
        where=(r"u = y / \lVert y \rVert", r"v = \hat y / \lVert \hat y \rVert"),
        elicits="mean direction",
        assumption=Noise(
            "von Mises–Fisher on the directions, of concentration 1 (here in three dimensions)",
            r"p(y \mid \hat y) = \frac{1}{4\pi \sinh 1}\, e^{\cos(y, \hat y)}",
            "np.sum(y * y_hat, -1) / np.linalg.norm(y, axis=-1) / np.linalg.norm(y_hat, axis=-1) - np.log(4*np.pi*np.sinh(1))",
        ),
        properties=Properties(
            convex=False,
            smooth=INF,
            lipschitz=None,
            bounded_below=0,
            symmetric=False,
            homogeneous=0,
            bounded_influence=None,
        ),
        references=("mardia2000directional",),
        equivalents=(
            Equivalent("PyTorch", "1 - F.cosine_similarity(y_hat, y, dim=-1)", reduction="none"),
            Equivalent(
                "PyTorch",
                "F.cosine_embedding_loss(y_hat, y, torch.ones(len(y)))",
                note="its targets are 1 for pairs that agree, −1 for pairs that do not, of which it asks a margin",
            ),
            Equivalent(
                "scikit-learn",
                "sklearn.metrics.pairwise.paired_cosine_distances(y, y_hat)",
                reduction="none",
                note="½ at a zero vector, 0 at two",
            ),
            Equivalent("Optax", "optax.cosine_distance(y_hat, y)", reduction="none", note="NaN at a zero vector"),
            Equivalent(
                "Keras", "1 + keras.losses.cosine_similarity(y, y_hat)", reduction="none", note="returns minus the similarity"
            ),
        ),
        ill_conditioned="Directions that nearly agree, and the gradient of opposite ones, differ in their last digits.",
        page="cosine",
    ),
    axes={"y": "... D", "y_hat": "... D"},
)
def cosine_distance(xp: Any, y: Array, y_hat: Array) -> Array:
    """Cosine distance: ``1 - cos(y, y_hat)`` over the last axis.

    Parameters
    ----------
    y, y_hat : arrays of one shape, (..., D)
        Target and predicted vectors, any real numbers.

    Returns
    -------
    A number in [0, 2], or an array of shape (...) with ``reduction="none"``. Where a vector is zero it has no
    direction: the value is defined as 1 and the derivative as 0.

    Examples
    --------
    >>> import numpy as np
    >>> y, y_hat = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 0.0]])
    >>> cosine_distance(y, y_hat, reduction="none").round(4)
    array([0.4, 1. ])
    >>> cosine_distance.grad(y, y_hat, reduction="none").round(4) + 0.0
    array([[-0.128,  0.096],
           [ 0.   ,  0.   ]])

    References
    ----------
    Mardia and Jupp (2000), Directional Statistics.
    """
    scaled, length, _, nothing = _scaled(xp, y)
    scaled_hat, length_hat, _, nothing_hat = _scaled(xp, y_hat)
    # Half the squared distance of the directions: 1 - cos would cancel where they agree.
    apart = scaled / length - scaled_hat / length_hat
    return xp.where(nothing | nothing_hat, xp.ones_like(apart[..., 0]), xp.sum(apart * apart, axis=-1) / 2)


@cosine_distance.derivative
def _(xp: Any, y: Array, y_hat: Array) -> Array:
    a, length, _, nothing = _scaled(xp, y)
    b, length_hat, largest_hat, nothing_hat = _scaled(xp, y_hat)
    # Minus the part of y across y_hat, a |b|^2 - b (a b): for each entry from the sums over all other entries, which
    # are added up where the entry is the largest and nothing might be left of a total.
    squares, products, zero = b * b, a * b, xp.zeros_like(b)
    largest = one_hot(xp, xp.argmax(squares, axis=-1), squares)
    beside, mixed = (
        xp.where(
            largest,
            zero + xp.sum(xp.where(largest, zero, s), axis=-1, keepdims=True),
            xp.sum(s, axis=-1, keepdims=True) - s,
        )
        for s in (squares, products)
    )
    across = (a * beside - b * mixed) / (length * length_hat**3) / largest_hat
    return xp.where(xp.expand_dims(nothing | nothing_hat, axis=-1), zero, -across)


def _scaled(xp: Any, vector: Array) -> tuple[Array, Array, Array, Array]:
    """The vector over its largest entry, the length of that, the largest entry, and whether all entries are zero.

    Squares of the entries themselves might overflow or vanish; the length of a zero vector is given as 1.
    """
    largest = xp.max(xp.abs(constant(vector)), axis=-1, keepdims=True)
    nothing = largest == 0
    largest = xp.where(nothing, xp.ones_like(largest), largest)
    scaled = vector / largest
    squares = xp.sum(scaled * scaled, axis=-1, keepdims=True)
    length = xp.sqrt(xp.where(nothing, xp.ones_like(squares), squares))
    return scaled, length, largest, xp.squeeze(nothing, axis=-1)

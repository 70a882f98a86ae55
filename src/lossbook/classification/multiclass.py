"""Losses of one class among several: from probabilities, from logits, from scores with a margin."""

from __future__ import annotations

import math
from typing import Any

from lossbook._inputs import Array, check_array, check_number
from lossbook._xp import gather, logsumexp, one_hot, others, sigmoid, softplus, surprises, to_infinity, unevenness
from lossbook.card import Card, Equivalent, Noise, Parameter, Properties
from lossbook.classification.binary import fade, fade_slope
from lossbook.domain import INTEGERS, NON_NEGATIVE, POSITIVE, PROBABILITIES, SIMPLEX, Interval, Labels
from lossbook.loss import loss

INF = math.inf
LABELS = Labels("K")
CATEGORICAL = r"P(y \mid p) = \prod_k p_k^{y_k}"
WIDE_LOGITS = (
    "A probability is the exponential of a difference of logits, and the rounding of a wide difference is multiplied by "
    "it. The gradient passes through zero where a probability meets a target that is neither 0 nor 1."
)
#: What the losses of a label share: the model, and with smoothing the largest slope and the entropy of the target.
LABEL_MASS = r"P(\text{label} \mid z) = \operatorname{softmax}(z)_{\text{label}}"
LABEL_LOGPMF = "np.log(np.take_along_axis(special.softmax(z, axis=-1), labels[..., None], axis=-1)[..., 0])"
STEEPEST = "sqrt((1 - label_smoothing/K)**2 + (1 - label_smoothing + label_smoothing/K)**2 + (K - 2)*(label_smoothing/K)**2)"
ENTROPY = (
    "-((1 - label_smoothing + label_smoothing/K) * log(1 - label_smoothing + label_smoothing/K)"
    " + (K - 1) * label_smoothing/K * log(label_smoothing/K))"
)


@loss(
    Card(
        title="Cross-entropy",
        aliases=(
            "categorical cross-entropy",
            "multinomial log loss",
            "logarithmic score",
            "negative log-likelihood of a class",
            "NLLLoss",
            "CategoricalCrossentropy",
        ),
        what="Minus the logarithm of the probability that was given to the class that came true.",
        why="You predict a probability for each of several classes that exclude each other.",
        how="Take the logarithm of each predicted probability, weigh it with the target's, add up, change the sign.",
        used="Scoring probabilities that another model gives. To train a network take the form from logits.",
        formula=r"-\sum_{k=1}^K y_k \log p_k",
        slope=(r"-\frac{y_k}{p_k}",),
        elicits="probabilities",
        assumption=Noise("categorical", CATEGORICAL, "np.log(np.sum(y * p, axis=-1))"),
        domain={"y": SIMPLEX, "p": SIMPLEX},
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
            Equivalent("PyTorch", "F.nll_loss(p.log(), y.argmax(-1))", hard=True, note="takes log-probabilities and labels"),
            Equivalent(
                "scikit-learn",
                "sklearn.metrics.log_loss(y.argmax(-1), p, labels=range(p.shape[-1]))",
                hard=True,
                note="takes labels; clips p",
            ),
            Equivalent("SciPy", "(scipy.special.rel_entr(y, p) + scipy.special.entr(y)).sum(-1)", reduction="none"),
            Equivalent(
                "Keras", "keras.losses.categorical_crossentropy(y, p)", reduction="none", note="divides p by its sum; clips p"
            ),
        ),
    ),
    axes={"y": "... K", "p": "... K"},
)
def cross_entropy(xp: Any, y: Array, p: Array) -> Array:
    """Cross-entropy: ``-sum(y*log(p))`` over the last axis, with ``0*log(0) = 0``.

    Parameters
    ----------
    y, p : arrays of one shape, (..., K)
        Target and predicted probabilities of K ≥ 2 classes. Each row sums to 1; a target may be one-hot. Nothing is
        clipped: a class that happens and was ruled out costs infinity.

    Returns
    -------
    A number in [0, ∞], in nats, or an array of shape (...) with ``reduction="none"``. The derivative is that of
    the formula, each probability moving alone.

    Examples
    --------
    >>> import numpy as np
    >>> y, p = np.array([[0.0, 1.0, 0.0]]), np.array([[0.25, 0.5, 0.25]])
    >>> round(float(cross_entropy(y, p)), 4)
    0.6931
    >>> cross_entropy.grad(y, p) + 0.0
    array([[ 0., -2.,  0.]])

    References
    ----------
    Good (1952), Rational Decisions, Journal of the Royal Statistical Society B 14, 107-114.
    """
    with to_infinity(xp):
        return -xp.sum(y * xp.log(xp.where(y == 0, xp.ones_like(p), p)), axis=-1)


@cross_entropy.derivative
def _(xp: Any, y: Array, p: Array) -> Array:
    with to_infinity(xp):
        return -y / xp.where(y == 0, xp.ones_like(p), p)


@loss(
    Card(
        title="Softmax cross-entropy",
        aliases=("cross-entropy from logits", "softmax loss", "multinomial logistic loss", "CrossEntropyLoss"),
        what="Cross-entropy of the probabilities that softmax makes of logits.",
        why="You train a network to choose one of several classes, and the targets are probabilities or one-hot rows.",
        how="Measure how far each logit is below the logarithm of the sum of all exponentials, and weigh that with the target.",
        used="Image and text classification, distillation, mixup, soft labels from several annotators.",
        formula=r"-\sum_{k=1}^K y_k \log p_k",
        slope=(r"p_k - y_k",),
        where=(r"p = \operatorname{softmax}(z)",),
        elicits="log-probabilities",
        assumption=Noise(
            "categorical with the probabilities softmax(z)",
            r"P(y \mid z) = \prod_k \operatorname{softmax}(z)_k^{y_k}",
            "np.log(np.sum(y * special.softmax(z, axis=-1), axis=-1))",
        ),
        domain={"y": SIMPLEX},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz="sqrt(2)",
            bounded_below=0,
            symmetric=True,
            homogeneous=None,
            bounded_influence=None,
            proper=True,
        ),
        words={"lipschitz": "√2"},
        references=("bridle1990probabilistic", "bishop2006pattern"),
        equivalents=(
            Equivalent("PyTorch", "F.cross_entropy(z, y)"),
            Equivalent("Optax", "optax.softmax_cross_entropy(z, y)", reduction="none"),
            Equivalent("Keras", "keras.losses.categorical_crossentropy(y, z, from_logits=True)", reduction="none"),
        ),
        ill_conditioned=WIDE_LOGITS,
        page="cross_entropy",
    ),
    axes={"y": "... K", "z": "... K"},
)
def softmax_cross_entropy(xp: Any, y: Array, z: Array) -> Array:
    """Cross-entropy of softmax probabilities: ``-sum(y*log(softmax(z)))`` over the last axis.

    Parameters
    ----------
    y, z : arrays of one shape, (..., K)
        Target probabilities of K ≥ 2 classes, each row summing to 1 (one-hot or soft), and logits, any real numbers.

    Returns
    -------
    A number in [0, ∞), in nats, or an array of shape (...) with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, z = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [100.0, 0.0]])
    >>> softmax_cross_entropy(y, z, reduction="none")
    array([6.93147181e-01, 3.72007598e-44])
    >>> softmax_cross_entropy.grad(y, z, reduction="none")[0]
    array([-0.5,  0.5])

    References
    ----------
    Bridle (1990), Probabilistic Interpretation of Feedforward Classification Network Outputs.
    """
    surprise, _, _ = surprises(xp, z)
    return xp.sum(y * xp.where(y == 0, xp.zeros_like(z), surprise), axis=-1)


@softmax_cross_entropy.derivative
def _(xp: Any, y: Array, z: Array) -> Array:
    # p - y where y sums to 1, without the difference: 1 - p of a sure prediction would be 0.
    _, p, rest = surprises(xp, z)
    return p * others(xp, y) - y * rest


@loss(
    Card(
        title="Sparse softmax cross-entropy",
        aliases=("sparse categorical cross-entropy", "cross-entropy from logits and labels", "SparseCategoricalCrossentropy"),
        what="Softmax cross-entropy of targets that are class indices, with class weights, smoothing and examples to ignore.",
        why="You have labels, not rows of probabilities, and a one-hot array of a large vocabulary would not fit.",
        how="Pick the logit of the label and measure how far it is below the logarithm of the sum of all exponentials.",
        used="Most classifiers, semantic segmentation, language models.",
        formula=r"-w_c \left[(1 - \varepsilon) \log p_c + \frac{\varepsilon}{K} \sum_{k=1}^K \log p_k\right]",
        slope=(r"w_c \left(p_k - (1 - \varepsilon)\, [k = c] - \frac{\varepsilon}{K}\right)",),
        where=(r"p = \operatorname{softmax}(z)",),
        elicits="log-probabilities",
        assumption=Noise(
            "categorical with the probabilities softmax(z)",
            LABEL_MASS,
            LABEL_LOGPMF,
            when="label_smoothing == 0 and class_weight is None and ignore_index is None",
        ),
        parameters={
            "label_smoothing": Parameter(
                "ε", "how much of the target is spread evenly over all K classes", Interval(0.0, 1.0, "both"), "0 or 0.1"
            ),
            "class_weight": Parameter(
                "w",
                "factors of the loss of an example, by its label",
                NON_NEGATIVE,
                "1/(K × the share of the class)",
                optional=True,
                axes="K",
                per="one number a class",
            ),
            "ignore_index": Parameter("i", "the label of examples that do not count", INTEGERS, "−100", optional=True),
        },
        domain={"labels": LABELS},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz=f"(1 if class_weight is None else max(class_weight)) * {STEEPEST}",
            bounded_below=f"0 if label_smoothing == 0 else (1 if class_weight is None else min(class_weight)) * {ENTROPY}",
            symmetric="class_weight is None or len(set(class_weight)) == 1",
            homogeneous=None,
            bounded_influence=None,
            proper="label_smoothing == 0 and (class_weight is None or len(set(class_weight)) == 1)",
        ),
        words={
            "lipschitz": "√2, less with smoothing, times the largest class weight",
            "bounded_below": "0; with smoothing the entropy of the smoothed target, times the smallest class weight",
            "symmetric": "without class weights",
            "proper": "without class weights and smoothing",
        },
        references=("bridle1990probabilistic", "szegedy2016rethinking"),
        equivalents=(
            Equivalent(
                "PyTorch",
                "F.cross_entropy(z, labels, label_smoothing=label_smoothing, ignore_index=-100)",
                when="class_weight is None and ignore_index in (None, -100)",
            ),
            Equivalent(
                "PyTorch",
                "F.cross_entropy(z, labels, weight=torch.tensor(class_weight, dtype=z.dtype), reduction='none')",
                reduction="none",
                when="class_weight is not None and label_smoothing == 0 and ignore_index is None",
                note="its mean divides by the sum of the labels' weights; smoothing weighs each class's term by its own weight",
            ),
            Equivalent(
                "Optax",
                "optax.softmax_cross_entropy_with_integer_labels(z, labels)",
                reduction="none",
                when="class_weight is None and label_smoothing == 0 and ignore_index is None",
                note="−1 is the last class",
            ),
            Equivalent(
                "Keras",
                "keras.losses.sparse_categorical_crossentropy(labels, z, from_logits=True)",
                reduction="none",
                when="class_weight is None and label_smoothing == 0 and ignore_index is None",
            ),
        ),
        ill_conditioned=WIDE_LOGITS,
        page="sparse_cross_entropy",
    ),
    axes={"z": "... K"},
)
def sparse_softmax_cross_entropy(
    xp: Any,
    labels: Array,
    z: Array,
    *,
    label_smoothing: float = 0.0,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
) -> Array:
    """Softmax cross-entropy of class indices: ``w[label]*(logsumexp(z) - (1 - eps)*z[label] - eps*mean(z))``.

    Parameters
    ----------
    labels : array of integers, shape (...)
        The class of each example, from 0 to K − 1.
    z : array, shape (..., K)
        Logits of K ≥ 2 classes, any real numbers.
    label_smoothing : float in [0, 1], default 0.0
        ε: the target is 1 − ε + ε/K for the label and ε/K for every other class.
    class_weight : array of shape (K,), list of numbers, or None, default None
        w: the whole loss of an example, smoothing included, is multiplied by the weight of its label. The mean still
        divides by the number of examples. (PyTorch's divides by the sum of the weights of the labels, and its smoothing
        weighs the term of each class with the weight of that class.)
    ignore_index : int or None, default None
        Examples with this label do not count: they cost 0, and ``mean`` divides by the number of the others.

    Returns
    -------
    A number in [0, ∞), in nats, or an array of shape (...) with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> labels, z = np.array([0, 1, -100]), np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 0.0]])
    >>> round(float(sparse_softmax_cross_entropy(labels, z, ignore_index=-100)), 4)
    0.6931
    >>> sparse_softmax_cross_entropy.grad(labels, z, ignore_index=-100, class_weight=[1, 3])
    array([[-0.25,  0.25],
           [ 0.75, -0.75],
           [ 0.  ,  0.  ]])

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), Rethinking the Inception Architecture, CVPR: label smoothing.
    """
    return weigh(xp, smoothed(xp, labels, z, label_smoothing), labels, z, class_weight)


@sparse_softmax_cross_entropy.derivative
def _(
    xp: Any,
    labels: Array,
    z: Array,
    *,
    label_smoothing: float = 0.0,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
) -> Array:
    slope = smoothed_slope(xp, labels, z, label_smoothing)
    return slope if class_weight is None else slope * xp.expand_dims(weigh(xp, 1.0, labels, z, class_weight), axis=-1)


@sparse_softmax_cross_entropy.counts
def _(xp: Any, labels: Array, z: Array, *, ignore_index: int | None = None, **_: Any) -> Array | None:
    return None if ignore_index is None else labels != ignore_index


def smoothed(xp: Any, labels: Array, z: Array, epsilon: float) -> Array:
    """The softmax cross-entropy of each row with its label, smoothed."""
    surprise, _, _ = surprises(xp, z)
    own = gather(xp, surprise, labels)
    # A mean of what every class would cost, none of it negative, and not logsumexp(z) less a mean of logits.
    return own if epsilon == 0 else (1 - epsilon) * own + epsilon * xp.mean(surprise, axis=-1)


def smoothed_slope(xp: Any, labels: Array, z: Array, epsilon: float) -> Array:
    """p less the target: less the label by 1 - p of that, less an even spread by the differences from the largest p."""
    _, p, rest = surprises(xp, z)
    hard = xp.where(one_hot(xp, labels, z), -rest, p)
    return hard if epsilon == 0 else (1 - epsilon) * hard + epsilon * unevenness(xp, z)


def weigh(xp: Any, terms: Any, labels: Array, z: Array, weights: Array | None) -> Any:
    """The terms, each times the weight of its label."""
    return terms if weights is None else terms * gather(xp, xp.broadcast_to(weights, z.shape), labels)


@loss(
    Card(
        title="Sigmoid cross-entropy",
        aliases=("multi-label cross-entropy", "multi-label binary cross-entropy", "MultiLabelSoftMarginLoss"),
        what="The sum of the binary cross-entropies of several labels of one example.",
        why="Labels do not exclude each other: a picture may show a dog and a cat, or neither.",
        how="Make a yes-or-no question of every label, and add up the costs.",
        used="Tagging, multi-label classification, object detectors with independent classes.",
        formula=r"\sum_{l=1}^L \left[y_l \operatorname{softplus}(-z_l) + (1 - y_l) \operatorname{softplus}(z_l)\right]",
        slope=(r"\sigma(z_l) - y_l",),
        elicits="log-odds of each label",
        assumption=Noise(
            "independent Bernoulli labels",
            r"P(y \mid z) = \prod_l \sigma(z_l)^{y_l}\, \sigma(-z_l)^{1 - y_l}",
            "np.sum(stats.bernoulli.logpmf(y, special.expit(z)), axis=-1)",
        ),
        domain={"y": PROBABILITIES},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz="sqrt(L)",
            bounded_below=0,
            symmetric=True,
            homogeneous=None,
            bounded_influence=None,
            proper=True,
        ),
        words={"lipschitz": "√L for L labels, 1 in each"},
        references=("bishop2006pattern",),
        equivalents=(
            Equivalent("PyTorch", "F.binary_cross_entropy_with_logits(z, y, reduction='none').sum(-1)", reduction="none"),
            Equivalent(
                "PyTorch",
                "F.multilabel_soft_margin_loss(z, y, reduction='none') * z.shape[-1]",
                reduction="none",
                note="averages the labels",
            ),
            Equivalent("Optax", "optax.sigmoid_binary_cross_entropy(z, y).sum(-1)", reduction="none"),
            Equivalent(
                "Keras",
                "keras.losses.binary_crossentropy(y, z, from_logits=True) * z.shape[-1]",
                reduction="none",
                note="averages the labels",
            ),
        ),
        ill_conditioned="The gradient passes through zero where the prediction meets a target that is neither 0 nor 1.",
    ),
    axes={"y": "... L", "z": "... L"},
)
def sigmoid_cross_entropy(xp: Any, y: Array, z: Array) -> Array:
    """Cross-entropy of independent labels: the sum over the last axis of the binary cross-entropy from logits.

    Parameters
    ----------
    y, z : arrays of one shape, (..., L)
        Targets, 0 or 1 or a probability between, and logits, any real numbers, of L labels.

    Returns
    -------
    A number in [0, ∞), in nats, or an array of shape (...) with ``reduction="none"``. ``mean`` divides by the
    number of examples, not of labels.

    Examples
    --------
    >>> import numpy as np
    >>> y, z = np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]])
    >>> round(float(sigmoid_cross_entropy(y, z)), 4)
    1.3863
    >>> sigmoid_cross_entropy.grad(y, z)
    array([[-0.5,  0.5]])

    References
    ----------
    Bishop (2006), Pattern Recognition and Machine Learning, section 5.2.
    """
    return xp.sum(y * softplus(xp, -z) + (1 - y) * softplus(xp, z), axis=-1)


@sigmoid_cross_entropy.derivative
def _(xp: Any, y: Array, z: Array) -> Array:
    return (1 - y) * sigmoid(xp, z) - y * sigmoid(xp, -z)


def smooth_labels(y: Array, epsilon: float = 0.1) -> Array:
    """Smoothed targets: ``(1 - epsilon)*y + epsilon/K`` over the K classes of the last axis. No loss, but a target for one.

    Parameters
    ----------
    y : array, shape (..., K)
        Target probabilities, one-hot or soft; each row sums to 1.
    epsilon : float in [0, 1], default 0.1
        How much of each target is spread evenly over all classes, its own included. (Some texts spread over the
        other K − 1 classes; their ε is (K − 1)/K times this one.)

    Examples
    --------
    >>> import numpy as np
    >>> smooth_labels(np.array([0.0, 1.0, 0.0, 0.0]), epsilon=0.2)
    array([0.05, 0.85, 0.05, 0.05])

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), Rethinking the Inception Architecture, CVPR.
    """
    check_array("smooth_labels", "y", y, SIMPLEX)
    epsilon = check_number("smooth_labels", "epsilon", epsilon, Interval(0.0, 1.0, "both"))
    return (1 - epsilon) * y + epsilon / y.shape[-1]


@loss(
    Card(
        title="Softmax focal loss",
        aliases=("multi-class focal loss", "categorical focal loss", "CategoricalFocalCrossentropy"),
        what="Softmax cross-entropy in which an example counts the less, the surer and righter its prediction is.",
        why="A few classes are rare or hard, and the many easy examples would drown them.",
        how="Multiply the cross-entropy by (1 − p)^γ, where p is the probability of the label.",
        used="Long-tailed classification, segmentation, dense detection, calibration of overconfident networks.",
        formula=r"-\alpha_c\, (1 - p_c)^\gamma \log p_c",
        slope=(r"\alpha_c\, (1 - p_c)^\gamma \left(1 - \frac{\gamma\, p_c \log p_c}{1 - p_c}\right) (p_k - [k = c])",),
        where=(r"p = \operatorname{softmax}(z)",),
        elicits="tempered log-probabilities",
        no_assumption="For γ > 0 the values of exp(−loss) of the classes do not sum to a constant.",
        parameters={
            "gamma": Parameter("γ", "how fast easy examples fade; 0 is cross-entropy", NON_NEGATIVE, "2"),
            "alpha": Parameter(
                "α",
                "factors of the loss of an example, by its label",
                NON_NEGATIVE,
                "None, or larger for rare classes",
                optional=True,
                axes="K",
                per="one number a class",
            ),
        },
        domain={"labels": LABELS},
        properties=Properties(
            convex="gamma == 0",
            smooth=INF,
            lipschitz="sqrt(2) if gamma == 0 and alpha is None else True",
            bounded_below=0,
            symmetric="alpha is None or len(set(alpha)) == 1",
            homogeneous=None,
            bounded_influence=None,
            proper="gamma == 0 and (alpha is None or len(set(alpha)) == 1)",
        ),
        words={
            "convex": "only for γ = 0",
            "lipschitz": "√2 for γ = 0, a little more above: 1.6 at γ = 2 (times the largest weight)",
            "symmetric": "without weights",
            "proper": "only for γ = 0 without weights",
        },
        references=("lin2017focal", "mukhoti2020calibrating"),
        equivalents=(
            Equivalent(
                "kornia",
                "kornia.losses.focal_loss(z, labels, alpha=None, gamma=gamma).sum(-1)",
                reduction="none",
                when="alpha is None",
                note="keeps the classes apart, so that its mean divides by them too",
            ),
            Equivalent(
                "PyTorch",
                "(1 - z.softmax(-1)[range(len(z)), labels])**gamma * F.cross_entropy(z, labels, reduction='none')",
                reduction="none",
                when="alpha is None",
                note="gradient NaN for a sure and right prediction where γ < 1",
            ),
        ),
        ill_conditioned="For a sure and right prediction the factor is e to the power of −γ times a difference of logits.",
        page="focal",
    ),
    axes={"z": "... K"},
)
def softmax_focal(xp: Any, labels: Array, z: Array, *, gamma: float = 2.0, alpha: Array | None = None) -> Array:
    """Focal loss of several classes: ``-alpha[label] * (1 - p)**gamma * log(p)``, with ``p = softmax(z)[label]``.

    Parameters
    ----------
    labels : array of integers, shape (...)
        The class of each example, from 0 to K − 1.
    z : array, shape (..., K)
        Logits of K ≥ 2 classes, any real numbers.
    gamma : float >= 0, default 2.0
        How fast easy examples fade. 0 is the cross-entropy.
    alpha : array of shape (K,), list of numbers, or None, default None
        Factors by label; one number for all classes would only change the learning rate.

    Returns
    -------
    A number in [0, ∞), or an array of shape (...) with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> labels, z = np.array([0, 0]), np.array([[0.0, 0.0], [3.0, 0.0]])
    >>> softmax_focal(labels, z, reduction="none").round(3)
    array([0.173, 0.   ])

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), Focal Loss for Dense Object Detection, ICCV.
    """
    behind, _ = _behind(xp, labels, z)
    return weigh(xp, fade(xp, -behind, gamma), labels, z, alpha)


@softmax_focal.derivative
def _(xp: Any, labels: Array, z: Array, *, gamma: float = 2.0, alpha: Array | None = None) -> Array:
    behind, hot = _behind(xp, labels, z)
    slope = xp.expand_dims(weigh(xp, fade_slope(xp, -behind, gamma), labels, z, alpha), axis=-1)
    zero = xp.zeros_like(z)
    # The margin falls with each other logit by that class's share among the other classes.
    _, shares, _ = surprises(xp, xp.where(hot, zero - INF, z))
    return slope * xp.where(hot, 1 + zero, -shares)


def _behind(xp: Any, labels: Array, z: Array) -> tuple[Array, Array]:
    """How far the label's logit is behind all others together: their logsumexp of ``z - z[label]``; and where that is.

    It is the log-odds against the label, so that a choice of several is one of two: this class or another.
    """
    hot = one_hot(xp, labels, z)
    zero = xp.zeros_like(z)
    differences = z - xp.sum(xp.where(hot, z, zero), axis=-1, keepdims=True)
    return logsumexp(xp, xp.where(hot, zero - INF, differences)), hot


@loss(
    Card(
        title="Multi-class hinge loss",
        aliases=("Crammer-Singer loss", "multi-class SVM loss"),
        what="How far the score of the label falls short of the best other score by a margin.",
        why="You want the right class ahead by a margin, and do not ask how probable anything is.",
        how="Take the best other score, add the margin, subtract the score of the label, drop what is negative.",
        used="Multi-class support vector machines, structured prediction.",
        formula=r"\left(\Delta + \max_{k \ne c} s_k - s_c\right)_+",
        slope=(r"[\ell > 0]\, ([k = j] - [k = c])",),
        where=(r"j = \argmax_{k \ne c} s_k",),
        elicits="class of the majority",
        no_assumption="The values of exp(−loss) of the classes do not sum to a constant: no probability has it.",
        parameters={"margin": Parameter("Δ", "how far the label's score should be ahead", POSITIVE, "1")},
        domain={"labels": LABELS},
        properties=Properties(
            convex=True,
            smooth=0,
            lipschitz="sqrt(2)",
            bounded_below=0,
            symmetric=True,
            homogeneous=None,
            bounded_influence=None,
        ),
        words={"lipschitz": "√2"},
        kinks=("margin",),
        references=("crammer2001algorithmic",),
        equivalents=(
            Equivalent("Optax", "optax.losses.multiclass_hinge_loss(scores, labels)", reduction="none", when="margin == 1"),
            Equivalent(
                "scikit-learn", "sklearn.metrics.hinge_loss(labels, scores, labels=range(scores.shape[-1]))", when="margin == 1"
            ),
        ),
        ill_conditioned="The value passes through zero at the margin.",
        page="hinge",
    ),
    axes={"scores": "... K"},
)
def multiclass_hinge(xp: Any, labels: Array, scores: Array, *, margin: float = 1.0) -> Array:
    """Hinge loss of Crammer and Singer: ``max(0, margin + max(other scores) - scores[label])``.

    It looks at the best other class alone. (``F.multi_margin_loss`` adds up all classes, and divides by K.)

    Parameters
    ----------
    labels : array of integers, shape (...)
        The class of each example, from 0 to K − 1.
    scores : array, shape (..., K)
        Scores of K ≥ 2 classes, any real numbers.
    margin : float > 0, default 1.0
        How far the label's score should be ahead.

    Returns
    -------
    A number in [0, ∞), or an array of shape (...) with ``reduction="none"``. The derivative at the margin is
    defined as 0; where several other scores are best, the first of them takes all of it.

    Examples
    --------
    >>> import numpy as np
    >>> labels, scores = np.array([0, 0]), np.array([[2.0, 1.5, 0.0], [3.0, 1.5, 0.0]])
    >>> multiclass_hinge(labels, scores, reduction="none")
    array([0.5, 0. ])
    >>> multiclass_hinge.grad(labels, scores, reduction="none")
    array([[-1.,  1.,  0.],
           [ 0.,  0.,  0.]])

    References
    ----------
    Crammer and Singer (2001), On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines, JMLR 2.
    """
    missing, _, _ = _shortfall(xp, labels, scores, margin)
    return xp.where(missing > 0, missing, xp.zeros_like(missing))


@multiclass_hinge.derivative
def _(xp: Any, labels: Array, scores: Array, *, margin: float = 1.0) -> Array:
    missing, hot, best = _shortfall(xp, labels, scores, margin)
    zero = xp.zeros_like(scores)
    active = xp.expand_dims(missing > 0, axis=-1)
    return xp.where(active, xp.where(best, zero + 1, xp.where(hot, zero - 1, zero)), zero)


def _shortfall(xp: Any, labels: Array, scores: Array, margin: float) -> tuple[Array, Array, Array]:
    """What is missing to the margin, or negative; and where the label and the best other class are."""
    hot, zero = one_hot(xp, labels, scores), xp.zeros_like(scores)
    best = one_hot(xp, xp.argmax(xp.where(hot, zero - INF, scores), axis=-1), scores)
    own, other = (xp.sum(xp.where(mask, scores, zero), axis=-1) for mask in (hot, best))
    return margin + (other - own), hot, best

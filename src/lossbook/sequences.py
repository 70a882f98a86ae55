"""Losses of sequences: tokens of a language model, a student that imitates a teacher, alignments nobody labelled."""

from __future__ import annotations

import math
from typing import Any

from lossbook._alignments import complaint, sample
from lossbook._inputs import Array
from lossbook._xp import log1p, log_sum, numbers, one_hot, pick, surprises
from lossbook.card import Card, Equivalent, Noise, Parameter, Properties
from lossbook.classification.multiclass import ENTROPY, LABEL_LOGPMF, LABEL_MASS, STEEPEST, smoothed, smoothed_slope
from lossbook.domain import BITS, COUNTING, INTEGERS, LOG_SIMPLEX, POSITIVE, Interval, Labels
from lossbook.loss import loss

INF = math.inf


@loss(
    Card(
        title="Token cross-entropy",
        aliases=("language-model loss", "causal language-model loss", "sequence cross-entropy"),
        what="Softmax cross-entropy of each token of a text, averaged over the tokens that are real and no padding.",
        why="A language model predicts one token after the other; texts of different lengths share an array.",
        how="Take the cross-entropy at every position, drop the positions with mask 0, average the others.",
        used="Language models, translation, speech and code; masked language models, where the mask marks the hidden tokens.",
        formula=r"-m \left[(1 - \varepsilon) \log p_c + \frac{\varepsilon}{K} \sum_{k=1}^K \log p_k\right]",
        slope=(r"m \left(p_k - (1 - \varepsilon)\, [k = c] - \frac{\varepsilon}{K}\right)",),
        where=(r"p = \operatorname{softmax}(z)",),
        elicits="log-probabilities",
        assumption=Noise(
            "categorical for each token, given those before it",
            LABEL_MASS,
            LABEL_LOGPMF,
            when="label_smoothing == 0",
        ),
        parameters={
            "mask": Parameter(
                "m",
                "which tokens count: 1 or 0, or True or False",
                BITS,
                "0 at padding",
                optional=True,
                axes="...",
                per="one a token",
            ),
            "label_smoothing": Parameter(
                "ε", "how much of the target is spread evenly over the vocabulary", Interval(0.0, 1.0, "both"), "0 or 0.1"
            ),
        },
        domain={"labels": Labels("K")},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz=STEEPEST,
            bounded_below=f"0 if label_smoothing == 0 else {ENTROPY}",
            symmetric=True,
            homogeneous=None,
            bounded_influence=None,
            proper="label_smoothing == 0",
        ),
        words={
            "lipschitz": "√2, less with smoothing",
            "bounded_below": "0; with smoothing the entropy of the smoothed target",
            "proper": "without smoothing",
        },
        references=("bengio2003neural", "szegedy2016rethinking"),
        equivalents=(
            Equivalent(
                "PyTorch",
                "F.cross_entropy(z, labels, label_smoothing=label_smoothing)",
                note="wants the vocabulary on axis 1, and ignore_index instead of a mask",
            ),
            Equivalent(
                "Optax",
                "optax.softmax_cross_entropy_with_integer_labels(z, labels)",
                reduction="none",
                when="label_smoothing == 0",
            ),
        ),
        ill_conditioned="A probability is the exponential of a difference of logits: the rounding of a wide one is multiplied.",
    ),
    axes={"z": "... K"},
)
def token_cross_entropy(xp: Any, labels: Array, z: Array, *, mask: Array | None = None, label_smoothing: float = 0.0) -> Array:
    """Softmax cross-entropy of each token: ``logsumexp(z) - (1 - eps)*z[label] - eps*mean(z)``.

    The labels stand at the positions of the logits that predict them: shift a text by one before.

    Parameters
    ----------
    labels : array of integers, shape (...), such as (batch, time)
        The token that came at each position, from 0 to K − 1.
    z : array, shape (..., K)
        Logits over a vocabulary of K tokens, any real numbers.
    mask : array of zeros and ones, shape (...), or None, default None
        Which tokens count. What does not may hold anything, even a label of −100 or NaN logits; it costs 0.
    label_smoothing : float in [0, 1], default 0.0
        ε: how much of the target is spread evenly over the vocabulary.

    Returns
    -------
    A number in [0, ∞), in nats a token, or an array of shape (...) with ``reduction="none"``. ``mean`` divides by
    the number of tokens with mask 1. The exponential of that mean is the perplexity.

    Examples
    --------
    >>> import numpy as np
    >>> labels, z = np.array([[0, 1, 9]]), np.zeros((1, 3, 10))
    >>> round(float(token_cross_entropy(labels, z, mask=np.array([[1, 1, 0]]))), 4)
    2.3026

    References
    ----------
    Bengio, Ducharme, Vincent and Jauvin (2003), A Neural Probabilistic Language Model, JMLR 3, 1137-1155.
    """
    return smoothed(xp, labels, z, label_smoothing)


@token_cross_entropy.derivative
def _(xp: Any, labels: Array, z: Array, *, mask: Array | None = None, label_smoothing: float = 0.0) -> Array:
    return smoothed_slope(xp, labels, z, label_smoothing)


@token_cross_entropy.counts
def _(xp: Any, labels: Array, z: Array, *, mask: Array | None = None, **_: Any) -> Array | None:
    return None if mask is None else mask != 0


@loss(
    Card(
        title="Distillation loss",
        aliases=("knowledge distillation", "soft-target loss", "Hinton distillation"),
        what="How far a student's softened probabilities are from its teacher's, as a Kullback–Leibler divergence.",
        why="A large model knows which wrong answers are nearly right, and a small one can learn that from it.",
        how="Divide both logits by a temperature, take softmax and the divergence, multiply by the temperature squared.",
        used="Compressing language and vision models, ensembles into one network.",
        formula=r"T^2 \sum_{k=1}^K p_k \log\frac{p_k}{q_k}",
        slope=(r"T\, (q_k - p_k)",),
        where=(r"p = \operatorname{softmax}(t / T)", r"q = \operatorname{softmax}(s / T)"),
        elicits="softened log-probabilities",
        assumption=Noise(
            "categorical with the student's probabilities, averaged over the teacher's (at temperature 1)",
            r"P(k \mid s) = \operatorname{softmax}(s)_k",
            "np.sum(special.softmax(teacher_z, axis=-1) * (special.log_softmax(student_z, axis=-1)"
            " - special.log_softmax(teacher_z, axis=-1)), axis=-1)",
            when="temperature == 1",
        ),
        parameters={"temperature": Parameter("T", "how far the probabilities are softened", POSITIVE, "1 to 20")},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz="sqrt(2) * temperature",
            bounded_below=0,
            symmetric=True,
            homogeneous=None,
            bounded_influence=None,
            proper=True,
        ),
        words={"lipschitz": "√2 T"},
        references=("hinton2015distilling",),
        equivalents=(
            Equivalent(
                "PyTorch",
                "F.kl_div((student_z / temperature).log_softmax(-1), (teacher_z / temperature).softmax(-1),"
                " reduction='batchmean')",
                factor="temperature**2",
            ),
            Equivalent(
                "SciPy",
                "scipy.stats.entropy(scipy.special.softmax(teacher_z / temperature, -1),"
                " scipy.special.softmax(student_z / temperature, -1), axis=-1)",
                factor="temperature**2",
                reduction="none",
            ),
        ),
        ill_conditioned="Where the student has met its teacher value and gradient are differences of what is nearly equal.",
    ),
    axes={"teacher_z": "... K", "student_z": "... K"},
)
def distillation(xp: Any, teacher_z: Array, student_z: Array, *, temperature: float = 1.0) -> Array:
    """Distillation loss: ``T**2 * KL(softmax(teacher_z/T) || softmax(student_z/T))`` over the last axis.

    The factor T² keeps the size of the gradient when the temperature is changed. The derivative is in the student alone;
    automatic differentiation also reaches a teacher that asks for it: detach it, or it learns from its student.

    Parameters
    ----------
    teacher_z, student_z : arrays of one shape, (..., K)
        Logits of K ≥ 2 classes, any real numbers.
    temperature : float > 0, default 1.0
        T: the higher, the more the wrong classes count.

    Returns
    -------
    A number in [0, ∞), or an array of shape (...) with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> teacher_z, student_z = np.array([[2.0, 0.0]]), np.array([[0.0, 0.0]])
    >>> round(float(distillation(teacher_z, student_z, temperature=2.0)), 4)
    0.4438
    >>> distillation.grad(teacher_z, student_z, temperature=2.0).round(4)
    array([[-0.4621,  0.4621]])

    References
    ----------
    Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network, arXiv:1503.02531.
    """
    ratio, near, p, q, _ = _log_ratio(xp, teacher_z / temperature, student_z / temperature)
    # p (e^r - 1 - r), of which no term is negative, adds up to the sum of -p r, whose terms cancel.
    excess = xp.where(near, p * _excess(xp, xp.where(near, ratio, xp.zeros_like(ratio))), q - p - p * ratio)
    return temperature**2 * xp.sum(excess, axis=-1)


@distillation.derivative
def _(xp: Any, teacher_z: Array, student_z: Array, *, temperature: float = 1.0) -> Array:
    *_, change = _log_ratio(xp, teacher_z / temperature, student_z / temperature)
    return temperature * change


def _log_ratio(xp: Any, teacher: Array, student: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Of each class: log(q/p), where that is small, p of the teacher, q of the student, and q - p.

    The ratio is the difference of the logits, less ``log(sum(p*exp(difference)))``: of differences that are small, or
    that only improbable classes have, no digit is lost. Elsewhere the ratio comes from the two logarithms.
    """
    surprise, p, _ = surprises(xp, teacher)
    surprise_hat, q, _ = surprises(xp, student)
    zero = xp.zeros_like(teacher)
    shift = student - teacher
    # One number added to all logits means nothing: differences count from that of the teacher's first class.
    top = one_hot(xp, xp.argmax(teacher, axis=-1), teacher)
    slight = xp.max(xp.abs(shift), axis=-1, keepdims=True) < 0.5
    shift = shift - xp.where(slight, zero, xp.sum(xp.where(top, shift, zero), axis=-1, keepdims=True))
    safe = xp.max(shift - surprise, axis=-1, keepdims=True) < 1
    small, large = (xp.where(safe & (shift < 1), shift, zero), xp.where(safe & (shift >= 1), shift - surprise, zero))
    gains = xp.where(safe, xp.where(shift < 1, p * xp.expm1(small), xp.exp(large) - p), zero)
    # Each way loses digits: one of the differences, by what they change, one of the logarithms of the first class.
    lost = xp.sum(xp.abs(gains) * (1 + xp.abs(shift)), axis=-1, keepdims=True)
    better = safe & (lost < xp.sum(xp.where(top, surprise + surprise_hat, zero), axis=-1, keepdims=True))
    total = xp.sum(xp.where(better, gains, zero), axis=-1, keepdims=True)
    ratio = xp.where(better, shift - log1p(xp, total), surprise - surprise_hat)
    near = xp.abs(ratio) < 1
    return ratio, near, p, q, xp.where(near, p * xp.expm1(xp.where(near, ratio, zero)), q - p)


def _excess(xp: Any, r: Array) -> Array:
    """``exp(r) - 1 - r`` for abs(r) < 1, without cancellation: by its series below 1/4, and with it doubled to 1.

    From x = r/4: e^2x - 1 - 2x = (e^x - 1)^2 + 2 (e^x - 1 - x), twice.
    """
    x = r / 4
    series = xp.zeros_like(x)
    for k in range(14, 1, -1):
        series = (series + 1 / math.factorial(k)) * x
    excess = series * x
    for _ in range(2):
        step = excess + x
        excess, x = step * step + 2 * excess, 2 * x
    return excess


@loss(
    Card(
        title="Connectionist temporal classification",
        aliases=("CTC", "CTCLoss"),
        what="Minus the log-probability of a label sequence, summed over all ways to stretch it to the length of the input.",
        why="You know what was said but not when: the labels are fewer than the frames, and nobody aligned them.",
        how="Add the probabilities of all paths that give the labels once repeats are merged and blanks dropped.",
        used="Speech and handwriting recognition, protein and DNA sequencing.",
        formula=r"-\log P(y)",
        slope=(r"-\frac{1}{P(y)} \sum_{\pi:\ \mathcal B(\pi) = y}\ [\pi_t = k] \prod_{j=1}^T p_j(\pi_j)",),
        where=(r"P(y) = \sum_{\pi:\ \mathcal B(\pi) = y}\ \prod_{t=1}^T p_t(\pi_t)",),
        no_assumption=(
            "The density is no named one: it is the sum, over all paths that give the labels, of the products of their "
            "frames' probabilities, and the loss is minus its logarithm."
        ),
        parameters={"blank": Parameter("b", "the class that stands for no label", INTEGERS, "0")},
        domain={
            "log_probs": LOG_SIMPLEX,
            "targets": COUNTING,
            "input_lengths": COUNTING,
            "target_lengths": COUNTING,
        },
        properties=Properties(
            convex=False,
            smooth=INF,
            lipschitz="sqrt(T)",
            bounded_below=0,
            symmetric=False,
            homogeneous=None,
            bounded_influence=None,
        ),
        words={"lipschitz": "√T for T frames, 1 at each"},
        references=("graves2006connectionist",),
        equivalents=(
            Equivalent(
                "PyTorch",
                "F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=blank, reduction='none')",
                reduction="none",
                note="its mean divides each loss by the length of its target first; its gradient is that in the logits",
            ),
        ),
        ill_conditioned="The log-probability of many paths is a sum of logarithms that may nearly cancel.",
    ),
    wrt=("log_probs",),
    axes={"log_probs": "T N C", "targets": "N S", "input_lengths": "N", "target_lengths": "N"},
    example="N",
)
def ctc(xp: Any, log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array, *, blank: int = 0) -> Array:
    """Connectionist temporal classification: ``-log P(targets)``, all alignments of targets to frames added up.

    Parameters
    ----------
    log_probs : array, shape (T, N, C)
        Log-probabilities of C classes at T frames of N sequences: each sums to 1, as log-softmax makes them.
    targets : array of integers, shape (N, S)
        The labels of each sequence, without blanks; what lies behind its length may be anything.
    input_lengths, target_lengths : arrays of integers, shape (N,)
        How many frames, 1 to T, and how many labels, 0 to S, each sequence has. Labels need a frame each, and one
        more between two that are equal.
    blank : int, default 0
        The class that stands for no label.

    Returns
    -------
    A number in [0, ∞), in nats a sequence, or an array of shape (N,) with ``reduction="none"``. ``mean`` divides by N
    and not by the lengths of the targets; PyTorch's does both. A target that does not fit into its frames is a
    ValueError where values can be read, else it costs infinity, with a derivative of 0.

    The derivative is in ``log_probs``, each moving alone: minus the probability that a path is in that class at that
    frame, which sums to −1 at every frame of a sequence. In logits, through log-softmax, it is
    ``softmax(z) - occupancy`` and sums to 0; that is what PyTorch's ``ctc_loss`` returns, whatever made its input.

    Examples
    --------
    >>> import numpy as np
    >>> log_probs = np.log(np.full((2, 1, 2), 0.5))
    >>> targets, frames, labels = np.array([[1]]), np.array([2]), np.array([1])
    >>> round(float(np.exp(-ctc(log_probs, targets, frames, labels))), 4)  # the paths (1, 1), (1, blank), (blank, 1)
    0.75
    >>> ctc.grad(log_probs, targets, frames, labels)[:, 0].round(4)
    array([[-0.3333, -0.6667],
           [-0.3333, -0.6667]])

    References
    ----------
    Graves, Fernández, Gomez and Schmidhuber (2006), Connectionist Temporal Classification, ICML.
    """
    emitted, skips, ends, _ = _lattice(xp, log_probs, targets, target_lengths, blank)
    final = _forward(xp, emitted, skips, input_lengths)[-1]
    return -log_sum(xp, xp.where(ends, final, xp.zeros_like(final) - INF))


@ctc.derivative
def _(
    xp: Any,
    log_probs: Array,
    targets: Array,
    input_lengths: Array,
    target_lengths: Array,
    *,
    blank: int = 0,
    value: Array,
) -> Array:
    emitted, skips, ends, states = _lattice(xp, log_probs, targets, target_lengths, blank)
    before = _forward(xp, emitted, skips, input_lengths)
    after = _backward(xp, emitted, skips, ends, input_lengths)
    possible = xp.isfinite(value)
    total = xp.expand_dims(xp.where(possible, value, xp.zeros_like(value)), axis=-1)
    slopes = []
    for t in range(log_probs.shape[0]):
        inside = xp.expand_dims(possible & (t < input_lengths), axis=-1)
        # How likely a path is in each state of the lattice at this frame; then by class.
        occupancy = xp.exp(before[t] + after[t] + total)
        occupancy = xp.where(inside, occupancy, xp.zeros_like(occupancy))
        here = xp.expand_dims(xp.zeros_like(log_probs[t, :, :]), axis=-2) + xp.expand_dims(occupancy, axis=-1)
        slopes.append(-xp.sum(xp.where(one_hot(xp, states, here), here, xp.zeros_like(here)), axis=-2))
    return xp.stack(slopes, axis=0)


def _lattice(
    xp: Any, log_probs: Array, targets: Array, target_lengths: Array, blank: int
) -> tuple[list[Array], Array, Array, Array]:
    """The states of a path: a blank, then a label and a blank in turn.

    Returns the log-probability of each state at each frame, whether a state may be reached over the blank before it,
    which states may be last, and their classes.
    """
    count = targets.shape[-1]
    place = numbers(xp, 2 * count + 1, targets)
    odd = place % 2 == 1
    gaps = xp.zeros_like(targets) + blank
    # Labels past the length of a target may be anything; no path goes there.
    known = numbers(xp, count, targets) < xp.expand_dims(target_lengths, axis=-1)
    labels = xp.where(known, targets, gaps)
    pairs = xp.reshape(xp.stack([gaps, labels], axis=-1), (targets.shape[0], 2 * count))
    states = xp.concat([pairs, xp.zeros_like(target_lengths[:, None]) + blank], axis=-1)
    different = xp.concat([xp.zeros_like(states[:, :2]) == 1, states[:, 2:] != states[:, :-2]], axis=-1)
    last = xp.expand_dims(2 * target_lengths, axis=-1)
    ends = (place == last) | (place == last - 1)
    emitted = [pick(xp, log_probs[t, :, :], states) for t in range(log_probs.shape[0])]
    return emitted, different & odd, ends, states


def _forward(xp: Any, emitted: list[Array], skips: Array, input_lengths: Array) -> list[Array]:
    """For each frame: the log-probability of all beginnings of paths up to each state. Past the last frame it stays."""
    never = xp.zeros_like(emitted[0]) - INF
    first = numbers(xp, never.shape[-1], input_lengths) < 2
    current = xp.where(first, emitted[0], never)
    found = [current]
    for t in range(1, len(emitted)):
        one = xp.concat([never[:, :1], current[:, :-1]], axis=-1)
        two = xp.concat([never[:, :2], current[:, :-2]], axis=-1)[:, : never.shape[-1]]
        arriving = log_sum(xp, xp.stack([current, one, xp.where(skips, two, never)], axis=-1))
        inside = xp.expand_dims(t < input_lengths, axis=-1)
        current = xp.where(inside, emitted[t] + arriving, current)
        found.append(current)
    return found


def _backward(xp: Any, emitted: list[Array], skips: Array, ends: Array, input_lengths: Array) -> list[Array]:
    """For each frame: the log-probability of all rests of paths after each state."""
    never = xp.zeros_like(emitted[0]) - INF
    final = xp.where(ends, xp.zeros_like(never), never)
    # Which states may be left over the blank after them.
    leaps = xp.concat([skips[:, 2:], xp.zeros_like(skips[:, :2])], axis=-1)[:, : never.shape[-1]]
    current = never
    found = []
    for t in range(len(emitted) - 1, -1, -1):
        if t + 1 < len(emitted):
            onward = current + emitted[t + 1]
            one = xp.concat([onward[:, 1:], never[:, :1]], axis=-1)
            two = xp.concat([onward[:, 2:], never[:, :2]], axis=-1)[:, : never.shape[-1]]
            current = log_sum(xp, xp.stack([onward, one, xp.where(leaps, two, never)], axis=-1))
        current = xp.where(xp.expand_dims(t + 1 == input_lengths, axis=-1), final, current)
        found.append(current)
    return found[::-1]


ctc.inspects(complaint)
ctc.samples(sample)

"""Losses of a class: of two classes, of several, and between distributions and directions."""

from lossbook.classification.binary import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    focal,
    hinge,
    squared_hinge,
)
from lossbook.classification.distributions import brier, cosine_distance, kl_divergence
from lossbook.classification.multiclass import (
    cross_entropy,
    multiclass_hinge,
    sigmoid_cross_entropy,
    smooth_labels,
    softmax_cross_entropy,
    softmax_focal,
    sparse_softmax_cross_entropy,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "brier",
    "cosine_distance",
    "cross_entropy",
    "focal",
    "hinge",
    "kl_divergence",
    "multiclass_hinge",
    "sigmoid_cross_entropy",
    "smooth_labels",
    "softmax_cross_entropy",
    "softmax_focal",
    "sparse_softmax_cross_entropy",
    "squared_hinge",
]

"""Loss functions in which every claim runs.

Each loss is a function of NumPy, PyTorch or JAX arrays with a hand-written gradient and a card of its
properties; the chapters of The Loss Book import nothing else.
"""

from lossbook.classification import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    brier,
    cosine_distance,
    cross_entropy,
    focal,
    hinge,
    kl_divergence,
    multiclass_hinge,
    sigmoid_cross_entropy,
    smooth_labels,
    softmax_cross_entropy,
    softmax_focal,
    sparse_softmax_cross_entropy,
    squared_hinge,
)
from lossbook.foundations import elastic_net, l1, l2
from lossbook.loss import Loss, catalogue
from lossbook.regression import (
    gaussian_crps,
    gaussian_nll,
    general_robust,
    huber,
    log_cosh,
    mae,
    mse,
    pinball,
    poisson_nll,
    rmse,
    smooth_l1,
)
from lossbook.sequences import ctc, distillation, token_cross_entropy

__all__ = [
    "Loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "brier",
    "catalogue",
    "cosine_distance",
    "cross_entropy",
    "ctc",
    "distillation",
    "elastic_net",
    "focal",
    "gaussian_crps",
    "gaussian_nll",
    "general_robust",
    "hinge",
    "huber",
    "kl_divergence",
    "l1",
    "l2",
    "log_cosh",
    "mae",
    "mse",
    "multiclass_hinge",
    "pinball",
    "poisson_nll",
    "rmse",
    "sigmoid_cross_entropy",
    "smooth_l1",
    "smooth_labels",
    "softmax_cross_entropy",
    "softmax_focal",
    "sparse_softmax_cross_entropy",
    "squared_hinge",
    "token_cross_entropy",
]

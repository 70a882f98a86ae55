"""Loss functions in which every claim runs.

Each loss is a function of NumPy, PyTorch or JAX arrays with a hand-written gradient and a card of its
properties; the chapters of The Loss Book import nothing else.
"""

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

__all__ = [
    "Loss",
    "catalogue",
    "elastic_net",
    "gaussian_crps",
    "gaussian_nll",
    "general_robust",
    "huber",
    "l1",
    "l2",
    "log_cosh",
    "mae",
    "mse",
    "pinball",
    "poisson_nll",
    "rmse",
    "smooth_l1",
]

"""Loss functions in which every claim runs.

Each loss is a function of NumPy, PyTorch or JAX arrays with a hand-written gradient and a card of its
properties; the chapters of The Loss Book import nothing else.
"""

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
    "gaussian_crps",
    "gaussian_nll",
    "general_robust",
    "huber",
    "log_cosh",
    "mae",
    "mse",
    "pinball",
    "poisson_nll",
    "rmse",
    "smooth_l1",
]

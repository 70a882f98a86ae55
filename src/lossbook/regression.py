"""Losses of a number: squared, absolute, robust, quantile, counts, and whole predicted distributions."""

from __future__ import annotations

import math
from typing import Any

from lossbook._inputs import Array
from lossbook._xp import erf, lgamma1p, poisson_floor
from lossbook._xp import log_cosh as stable_log_cosh
from lossbook.card import Card, Equivalent, Noise, Parameter, Properties
from lossbook.domain import COUNTS, POSITIVE, Interval
from lossbook.loss import loss

INF = math.inf


@loss(
    Card(
        title="Mean squared error",
        aliases=("MSE", "L2 loss", "squared error", "quadratic loss", "least squares", "MSELoss", "MeanSquaredError"),
        what="The average of the squared errors.",
        why="Large errors should cost far more than small ones, and the mean is the number you want.",
        how="Subtract, square, average.",
        used="Linear regression, neural network regression, autoencoders, value functions, and diffusion models.",
        formula=r"(\hat y - y)^2",
        slope=(r"2\,(\hat y - y)",),
        elicits="mean",
        assumption=Noise(
            "Gaussian, the same variance everywhere",
            r"p(y \mid \hat y) = \frac{1}{\sqrt{\pi}}\, e^{-(y - \hat y)^2}\quad(\sigma^2 = \tfrac12)",
            "stats.norm.logpdf(y, y_hat, np.sqrt(0.5))",
        ),
        properties=Properties(
            convex=True, smooth=INF, lipschitz=None, bounded_below=0, symmetric=True, homogeneous=2, bounded_influence=False
        ),
        references=("gauss1809theoria", "bishop2006pattern"),
        equivalents=(
            Equivalent("PyTorch", "F.mse_loss(y_hat, y)"),
            Equivalent("scikit-learn", "sklearn.metrics.mean_squared_error(y, y_hat)"),
            Equivalent("Keras", "keras.losses.mean_squared_error(y, y_hat)", note="averages the last axis only"),
            Equivalent("Optax", "optax.squared_error(y_hat, y)", reduction="none"),
            Equivalent("Optax", "optax.l2_loss(y_hat, y)", factor="2", reduction="none", note="half the square"),
        ),
    )
)
def mse(xp: Any, y: Array, y_hat: Array) -> Array:
    """Mean squared error: the average of ``(y_hat - y)**2``.

    Parameters
    ----------
    y, y_hat : arrays of one shape
        Targets and predictions, any real numbers, in the same unit. The loss is in that unit squared.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, y_hat = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 2.0])
    >>> float(mse(y, y_hat, reduction="sum"))
    4.25
    >>> mse.grad(y, y_hat, reduction="sum")
    array([ 1.,  0., -4.])

    References
    ----------
    Gauss (1809), Theoria motus corporum coelestium.
    """
    error = y_hat - y
    return error * error


@mse.derivative
def _(xp: Any, y: Array, y_hat: Array) -> Array:
    return 2 * (y_hat - y)


@loss(
    Card(
        title="Mean absolute error",
        aliases=("MAE", "L1 loss", "absolute error", "least absolute deviations", "LAD", "L1Loss", "MeanAbsoluteError"),
        what="The average distance between prediction and target.",
        why="Some targets are wrong or extreme, and one of them should not steer the fit.",
        how="Subtract, drop the sign, average.",
        used="Regression with gross errors in the targets, forecasting scores, image restoration, and median regression.",
        formula=r"|\hat y - y|",
        slope=(r"\operatorname{sign}(\hat y - y)",),
        elicits="median",
        assumption=Noise(
            "Laplace, the same scale everywhere",
            r"p(y \mid \hat y) = \tfrac12\, e^{-|y - \hat y|}",
            "stats.laplace.logpdf(y, y_hat, 1)",
        ),
        properties=Properties(
            convex=True, smooth=0, lipschitz=1, bounded_below=0, symmetric=True, homogeneous=1, bounded_influence=True
        ),
        kinks=("0",),
        references=("bloomfield1983least", "koenker2005quantile"),
        equivalents=(
            Equivalent("PyTorch", "F.l1_loss(y_hat, y)"),
            Equivalent("scikit-learn", "sklearn.metrics.mean_absolute_error(y, y_hat)"),
            Equivalent("Keras", "keras.losses.mean_absolute_error(y, y_hat)", note="averages the last axis only"),
        ),
    )
)
def mae(xp: Any, y: Array, y_hat: Array) -> Array:
    """Mean absolute error: the average of ``|y_hat - y|``.

    Parameters
    ----------
    y, y_hat : arrays of one shape
        Targets and predictions, any real numbers, in the same unit. The loss is in that unit too.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``. The derivative at a
    zero error is defined as 0, an element of the subdifferential [-1, 1].

    Examples
    --------
    >>> import numpy as np
    >>> y, y_hat = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 2.0])
    >>> float(mae(y, y_hat, reduction="sum"))
    2.5
    >>> mae.grad(y, y_hat, reduction="sum")
    array([ 1.,  0., -1.])

    References
    ----------
    Bloomfield and Steiger (1983), Least Absolute Deviations.
    """
    return xp.abs(y_hat - y)


@mae.derivative
def _(xp: Any, y: Array, y_hat: Array) -> Array:
    return xp.sign(y_hat - y)


@loss(
    Card(
        title="Root mean squared error",
        aliases=("RMSE", "root mean square error"),
        what="The square root of the mean squared error.",
        why="It ranks models exactly as the mean squared error does, and reads in the unit of the target.",
        how="Subtract, square, average, take the root.",
        used="Reported scores in forecasting and regression; rarely as the loss that is minimised.",
        formula=r"\sqrt{\frac1m \sum_{i=1}^m e_i^2}",
        slope=(r"\frac{e_i}{m\,\mathcal L}",),
        elicits="mean",
        no_assumption=(
            "The root is not a sum over examples, so it is no log-likelihood of them. Its logarithm is one: "
            "the Gaussian likelihood with the variance replaced by its best value is m log RMSE plus a constant."
        ),
        properties=Properties(
            convex=True, smooth=0, lipschitz=1, bounded_below=0, symmetric=True, homogeneous=1, bounded_influence=False
        ),
        kinks=("0",),
        references=("chai2014root", "hodson2022root"),
        equivalents=(
            Equivalent("PyTorch", "torch.sqrt(F.mse_loss(y_hat, y))", note="gradient NaN where all errors are zero"),
            Equivalent("scikit-learn", "sklearn.metrics.root_mean_squared_error(y, y_hat)"),
        ),
    ),
    reducible=False,
)
def rmse(xp: Any, y: Array, y_hat: Array) -> Array:
    """Root mean squared error: ``sqrt(mean((y_hat - y)**2))``, one number for all examples.

    It is not a mean of terms, so there is neither ``reduction`` nor ``weight``.

    Parameters
    ----------
    y, y_hat : arrays of one shape
        Targets and predictions, any real numbers, in the same unit. The loss is in that unit too.

    Returns
    -------
    A number in [0, ∞). The derivative where every error is zero is defined as 0.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(rmse(np.array([1.0, 5.0]), np.array([4.0, 1.0]))), 6)
    3.535534
    >>> rmse.grad(np.array([0.0, 0.0]), np.array([0.0, 0.0]))
    array([0., 0.])

    References
    ----------
    Chai and Draxler (2014), Geoscientific Model Development 7, 1247-1250.
    """
    error = y_hat - y
    # Squares of errors under 1e-23 vanish in float32: scale by the largest error first. Where all are zero,
    # 1 stands in inside the root, since the root has no slope at 0 and autograd would answer NaN.
    largest = xp.max(xp.abs(error))
    some = largest > 0
    scale = xp.where(some, largest, xp.ones_like(largest))
    scaled = error / scale
    mean = xp.mean(scaled * scaled)
    root = scale * xp.sqrt(xp.where(some, mean, xp.ones_like(mean)))
    return xp.where(some, root, xp.zeros_like(root))


@rmse.derivative
def _(xp: Any, y: Array, y_hat: Array, *, value: Array) -> Array:
    error = y_hat - y
    return error / xp.where(value > 0, value, xp.ones_like(value)) / math.prod(error.shape)


@loss(
    Card(
        title="Huber loss",
        aliases=("HuberLoss",),
        what="Half the squared error up to a threshold, and a straight line beyond it.",
        why="Most errors are well behaved and a few are gross: be efficient on the first, deaf to the size of the second.",
        how="Clip the slope of the squared error at plus and minus delta.",
        used="Robust regression, gradient boosting, bounding-box regression, and value functions in reinforcement learning.",
        formula=(
            r"\begin{cases} \tfrac12 e^2 & |e| \le \delta \\ "
            r"\delta \left(|e| - \tfrac12 \delta\right) & |e| > \delta \end{cases}"
        ),
        slope=(r"\operatorname{clip}(e, -\delta, \delta)",),
        elicits="Huber location",
        assumption=Noise(
            "Gaussian in the middle, Laplace in the tails (the least favourable density)",
            r"p(y \mid \hat y) \propto e^{-\varrho_\delta(y - \hat y)}",
            "-np.where(abs(y - y_hat) <= delta, (y - y_hat)**2/2, delta*(abs(y - y_hat) - delta/2))"
            " - np.log(np.sqrt(2*np.pi)*special.erf(delta/np.sqrt(2)) + 2*np.exp(-delta**2/2)/delta)",
        ),
        parameters={
            "delta": Parameter("δ", "the error at which the parabola becomes a line, in the unit of y", POSITIVE, "1.345 σ")
        },
        properties=Properties(
            convex=True, smooth=1, lipschitz="delta", bounded_below=0, symmetric=True, homogeneous=None, bounded_influence=True
        ),
        words={"lipschitz": "δ"},
        kinks=("delta", "-delta"),
        references=("huber1964robust", "huber2009robust"),
        equivalents=(
            Equivalent("PyTorch", "F.huber_loss(y_hat, y, delta=delta)"),
            Equivalent("PyTorch", "F.smooth_l1_loss(y_hat, y, beta=delta)", factor="delta"),
            Equivalent("SciPy", "scipy.special.huber(delta, y_hat - y)", reduction="none"),
            Equivalent("statsmodels", "sm.robust.norms.HuberT(t=delta).rho(y_hat - y)", reduction="none"),
            Equivalent("Keras", "keras.losses.huber(y, y_hat, delta=delta)", note="averages the last axis only"),
            Equivalent("Optax", "optax.huber_loss(y_hat, y, delta=delta)", reduction="none"),
        ),
    )
)
def huber(xp: Any, y: Array, y_hat: Array, *, delta: float = 1.0) -> Array:
    """Huber loss: ``e**2/2`` where ``|e| <= delta``, else ``delta*(|e| - delta/2)``, with ``e = y_hat - y``.

    Parameters
    ----------
    y, y_hat : arrays of one shape
        Targets and predictions, any real numbers, in the same unit.
    delta : float > 0, default 1.0
        The error at which the parabola becomes a line, in the unit of ``y``.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, y_hat = np.array([0.0, 0.0]), np.array([1.0, 5.0])
    >>> huber(y, y_hat, delta=2.0, reduction="none")
    array([0.5, 8. ])
    >>> huber.grad(y, y_hat, delta=2.0, reduction="none")
    array([1., 2.])

    References
    ----------
    Huber (1964), Annals of Mathematical Statistics 35, 73-101.
    """
    size = xp.abs(y_hat - y)
    # One formula for both branches: the part under delta is c, and c (|e| - c/2) is the parabola where c = |e|.
    # Unlike the two-branch form it never squares a large error.
    inner = xp.minimum(size, delta + xp.zeros_like(size))
    return inner * (size - inner / 2)


@huber.derivative
def _(xp: Any, y: Array, y_hat: Array, *, delta: float = 1.0) -> Array:
    return xp.clip(y_hat - y, -delta, delta)


@loss(
    Card(
        title="Smooth L1 loss",
        aliases=("SmoothL1Loss", "Huber loss over delta"),
        what="The absolute error with its corner rounded off: Huber's loss divided by its threshold.",
        why="You want the slope of the absolute error, plus and minus one, without the jump at zero.",
        how="Clip the error divided by beta to plus and minus one, and use that as the slope.",
        used="Bounding-box regression in object detectors since Fast R-CNN, pose estimation, and optical flow.",
        formula=r"\begin{cases} e^2 / (2 \beta) & |e| < \beta \\ |e| - \tfrac12 \beta & |e| \ge \beta \end{cases}",
        slope=(r"\operatorname{clip}(e / \beta, -1, 1)",),
        elicits="Huber location",
        assumption=Noise(
            "Gaussian of variance β in the middle, Laplace of scale 1 in the tails",
            r"p(y \mid \hat y) \propto e^{-\varrho_\beta(y - \hat y)/\beta}",
            "-np.where(abs(y - y_hat) < beta, (y - y_hat)**2/(2*beta), abs(y - y_hat) - beta/2)"
            " - np.log(np.sqrt(2*np.pi*beta)*special.erf(np.sqrt(beta/2)) + 2*np.exp(-beta/2))",
        ),
        parameters={
            "beta": Parameter(
                "β", "the error at which the parabola becomes a line, in the unit of y", POSITIVE, "1; 1/9 in Faster R-CNN"
            )
        },
        properties=Properties(
            convex=True, smooth=1, lipschitz=1, bounded_below=0, symmetric=True, homogeneous=None, bounded_influence=True
        ),
        kinks=("beta", "-beta"),
        references=("girshick2015fast", "huber1964robust"),
        equivalents=(
            Equivalent("PyTorch", "F.smooth_l1_loss(y_hat, y, beta=beta)"),
            Equivalent("PyTorch", "F.huber_loss(y_hat, y, delta=beta)", factor="1/beta"),
            Equivalent("SciPy", "scipy.special.huber(beta, y_hat - y)", factor="1/beta", reduction="none"),
            Equivalent("Optax", "optax.huber_loss(y_hat, y, delta=beta)", factor="1/beta", reduction="none"),
        ),
    )
)
def smooth_l1(xp: Any, y: Array, y_hat: Array, *, beta: float = 1.0) -> Array:
    """Smooth L1 loss: ``e**2/(2 beta)`` where ``|e| < beta``, else ``|e| - beta/2``, with ``e = y_hat - y``.

    Equal to ``huber(delta=beta)/beta``.

    Parameters
    ----------
    y, y_hat : arrays of one shape
        Targets and predictions, any real numbers, in the same unit.
    beta : float > 0, default 1.0
        The error at which the parabola becomes a line, in the unit of ``y``. For zero use `mae`.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, y_hat = np.array([0.0, 0.0]), np.array([1.0, 5.0])
    >>> smooth_l1(y, y_hat, beta=2.0, reduction="none")
    array([0.25, 4.  ])
    >>> smooth_l1.grad(y, y_hat, beta=2.0, reduction="none")
    array([0.5, 1. ])

    References
    ----------
    Girshick (2015), Fast R-CNN, ICCV.
    """
    size = xp.abs(y_hat - y)
    inner = xp.minimum(size, beta + xp.zeros_like(size))
    return inner / beta * (size - inner / 2)


@smooth_l1.derivative
def _(xp: Any, y: Array, y_hat: Array, *, beta: float = 1.0) -> Array:
    return xp.clip((y_hat - y) / beta, -1.0, 1.0)


@loss(
    Card(
        title="Log-cosh loss",
        aliases=("logcosh", "log cosh", "LogCosh"),
        what="The logarithm of the hyperbolic cosine of the error: a parabola that bends into a line.",
        why="You want Huber's behaviour from one formula with a curvature that never jumps.",
        how="Use the hyperbolic tangent of the error as the slope.",
        used="Robust regression with second-order optimisers and gradient boosting; image reconstruction.",
        formula=r"\log\cosh e",
        slope=(r"\tanh e",),
        elicits="log-cosh location",
        assumption=Noise(
            "hyperbolic secant",
            r"p(y \mid \hat y) = \tfrac{1}{\pi}\operatorname{sech}(y - \hat y)",
            "stats.hypsecant.logpdf(y, y_hat)",
        ),
        properties=Properties(
            convex=True, smooth=INF, lipschitz=1, bounded_below=0, symmetric=True, homogeneous=None, bounded_influence=True
        ),
        references=("green1990bayesian", "saleh2022statistical"),
        equivalents=(
            Equivalent(
                "PyTorch",
                "torch.log(torch.cosh(y_hat - y))",
                reduction="none",
                note="what people write: infinite from an error of 90 in float32, 0 below 3e-4",
            ),
            Equivalent("Optax", "optax.log_cosh(y_hat, y)", reduction="none"),
            Equivalent("Keras", "keras.losses.log_cosh(y, y_hat)", note="averages the last axis only"),
        ),
    )
)
def log_cosh(xp: Any, y: Array, y_hat: Array) -> Array:
    """Log-cosh loss: ``log(cosh(y_hat - y))``.

    Parameters
    ----------
    y, y_hat : arrays of one shape
        Targets and predictions, any real numbers. The bend lies at an error of about 1: divide both by a
        scale first if that is not where you want it.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, y_hat = np.array([0.0, 0.0, 0.0]), np.array([1e-4, 1.0, 1000.0])
    >>> [round(float(v), 12) for v in log_cosh(y, y_hat, reduction="none")]
    [5e-09, 0.433780830483, 999.30685281944]
    >>> [round(float(v), 12) for v in log_cosh.grad(y, y_hat, reduction="none")]
    [0.0001, 0.761594155956, 1.0]

    References
    ----------
    Green (1990), IEEE Transactions on Medical Imaging 9, 84-93.
    """
    return stable_log_cosh(xp, y_hat - y)


@log_cosh.derivative
def _(xp: Any, y: Array, y_hat: Array) -> Array:
    return xp.tanh(y_hat - y)


@loss(
    Card(
        title="Pinball loss",
        aliases=("quantile loss", "check loss", "tick loss", "asymmetric absolute error"),
        what="The absolute error with two prices: τ a unit for predicting too low, 1 − τ for too high.",
        why="You need a quantile: a stock level, a risk bound, the ends of a prediction interval.",
        how="Multiply the shortfall by τ or the excess by 1 − τ, and average.",
        used="Quantile regression, demand and energy forecasting, prediction intervals, distributional reinforcement learning.",
        formula=r"\begin{cases} \tau\, (y - \hat y) & \hat y \le y \\ (1 - \tau)\, (\hat y - y) & \hat y > y \end{cases}",
        slope=(r"\begin{cases} -\tau & \hat y < y \\ 1 - \tau & \hat y > y \end{cases}",),
        elicits="quantile",
        assumption=Noise(
            "asymmetric Laplace",
            r"p(y \mid \hat y) = \tau (1 - \tau)\, e^{-\varrho_\tau(y - \hat y)}",
            "np.log(tau*(1 - tau)) - np.where(y >= y_hat, tau*(y - y_hat), (1 - tau)*(y_hat - y))",
        ),
        parameters={
            "tau": Parameter(
                "τ", "the level of the quantile", Interval(0.0, 1.0), "0.5 for the median; 0.05 and 0.95 for an interval"
            )
        },
        properties=Properties(
            convex=True,
            smooth=0,
            lipschitz="max(tau, 1 - tau)",
            bounded_below=0,
            symmetric="tau == 0.5",
            homogeneous=1,
            bounded_influence=True,
        ),
        words={"lipschitz": "τ or 1 − τ, the larger", "symmetric": "only at τ = ½"},
        kinks=("0",),
        references=("koenker1978regression", "koenker2005quantile"),
        equivalents=(
            Equivalent("scikit-learn", "sklearn.metrics.mean_pinball_loss(y, y_hat, alpha=tau)"),
            Equivalent("scoringrules", "scoringrules.quantile_score(y, y_hat, tau)", reduction="none"),
        ),
    )
)
def pinball(xp: Any, y: Array, y_hat: Array, *, tau: float = 0.5) -> Array:
    """Pinball loss: ``tau*(y - y_hat)`` where the prediction is too low, else ``(1 - tau)*(y_hat - y)``.

    Parameters
    ----------
    y, y_hat : arrays of one shape
        Targets and predicted quantiles, any real numbers, in the same unit. The loss is in that unit too.
    tau : float in (0, 1), default 0.5
        The level: a share ``tau`` of the targets should lie below the prediction.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``. The derivative at a
    zero error is defined as 0, an element of the subdifferential [-tau, 1 - tau].

    Examples
    --------
    >>> import numpy as np
    >>> y, y_hat = np.array([10.0, 10.0]), np.array([8.0, 12.0])
    >>> pinball(y, y_hat, tau=0.75, reduction="none")
    array([1.5, 0.5])
    >>> pinball.grad(y, y_hat, tau=0.75, reduction="none")
    array([-0.75,  0.25])

    References
    ----------
    Koenker and Bassett (1978), Econometrica 46, 33-50.
    """
    error = y_hat - y
    return xp.where(error < 0, -tau * error, (1 - tau) * error)


@pinball.derivative
def _(xp: Any, y: Array, y_hat: Array, *, tau: float = 0.5) -> Array:
    error = y_hat - y
    slope = xp.where(error < 0, -tau + xp.zeros_like(error), (1 - tau) + xp.zeros_like(error))
    return xp.where(error == 0, xp.zeros_like(error), slope)


@loss(
    Card(
        title="Poisson negative log-likelihood",
        aliases=("Poisson loss", "Poisson regression loss", "PoissonNLLLoss", "Poisson"),
        what="Minus the log-probability of a count, the model giving the logarithm of the rate.",
        why="The target counts events: it is never negative, and its variance grows with its mean.",
        how="Exponentiate the prediction to a rate; subtract the count times the prediction.",
        used="Counts of calls, claims, clicks, goals, cells and photons; Poisson regression and boosting.",
        formula=r"e^z - y z + [\texttt{full}] \log y!",
        slope=(r"e^z - y",),
        elicits="log of the mean",
        assumption=Noise(
            "Poisson with the rate exp(z), z the predicted log-rate",
            r"P(y \mid z) = \frac{e^{yz - e^z}}{y!}",
            "stats.poisson.logpmf(y, np.exp(log_rate))",
        ),
        parameters={
            "full": Parameter("full", "whether log y! is added, which makes it a whole log-likelihood and moves no gradient")
        },
        domain={"y": COUNTS},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz=None,
            bounded_below="0 if full else None",
            symmetric=False,
            homogeneous=None,
            bounded_influence=False,
            proper=True,
        ),
        words={"bounded_below": "0 with log y!, nothing without"},
        references=("nelder1972generalized", "cameron2013regression"),
        equivalents=(
            Equivalent(
                "PyTorch",
                "F.poisson_nll_loss(log_rate, y, log_input=True)",
                when="not full",
                note="its full=True puts Stirling's approximation for log y!",
            ),
            Equivalent("SciPy", "-scipy.stats.poisson.logpmf(y, np.exp(log_rate))", reduction="none", when="full"),
        ),
        ill_conditioned=(
            "Without log y! the value passes through zero; the gradient does so where the rate meets the count, and "
            "near there the value for a large count is small beside its slope. The last digits of the inputs decide."
        ),
    )
)
def poisson_nll(xp: Any, y: Array, log_rate: Array, *, full: bool = False) -> Array:
    """Poisson negative log-likelihood: ``exp(log_rate) - y*log_rate``, plus ``log(y!)`` if ``full``.

    Parameters
    ----------
    y, log_rate : arrays of one shape
        Counts in [0, ∞), fractions allowed, and the natural logarithm of the predicted rate, any real number.
    full : bool, default False
        Whether to add ``lgamma(y + 1)``. It does not contain the prediction.

    Returns
    -------
    A number in nats, at least 0 if ``full``, or an array of the shape of ``y`` with ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> y, log_rate = np.array([2.0]), np.log(np.array([2.0]))
    >>> round(float(poisson_nll(y, log_rate)), 6), round(float(poisson_nll(y, log_rate, full=True)), 6)
    (0.613706, 1.306853)
    >>> poisson_nll.grad(np.array([3.0]), np.array([0.0]))
    array([-2.])

    References
    ----------
    Nelder and Wedderburn (1972), Journal of the Royal Statistical Society A 135, 370-384.
    """
    rate = xp.exp(log_rate)
    if not full:
        return rate - y * log_rate
    # From one event on, the three terms nearly cancel where the rate fits. Written as the smallest value that
    # this count allows plus what the wrong rate adds, both at least 0, nothing cancels.
    many = y >= 1
    count = xp.where(many, y, xp.ones_like(y))
    off = xp.where(many, log_rate - xp.log(count), xp.zeros_like(y))
    near = xp.abs(off) < 1
    little = xp.where(near, off, xp.zeros_like(off))
    # Further off, the rate itself: the exponential of a difference would multiply the rounding of that difference.
    excess = xp.where(near, count * (xp.expm1(little) - little), rate - count * (1 + off))
    fitted = poisson_floor(xp, count) + excess
    few = xp.where(many, xp.ones_like(y), y)
    return xp.where(many, fitted, rate - few * log_rate + lgamma1p(xp, few))


@poisson_nll.derivative
def _(xp: Any, y: Array, log_rate: Array, *, full: bool = False) -> Array:
    return xp.exp(log_rate) - y


@loss(
    Card(
        title="Gaussian negative log-likelihood",
        aliases=("Gaussian NLL", "heteroscedastic regression loss", "GaussianNLLLoss"),
        what="Minus the log-density of a Gaussian whose mean and variance are both predicted.",
        why="The noise differs from case to case, and you want the model to say by how much.",
        how="Divide the squared error by the predicted variance, and charge the logarithm of that variance.",
        used="Mean-variance networks, deep ensembles, Kalman filters, and sensor fusion.",
        formula=r"\tfrac12 \left(s + (\mu - y)^2\, e^{-s} + [\texttt{full}] \log 2 \pi\right)",
        slope=(r"(\mu - y)\, e^{-s}", r"\tfrac12 \left(1 - (\mu - y)^2\, e^{-s}\right)"),
        elicits="mean and log-variance",
        assumption=Noise(
            "Gaussian with its own variance in each case",
            r"p(y \mid \mu, s) = \frac{1}{\sqrt{2\pi e^{s}}}\, e^{-(y - \mu)^2 / (2 e^{s})}",
            "stats.norm.logpdf(y, mean, np.exp(log_var/2))",
        ),
        parameters={
            "full": Parameter("full", "whether log(2π)/2 is added, which makes it a whole log-likelihood and moves no gradient")
        },
        properties=Properties(
            convex=False,
            smooth=INF,
            lipschitz=None,
            bounded_below=None,
            symmetric=True,
            homogeneous=None,
            bounded_influence=False,
            proper=True,
        ),
        references=("nix1994estimating", "lakshminarayanan2017simple", "seitzer2022pitfalls"),
        equivalents=(
            Equivalent(
                "PyTorch",
                "F.gaussian_nll_loss(mean, y, log_var.exp(), full=full)",
                note="takes the variance; anything under eps = 1e-6 is clamped",
            ),
            Equivalent("SciPy", "-scipy.stats.norm.logpdf(y, mean, np.exp(log_var/2))", reduction="none", when="full"),
        ),
        ill_conditioned=(
            "The value passes through zero where log-variance and squared error balance, and the gradient in the "
            "log-variance where the squared error meets the variance."
        ),
    ),
    wrt=("mean", "log_var"),
)
def gaussian_nll(xp: Any, y: Array, mean: Array, log_var: Array, *, full: bool = False) -> Array:
    """Gaussian negative log-likelihood: ``(log_var + (y - mean)**2 * exp(-log_var))/2``.

    Parameters
    ----------
    y, mean, log_var : arrays of one shape
        Targets, predicted means, and natural logarithms of the predicted variances; any real numbers.
    full : bool, default False
        Whether to add ``log(2 pi)/2``.

    Returns
    -------
    A number in nats, of either sign, or an array of the shape of ``y`` with ``reduction="none"``. The
    derivative is a tuple: in ``mean``, in ``log_var``.

    Examples
    --------
    >>> import numpy as np
    >>> y, mean, log_var = np.array([3.0]), np.array([1.0]), np.array([0.0])
    >>> float(gaussian_nll(y, mean, log_var))
    2.0
    >>> gaussian_nll.grad(y, mean, log_var)
    (array([-2.]), array([-1.5]))

    References
    ----------
    Nix and Weigend (1994), IEEE International Conference on Neural Networks.
    """
    standard, _ = _standardise(xp, y - mean, log_var)
    # Halved before it is squared: the square may be too large where half of it is not.
    nll = log_var / 2 + standard * (standard / 2)
    return nll + math.log(2 * math.pi) / 2 if full else nll


@gaussian_nll.derivative
def _(xp: Any, y: Array, mean: Array, log_var: Array, *, full: bool = False) -> tuple[Array, Array]:
    standard, inverse = _standardise(xp, y - mean, log_var)
    return -standard * inverse, (1 - standard) * ((1 + standard) / 2)


def _standardise(xp: Any, error: Array, log_var: Array) -> tuple[Array, Array]:
    """The error in standard deviations, and one over the standard deviation.

    Dividing before squaring: the square of a small error and the inverse of a small variance can each leave
    the range of the dtype while their product does not. No error at all is none in any unit, though the
    inverse overflows: 0 times infinity would be NaN.
    """
    exponent = -log_var / 2
    largest = xp.clip(exponent, None, math.floor(math.log(float(xp.finfo(log_var.dtype).max))))
    inverse = xp.exp(xp.where(error == 0, largest, exponent))
    return error * inverse, inverse


@loss(
    Card(
        title="General robust loss",
        aliases=("Barron loss", "adaptive robust loss", "general and adaptive robust loss"),
        what="One family with a dial α, through squared, Charbonnier, Cauchy, Geman–McClure and Welsch losses.",
        why="You do not know how heavy the tails are, and want one number that says how hard to distrust them.",
        how="Raise one plus the squared error to the power α/2, and rescale so that all members agree near zero.",
        used="Robust regression; in its paper image registration, depth estimation, image synthesis and clustering.",
        formula=(
            r"\begin{cases} \tfrac12 u^2 & \alpha = 2 \\ "
            r"\log\left(\tfrac12 u^2 + 1\right) & \alpha = 0 \\ "
            r"1 - \exp\left(-\tfrac12 u^2\right) & \alpha = -\infty \\ "
            r"\frac{a}{\alpha} \left[\left(u^2 / a + 1\right)^{\alpha / 2} - 1\right] & \text{else} \end{cases}"
        ),
        slope=(
            r"\begin{cases} e / c^2 & \alpha = 2 \\ "
            r"(e / c^2) \exp\left(-\tfrac12 u^2\right) & \alpha = -\infty \\ "
            r"(e / c^2) \left(u^2 / a + 1\right)^{\alpha / 2 - 1} & \text{else} \end{cases}",
        ),
        where=(r"u = e / c", r"a = |\alpha - 2|"),
        elicits="general location",
        assumption=Noise(
            "Barron's density, for α ≥ 0: normal at 2, Cauchy at 0 (for α < 0 there is none: the loss is bounded)",
            r"p(y \mid \hat y) \propto e^{-\varrho(y - \hat y, \alpha, c)}",
            "stats.norm.logpdf(y, y_hat, scale) if alpha == 2 else stats.cauchy.logpdf(y, y_hat, scale*np.sqrt(2))",
            when="alpha == 2 or alpha == 0",
        ),
        parameters={
            "alpha": Parameter(
                "α",
                "the shape: 2 squared, 1 Charbonnier, 0 Cauchy, −2 Geman–McClure, −∞ Welsch",
                Interval(-INF, INF, "left"),
                "1",
            ),
            "scale": Parameter(
                "c", "the error at which the parabola ends, in the unit of y", POSITIVE, "the scale of the inliers"
            ),
        },
        properties=Properties(
            convex="alpha >= 1",
            smooth=INF,
            lipschitz="None if alpha > 1 else (1 if alpha == 1 else exp(-1/2) if alpha == -inf "
            "else ((2 - alpha)/(1 - alpha))**((alpha - 1)/2))/scale",
            bounded_below=0,
            symmetric=True,
            homogeneous="2 if alpha == 2 else None",
            bounded_influence="alpha <= 1",
        ),
        words={
            "convex": "for α ≥ 1",
            "lipschitz": "1/c at α = 1, less below, unbounded above",
            "homogeneous": "degree 2 at α = 2, else no",
            "bounded_influence": "bounded for α ≤ 1",
        },
        references=("barron2019general", "black1996unification", "charbonnier1997deterministic"),
        equivalents=(
            Equivalent("kornia", "kornia.losses.charbonnier_loss(y_hat/scale, y/scale)", reduction="none", when="alpha == 1"),
            Equivalent("kornia", "kornia.losses.cauchy_loss(y_hat/scale, y/scale)", reduction="none", when="alpha == 0"),
            Equivalent("kornia", "kornia.losses.geman_mcclure_loss(y_hat/scale, y/scale)", reduction="none", when="alpha == -2"),
            Equivalent("kornia", "kornia.losses.welsch_loss(y_hat/scale, y/scale)", reduction="none", when="alpha == -inf"),
            Equivalent(
                "SciPy", "scipy.special.pseudo_huber(scale, y_hat - y)", factor="1/scale**2", reduction="none", when="alpha == 1"
            ),
            Equivalent("PyTorch", "F.mse_loss(y_hat/scale, y/scale)", factor="1/2", when="alpha == 2"),
        ),
        ill_conditioned=(
            "For very negative α the slope in the tails is a high power, or the exponential of the squared error: "
            "its relative error grows with the exponent."
        ),
    )
)
def general_robust(xp: Any, y: Array, y_hat: Array, *, alpha: float = 1.0, scale: float = 1.0) -> Array:
    """Barron's general robust loss of ``u = (y_hat - y)/scale``.

    ``|alpha - 2|/alpha * ((u**2/|alpha - 2| + 1)**(alpha/2) - 1)``, and its limits: ``u**2/2`` at alpha = 2,
    ``log(u**2/2 + 1)`` at 0, ``1 - exp(-u**2/2)`` at minus infinity.

    Parameters
    ----------
    y, y_hat : arrays of one shape
        Targets and predictions, any real numbers, in the same unit.
    alpha : float in [-∞, ∞), default 1.0
        The shape. The smaller, the less an outlier counts.
    scale : float > 0, default 1.0
        The error at which the parabola around zero ends, in the unit of ``y``.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``. For alpha < 0 at most
    ``(alpha - 2)/alpha``.

    Examples
    --------
    >>> import numpy as np
    >>> y, y_hat = np.array([0.0]), np.array([2.0])
    >>> [round(float(general_robust(y, y_hat, alpha=a)), 4) for a in (2, 1, 0, -2, -np.inf)]
    [2.0, 1.2361, 1.0986, 1.0, 0.8647]

    References
    ----------
    Barron (2019), A General and Adaptive Robust Loss Function, CVPR.
    """
    size = xp.abs(y_hat - y) / scale
    if alpha == 2:
        return size * size / 2
    if alpha == -INF:
        half = size * size / 2
        # expm1 is exact near zero but its gradient in PyTorch, result + 1, dies in the tail; exp has no such fault.
        near = xp.where(half < 0.5, half, xp.zeros_like(half))
        return xp.where(half < 0.5, -xp.expm1(-near), 1 - xp.exp(-half))
    width = abs(alpha - 2)
    base, log_base = _barron_base(xp, size / math.sqrt(width))
    if alpha == 0:
        return log_base
    exponent = alpha / 2 * log_base
    # expm1 where the power is near 1 and subtracting 1 would cancel, the power itself where exp would multiply
    # the rounding of a large exponent.
    near = xp.where(xp.abs(exponent) < 1, exponent, xp.zeros_like(exponent))
    return width / alpha * xp.where(xp.abs(exponent) < 1, xp.expm1(near), base**alpha - 1)


@general_robust.derivative
def _(xp: Any, y: Array, y_hat: Array, *, alpha: float = 1.0, scale: float = 1.0) -> Array:
    u = (y_hat - y) / scale
    if alpha == 2:
        return u / scale
    if alpha == -INF:
        return u / scale * xp.exp(-u * u / 2)
    width = math.sqrt(abs(alpha - 2))
    v = xp.abs(u) / width
    power = alpha / 2 - 1
    # (1 + v^2)^power; past 1 with v^2 taken out, which leaves u v^(2 power), one power of v: the rounding of v
    # is multiplied by the exponent, and so is underflow.
    small = xp.where(v < 1, v, xp.zeros_like(v))
    large = xp.where(v < 1, xp.ones_like(v), v)
    near = u * xp.exp(power * xp.log1p(small * small))
    far = width * xp.sign(u) * large ** (alpha - 1) * xp.exp(power * xp.log1p(1 / (large * large)))
    return xp.where(v < 1, near, far) / scale


def _barron_base(xp: Any, v: Array) -> tuple[Array, Array]:
    """``sqrt(1 + v**2)`` and ``log(1 + v**2)``, neither overflowing for large v nor losing a small one."""
    base = xp.hypot(xp.ones_like(v), v)
    small = xp.where(v < 1, v, xp.zeros_like(v))
    return base, xp.where(v < 1, xp.log1p(small * small), 2 * xp.log(base))


@loss(
    Card(
        title="Continuous ranked probability score of a Gaussian",
        aliases=("Gaussian CRPS", "CRPS", "continuous ranked probability score"),
        what="The distance between a predicted Gaussian and the point that came true, in the unit of the target.",
        why="You want a whole forecast distribution, and a score that a single bad case cannot blow up.",
        how="Integrate the squared difference between the predicted distribution function and the step at the target.",
        used="Weather and energy forecasting, ensemble post-processing, and probabilistic regression.",
        formula=r"\sigma \left[z\, (2 \Phi(z) - 1) + 2 \varphi(z) - \frac{1}{\sqrt\pi}\right]",
        slope=(r"1 - 2 \Phi(z)", r"2 \varphi(z) - \frac{1}{\sqrt\pi}"),
        where=(r"z = (y - \mu) / \sigma",),
        elicits="mean and scale of a Gaussian",
        no_assumption=(
            "It is a proper score but no log-likelihood: the constant of the density that it would need, "
            "exp(−CRPS), depends on the predicted scale."
        ),
        domain={"scale": POSITIVE},
        properties=Properties(
            convex=True,
            smooth=INF,
            lipschitz="sqrt(1 + 1/pi)",
            bounded_below=0,
            symmetric=True,
            homogeneous=1,
            bounded_influence=True,
            proper=True,
        ),
        words={"lipschitz": "√(1 + 1/π) ≈ 1.15"},
        references=("matheson1976scoring", "gneiting2005calibrated", "gneiting2007strictly"),
        equivalents=(Equivalent("scoringrules", "scoringrules.crps_normal(y, mean, scale)", reduction="none"),),
        ill_conditioned="The gradient in the scale passes through zero at |y − mean| = 0.83 scale.",
    ),
    wrt=("mean", "scale"),
)
def gaussian_crps(xp: Any, y: Array, mean: Array, scale: Array) -> Array:
    """Continuous ranked probability score of ``N(mean, scale**2)`` at ``y``.

    ``scale*(z*(2*Phi(z) - 1) + 2*phi(z) - 1/sqrt(pi))`` with ``z = (y - mean)/scale``.

    Parameters
    ----------
    y, mean, scale : arrays of one shape
        Targets, predicted means, and predicted standard deviations in (0, ∞), all in one unit. The score is
        in that unit too.

    Returns
    -------
    A number in [0, ∞), or an array of the shape of ``y`` with ``reduction="none"``. The derivative is a
    tuple: in ``mean``, in ``scale``.

    Examples
    --------
    >>> import numpy as np
    >>> y, mean, scale = np.array([0.0]), np.array([0.0]), np.array([1.0])
    >>> round(float(gaussian_crps(y, mean, scale)), 6)
    0.233695

    References
    ----------
    Gneiting, Raftery, Westveld and Goldman (2005), Monthly Weather Review 133, 1098-1118.
    """
    # error * erf(z / sqrt 2) rather than scale * z * erf: for a tiny scale z overflows where the score does not.
    error = y - mean
    z = error / scale
    return error * erf(xp, z / math.sqrt(2)) + scale * _crps_at(xp, z)


@gaussian_crps.derivative
def _(xp: Any, y: Array, mean: Array, scale: Array) -> tuple[Array, Array]:
    z = (y - mean) / scale
    return -erf(xp, z / math.sqrt(2)), _crps_at(xp, z)


def _crps_at(xp: Any, z: Array) -> Array:
    """``2*phi(z) - 1/sqrt(pi)``, the derivative of the score in its scale, without cancellation at its zero."""
    return xp.expm1((math.log(2) - z * z) / 2) / math.sqrt(math.pi)

"""The steps of book/foundations/likelihood.md, each proved in symbols. That the code matches is proved in test_proofs.py."""

from __future__ import annotations

import itertools

import mpmath
import pytest
import sympy as sp
from sympy import Rational, S, exp, log, oo, pi, sqrt

Y, P, U, V, W = sp.symbols("y yhat u v w", real=True)  # a target, its prediction, their difference, and dummies
SIGMA, SCALE, DELTA, NU, RATE, T = sp.symbols("sigma s delta nu r t", positive=True)
TAU, CHANCE, Q = sp.symbols("tau p q", positive=True)
COUNT = sp.Symbol("k", integer=True, nonnegative=True)
HUBER_TOTAL = sqrt(2 * pi) * sp.erf(DELTA / sqrt(2)) + 2 / DELTA * exp(-(DELTA**2) / 2)


def zero(expression: sp.Expr) -> bool:
    return sp.simplify(sp.expand_log(expression, force=True)) == 0


def entropy(p: list[sp.Expr]) -> sp.Expr:
    return -sum(a * log(a) for a in p)


def cross(p: list[sp.Expr], q: list[sp.Expr]) -> sp.Expr:
    return -sum(a * log(b) for a, b in zip(p, q, strict=True))


def kl(p: list[sp.Expr], q: list[sp.Expr]) -> sp.Expr:
    return sum(a * log(a / b) for a, b in zip(p, q, strict=True))


def simplex(name: str, classes: int) -> list[sp.Expr]:
    """Probabilities that add up to 1, as symbols."""
    free = list(sp.symbols(f"{name}1:{classes}", positive=True))
    return [*free, 1 - sum(free)]


# A noise model of u = y − ŷ: its loss by region of u (with the region's ends), its scale, and the total of exp(−loss/scale).
LINE = {
    "Gaussian": ([(U**2, -oo, oo)], 2 * SIGMA**2, SIGMA * sqrt(2 * pi)),
    "Laplace": ([(-U, -oo, 0), (U, 0, oo)], SCALE, 2 * SCALE),
    "asymmetric Laplace": ([(-(1 - TAU) * U, -oo, 0), (TAU * U, 0, oo)], SCALE, SCALE / (TAU * (1 - TAU))),
    "Huber's": (
        [(DELTA * (-U - DELTA / 2), -oo, -DELTA), (U**2 / 2, -DELTA, DELTA), (DELTA * (U - DELTA / 2), DELTA, oo)],
        S.One,
        HUBER_TOTAL,
    ),
}
REGIONS = [pytest.param(name, *region, id=f"{name} from {region[1]}") for name, (parts, *_) in LINE.items() for region in parts]


# From a product of probabilities to a mean of losses


def test_the_logarithm_increases_and_so_keeps_the_place_of_a_maximum() -> None:
    f = sp.Function("f", positive=True)
    assert zero(sp.diff(log(f(W)), W) - sp.diff(f(W), W) / f(W))  # zero together, and of one sign, as f > 0


@pytest.mark.parametrize("m", [2, 3])
def test_a_product_of_probabilities_is_a_sum_of_losses_plus_what_no_prediction_changes(m: int) -> None:
    loss, b = sp.Function("loss", real=True), sp.Function("b", positive=True)
    y, p, total = sp.symbols(f"y1:{m + 1}", real=True), sp.symbols(f"c1:{m + 1}", real=True), sp.Symbol("Z", positive=True)
    product = sp.prod(b(a) * exp(-loss(a, c) / SCALE) / total for a, c in zip(y, p, strict=True))
    mean_loss = sum(loss(a, c) for a, c in zip(y, p, strict=True)) / m
    rest = sp.expand(sp.expand_log(-log(product) / m, force=True) - mean_loss / SCALE)
    assert zero(rest - log(total) + sum(log(b(a)) for a in y) / m)
    assert not rest.free_symbols & set(p)


# Five noise models for a real number


def test_the_gaussian_integral_by_polar_coordinates() -> None:
    square = 2 * pi * sp.integrate(T * exp(-(T**2) / 2), (T, 0, oo))
    assert square == 2 * pi
    assert sp.integrate(exp(-(V**2) / 2), (V, -oo, oo)) == sqrt(square)


@pytest.mark.parametrize("name", LINE)
def test_the_density_adds_up_to_its_constant(name: str) -> None:
    parts, scale, total = LINE[name]
    area = sum(sp.integrate(exp(-loss / scale), (U, *ends), conds="none") for loss, *ends in parts)
    if name == "asymmetric Laplace":  # SymPy does not know that τ is below 1: put 1 − τ = 1/(1 + x), x > 0
        x = sp.Symbol("x", positive=True)
        left, right = ((loss / scale).subs(TAU, x / (1 + x)) for loss, *_ in parts)
        area = sp.integrate(exp(-left), (U, -oo, 0)) + sp.integrate(exp(-right), (U, 0, oo))
        total = total.subs(TAU, x / (1 + x))
    assert sp.simplify(area - total) == 0


@pytest.mark.parametrize(("name", "loss", "low", "high"), REGIONS)
def test_minus_log_density_is_the_loss_plus_terms_free_of_the_prediction(
    name: str, loss: sp.Expr, low: object, high: object
) -> None:
    _, scale, total = LINE[name]
    minus_log = -log(exp(-loss / scale) / total)
    assert zero(minus_log - loss / scale - log(total))
    shifted = minus_log.subs(U, Y - P)
    assert P not in sp.sympify(log(total)).free_symbols
    assert zero(sp.diff(shifted, P) - sp.diff(loss.subs(U, Y - P), P) / scale)


@pytest.mark.parametrize("nu", [1, 2, 3, 4, 5])
def test_the_student_t_total_by_the_tangent_substitution(nu: int) -> None:
    theta = sp.Symbol("theta", real=True)
    u = SCALE * sqrt(nu) * sp.tan(theta)
    integrand = sp.simplify((1 + u**2 / (nu * SCALE**2)) * sp.cos(theta) ** 2)
    assert integrand == 1  # the bracket is cos⁻²
    assert zero(sp.diff(u, theta) - SCALE * sqrt(nu) / sp.cos(theta) ** 2)
    by_angle = SCALE * sqrt(nu) * sp.integrate(sp.cos(theta) ** (nu - 1), (theta, -pi / 2, pi / 2))
    by_gamma = SCALE * sqrt(nu * pi) * sp.gamma(Rational(nu, 2)) / sp.gamma(Rational(nu + 1, 2))
    assert sp.simplify(by_angle - by_gamma) == 0


def test_the_student_t_density_with_three_degrees_of_freedom_integrates_to_one() -> None:
    total = SCALE * sqrt(3) * pi / 2
    assert sp.simplify(sp.integrate((1 + U**2 / (3 * SCALE**2)) ** -2, (U, -oo, oo)) - total) == 0


@pytest.mark.parametrize("nu", ["1.5", "2.5", "30"])
def test_the_student_t_total_between_whole_numbers(nu: str) -> None:
    """By numbers, at 30 digits: for a symbol ν SymPy does not finish the integral."""
    with mpmath.workdps(30):
        n = mpmath.mpf(nu)
        area = mpmath.sqrt(n) * mpmath.quad(lambda a: mpmath.cos(a) ** (n - 1), [-mpmath.pi / 2, 0, mpmath.pi / 2])
        assert mpmath.almosteq(area, mpmath.sqrt(n * mpmath.pi) * mpmath.gamma(n / 2) / mpmath.gamma((n + 1) / 2), 1e-25)


def test_the_student_t_loss_is_the_general_robust_loss_at_zero() -> None:
    t_loss = (NU + 1) / 2 * log(1 + U**2 / (NU * SCALE**2))
    robust = log(1 + (U / (SCALE * sqrt(NU / 2))) ** 2 / 2)
    assert sp.simplify(t_loss - (NU + 1) / 2 * robust) == 0


# Counts and classes


def test_the_poisson_probabilities_add_up_to_one() -> None:
    assert sp.simplify(exp(-RATE) * sp.summation(RATE**COUNT / sp.factorial(COUNT), (COUNT, 0, oo))) == 1


def test_minus_log_of_a_poisson_probability() -> None:
    minus_log = sp.expand_log(-log(exp(-RATE) * RATE**COUNT / sp.factorial(COUNT)), force=True)
    assert zero(minus_log - (RATE - COUNT * log(RATE)) - log(sp.factorial(COUNT)))
    assert zero(sp.diff(minus_log, RATE) - sp.diff(RATE - COUNT * log(RATE), RATE))


def test_the_bernoulli_model_adds_up_to_one_and_has_no_constant() -> None:
    model = Q**Y * (1 - Q) ** (1 - Y)
    assert sp.simplify(model.subs(Y, 0) + model.subs(Y, 1)) == 1
    assert zero(-log(model) - (-Y * log(Q) - (1 - Y) * log(1 - Q)))


@pytest.mark.parametrize("label", [0, 1, 2])
def test_minus_log_of_a_categorical_probability_is_that_of_the_class_that_came(label: int) -> None:
    q = simplex("q", 3)
    one_hot = [int(k == label) for k in range(3)]
    assert sum(q) == 1
    assert zero(-log(sp.prod(a**t for a, t in zip(q, one_hot, strict=True))) + log(q[label]))
    assert zero(cross(one_hot, q) + log(q[label]))


# The best constant, and the scale


def test_the_best_constant_under_gaussian_noise_is_the_mean_and_the_best_variance_the_mse() -> None:
    y, c = sp.symbols("y1:4", real=True), sp.Symbol("c", real=True)
    squares = sum((a - c) ** 2 for a in y)
    nll = squares / (2 * SIGMA**2) + 3 * log(SIGMA)
    assert sp.solve(sp.diff(nll, c), c) == [sp.expand(sum(y) / 3)]
    stationary = sp.solve(sp.diff(nll, SIGMA).subs(SIGMA, sqrt(T)) * T ** Rational(3, 2), T)
    assert [sp.expand(v) for v in stationary] == [sp.expand(squares / 3)]


def test_the_best_constant_under_laplace_noise_balances_counts_and_the_best_scale_is_the_mae() -> None:
    below, above = sp.symbols("below above", positive=True, integer=True)
    c, total = sp.symbols("c total", positive=True)
    nll = (below * c - above * c) / SCALE  # c is above `below` targets and below `above`; the targets are constants
    assert zero(sp.diff(nll, c) - (below - above) / SCALE)
    [best] = sp.solve(sp.diff(total / SCALE + 5 * log(SCALE), SCALE), SCALE)
    assert best == total / 5


def test_the_best_constant_under_asymmetric_laplace_noise_is_the_quantile() -> None:
    below, above = sp.symbols("below above", positive=True)
    c = sp.Symbol("c", real=True)
    # A target y below c costs (1 − τ)(c − y), one above it τ(y − c).
    slope = sp.diff(((1 - TAU) * below * c - TAU * above * c) / SCALE, c)
    [balanced] = sp.solve(slope, below)
    assert sp.simplify(balanced / (balanced + above)) == TAU


def test_the_scale_has_one_valley_and_with_the_best_one_the_gaussian_loss_is_the_log_of_the_rmse() -> None:
    square, size = sp.symbols("S A", positive=True)  # mean square, mean absolute error
    nll = square / (2 * SIGMA**2) + log(SIGMA) + log(2 * pi) / 2
    assert zero(sp.diff(nll, SIGMA) - (SIGMA**2 - square) / SIGMA**3)  # negative below, positive above
    assert zero(sp.diff(size / SCALE + log(2 * SCALE), SCALE) - (SCALE - size) / SCALE**2)
    assert zero(nll.subs(SIGMA, sqrt(square)) - log(sqrt(square)) - (1 + log(2 * pi)) / 2)


def test_where_the_slope_is_zero_there_is_the_minimum() -> None:
    y, c, n, m = sp.symbols("y c n m", positive=True)
    assert sp.diff((y - c) ** 2, c, 2).is_positive
    assert sp.diff(c - y * log(c), c, 2).is_positive
    curvature = sp.diff(-n * log(Q) - m * log(1 - Q), Q, 2)
    assert sp.simplify(curvature - n / Q**2 - m / (1 - Q) ** 2) == 0


def test_known_scales_stay_as_weights() -> None:
    y, sigma, c = sp.symbols("y1:4", real=True), sp.symbols("sigma1:4", positive=True), sp.Symbol("c", real=True)
    nll = sum((a - c) ** 2 / (2 * b**2) + log(b) for a, b in zip(y, sigma, strict=True))
    [best] = sp.solve(sp.diff(nll, c), c)
    weighted = sum(a / b**2 for a, b in zip(y, sigma, strict=True)) / sum(1 / b**2 for b in sigma)
    assert sp.simplify(best - weighted) == 0


def test_the_best_rate_is_the_mean() -> None:
    y = sp.symbols("y1:4", positive=True)
    assert sp.solve(sp.diff(sum(RATE - a * log(RATE) for a in y), RATE), RATE) == [sp.expand(sum(y) / 3)]


def test_the_best_probability_is_the_share_of_yes() -> None:
    yes, m = sp.symbols("n m", positive=True)
    assert sp.solve(sp.diff(-yes * log(Q) - (m - yes) * log(1 - Q), Q), Q) == [yes / m]


@pytest.mark.parametrize("name", ["Gaussian", "Poisson", "Bernoulli"])
def test_three_losses_see_a_distribution_through_its_mean(name: str) -> None:
    """Their expectation, for moments E Y = μ and E Y² = μ₂ of any distribution, is lowest at μ."""
    mu, second, c = sp.symbols("mu second c", positive=True)
    expected = {
        "Gaussian": second - 2 * mu * c + c**2,
        "Poisson": c - mu * log(c),
        "Bernoulli": -mu * log(c) - (1 - mu) * log(1 - c),
    }[name]
    assert sp.solve(sp.diff(expected, c), c) == [mu]
    if name == "Gaussian":
        assert sp.expand(expected - (second - mu**2) - (mu - c) ** 2) == 0  # variance plus squared distance


# Gibbs' inequality


def test_the_logarithm_lies_below_its_tangent_at_one() -> None:
    gap = T - 1 - log(T)
    slope = sp.diff(gap, T)
    assert gap.subs(T, 1) == 0
    assert sp.solve(slope, T) == [1]
    assert zero(slope - (T - 1) / T)  # negative below 1, positive above
    assert sp.diff(gap, T, 2).is_positive


@pytest.mark.parametrize("classes", [2, 3])
def test_gibbs_inequality_by_the_tangent(classes: int) -> None:
    """KL is a sum of p × (t − 1 − log t) ≥ 0 with t = q/p, since the linear parts add up to 0."""
    p, q = simplex("p", classes), simplex("q", classes)
    tangent = sum(a * (b / a - 1) for a, b in zip(p, q, strict=True))
    assert sp.simplify(tangent) == 0
    gaps = sum(a * (b / a - 1 - log(b / a)) for a, b in zip(p, q, strict=True))
    assert zero(kl(p, q) - gaps)
    assert kl(p, p) == 0


def test_what_is_predicted_for_classes_that_never_come_only_raises_kl() -> None:
    """With p3 = 0 the linear parts add up to minus the wasted probability, and KL is at least that much above 0."""
    (p1, p2), (q1, wasted) = simplex("p", 2), sp.symbols("q1 wasted", positive=True)
    q2 = 1 - q1 - wasted
    assert sp.simplify(p1 * (q1 / p1 - 1) + p2 * (q2 / p2 - 1) + wasted) == 0


# Entropy, cross-entropy, KL


@pytest.mark.parametrize("classes", [2, 3])
def test_cross_entropy_is_entropy_plus_kl(classes: int) -> None:
    p, q = simplex("p", classes), simplex("q", classes)
    assert zero(cross(p, q) - entropy(p) - kl(p, q))


@pytest.mark.parametrize("classes", [2, 3])
def test_cross_entropy_and_kl_have_one_gradient_in_the_prediction(classes: int) -> None:
    p, q = simplex("p", classes), simplex("q", classes)
    assert all(zero(sp.diff(cross(p, q) - kl(p, q), v)) for v in q[:-1])


@pytest.mark.parametrize("classes", [2, 3])
def test_the_average_loss_is_the_cross_entropy_from_the_observed_shares(classes: int) -> None:
    counts, q = sp.symbols(f"n1:{classes + 1}", positive=True, integer=True), simplex("q", classes)
    average = -sum(n * log(a) for n, a in zip(counts, q, strict=True)) / sum(counts)
    shares = [n / sum(counts) for n in counts]
    assert zero(average - cross(shares, q))
    assert zero(average - entropy(shares) - kl(shares, q))


def test_a_one_hot_target_has_no_entropy() -> None:
    assert sp.limit(-T * log(T), T, 0, "+") == 0  # why 0 log 0 is 0
    assert -(S.One * log(S.One)) == 0


# Scores


def test_the_excess_of_the_log_score_is_kl() -> None:
    p, q = simplex("p", 3), simplex("q", 3)
    assert zero(cross(p, q) - cross(p, p) - kl(p, q))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_excess_of_the_brier_score_is_a_squared_distance(classes: int) -> None:
    p, q = simplex("p", classes), simplex("q", classes)
    one_hot = [[int(j == k) for j in range(classes)] for k in range(classes)]
    expected = sum(p[k] * sum((a - t) ** 2 for a, t in zip(q, one_hot[k], strict=True)) for k in range(classes))
    split = sum((a - b) ** 2 for a, b in zip(q, p, strict=True)) + sum(b * (1 - b) for b in p)
    assert sp.expand(expected - split) == 0


def test_the_brier_score_is_proper_by_its_derivative() -> None:
    expected = CHANCE * (1 - Q) ** 2 + (1 - CHANCE) * Q**2
    assert sp.expand(sp.diff(expected, Q) - 2 * (Q - CHANCE)) == 0
    assert sp.diff(expected, Q, 2) == 2


def test_the_excess_of_the_crps_at_a_threshold_is_a_squared_distance() -> None:
    forecast, truth = sp.symbols("G F", real=True)
    expected = truth * (forecast - 1) ** 2 + (1 - truth) * forecast**2  # the event Y ≤ c has probability F(c)
    assert sp.expand(expected - (forecast - truth) ** 2 - truth * (1 - truth)) == 0


def test_the_absolute_error_of_a_probability_is_a_line_and_not_proper() -> None:
    expected = CHANCE * (1 - Q) + (1 - CHANCE) * Q
    assert sp.expand(expected - CHANCE - (1 - 2 * CHANCE) * Q) == 0
    assert sp.diff(expected, Q).subs(CHANCE, Rational(7, 10)) < 0  # falls all the way to q = 1
    assert sp.diff(expected, Q).subs(CHANCE, Rational(3, 10)) > 0


def test_the_focal_loss_is_not_proper() -> None:
    expected = -CHANCE * (1 - Q) ** 2 * log(Q) - (1 - CHANCE) * Q**2 * log(1 - Q)
    slope = sp.diff(expected, Q).subs(CHANCE, Rational(7, 10))
    assert sp.N(slope.subs(Q, Rational(7, 10))) > 0.1  # an honest forecast can still be lowered
    assert abs(sp.nsolve(slope, Q, 0.6) - 0.58) < 0.005


# Priors


@pytest.mark.parametrize("prior", ["Gaussian", "Laplace"])
def test_a_prior_is_a_penalty_with_this_factor(prior: str) -> None:
    y, x = sp.symbols("y1:4", real=True), sp.symbols("x1:4", real=True)
    spread, m = sp.Symbol("b", positive=True), 3
    w = sp.Symbol("w", positive=True) if prior == "Laplace" else W  # where w > 0; for −w the same by symmetry
    squares = sum((a - w * b) ** 2 for a, b in zip(y, x, strict=True))
    density, penalty, factor = {
        "Gaussian": (exp(-(w**2) / (2 * spread**2)) / (spread * sqrt(2 * pi)), w**2, SIGMA**2 / spread**2),
        "Laplace": (exp(-sp.Abs(w) / spread) / (2 * spread), w, 2 * SIGMA**2 / spread),
    }[prior]
    posterior = sum((a - w * b) ** 2 / (2 * SIGMA**2) + log(SIGMA * sqrt(2 * pi)) for a, b in zip(y, x, strict=True))
    posterior -= sp.expand_log(log(density), force=True)
    for multiple, objective in [
        (2 * SIGMA**2, squares + factor * penalty),
        (2 * SIGMA**2 / m, squares / m + factor / m * penalty),
    ]:
        assert zero(sp.diff(multiple * posterior - objective, w))
    if prior == "Laplace":  # scikit-learn's Lasso: squares over 2m
        assert zero(sp.diff(SIGMA**2 / m * posterior - squares / (2 * m) - SIGMA**2 / (m * spread) * penalty, w))


# Losses with no likelihood, or an unexpected one


def test_no_scale_and_no_factors_make_the_hinge_loss_a_likelihood() -> None:
    a, plus, minus, h = sp.symbols("a h_plus h_minus h", positive=True)  # a = exp(−1/s)

    def total(z: sp.Expr) -> sp.Expr:
        return plus * a ** sp.Max(0, 1 - z) + minus * a ** sp.Max(0, 1 + z)

    assert sp.limit(plus + minus * exp(-(1 + V) / SCALE), V, oo) == plus  # z → ∞; and with the signs exchanged, minus
    one = {plus: h, minus: h}
    assert sp.solve(total(S.Zero).subs(one) - h, a) == [Rational(1, 2)]
    assert total(S.One).subs(one).subs(a, Rational(1, 2)) == Rational(5, 4) * h


def test_the_hinge_total_inside_and_outside_the_margin() -> None:
    z = sp.Symbol("z", real=True)
    assert sp.simplify((exp(-(1 - z)) + exp(-(1 + z)) - 2 / sp.E * sp.cosh(z)).rewrite(exp)) == 0
    assert exp(-S.Zero) + exp(-(1 + z)) == 1 + exp(-1 - z)
    assert abs(sp.N(2 / sp.E) - 0.736) < 5e-4
    assert abs(sp.N(2 / sp.E * sp.cosh(1)) - 1.135) < 5e-4


def test_with_a_third_outcome_the_hinge_loss_can_be_a_likelihood() -> None:
    """The total over the two labels has a largest value, at |z| = 1: divided by it, a third outcome can take up the rest."""
    z = sp.Symbol("z", positive=True)  # the total is even in z
    assert sp.diff(2 / sp.E * sp.cosh(z), z).is_positive  # up to 1
    assert sp.diff(1 + exp(-1 - z), z).is_negative  # from 1 on
    assert sp.simplify((2 / sp.E * sp.cosh(1) - (1 + exp(-2))).rewrite(exp)) == 0


@pytest.mark.parametrize("loss", [2 * U**2 / (U**2 + 4), 1 - exp(-(U**2) / 2)], ids=["Geman–McClure", "Welsch"])
def test_a_bounded_loss_has_no_density(loss: sp.Expr) -> None:
    top = sp.limit(loss, U, oo)
    assert top.is_finite
    assert sp.simplify(top - loss).is_positive  # so exp(−loss/s) never falls to exp(−top/s) > 0, and the area is infinite


def test_the_logistic_loss_is_a_likelihood() -> None:
    z = sp.Symbol("z", real=True)
    assert sp.simplify(exp(-log(1 + exp(-z))) + exp(-log(1 + exp(z)))) == 1


def test_the_expected_hinge_falls_up_to_one_and_rises_after_it() -> None:
    z = sp.Symbol("z", real=True)
    assert sp.expand(sp.diff(CHANCE * (1 - z) + (1 - CHANCE) * (1 + z), z) - (1 - 2 * CHANCE)) == 0  # < 0 for p > ½
    assert sp.diff((1 - CHANCE) * (1 + z), z) == 1 - CHANCE


def test_the_zero_one_loss_is_the_likelihood_of_flipped_labels() -> None:
    r = sp.Symbol("r", positive=True)
    for wrong, probability in ((0, 1 - r), (1, r)):
        assert zero(-log(probability) - wrong * log((1 - r) / r) + log(1 - r))
    assert (1 - r) + r == 1


def test_the_best_discriminator_and_its_value() -> None:
    p, q, d = sp.symbols("p q D", positive=True)
    value = p * log(d) + q * log(1 - d)
    assert sp.solve(sp.diff(value, d), d) == [p / (p + q)]
    half = (p + q) / 2
    assert zero(value.subs(d, p / (p + q)) - p * log(p / half) - q * log(q / half) + (p + q) * log(2))  # 2 JS − log 4


def test_without_its_logarithm_the_scale_runs_away() -> None:
    square = sp.Symbol("S", positive=True)
    assert sp.diff(square / (2 * SIGMA**2), SIGMA).is_negative
    assert sp.solve(sp.diff(square / (2 * SIGMA**2) + log(SIGMA), SIGMA), SIGMA) == [sqrt(square)]


def test_the_normaliser_of_the_exponential_density_contains_its_mean() -> None:
    mean = sp.Symbol("mu", positive=True)
    assert sp.integrate(exp(-T / mean), (T, 0, oo)) == mean
    assert sp.diff(T / mean, mean).is_negative  # the loss alone falls for ever
    assert sp.solve(sp.diff(T / mean + log(mean), mean), mean) == [T]


def test_the_truncated_gaussian_has_its_prediction_in_the_normaliser() -> None:
    area = sp.integrate(exp(-((U - P) ** 2) / 2) / sqrt(2 * pi), (U, 0, oo))
    assert sp.simplify((area - (1 + sp.erf(P / sqrt(2))) / 2).rewrite(sp.erf)) == 0  # the normal distribution function


def test_correlated_measurements_share_their_weight() -> None:
    rho = Rational(9, 10)
    weights = sp.Matrix([[1, rho, 0], [rho, 1, 0], [0, 0, 1]]).LUsolve(sp.ones(3, 1))
    assert list(weights / sum(weights)) == [Rational(10, 39), Rational(10, 39), Rational(19, 39)]


# What is estimated, and what is promised


def test_the_closest_gaussian_has_the_true_mean_and_variance() -> None:
    mean, variance, v, mu = sp.Symbol("m0", real=True), *sp.symbols("v0 v", positive=True), sp.Symbol("mu", real=True)
    minus_log = sp.expand_log(-log(exp(-((Y - mu) ** 2) / (2 * v)) / sqrt(2 * pi * v)), force=True)
    by_powers = sp.Poly(sp.expand(minus_log), Y)
    moments = {0: S.One, 1: mean, 2: variance + mean**2}
    expected = sum(moments[k] * by_powers.coeff_monomial(Y**k) for k in moments)
    divergence = log(2 * pi * v) / 2 + (variance + (mean - mu) ** 2) / (2 * v)  # up to the entropy of the truth
    assert zero(expected - divergence)
    assert sp.solve(sp.diff(divergence, mu), mu) == [mean]
    at_mean = divergence.subs(mu, mean)
    assert sp.solve(sp.diff(at_mean, v), v) == [variance]
    assert zero(sp.diff(at_mean, v) - (v - variance) / (2 * v**2))  # negative below, positive above


def test_the_moments_of_two_bumps() -> None:
    d, share = 6, Rational(3, 10)
    mean = share * d
    assert mean == Rational(18, 10)
    assert abs(sp.N(sqrt(1 + share * d**2 - mean**2)) - 2.93) < 0.005


def test_the_best_line_through_a_parabola_depends_on_where_the_features_lie() -> None:
    a = sp.Symbol("a", positive=True)
    x1, x2, x3 = (sp.integrate(T**k, (T, 0, a)) / a for k in (1, 2, 3))
    assert sp.simplify((x3 - x1 * x2) / (x2 - x1**2)) == a


def test_a_new_name_for_the_parameter_leaves_the_maximum_and_moves_the_map() -> None:
    z = sp.Symbol("z", real=True)
    theta = 1 / (1 + exp(-z))
    likelihood = 7 * log(T) + 3 * log(1 - T)
    jacobian = sp.diff(theta, z)
    assert sp.simplify(jacobian - theta * (1 - theta)) == 0
    [peak] = sp.solve(sp.diff(likelihood, T), T)
    assert peak == Rational(7, 10)
    slope = sp.diff(likelihood.subs(T, theta), z)
    assert sp.simplify(slope.subs(z, log(Rational(7, 3)))) == 0  # the log-odds of 0.7
    assert sp.solve(sp.diff(likelihood + log(T) + log(1 - T), T), T) == [Rational(2, 3)]


def test_picking_one_item_after_the_other_is_a_distribution_of_orders() -> None:
    """Plackett–Luce for three items; for two it is the logistic loss of the difference of their scores."""
    z = sp.symbols("z1:4", real=True)

    def order(items: tuple[sp.Symbol, ...]) -> sp.Expr:
        return sp.prod(exp(items[k]) / sum(exp(a) for a in items[k:]) for k in range(len(items)))

    odds = dict(zip(z, map(log, sp.symbols("a1:4", positive=True)), strict=True))
    assert sp.simplify(sum(order(o) for o in itertools.permutations(z)).subs(odds)) == 1
    assert sp.simplify(order(z[:2]) - 1 / (1 + exp(-(z[0] - z[1])))) == 0


def test_a_model_of_the_logarithm_becomes_a_density_by_its_jacobian() -> None:
    y = sp.Symbol("y", positive=True)
    assert sp.simplify(sp.diff(log(y), y) - 1 / y) == 0
    assert sp.integrate((exp(-(log(y) ** 2) / 2) / sqrt(2 * pi) / y).subs(y, exp(V)) * exp(V), (V, -oo, oo)) == 1


def test_the_likelihood_does_not_add_up_to_one_over_the_parameter() -> None:
    assert sp.integrate(T**7 * (1 - T) ** 3, (T, 0, 1)) == Rational(1, 1320)


def test_the_likelihood_variance_of_a_sample_is_too_small_on_average() -> None:
    """E of the mean square about the sample mean, from E yᵢyⱼ = σ² [i = j] with true mean 0."""
    m = 4
    y = sp.symbols(f"y1:{m + 1}", real=True)
    spread = sp.expand(sum((a - sum(y) / m) ** 2 for a in y) / m)
    expectation = sum(spread.coeff(a, 2) * SIGMA**2 for a in y)
    assert sp.simplify(expectation - Rational(m - 1, m) * SIGMA**2) == 0


def test_pairs_with_their_own_means_estimate_half_the_variance() -> None:
    first, second = sp.symbols("y1 y2", real=True)
    middle = (first + second) / 2
    spread = sp.expand(((first - middle) ** 2 + (second - middle) ** 2) / 2)
    assert sum(spread.coeff(a, 2) for a in (first, second)) * SIGMA**2 == SIGMA**2 / 2

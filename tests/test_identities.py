"""What the pages say of the losses' kinship, proved with SymPy; and the two series behind the Poisson likelihood."""

from __future__ import annotations

import mpmath
import pytest
import sympy as sp
from proofs import BETA, COUNT, DELTA, ERRORS, LOG_RATE, LOG_VAR, PROOFS, SCALE, TAU, E, Proof, R, barron, crps, regions
from symbolic import Namespace, exact
from sympy import Rational, S, cosh, exp, log, oo, pi, sqrt

from lossbook import _xp

U, K = sp.symbols("u k", positive=True)


def proof(loss: str, **parameters: object) -> Proof:
    [found] = [p for p in PROOFS if p.loss == loss and all(p.parameters[k] == v for k, v in parameters.items())]
    return found


def codes(loss: str, **parameters: object) -> list[sp.Expr]:
    """What the code of a loss computes, in each of its regions."""
    return [one.terms[0] for one in regions(proof(loss, **parameters))]


def same(left: sp.Expr, right: sp.Expr) -> bool:
    return sp.simplify(left - right) == 0


def test_huber_is_half_the_square_inside_delta_and_delta_times_the_absolute_error_as_delta_vanishes() -> None:
    inside, *_ = [code for code in codes("huber") if not code.has(DELTA)]
    assert same(inside, R**2 / 2)
    outside = [code for code in codes("huber") if code.has(DELTA)]
    limits = [sp.limit(code / DELTA, DELTA, 0) for code in outside]
    assert any(same(limit, R) for limit in limits)
    assert all(same(limit, R) or same(limit, -R) for limit in limits)


def test_smooth_l1_is_huber_over_beta() -> None:
    scaled = [code.subs(DELTA, BETA) / BETA for code in codes("huber")]
    assert all(any(same(code, other) for other in scaled) for code in codes("smooth_l1"))


def test_the_pinball_of_one_half_is_half_the_absolute_error() -> None:
    halves = [code.subs(TAU, Rational(1, 2)) for code in codes("pinball")]
    assert {sp.expand(2 * code) for code in halves} == {sp.expand(code) for code in codes("mae")}


def test_log_cosh_is_half_the_square_near_zero_and_the_absolute_error_less_log_two_far_out() -> None:
    assert same(sp.series(log(cosh(U)), U, 0, 4).removeO(), U**2 / 2)
    assert sp.limit(log(cosh(U)).rewrite(exp) - (U - log(2)), U, oo) == 0


def general(alpha: sp.Expr) -> sp.Expr:
    """Barron's formula for alpha < 2, at an error of u scales."""
    return (2 - alpha) / alpha * ((U**2 / (2 - alpha) + 1) ** (alpha / 2) - 1)


@pytest.mark.parametrize(("alpha", "limit"), [(2 - K, (K, 0)), (K, (K, 0)), (-K, (K, 0)), (-K, (K, oo))])
def test_the_general_robust_loss_is_its_own_limit(alpha: sp.Expr, limit: tuple[sp.Symbol, sp.Expr]) -> None:
    """What the code computes at alpha = 2, 0 and minus infinity continues the formula."""
    end = alpha.subs(*limit)
    assert same(sp.limit(general(alpha), *limit), barron(end, U))


def test_named_members_of_the_general_robust_loss() -> None:
    u = R / SCALE
    for alpha, name in ((1.0, sqrt(u**2 + 1) - 1), (-2.0, 2 * u**2 / (u**2 + 4)), (2.0, u**2 / 2)):  # Charbonnier, Geman-McClure
        assert same(proof("general_robust", alpha=alpha).definition, name)
    pseudo_huber = SCALE**2 * (sqrt(1 + u**2) - 1)
    assert same(proof("general_robust", alpha=1.0).definition, pseudo_huber / SCALE**2)


def test_the_general_robust_loss_for_negative_alpha_is_bounded() -> None:
    for alpha in (-1, -2, -8):
        assert same(sp.limit(general(S(alpha)), U, oo), Rational(alpha - 2, alpha))


def test_the_gradient_of_rmse_has_one_length_everywhere() -> None:
    """1 over the root of m, here m = 3: it does not shrink as the fit gets better, nor grow as it gets worse."""
    for one in regions(proof("rmse")):
        assert same(sum(g**2 for g in one.gradient[0]), Rational(1, 3))


def test_rmse_is_the_root_of_mse() -> None:
    definition = proof("rmse").definition
    [square] = set(codes("mse"))
    assert same(definition**2, sum(square.subs(R, r) for r in ERRORS) / 3)


def test_crps_has_the_slope_of_its_integral_definition() -> None:
    """In y: the integrals of F² below y and (1 − F)² above change by F(y)² − (1 − F(y))². At y = μ both sides are one number."""
    below = (1 + sp.erf(E / SCALE / sqrt(2))) / 2
    assert same(sp.diff(crps(E, SCALE), E), below**2 - (1 - below) ** 2)
    with mpmath.mp.workdps(30):
        half = mpmath.quad(lambda t: mpmath.ncdf(t) ** 2, [-mpmath.inf, -5, 0])
        assert mpmath.almosteq(2 * half, mpmath.mpf(sp.N(crps(S(0), S(1)), 30)), 1e-25)


def test_the_gaussian_likelihood_is_best_where_the_variance_is_the_squared_error() -> None:
    [code] = set(codes("gaussian_nll", full=False))
    slope, curvature = sp.diff(code, LOG_VAR), sp.diff(code, LOG_VAR, 2)
    at = {R: K, LOG_VAR: log(K**2)}
    assert same(slope.subs(at), 0)
    assert same(curvature.subs(at), Rational(1, 2))


# The series of the Poisson likelihood


def floor(y: sp.Expr) -> sp.Expr:
    return sp.loggamma(y + 1) - y * log(y) + y


def remainder(y: sp.Expr) -> sp.Expr:
    """What Stirling's leading term leaves of `floor`."""
    return floor(y) - log(2 * pi * y) / 2


def test_the_poisson_loss_is_its_floor_plus_the_cost_of_the_wrong_rate() -> None:
    off = LOG_RATE - log(COUNT)
    assert same(exp(LOG_RATE) - COUNT * LOG_RATE + sp.loggamma(COUNT + 1), floor(COUNT) + COUNT * (exp(off) - 1 - off))


def test_the_recurrence_of_poisson_floor() -> None:
    """d(y) = d(y + 1) + (y + 1/2) log(1 + 1/y) − 1, from Γ(y + 2) = (y + 1) Γ(y + 1)."""
    further = remainder(COUNT + 1).subs(sp.loggamma(COUNT + 2), log(COUNT + 1) + sp.loggamma(COUNT + 1))
    step = (COUNT + Rational(1, 2)) * (log(COUNT + 1) - log(COUNT)) - 1
    assert sp.expand(sp.expand_log(further + step - remainder(COUNT))) == 0


def test_poisson_floor_is_the_recurrence_and_stirlings_series() -> None:
    """The code, run on a symbol: eight steps, and Bernoulli numbers B(2k) / (2k (2k − 1)) (DLMF 5.11.1)."""
    space = Namespace({COUNT: S(3)})
    [code] = _xp.poisson_floor(space, space.array(COUNT)).entries
    steps = sum((COUNT + i + Rational(1, 2)) * log(1 + 1 / (COUNT + i)) - 1 for i in range(8))
    end = COUNT + 8
    series = sum(sp.bernoulli(2 * k) / (2 * k * (2 * k - 1) * end ** (2 * k - 1)) for k in range(1, 8))
    assert sp.cancel(code - (log(2 * pi * COUNT) / 2 + steps + series)) == 0


def test_lgamma1p_is_the_taylor_series() -> None:
    """The code, run on a symbol: about y = 0 and about y = 1 the coefficients of log Γ(1 + y), up to where it stops."""
    for centre, point in ((0, Rational(1, 16)), (1, Rational(5, 4))):
        space = Namespace({COUNT: point})
        [code] = _xp.lgamma1p(space, space.array(COUNT)).entries
        series = sp.Poly(sp.expand((code + (0 if centre else log(1 + COUNT))).subs(COUNT, COUNT + centre)), COUNT)
        assert series.degree() == 26
        for k in range(1, 27):
            ours = series.coeff_monomial(COUNT**k) + (0 if centre else Rational((-1) ** k, k))  # less log(1 + y)
            true = sp.polygamma(k - 1, centre + 1) / sp.factorial(k)
            assert sp.simplify(sp.expand_func(true) - ours) == 0


def test_exact_knows_what_it_does_not_know() -> None:
    assert exact(1 / 3) == Rational(1, 3)
    assert exact(-(0.5**0.5)) == -sqrt(2) / 2
    with pytest.raises(ValueError, match="CONSTANTS"):
        exact(0.123456789012345)

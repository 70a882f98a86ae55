"""``{loss-card}``, ``{loss-table}`` and ``{equivalents}``: what the cards say, as MyST that the page then parses."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from lossbook import catalogue
from lossbook.card import Card, Claim
from lossbook.loss import Loss
from lossbook.sphinx.markup import raw

PACKAGES = {
    "PyTorch": "torch", "scikit-learn": "scikit-learn", "SciPy": "scipy", "statsmodels": "statsmodels", "Keras": "keras",
    "Optax": "optax", "scoringrules": "scoringrules", "kornia": "kornia",
}  # fmt: skip


class MystDirective(SphinxDirective):
    """A directive that writes MyST and lets the page's own parser read it."""

    def parse(self, text: str) -> list[nodes.Node]:
        holder = nodes.Element()
        self.state.nested_parse(StringList(text.splitlines(), self.get_source_info()[0]), self.content_offset, holder)
        return list(holder.children)

    def find(self, name: str) -> Loss:
        try:
            return catalogue[name]
        except KeyError as error:
            raise self.error(str(error.args[0])) from None


class LossCard(MystDirective):
    """The card of one loss, or of several under their names."""

    required_arguments = 1
    optional_arguments = 9

    def run(self) -> list[nodes.Node]:
        losses = [self.find(name) for name in self.arguments]
        card = nodes.container(classes=["lb-card"], is_div=True)
        for loss in losses:
            if len(losses) > 1:
                card += self.parse(f"**{loss.card.title}** `{loss.name}`")
            card += raw("<dl>")
            for term, text in card_rows(loss):
                card += raw(f"<dt>{html.escape(term)}</dt><dd>")
                card += self.parse(text)
                card += raw("</dd>")
            card += raw("</dl>")
        return [card]


class LossTable(MystDirective):
    """All losses of one part, side by side."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        losses = [loss for loss in catalogue.values() if loss.card.part == self.arguments[0]]
        if not losses:
            raise self.error(f"no loss is in the part {self.arguments[0]!r}")
        # Targets that are classes cannot be wild: what tells those losses apart is whether their probabilities are true.
        wild = any(loss.card.properties.bounded_influence is not None for loss in losses)
        last = "Pull of a wild target" if wild else "Proper"
        rows = [
            f"| Loss | A constant becomes | Noise model | Convex | Derivatives | Largest slope | {last} |",
            "|---|---|---|---|---|---|---|",
        ]
        for loss in losses:
            card, said = loss.card, partial(_said, loss.card)
            cells = [
                f"[{card.title}](/{loss.page}.md)",
                card.elicits,
                card.assumption.name.split(" (")[0] if card.assumption else "none",
                said("convex", _yes),
                said("smooth", _smooth),
                said("lipschitz", _slope),
                said("bounded_influence", _pull) if wild else said("proper", _proper),
            ]
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        table = nodes.container(classes=["lb-table"], is_div=True)
        table += self.parse("\n".join(rows))
        return [table]


class Equivalents(MystDirective):
    """The same loss in other libraries: calls that the tests run, with the versions they ran against."""

    required_arguments = 1
    optional_arguments = 9

    def run(self) -> list[nodes.Node]:
        losses = [self.find(name) for name in self.arguments]
        rows = ["| Library | Call | Times | Gives our `reduction=` | Note |", "|---|---|---|---|---|"]
        for loss in losses:
            for e in loss.card.equivalents:
                when = "" if e.when == "True" else f"for `{e.when}`"
                note = "; ".join(filter(None, (when, e.note)))
                library = f"{e.library} {installed_or_pinned(PACKAGES[e.library])}"
                rows.append(
                    f"| {library} | `{e.call}` | {'' if e.factor == '1' else f'`{e.factor}`'} | `{e.reduction}` | {note} |"
                )
        return self.parse("\n".join(rows))


def card_rows(loss: Loss) -> list[tuple[str, str]]:
    """Term and MyST text of each line of a card."""
    card = loss.card
    rows = [("What", card.what), ("Why", card.why), ("How", card.how), ("Used for", card.used)]
    model = "Noise model" if loss.targets else "Prior"
    if card.assumption:
        tested = "" if card.assumption.when == "True" else f" (tested where {_code(card.assumption.when)})"
        rows.append((model, f"{card.assumption.name}: ${card.assumption.density}${tested}"))
    else:
        rows.append((model, f"None. {card.no_assumption}"))
    rows.append(("A constant becomes", elicited(card)))
    for name, parameter in card.parameters.items():
        where = f" in {parameter.domain}" if parameter.domain else ", true or false"
        where += f", {parameter.per}" if parameter.per else ""
        where += ", or None" if parameter.optional else ""
        typical = f" Typical: {parameter.typical}." if parameter.typical else ""
        rows.append(
            (
                f"Parameter {name}",
                f"{parameter.symbol}{where}: {parameter.meaning}. Default {_default(loss.defaults[name])}.{typical}",
            )
        )
    for argument in loss.arguments:
        if argument in card.domain:
            rows.append((f"Domain of {argument}", str(card.domain[argument])))
    said = partial(_said, card)
    claims = [
        f"convex: {said('convex', _yes)}",
        f"continuous derivatives: {said('smooth', _smooth)}",
        f"largest slope: {said('lipschitz', _slope)}",
        f"bounded below by: {said('bounded_below', _floor)}",
    ]
    if of_classes(loss):
        claims.append(f"treats all classes alike: {said('symmetric', _yes)}")
    else:
        claims.append(f"symmetric{' in the error' if loss.targets else ''}: {said('symmetric', _yes)}")
        claims.append(f"scale-equivariant: {said('homogeneous', _homogeneous)}")
    if card.properties.bounded_influence is not None:
        claims.append(f"pull of one wild target: {said('bounded_influence', _pull)}")
    if card.properties.proper is not None:
        claims.append(f"proper: {said('proper', _yes)}")
    rows.append(("Properties", "; ".join(claims) + ". Each is a test."))
    rows.append(
        ("Accuracy", f"value and gradient within {card.max_ulp:g} units in the last place. {card.ill_conditioned}".strip())
    )
    rows.append(("Also called", ", ".join(card.aliases)))
    rows.append(("References", ", ".join(f"{{cite:t}}`{key}`" for key in card.references)))
    return [(term, text) for term, text in rows if text]


def installed_or_pinned(package: str) -> str:
    """The version of a library: installed here, or the one the tests are pinned to, which is the same."""
    pins = _pins()
    if package in pins:
        return pins[package]
    try:
        return version(package)
    except PackageNotFoundError:
        raise LookupError(f"{package} is neither installed nor pinned in requirements.txt or requirements-dev.txt") from None


@cache
def _pins() -> dict[str, str]:
    pins: dict[str, str] = {}
    for name in ("requirements.txt", "requirements-dev.txt"):
        path = Path(__file__).parents[3] / name
        if path.exists():
            pins.update(re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(), re.M))
    return pins


def of_classes(loss: Loss) -> bool:
    """Whether the targets are labels, signs or probabilities, or logits of them."""
    return any(loss.card.domain_of(a).of_classes or loss.layout.of(a).endswith("K") for a in loss.targets)


def elicited(card: Card) -> str:
    """What a constant prediction becomes, in a reader's words."""
    return {
        "": "",
        "mean": "the mean of the targets",
        "median": "the median of the targets",
        "log of the mean": "the log of the mean of the targets",
        "quantile": "the quantile of level τ of the targets",
        "Huber location": "Huber's location of the targets: their mean once residuals beyond the threshold are pulled in to it",
        "log-cosh location": "the point at which the hyperbolic tangents of the residuals sum to zero",
        "general location": "a weighted mean of the targets, the weight falling with the residual",
        "mean and log-variance": "the mean and the log-variance of the targets",
        "probability": "the share of ones among the targets",
        "log-odds": "the log-odds of a one among the targets (the odds times w)",
        "tempered log-odds": "log-odds of the right sign, for equal weights, and for γ > 0 nearer to 0 than the true ones",
        "probabilities": "the mean of the targets, the share of each class",
        "log-probabilities": "logits whose softmax is the mean of the targets, weighted and smoothed as they are",
        "tempered log-probabilities": "logits in the right order of classes, without weights; not the shares for γ > 0",
        "log-odds of each label": "for each label the log-odds of a one among its targets",
        "class of the majority": "scores with a class in front that more than half of the targets have",
        "mean direction": "the direction of the sum of the targets, each at length 1",
        "softened log-probabilities": "logits whose softmax, at temperature T, is the mean of the teachers' own at T",
        "sign": "the sign that most targets have",
        "mean of the signs": "the mean of the targets, the share of +1 less the share of −1",
        "mean and scale of a Gaussian": "the mean and the standard deviation, where the targets are Gaussian",
    }[card.elicits]


def _code(expression: str) -> str:
    return f"`{expression}`"


def _default(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _said(card: Card, name: str, plain: Callable[[Claim], str]) -> str:
    """A property as a reader would say it."""
    claim = getattr(card.properties, name)
    return card.words[name] if isinstance(claim, str) else plain(claim)


def _yes(claim: Claim) -> str:
    return "yes" if claim else "no"


def _proper(claim: Claim) -> str:
    return "no distribution" if claim is None else _yes(claim)


def _pull(claim: Claim) -> str:
    if claim is None:
        return "none can be"
    return "bounded" if claim else "unbounded"


def _smooth(claim: Claim) -> str:
    return "all" if claim == math.inf else "one" if claim == 1 else "none at the kink"


def _slope(claim: Claim) -> str:
    return "unbounded" if claim is None else "bounded" if claim is True else f"{claim:g}"


def _floor(claim: Claim) -> str:
    return "nothing" if claim is None else f"{claim:g}"


def _homogeneous(claim: Claim) -> str:
    return "no" if claim is None else f"degree {claim:g}"

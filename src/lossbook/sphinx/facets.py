"""What a reader may ask of a loss, and what its card answers: the facets of the finder."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from lossbook.card import LIBRARIES, Claim, Parameter, evaluate
from lossbook.domain import BITS, COUNTING, COUNTS, INTEGERS, PROBABILITIES, REALS, SIGNS, SIMPLEX, Interval, Labels
from lossbook.loss import Loss
from lossbook.sphinx.cards import elicited, of_classes


@dataclass(frozen=True)
class Answer:
    """Whether a loss is kept: if so ``words`` say on what condition, if there is one; if not, why."""

    kept: bool
    words: str = ""


@dataclass(frozen=True)
class Facet:
    """Something to ask of a loss. ``key`` stands in addresses that readers share, so it never changes."""

    key: str
    label: str
    asks: str
    judge: Callable[[Loss], Answer]


@dataclass(frozen=True)
class Group:
    """Facets under one heading; where they exclude each other a reader asks for one of them."""

    title: str
    facets: tuple[Facet, ...]
    exclusive: bool = False


# What the targets are

#: How a reader calls each kind of target.
KINDS: Mapping[str, str] = {
    "number": "numbers",
    "count": "counts",
    "bit": "0 or 1",
    "chance": "0 or 1, or a probability between",
    "sign": "−1 or 1",
    "label": "class labels",
    "shares": "rows of probabilities",
    "teacher": "a teacher's logits",
    "several": "several yes-or-no labels",
    "vector": "vectors",
    "step": "a label at each step",
    "unaligned": "sequences of labels without times",
    "none": "none",
}


def kind(loss: Loss) -> str:
    """Which of the kinds of target the loss is given, read off domains and axes; ValueError for one that is new here."""
    if not loss.targets:
        return "none"
    card, first = loss.card, loss.targets[0]
    domain, axis = card.domain_of(first), loss.layout.of(first).split()[-1]
    if domain == COUNTING:
        return "unaligned"
    if isinstance(domain, Labels):  # a parameter with one entry an example is the mask of padded sequences
        return "step" if any(p.axes == "..." for p in card.parameters.values()) else "label"
    known = {
        (REALS, "..."): "number",
        (COUNTS, "..."): "count",
        (BITS, "..."): "bit",
        (PROBABILITIES, "..."): "chance",
        (SIGNS, "..."): "sign",
        (SIMPLEX, "K"): "shares",
        (REALS, "K"): "teacher",
        (PROBABILITIES, "L"): "several",
        (REALS, "D"): "vector",
    }
    if (domain, axis) not in known:
        raise ValueError(f"{loss.name}: the finder knows no targets in {domain} with the axis {axis}; name them in facets.kind")
    return known[domain, axis]


def _given(accepted: Mapping[str, str], loss: Loss) -> Answer:
    here = kind(loss)
    if here in accepted:
        return Answer(True, accepted[here])
    return Answer(False, "it is a penalty, without targets" if here == "none" else f"its targets are {KINDS[here]}")


def _targets() -> Iterator[Facet]:
    # Of each: the kinds of target that it can be written as, and how.
    offered: list[tuple[str, str, str, dict[str, str]]] = [
        ("number", "numbers", "A number on a scale, such as a price.", {"number": "", "count": "for numbers from 0 on"}),
        ("count", "counts", "How often something happened.", {"count": "", "number": "it sees counts as any other numbers"}),
        (
            "yes-no",
            "yes or no",
            "One of two classes, or the chance of one.",
            {
                "bit": "",
                "chance": "",
                "sign": "written as −1 and 1",
                "several": "as a single label",
                "label": "as two classes",
                "shares": "as two columns",
            },
        ),
        ("class", "one class of several", "Classes that exclude each other.", {"label": "", "shares": "as one-hot rows"}),
        (
            "shares",
            "a probability of each class",
            "From annotators who disagree, or from a teacher.",
            {"shares": "", "teacher": "from its logits", "chance": "for two classes: the probability of one"},
        ),
        (
            "several",
            "several labels at once",
            "Each label is yes or no on its own.",
            {"several": "", "chance": "label by label", "bit": "label by label", "sign": "label by label, as −1 and 1"},
        ),
        (
            "vector",
            "vectors",
            "A vector to come near to, such as the other half of a pair.",
            {"vector": "", "number": "entry by entry"},
        ),
        (
            "steps",
            "a class at each step",
            "A sequence with a label for every step.",
            {
                "step": "",
                "label": "each step as an example",
                "shares": "each step as an example, as one-hot rows",
                "teacher": "each step as an example, from a teacher's logits",
            },
        ),
        ("unaligned", "a sequence without times", "No more labels than steps, in their order.", {"unaligned": ""}),
        ("none", "none: a penalty", "What keeps parameters small.", {"none": ""}),
    ]
    for key, label, asks, accepted in offered:
        yield Facet(f"target-{key}", label, f"Targets: {asks}", partial(_given, accepted))


# What the prediction becomes

_PROBABILITIES = (
    "probability",
    "probabilities",
    "log-odds",
    "log-probabilities",
    "log-odds of each label",
    "softened log-probabilities",
)
#: What a reader wants to know, and what a constant prediction becomes under the losses that tell it. The first of each
#: is just that; the others come with a word on what they give.
_WANTED: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "mean": (
        "the mean",
        "What adds up to the right total.",
        ("mean", "log of the mean", "mean and log-variance", "mean and scale of a Gaussian"),
    ),
    "median": ("the median", "Half of the targets lie below it.", ("median", "quantile")),
    "quantile": ("a quantile", "A bound that a given share of the targets stays below.", ("quantile", "median")),
    "centre": (
        "a robust centre",
        "The middle of the bulk of the targets.",
        ("Huber location", "log-cosh location", "general location", "median"),
    ),
    "spread": (
        "a mean and its spread",
        "A forecast that says how sure it is.",
        ("mean and log-variance", "mean and scale of a Gaussian"),
    ),
    "probability": ("probabilities", "How often it will happen.", _PROBABILITIES),
    "decision": (
        "a decision",
        "A side, or a class; of a probability the better half.",
        (
            "sign",
            "class of the majority",
            "mean of the signs",
            "tempered log-odds",
            "tempered log-probabilities",
            *_PROBABILITIES,
        ),
    ),
    "direction": ("a direction", "Where a vector points, whatever its length.", ("mean direction",)),
}


def _becomes(wanted: tuple[str, ...], loss: Loss) -> Answer:
    what = loss.card.elicits
    if not what:
        return Answer(False, "it is given whole sequences" if loss.targets else "it is a penalty, without targets")
    exact = what == wanted[0]
    return Answer(what in wanted, "" if exact else f"it gives {elicited(loss.card)}")


# What a card claims


def settings(loss: Loss) -> list[dict[str, object]]:
    """Parameters of all sorts, at which a claim that depends on them shows what it says."""
    each = [_values(parameter, loss.defaults[name]) for name, parameter in loss.card.parameters.items()]
    return [dict(zip(loss.card.parameters, values, strict=True)) for values in product(*each)]


def _values(parameter: Parameter, default: object) -> list[object]:
    domain = parameter.domain
    if domain is None:
        return [True, False]
    found = [default, None] if parameter.optional else [default]
    if parameter.axes == "K":
        return [*found, (1.0, 1.0, 1.0), (1.0, 2.0, 3.0)]
    return found if parameter.axes else [*found, *(v for v in (-math.inf, -2.0, 0.0, 0.25, 0.5, 1.0, 2.0, 3.0) if v in domain)]


def _claims(loss: Loss, name: str) -> list[Any]:
    sizes = {"K": 3, "L": 3, "T": 3}
    return [evaluate(getattr(loss.card.properties, name), {**setting, **sizes}) for setting in settings(loss)]


def _claimed(name: str, holds: Callable[[Claim], bool], why: Callable[[Loss, Claim], str], loss: Loss) -> Answer:
    """Kept where the claim holds for some parameters, with the card's words on which if it is not for all."""
    found = _claims(loss, name)
    if not any(map(holds, found)):
        return Answer(False, why(loss, found[0]))
    return Answer(True, "" if all(map(holds, found)) else loss.card.words[name])


def _claim(name: str, holds: Callable[[Claim], bool], why: Callable[[Loss, Claim], str] | str) -> Callable[[Loss], Answer]:
    return partial(_claimed, name, holds, why if callable(why) else lambda loss, claim: why)


def _pull(loss: Loss) -> Answer:
    if loss.card.properties.bounded_influence is None:
        return Answer(True, "no target of it can be wild" if loss.targets else "it has no targets that could be wild")
    return _claimed("bounded_influence", bool, lambda loss, claim: "one wild target pulls its answer as far as it likes", loss)


def _symmetric(classes: bool, loss: Loss) -> Answer:
    if of_classes(loss) != classes or not loss.targets:
        if not loss.targets:
            return Answer(False, "it has no targets")
        return Answer(False, "its targets are no classes" if classes else "its targets are classes")
    why = "it tells one class from another" if classes else "an error and its mirror image cost differently"
    return _claimed("symmetric", bool, lambda loss, claim: why, loss)


def _unequal(loss: Loss) -> Answer:
    claim = loss.card.properties.symmetric
    if loss.targets and len(set(_claims(loss, "symmetric"))) > 1:
        by = [p.symbol for name, p in loss.card.parameters.items() if re.search(rf"\b{name}\b", str(claim))]
        return Answer(True, f"by {' and '.join(by)}")
    each = "; `weight` gives each example a factor" if loss.reducible and loss.targets else ""
    return Answer(False, f"it has no parameter for that{each}")


def _soft(loss: Loss) -> Answer:
    if kind(loss) in ("chance", "shares", "several", "teacher"):
        return Answer(True)
    return Answer(False, "its targets are no probabilities" if loss.targets else "it is a penalty, without targets")


def _ignores(loss: Loss) -> Answer:
    marks = [n for n, p in loss.card.parameters.items() if p.axes == "..." or (p.domain == INTEGERS and p.optional)]
    return Answer(True, f"by `{marks[0]}`") if marks else Answer(False, "no parameter says which examples to leave out")


def _likelihood(loss: Loss) -> Answer:
    noise = loss.card.assumption
    if noise is None:
        return Answer(False, loss.card.no_assumption.split(". ")[0].rstrip("."))
    return Answer(True, "" if noise.when == "True" else f"tested where `{noise.when}`")


def _unbounded_input(loss: Loss) -> Answer:
    for argument in loss.wrt:
        if (domain := loss.card.domain_of(argument)) != REALS:
            return Answer(False, f"its `{argument}` {domain.rule}")
    return Answer(True)


def _untuned(loss: Loss) -> Answer:
    tuned = [p.symbol for p in loss.card.parameters.values() if isinstance(p.domain, Interval)]
    return Answer(not tuned, f"it has {' and '.join(tuned)} to choose" if tuned else "")


def _averaged(loss: Loss) -> Answer:
    if not loss.targets:
        return Answer(False, "it has no examples")
    return Answer(loss.reducible, "" if loss.reducible else "the loss of all is no mean of the batches' losses")


def _improper(loss: Loss, claim: Claim) -> str:
    return "it is given no predicted distribution" if claim is None else "the true distribution is not its best answer"


def _kink(loss: Loss, claim: Claim) -> str:
    return f"its {'slope' if claim == 0 else 'curvature'} jumps at a kink"


def _unscaled(loss: Loss, claim: Claim) -> str:
    return "its targets have no unit" if of_classes(loss) else "a change of unit changes more than a factor"


def _in_library(library: str, loss: Loss) -> Answer:
    calls = [e for e in loss.card.equivalents if e.library == library]
    if not calls:
        return Answer(False, "its card lists no call")
    if any(e.when == "True" for e in calls):
        return Answer(True)
    return Answer(True, "where " + ", or ".join(f"`{when}`" for when in dict.fromkeys(e.when for e in calls)))


def _some(claim: Claim) -> bool:
    return claim is not None


def _at_least(order: int) -> Callable[[Claim], bool]:
    return lambda claim: isinstance(claim, int | float) and claim >= order


GROUPS = (
    Group("What are your targets?", tuple(_targets()), exclusive=True),
    Group(
        "What do you want to know?",
        tuple(
            Facet(f"answer-{key}", label, f"Answer: {asks}", partial(_becomes, wanted))
            for key, (label, asks, wanted) in _WANTED.items()
        ),
        exclusive=True,
    ),
    Group(
        "Outliers and big mistakes",
        (
            Facet("bounded-pull", "bounded pull", "One wild target cannot carry the answer away.", _pull),
            Facet(
                "bounded-slope",
                "bounded slope",
                "No single mistake makes the gradient explode.",
                _claim("lipschitz", _some, "its slope has no bound"),
            ),
        ),
    ),
    Group(
        "Probabilities and calibration",
        (
            Facet(
                "proper",
                "proper",
                "The true distribution is the best answer, on average.",
                _claim("proper", bool, _improper),
            ),
            Facet(
                "likelihood",
                "a likelihood",
                "Minus the log-likelihood of a noise model, or the log-density of a prior.",
                _likelihood,
            ),
            Facet("soft-targets", "soft targets", "Targets may be probabilities.", _soft),
        ),
    ),
    Group(
        "Imbalance and unequal costs",
        (
            Facet("unequal", "unequal prices", "A parameter prices classes, or too high and too low, differently.", _unequal),
            Facet("classes-alike", "classes alike", "All classes are treated alike.", partial(_symmetric, True)),
            Facet("errors-alike", "errors alike", "Too high and too low cost the same.", partial(_symmetric, False)),
            Facet("ignores", "ignores some", "Examples can be marked as not to count.", _ignores),
        ),
    ),
    Group(
        "Optimisation",
        (
            Facet(
                "convex", "convex", "Convex in its predictions.", _claim("convex", bool, "it is not convex in its predictions")
            ),
            Facet("smooth", "smooth", "It has a slope everywhere.", _claim("smooth", _at_least(1), _kink)),
            Facet(
                "curved",
                "twice smooth",
                "It has a curvature everywhere, as Newton's method wants.",
                _claim("smooth", _at_least(2), _kink),
            ),
            Facet(
                "floor",
                "has a floor",
                "It cannot run off to minus infinity.",
                _claim("bounded_below", _some, "it has no lowest value"),
            ),
            Facet("raw", "any real input", "It takes what a network puts out: any real numbers.", _unbounded_input),
            Facet("averaged", "mean over examples", "Batches can be averaged and examples weighted.", _averaged),
        ),
    ),
    Group(
        "Units and tuning",
        (
            Facet(
                "unit-free",
                "any unit",
                "A change of unit changes the loss by a factor only.",
                _claim("homogeneous", _some, _unscaled),
            ),
            Facet("untuned", "nothing to tune", "It has no number to choose.", _untuned),
        ),
    ),
    Group(
        "In your library",
        tuple(
            Facet(
                f"in-{library.lower()}", library, f"In {library}, or made of it by a tested call.", partial(_in_library, library)
            )
            for library in LIBRARIES
        ),
    ),
)

FACETS: Mapping[str, Facet] = {facet.key: facet for group in GROUPS for facet in group.facets}

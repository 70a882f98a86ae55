"""What the quiz says of its pictures: the picture in words, why an answer is right, what a wrong one would have drawn.

Every sentence follows from the card at the parameters shown, or is read off the curve that is drawn.
"""

from __future__ import annotations

import math

import numpy as np

from lossbook.card import evaluate
from lossbook.sphinx.cards import card_rows
from lossbook.sphinx.curves import ERROR, PROBABILITY, SCORE, WEIGHT
from lossbook.sphinx.quiz_items import Candidate, Item, number

#: The horizontal axes in a reader's words.
AXES = {
    ERROR: "the error, prediction minus target",
    SCORE: "the logit or score of the truth, that of a second class being 0",
    PROBABILITY: "the probability given to the truth",
    WEIGHT: "one parameter of the model",
}


def axis(item: Item) -> str:
    """What a picture is drawn over."""
    return AXES.get(item.axis, item.axis)


def picture(item: Item) -> str:
    """The picture for who does not see it: the numbers that a reader would take off its axes."""
    if item.dots is None:
        read = "; ".join(f"{number(item.answer.y[i])} at {number(item.x[i])}" for i in landmarks(item))
        return f"{item.drawn} over {axis(item)}. The curve: {read}."
    targets = "The targets: " + "; ".join(f"{number(y)} at {number(x)}" for x, y in zip(item.x, item.dots, strict=True))
    ends = (f"{number(item.answer.y[i])} at {number(item.x[i])}" for i in (0, -1))
    return f"{item.drawn}. The line: from {' to '.join(ends)}. {targets}."


def landmarks(item: Item, step: float = 0.5) -> list[int]:
    """Places on the axis with round numbers, at which curves are compared; of a fit its two ends."""
    if item.dots is not None:
        return [0, len(item.x) - 1]
    step *= 0.2 if item.axis == PROBABILITY else 1.0
    return [i for i, x in enumerate(item.x) if abs(x / step - round(x / step)) < 1e-6]


def right(item: Item) -> str:
    """Why the answer is the answer."""
    answer = item.answer
    card = answer.loss.card
    if item.dots is not None:
        said = [card.how, _constant(answer)]
    elif item.parameter:
        parameter = card.parameters[item.parameter]
        said = [f"{parameter.symbol} is {parameter.meaning}.", *_shape(item, answer), _told_apart(item)]
    else:
        said = [card.how, *_shape(item, answer)]
    if item.same:
        said.append(f"The same {'fit' if item.dots is not None else 'curve'}: {', '.join(item.same)}.")
    return " ".join(said)


def wrong(item: Item, candidate: Candidate) -> str:
    """What another answer would have drawn, where it differs most from what is drawn."""
    at = _furthest(item, [candidate])
    there, here, x = number(candidate.y[at]), number(item.answer.y[at]), number(item.x[at])
    how = candidate.loss.card.how
    if item.dots is not None:
        return f"{how} {_constant(candidate)} At {x} it would predict {there}; the line shown predicts {here}."
    seen = f"At {x} {'its slope' if item.sloped else 'it'} would be {there}; the curve shown is at {here}."
    return seen if item.parameter else f"{how} {seen}"


def _furthest(item: Item, others: list[Candidate]) -> int:
    """Where in the picture the nearest of some curves is furthest from the right one, at a round number if it shows there."""
    low, high = item.frame.low, item.frame.high
    shown = np.clip(item.answer.y, low, high)
    apart = np.min([np.abs(np.clip(other.y, low, high) - shown) for other in others], axis=0)
    for places in (landmarks(item), landmarks(item, 0.1)):
        best = max(places, key=lambda i: float(apart[i]))
        if apart[best] > apart.max() / 2:
            return best
    return int(np.argmax(apart))


def _told_apart(item: Item) -> str:
    """The place where the four curves are best told apart, and the numbers there."""
    others = [answer for i, answer in enumerate(item.answers) if i != item.right]
    at = _furthest(item, others)
    said = ", ".join(number(other.y[at]) for other in others)
    return f"At {number(item.x[at])} it is at {number(item.answer.y[at])}; the others would be at {said}."


def _constant(candidate: Candidate) -> str:
    """What becomes of a constant, and what one wild target does to it."""
    becomes = dict(card_rows(candidate.loss)).get("A constant becomes", "")
    bounded = evaluate(candidate.loss.card.properties.bounded_influence, dict(candidate.parameters))
    pull = "one wild target pulls it only so far" if bounded else "one wild target pulls it without limit"
    return f"A constant fitted with it becomes {becomes}; {pull}."


def _shape(item: Item, candidate: Candidate) -> list[str]:
    """Corners and steepness, as far as the card's words are about the axis that is drawn."""
    loss = candidate.loss
    properties, parameters = loss.card.properties, {**loss.defaults, **candidate.parameters}
    said = []
    kinks = sorted(float(at) for kink in loss.card.kinks if (at := evaluate(kink, parameters)) is not None)
    smooth = evaluate(properties.smooth, parameters)
    if kinks:
        where = f"at {' and '.join(map(number, kinks))}"
        where += ", outside the picture" if min(map(abs, kinks)) > item.x[-1] else ""
        corners = "corners" if len(kinks) > 1 else "a corner"
        if smooth == 0:
            said.append(f"It {'jumps' if item.sloped else f'has {corners}'} {where}.")
        else:
            said.append(f"{'It has' if item.sloped else 'It has no corner, but its slope has'} {corners} {where}.")
    elif smooth == math.inf:
        said.append("It has no corner anywhere.")
    moved = loss.wrt[0]
    by_itself = (item.axis == PROBABILITY) == (loss.card.domain_of(moved).high == 1)
    if len(loss.wrt) == 1 and loss.layout.of(moved) == "..." and by_itself:
        bound = evaluate(properties.lipschitz, parameters)
        if bound is None:
            said.append("Nothing bounds its slope.")
        elif bound is not True:
            said.append(f"{'It' if item.sloped else 'Its slope'} stays between {number(-bound)} and {number(bound)}.")
    return said

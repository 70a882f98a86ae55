"""``{quiz}``: pictures to name. A list with folded answers as it stands; quiz.js makes rounds of it."""

from __future__ import annotations

import html
from collections.abc import Callable

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lossbook.loss import Loss
from lossbook.sphinx import quiz_words as words
from lossbook.sphinx.late import mark, serve
from lossbook.sphinx.markup import raw, relative
from lossbook.sphinx.quiz_items import Frame, Item, items, number

#: What the page says once a script can listen.
KEYS = (
    "Press 1 to 4, or move with the arrow keys and press Enter; Enter again goes on. A wrong answer draws its own curve over "
    "the right one. After that you may choose the others too, to see theirs."
)
#: Makes the name of a loss a link to its page.
Link = Callable[[Loss, str], str]
#: The size of a picture, and of the part of it in which curves lie.
WIDTH, HEIGHT = 320, 200
LEFT, TOP, RIGHT, BOTTOM = 34, 6, 314, 178
#: A point nearer than this to the line between its neighbours is left out.
STRAIGHT = 0.05


class Quiz(SphinxDirective):
    """Every picture of the quiz."""

    def run(self) -> list[nodes.Node]:
        mark(self)
        quiz = nodes.container(classes=["lb-quiz"], is_div=True)
        quiz += raw(render(items(), self._link))
        return [quiz]

    def _link(self, loss: Loss, name: str) -> str:
        """The name of a loss, as a link where its page is in the book."""
        if loss.page not in self.env.found_docs:
            return html.escape(name)
        address = relative(f"{loss.page}.html", self.env.docname)
        return f'<a href="{html.escape(address)}">{html.escape(name)}</a>'


def render(found: list[Item], link: Link) -> str:
    """The whole list as HTML."""
    listed = "\n".join(_item(item, link) for item in found)
    return f'<p class="lb-keys" hidden>{KEYS}</p><ol class="lb-items">\n{listed}\n</ol>'


def _item(item: Item, link: Link) -> str:
    answers = "".join(f"<li>{html.escape(item.label(answer))}</li>" for answer in item.answers)
    caption = item.drawn if item.dots is not None else f"{item.drawn}, over {words.axis(item)}"
    return (
        f'<li class="lb-item" id="{item.id}" data-kind="{item.kind}"><p class="lb-ask">{html.escape(item.ask)}</p>'
        f"<figure>{draw(item)}<figcaption>{html.escape(caption)}</figcaption></figure>"
        f'<ol class="lb-answers">{answers}</ol>'
        f"<details><summary>Answer</summary>{_replies(item, link)}</details></li>"
    )


def _replies(item: Item, link: Link) -> str:
    """The right answer first, then what each of the others would have drawn."""
    order = sorted(range(len(item.answers)), key=lambda i: i != item.right)
    replies = []
    for i in order:
        answer = item.answers[i]
        name = link(answer.loss, answer.name)
        said = words.right(item) if i == item.right else words.wrong(item, answer)
        key = f'<svg class="lb-key" viewBox="0 0 26 8" aria-hidden="true"><path class="{_series(item, i)}" d="M1 4H25"/></svg>'
        role = "lb-true" if i == item.right else "lb-false"
        replies.append(f'<p class="lb-reply {role}" data-answer="{i}">{key} <strong>{name}</strong>. {html.escape(said)}</p>')
    return "".join(replies)


def _series(item: Item, answer: int) -> str:
    """The class of an answer's curve: the right one is the first series, the others follow."""
    return "lb-s0" if answer == item.right else f"lb-s{answer + (answer < item.right)}"


def draw(item: Item) -> str:
    """A picture as SVG: the right curve, and over it, not shown yet, those of the other answers."""
    x, frame = item.x, item.frame
    curves = [f'<path class="lb-curve lb-s0" d="{trace(x, item.answer.y, frame)}"/>']
    for i, answer in enumerate(item.answers):
        if i != item.right:
            curves.append(f'<path class="lb-curve {_series(item, i)}" data-answer="{i}" d="{trace(x, answer.y, frame)}"/>')
    dots = ""
    if item.dots is not None:
        at = zip(_across(x, x), _down(item.dots, frame), strict=True)
        dots = "".join(f'<circle cx="{_short(a)}" cy="{_short(b)}" r="2.6"/>' for a, b in at)
    box = f'x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"'
    inside = f'viewBox="{LEFT} {TOP} {RIGHT - LEFT} {BOTTOM - TOP}"'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(words.picture(item))}">{_axes(item)}'
        f"<svg {box} {inside}>{dots}{''.join(curves)}</svg></svg>"
    )


def trace(x: np.ndarray, y: np.ndarray, frame: Frame) -> str:
    """The path of a curve, cut off a little outside the picture, without the points that a straight line needs not."""
    height = frame.high - frame.low
    points = np.column_stack([_across(x, x), _down(np.clip(y, frame.low - height / 4, frame.high + height / 4), frame)])
    return "M" + "L".join(f"{_short(a)} {_short(b)}" for a, b in points[_corners(points)])


def _corners(points: np.ndarray) -> list[int]:
    """The points from which a curve can be drawn, after Douglas and Peucker."""
    kept, waiting = {0, len(points) - 1}, [(0, len(points) - 1)]
    while waiting:
        first, last = waiting.pop()
        run, rise = points[last] - points[first]
        off = np.abs(run * (points[first:last, 1] - points[first, 1]) - rise * (points[first:last, 0] - points[first, 0]))
        furthest = int(off.argmax())
        if off[furthest] > STRAIGHT * np.hypot(run, rise):
            kept.add(first + furthest)
            waiting += [(first, first + furthest), (first + furthest, last)]
    return sorted(kept)


def _axes(item: Item) -> str:
    """Grid lines at round numbers, with the numbers."""
    lines, texts = [], []
    for tick in _ticks(item.frame.low, item.frame.high):
        y = _short(float(_down(np.array(tick), item.frame)))
        lines.append(f"M{LEFT} {y}H{RIGHT}")
        texts.append(f'<text x="{LEFT - 5}" y="{y}" dy="3.6" text-anchor="end">{number(tick)}</text>')
    for tick in _ticks(float(item.x[0]), float(item.x[-1])):
        x = _short(float(_across(np.array(tick), item.x)))
        lines.append(f"M{x} {TOP}V{BOTTOM}")
        texts.append(f'<text x="{x}" y="{BOTTOM + 15}" text-anchor="middle">{number(tick)}</text>')
    return f'<path class="lb-grid" d="{"".join(lines)}"/>{"".join(texts)}'


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers."""
    power = 10.0 ** np.floor(np.log10(high - low))
    step = next(power * share for share in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if (high - low) / (power * share) <= 7)
    return [float(step * i) for i in range(int(np.ceil(low / step)), int(np.floor(high / step + 1e-9)) + 1)]


def _across(x: np.ndarray, all_x: np.ndarray) -> np.ndarray:
    return np.asarray(LEFT + (RIGHT - LEFT) * (x - all_x[0]) / (all_x[-1] - all_x[0]))


def _down(y: np.ndarray, frame: Frame) -> np.ndarray:
    return np.asarray(BOTTOM - (BOTTOM - TOP) * (y - frame.low) / (frame.high - frame.low))


def _short(value: float) -> str:
    return f"{value + 0.0:.1f}".removesuffix(".0")


def setup(app: Sphinx) -> None:
    """Register the directive, and its files on the pages that use it."""
    app.add_directive("quiz", Quiz)
    serve(app, "quiz", styles=["quiz.css"], scripts=["quiz.js"])

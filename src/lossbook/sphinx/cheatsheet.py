"""``{cheat-sheet}``: every loss in a line, made from the cards, as a table on the page and as two sides of paper."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from lossbook import catalogue
from lossbook.card import evaluate
from lossbook.loss import Loss
from lossbook.sphinx.cards import MystDirective
from lossbook.sphinx.late import mark, pages_with, serve
from lossbook.sphinx.markup import part_title, raw, relative
from lossbook.sphinx.tex import SYMBOLS, parse, typst

#: Where the printed sheet lies in the site.
PDF = "_downloads/cheat_sheet.pdf"
TEMPLATE = Path(__file__).parent / "templates" / "cheat_sheet.typ"
COLUMNS = ("Loss", "Formula", "Gradient", "Range", "Elicits", "When", "In PyTorch")
#: The parts in the order of the sheet, by what their losses are; a part that is not here comes after these.
PARTS = {"regression": "Regression", "foundations": "Penalties", "classification": "Classification", "sequences": "Sequences"}
#: Parameters that are called what their letter is called.
GREEK = ("alpha", "beta", "gamma", "delta", "tau")
#: What all formulas use: equations, and a word on what they are.
NOTATION = (
    (r"e = \hat y - y", "the error; in a formula without ŷ, e is Euler’s number"),
    (r"\sigma(z) = 1 / (1 + e^{-z})", ""),
    (r"\operatorname{softplus}(z) = \log(1 + e^z)", ""),
    (r"\operatorname{softmax}(z)_k = \exp(z_k) / \sum_j \exp(z_j)", ""),
    (r"(x)_+ = x\, [x > 0]", ""),
    (r"[k = c]", "1 where it holds, else 0"),
    (r"\varphi, \Phi", "density and distribution function of the standard normal"),
    (r"\mathcal B(\pi)", "a path without repeats, then without blanks"),
)


@dataclass(frozen=True)
class Line:
    """What the sheet says of a loss; formulas are TeX, ``code`` runs, ``note`` is what to beware of in it.

    ``predictions`` are the letters that the slopes are taken in, where there are several.
    """

    loss: Loss
    formula: str
    where: tuple[str, ...]
    slope: tuple[str, ...]
    predictions: tuple[str, ...]
    range: str
    elicits: str
    when: str
    code: str
    note: str


def lines() -> dict[str, list[Line]]:
    """Every loss of the catalogue, by the heading of its part."""
    parts = dict.fromkeys([*PARTS, *(loss.card.part for loss in catalogue.values())])
    return {
        PARTS.get(part, part_title(part)): [_line(loss) for loss in catalogue.values() if loss.card.part == part]
        for part in parts
    }


def _line(loss: Loss) -> Line:
    card = loss.card
    floor = evaluate(card.properties.bounded_below, loss.defaults)
    code, note = _in_pytorch(loss)
    return Line(
        loss,
        card.formula,
        card.where,
        card.slope,
        tuple(SYMBOLS[name] for name in loss.wrt) if len(loss.wrt) > 1 else (),
        "any number" if floor is None else f"≥ {floor:g}",
        card.elicits or "–",
        card.why,
        code,
        note,
    )


def _in_pytorch(loss: Loss) -> tuple[str, str]:
    """The first call on the card that is the loss at its defaults, and its note; else ours, which takes tensors."""
    for e in loss.card.equivalents:
        if e.library == "PyTorch" and evaluate(e.when, loss.defaults):
            return (e.call if e.factor == "1" else f"{e.factor} * {e.call}"), e.note
    arguments = [*loss.arguments, *(f"{name}={name}" for name in loss.defaults)]
    return f"lossbook.{loss.name}({', '.join(arguments)})", ""


def in_code() -> list[tuple[str, list[str]]]:
    """The letters of the formulas, and the arguments and parameters that they are in code, where the name differs."""
    found: dict[str, dict[str, None]] = {}
    for loss in catalogue.values():
        letters = {name: SYMBOLS.get(name, name) for name in loss.arguments} | {
            n: p.symbol for n, p in loss.card.parameters.items()
        }
        for name, letter in letters.items():
            if len(letter) == 1 and letter != name and name not in GREEK:
                found.setdefault(letter, {})[name] = None
    return [(letter, [*names]) for letter, names in sorted(found.items())]


class CheatSheet(MystDirective):
    """The table, part by part, and the link to the PDF."""

    def run(self) -> list[nodes.Node]:
        mark(self)
        printed = relative(PDF, self.env.docname)
        sheet = nodes.container(classes=["lb-sheet"], is_div=True)
        sheet += raw(f'<p class="lb-sheet-print"><a href="{printed}">The sheet as a PDF: two sides of A4</a></p>')
        sheet += raw('<ul class="lb-sheet-notation">')
        for tex, words in NOTATION:
            sheet += [raw("<li>"), nodes.math(tex, tex), raw(f" {html.escape(words)}</li>")]
        code = "; ".join(f"{letter} {', '.join(f'<code>{name}</code>' for name in names)}" for letter, names in in_code())
        sheet += raw(f"<li>In code: {code}</li></ul>")
        for part, of_part in lines().items():
            sheet += list(self.table(part, of_part))
        return [sheet]

    def table(self, part: str, of_part: list[Line]) -> Iterator[nodes.Node]:
        # With their roles: on the screen the style sheet makes blocks of the rows, which would take the roles away.
        yield raw(f'<table role="table"><caption>{part}</caption><thead role="rowgroup"><tr role="row">')
        yield raw("".join(f'<th role="columnheader" scope="col">{column}</th>' for column in COLUMNS))
        yield raw('</tr></thead><tbody role="rowgroup">')
        for line in of_part:
            yield raw('<tr role="row"><th role="rowheader" scope="row">')
            yield from self.parse(f"[{line.loss.card.title}](/{line.loss.page}.md)")
            yield raw(f"</th>{self.cell(1)}")
            yield from self.formulas([line.formula, *line.where])
            yield raw(f"</td>{self.cell(2)}")
            yield from self.formulas(line.slope, line.predictions)
            for column, text in ((3, line.range), (4, line.elicits), (5, line.when)):
                yield raw(f"</td>{self.cell(column)}{html.escape(text)}")
            yield raw(f"</td>{self.cell(6)}<code>{_breakable(line.code)}</code>")
            yield raw(f"<small>{html.escape(line.note)}</small></td></tr>" if line.note else "</td></tr>")
        yield raw("</tbody></table>")

    def cell(self, column: int) -> str:
        return f'<td role="cell" data-column="{COLUMNS[column]}">'

    def formulas(self, formulas: Sequence[str], predictions: Sequence[str] = ()) -> Iterator[nodes.Node]:
        for tex, prediction in zip_longest(formulas, predictions):
            yield raw('<div class="lb-formula">')
            label = rf"\partial_{{{prediction}}}\, \ell = " if prediction else ""
            yield nodes.math(tex, rf"\displaystyle {label}{tex}")
            yield raw("</div>")


def _breakable(code: str) -> str:
    """Code that may go on in the next line after a bracket, comma, dot or underscore, and copies without a trace of it."""
    return re.sub(r"([(_.,])", r"\1<wbr>", html.escape(code))


def pdf(title: str, author: str) -> bytes:
    """The sheet on paper: the same bytes each time, without a date, in fonts that the typesetter brings."""
    import typst as typesetter  # only now: a page without the sheet does without it

    content: dict[str, Any] = {
        "title": title,
        "author": author,
        "columns": COLUMNS,
        "notation": [[typst(parse(tex)), words] for tex, words in NOTATION],
        "in_code": [[letter, *names] for letter, names in in_code()],
        "parts": [
            [
                part,
                [
                    {
                        "title": line.loss.card.title,
                        "formula": [typst(parse(tex)) for tex in (line.formula, *line.where)],
                        "slope": [
                            (f"∂_({letter}) ℓ = " if letter else "") + typst(parse(tex))
                            for tex, letter in zip_longest(line.slope, line.predictions)
                        ],
                        **{key: getattr(line, key) for key in ("range", "elicits", "when", "code", "note")},
                    }
                    for line in of_part
                ],
            ]
            for part, of_part in lines().items()
        ],
    }
    made = typesetter.compile(TEMPLATE, sys_inputs={"sheet": json.dumps(content)}, ignore_system_fonts=True, format="pdf")
    assert isinstance(made, bytes)
    return made


def setup(app: Sphinx) -> None:
    """Connect style and PDF; the book's extension calls this."""
    serve(app, "cheat-sheet", styles=["sheet.css"])  # on its page alone: it sets the size of the paper
    app.connect("build-finished", _write_pdf)


def _write_pdf(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html" and pages_with(app, "cheat-sheet"):
        path = Path(app.outdir) / PDF
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pdf(f"{app.config.html_title}: cheat sheet", app.config.author))

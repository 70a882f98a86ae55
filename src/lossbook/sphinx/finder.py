"""``{finder}``: every loss of the catalogue, filtered by what a reader asks; ``{facet-table}``: all the answers."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from lossbook import catalogue
from lossbook.loss import Loss
from lossbook.sphinx.cards import MystDirective
from lossbook.sphinx.facets import FACETS, GROUPS
from lossbook.sphinx.late import mark, serve
from lossbook.sphinx.markup import fill, part_title, raw


class Finder(MystDirective):
    """The facets as a form, which a script shows, and under it all losses by part, each with its page and what it is."""

    def run(self) -> list[nodes.Node]:
        mark(self)
        form = fill("finder.html", groups=GROUPS, total=len(catalogue))
        finder = nodes.container(classes=["lb-finder"], is_div=True)
        finder += raw(f'{form}<script type="application/json">{_answers()}</script>')
        for part, losses in by_part():
            finder += raw(f'<section><h3>{html.escape(part)} <small class="lb-count">{len(losses)}</small></h3><ul>')
            for loss in losses:
                finder += raw(f'<li data-loss="{loss.name}"><div class="lb-name">')
                finder += self.parse(f"[{loss.card.title}](/{loss.page}.md)")
                finder += raw('</div><div class="lb-what">')
                finder += self.parse(loss.card.what)
                finder += raw("</div></li>")
            finder += raw("</ul></section>")
        return [finder]


class FacetTable(MystDirective):
    """What every loss is on every facet, for who has no script and for who wants to see it whole."""

    def run(self) -> list[nodes.Node]:
        table = nodes.container(classes=["lb-table", "lb-facet-table"], is_div=True)
        heads = [group.title if group.exclusive else facet.label for group in GROUPS for facet in _columns(group)]
        lines = ["```{list-table}", ":header-rows: 1", ":stub-columns: 1", "", *_row(["Loss", *heads])]
        for _, losses in by_part():
            for loss in losses:
                cells = [_cell(group, facet, loss) for group in GROUPS for facet in _columns(group)]
                lines += _row([f"[{loss.card.title}](/{loss.page}.md)", *cells])
        table += self.parse("\n".join([*lines, "```"]))
        columns = [f"- **{facet.label}**: {facet.asks}" for group in GROUPS if not group.exclusive for facet in group.facets]
        explained = raw('<details class="lb-columns"><summary>What the columns ask</summary>')
        return [explained, *self.parse("\n".join(columns)), raw("</details>"), table]


class FinderLink(SphinxRole):
    """A link that opens the finder with these facets turned on; on the finder's own page."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        keys = self.text.split()
        if unknown := [key for key in keys if key not in FACETS]:
            said = self.inliner.reporter.error(f"the finder has no facet {', '.join(unknown)}; it has {', '.join(FACETS)}")
            return [], [said]
        labels = ", ".join(html.escape(FACETS[key].label) for key in keys)
        link = f'<a class="lb-find" href="?find={",".join(keys)}">In the finder: {labels}</a>'
        return [raw(link)], []


def by_part() -> list[tuple[str, list[Loss]]]:
    """The losses under the names of their parts."""
    found: dict[str, list[Loss]] = {}
    for loss in catalogue.values():
        found.setdefault(part_title(loss.card.part), []).append(loss)
    return list(found.items())


def _answers() -> str:
    """What each loss answers to each facet: "+" and a condition, or "-" and why not; a plain yes is left out."""
    said: dict[str, dict[str, str]] = {}
    for name, loss in catalogue.items():
        found = {key: facet.judge(loss) for key, facet in FACETS.items()}
        said[name] = {key: "+-"[not a.kept] + a.words for key, a in found.items() if a.words or not a.kept}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def _columns(group: Any) -> Iterator[Any]:
    """Facets that exclude each other share a column."""
    yield from group.facets[:1] if group.exclusive else group.facets


def _cell(group: Any, facet: Any, loss: Loss) -> str:
    if not group.exclusive:
        answer = facet.judge(loss)
        return (answer.words or "yes") if answer.kept else f"no: {answer.words}"
    found = [(f.label, f.judge(loss)) for f in group.facets]
    kept = [f"{label} ({a.words})" if a.words else label for label, a in found if a.kept]
    return "; ".join(kept) or next(a.words for _, a in found)


def _row(cells: list[str]) -> list[str]:
    return [f"{'* -' if i == 0 else '  -'} {cell}" for i, cell in enumerate(cells)]


def setup(app: Sphinx) -> None:
    """Register the directives and the role."""
    app.add_directive("finder", Finder)
    app.add_directive("facet-table", FacetTable)
    app.add_role("finder", FinderLink())
    serve(app, "finder", styles=["finder.css"], scripts=["finder.js"])

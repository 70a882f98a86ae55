"""How works are cited and listed: authors and years, as in Huber (1964), and a list without labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle


def setup(app: Sphinx) -> None:
    """Connect with sphinxcontrib-bibtex; ``bibtex_reference_style: author_year_round`` uses the style."""
    register_plugin("sphinxcontrib.bibtex.style.referencing", "author_year_round", RoundBrackets)
    app.add_post_transform(PlainList)


def _round() -> BracketStyle:
    return BracketStyle(left="(", right=")")


@dataclass
class RoundBrackets(AuthorYearReferenceStyle):
    """Square brackets are for labels."""

    bracket_parenthetical: BracketStyle = field(default_factory=_round)
    bracket_textual: BracketStyle = field(default_factory=_round)
    bracket_author: BracketStyle = field(default_factory=_round)
    bracket_label: BracketStyle = field(default_factory=_round)
    bracket_year: BracketStyle = field(default_factory=_round)


class PlainList(SphinxPostTransform):
    """The bibliography as a list without labels, and without docutils' roles for it, which ARIA has withdrawn."""

    default_priority = 6  # after sphinxcontrib-bibtex's own, at 5

    def run(self, **kwargs: Any) -> None:
        entries = list(self.document.findall(nodes.citation))
        if not entries:
            return
        whole = nodes.bullet_list(classes=["lb-bibliography"])
        entries[0].replace_self(whole)
        for entry in entries[1:]:
            entry.parent.remove(entry)
        for entry in entries:
            text = [child for child in entry.children if not isinstance(child, nodes.label)]
            whole += nodes.list_item("", *text, ids=entry["ids"])

"""Directives with files of their own, and what a page can say only when all pages are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lossbook.sphinx.markup import raw


def serve(app: Sphinx, directive: str, *, styles: Sequence[str] = (), scripts: Sequence[str] = ()) -> None:
    """Load style sheets and scripts on the pages that use a directive, which `mark`s them, and on no others."""

    def add(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
        if page in pages_with(app, directive):
            for name in styles:
                app.add_css_file(name, priority=910)  # after book.css
            for place, name in enumerate(scripts):
                app.add_js_file(name, priority=510 + place, loading_method="defer")

    app.connect("html-page-context", add)


def mark(directive: SphinxDirective) -> None:
    """Note that the page uses this directive."""
    directive.env.metadata[directive.env.docname].setdefault("lossbook_uses", []).append(directive.name)


def pages_with(app: Sphinx, directive: str) -> list[str]:
    """The pages that use a directive which marks them."""
    return sorted(page for page, noted in app.env.metadata.items() if directive in noted.get("lossbook_uses", ()))


def add_late(app: Sphinx, name: str, write: Callable[[Sphinx, str], str]) -> None:
    """Add a directive without content; when all pages are written, its place on a page is filled with ``write(app, page)``.

    The site is always written afresh (see build.py), so that no place is filled twice.
    """
    place = f'<div class="lb-{name}"></div>'

    class Late(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            mark(self)
            return [raw(place)]

    def fill(app: Sphinx, exception: Exception | None) -> None:
        if exception is None and app.builder.name == "html":
            for page in pages_with(app, name):
                path = Path(app.outdir) / f"{page}.html"
                path.write_text(path.read_text(encoding="utf-8").replace(place, write(app, page)), encoding="utf-8")

    app.add_directive(name, Late)
    app.connect("build-finished", fill)

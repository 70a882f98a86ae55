"""The book's Sphinx extension: its directives, its static files, and the site around the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from lossbook.sphinx import cheatsheet, finder, quiz, site
from lossbook.sphinx.admonitions import Warning
from lossbook.sphinx.cards import Equivalents, LossCard, LossTable
from lossbook.sphinx.cheatsheet import CheatSheet
from lossbook.sphinx.lossindex import LossIndex
from lossbook.sphinx.questions import Question, add_questions

HERE = Path(__file__).parent


def add_directives(app: Sphinx) -> None:
    """The directives alone, for any Sphinx project that reads MyST."""
    app.add_directive("loss-card", LossCard)
    app.add_directive("loss-table", LossTable)
    app.add_directive("equivalents", Equivalents)
    app.add_directive("cheat-sheet", CheatSheet)
    app.add_directive("loss-index", LossIndex)
    app.add_directive("question", Question)
    app.add_directive("warning", Warning, override=True)
    add_questions(app)
    finder.setup(app)
    quiz.setup(app)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    add_directives(app)
    app.connect("config-inited", lambda app, config: config.templates_path.append(str(HERE / "templates")))
    app.connect("builder-inited", lambda app: app.config.html_static_path.append(str(HERE / "static")))
    app.add_css_file("book.css", priority=900)
    app.add_js_file("explore.js", loading_method="defer")
    site.setup(app)
    cheatsheet.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

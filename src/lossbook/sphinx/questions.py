"""``{question}``: a question with its answer folded away, collected for the drill and the deck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

LEVELS = ("screen", "core", "hard")


@dataclass(frozen=True)
class Collected:
    """A question of the book, as ``env.lossbook_questions[id]`` holds it."""

    id: str
    docname: str
    level: str
    question: nodes.Node
    answer: tuple[nodes.Node, ...]
    line: int


class question_node(nodes.General, nodes.Element):
    """Renders as ``<details>``: it opens without a script."""


class question_title(nodes.TextElement):
    """The question itself."""


class Question(SphinxDirective):
    """The text after the name is the question, the body its answer; ``:level:`` and ``:id:`` are required."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {  # noqa: RUF012 - docutils declares it so
        "level": lambda given: directives.choice(given, LEVELS),
        "id": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        for option in ("level", "id"):
            if option not in self.options:
                raise self.error(f"a question needs :{option}:{' ' + ' | '.join(LEVELS) if option == 'level' else ' of its own'}")
        if not self.content:
            raise self.error("a question needs an answer: the body of the directive is empty")
        identifier = nodes.make_id(self.options["id"])
        known = getattr(self.env, "lossbook_questions", {})
        if identifier in known and known[identifier].docname != self.env.docname:
            raise self.error(f"the question id {identifier!r} is taken on {known[identifier].docname}")
        inline, messages = self.state.inline_text(self.arguments[0], self.lineno)
        title = question_title(self.arguments[0], "", *inline)
        body = nodes.container(classes=["lb-answer"])
        self.state.nested_parse(self.content, self.content_offset, body)
        made = question_node("", title, body, ids=[identifier], level=self.options["level"])
        self.set_source_info(made)
        self.state.document.note_explicit_target(made)
        return [made, *messages]


def _collect(app: Sphinx, doctree: nodes.document) -> None:
    env = app.env
    known: dict[str, Collected] = getattr(env, "lossbook_questions", {})
    env.lossbook_questions = known  # type: ignore[attr-defined]
    for node in doctree.findall(question_node):
        title, answer = node.children
        assert isinstance(answer, nodes.Element)
        identifier = node["ids"][0]
        known[identifier] = Collected(
            identifier, env.docname, node["level"], title.deepcopy(), tuple(c.deepcopy() for c in answer.children), node.line or 0
        )


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    kept = {k: q for k, q in getattr(env, "lossbook_questions", {}).items() if q.docname != docname}
    env.lossbook_questions = kept  # type: ignore[attr-defined]


def _merge(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    known = getattr(env, "lossbook_questions", {})
    for identifier, collected in getattr(other, "lossbook_questions", {}).items():
        if identifier in known and known[identifier].docname != collected.docname:
            raise ExtensionError(f"the question id {identifier!r} is on {known[identifier].docname} and on {collected.docname}")
        if collected.docname in docnames:
            known[identifier] = collected
    env.lossbook_questions = known  # type: ignore[attr-defined]


def _visit_html(self: Any, node: question_node) -> None:
    self.body.append(self.starttag(node, "details", CLASS="lb-question"))


def _depart_html(self: Any, node: question_node) -> None:
    self.body.append(f'<p><a class="lb-link" href="#{node["ids"][0]}">Link to this question</a></p></div></details>\n')


def _visit_title_html(self: Any, node: question_title) -> None:
    self.body.append('<summary><span class="lb-asked">')


def _depart_title_html(self: Any, node: question_title) -> None:
    self.body.append(f'</span><span class="lb-level">{node.parent["level"]}</span></summary><div>\n')


def _visit_text(self: Any, node: nodes.Element) -> None:
    self.new_state(0)


def _depart_text(self: Any, node: nodes.Element) -> None:
    self.end_state()


def _visit_latex(self: Any, node: nodes.Element) -> None:
    self.body.append("\n\n")


def add_questions(app: Sphinx) -> None:
    """Register the nodes and the collection."""
    app.add_node(
        question_node, html=(_visit_html, _depart_html), text=(_visit_text, _depart_text), latex=(_visit_latex, _visit_latex)
    )
    app.add_node(
        question_title,
        html=(_visit_title_html, _depart_title_html),
        text=(_visit_text, _depart_text),
        latex=(_visit_latex, _visit_latex),
    )
    app.connect("doctree-read", _collect)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)

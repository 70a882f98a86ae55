"""``{warning}`` with a title: the one that stands after its name, as in ``:::{warning} Often stated wrongly``."""

from __future__ import annotations

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class Warning(SphinxDirective):
    """docutils reads the words after the name as the first line of the text, and always says "Warning"."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        words = self.arguments[0] if self.arguments else "Warning"
        inline, messages = self.state.inline_text(words, self.lineno)
        made = nodes.admonition("", nodes.title(words, "", *inline), classes=["warning"])
        self.state.nested_parse(self.content, self.content_offset, made)
        return [made, *messages]

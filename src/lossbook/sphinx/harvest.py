"""The questions as they stand on the built pages: what the drill and the deck are made of.

They are read off the site and not out of Sphinx's trees: there every formula is set, every reference resolved and
every image in its place, and only the links still count from the page they were on.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lossbook.sphinx.markup import relative


@dataclass(frozen=True)
class Asked:
    """A question of the book: ``question`` and ``answer`` are HTML whose links count from ``page``."""

    id: str
    page: str
    page_title: str
    level: str
    question: str
    answer: str

    @property
    def part(self) -> str:
        """The folder of its page."""
        return self.page.partition("/")[0]


_START = re.compile(r'<details class="lb-question" id="([^"]+)">\s*')
_FORM = re.compile(
    r'<summary><span class="lb-asked">(?P<question>.*?)</span><span class="lb-level">(?P<level>\w+)</span></summary>'
    r'<div>\s*<div class="lb-answer[^"]*">(?P<answer>.*)</div>\s*<p><a class="lb-link".*?</a></p></div>\s*',
    re.S,
)
_EDGE = re.compile(r"<(/?)details\b")
_LINK = re.compile(r'\b(href|src)="([^"]*)"')


def questions(site: Path, pages: Iterable[str]) -> Iterator[Asked]:
    """Every question of the built pages, in order; ValueError where one is not in the form that this module reads."""
    for page in pages:
        text = (site / f"{page}.html").read_text(encoding="utf-8")
        title = re.search(r"<title>(.*?)(?: &#8212; [^<]*)?</title>", text, re.S)
        for start in _START.finditer(text):
            form = _FORM.fullmatch(text, start.end(), _end(text, start.end()))
            if form is None or title is None:
                raise ValueError(f"{page}: the question {start[1]} is not in the form that the drill reads")
            yield Asked(
                start[1], page, html.unescape(title[1]).strip(), form["level"], form["question"].strip(), form["answer"].strip()
            )


def _end(text: str, start: int) -> int:
    """Where the ``<details>`` ends whose content begins here; an answer may hold others."""
    depth = 1
    for edge in _EDGE.finditer(text, start):
        depth += -1 if edge[1] else 1
        if not depth:
            return edge.start()
    return len(text)


def rebased(fragment: str, page: str, onto: str) -> str:
    """HTML of one page with its links and images counted from another."""

    def moved(match: re.Match[str]) -> str:
        attribute, address = match[1], match[2]
        parts = urlsplit(html.unescape(address))
        if parts.scheme or parts.netloc:
            return match[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(page), parts.path)) if parts.path else f"{page}.html"
        ending = (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
        return f'{attribute}="{html.escape(relative(there, onto) + ending)}"'

    return _LINK.sub(moved, fragment)

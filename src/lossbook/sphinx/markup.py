"""HTML for the pages: a piece of it as a node, templates filled in, what parts are called and where files lie."""

from __future__ import annotations

import posixpath
from pathlib import Path

from docutils import nodes
from jinja2 import Environment, FileSystemLoader

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def raw(text: str) -> nodes.raw:
    """HTML as it stands; other formats leave it out."""
    return nodes.raw("", text, format="html")


def part_title(part: str) -> str:
    """What readers call a part, whose name is that of its folder."""
    return part.replace("_", " ").capitalize()


def relative(file: str, page: str) -> str:
    """Where a file of the site lies, counted from a page; both are named from the top of the site."""
    return posixpath.relpath(file, posixpath.dirname(page) or ".")


def fill(template: str, **values: object) -> str:
    """A template of the folder templates/ with its values, escaped unless it says that they are HTML."""
    return TEMPLATES.get_template(template).render(**values)

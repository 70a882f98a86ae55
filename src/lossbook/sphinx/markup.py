"""HTML for the pages: a piece of it as a node, and templates filled in."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from jinja2 import Environment, FileSystemLoader

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def raw(text: str) -> nodes.raw:
    """HTML as it stands; other formats leave it out."""
    return nodes.raw("", text, format="html")


def fill(template: str, **values: object) -> str:
    """A template of the folder templates/ with its values, escaped unless it says that they are HTML."""
    return TEMPLATES.get_template(template).render(**values)

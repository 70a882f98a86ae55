"""``{loss-index}``: every name that a loss goes by, here and in other libraries, each with the page that it leads to."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator

from docutils import nodes

from lossbook import catalogue
from lossbook.loss import Loss
from lossbook.sphinx.cards import MystDirective
from lossbook.sphinx.markup import raw

#: What a library's name begins with in a call; torch itself is arithmetic, and its losses are under F.
LIBRARIES = ("F", "keras", "kornia", "optax", "scipy", "scoringrules", "sklearn", "sm")
_CLASS = re.compile(r"[A-Z]\w*Loss|[A-Z]\w*[a-z0-9][A-Z]\w+")


def entries() -> dict[str, list[Loss]]:
    """The losses by every name of theirs, in the order of the alphabet: name, title, aliases, functions of libraries."""
    found: dict[str, list[Loss]] = {}
    for loss in catalogue.values():
        for name in dict.fromkeys([*names(loss), *library_names(loss)]):
            found.setdefault(name, []).append(loss)
    return dict(sorted(found.items(), key=lambda entry: (sort_key(entry[0]), entry[0])))


def names(loss: Loss) -> list[str]:
    """What the catalogue knows a loss by: its name in code, its title, its aliases."""
    return [loss.name, loss.card.title, *loss.card.aliases]


def library_names(loss: Loss) -> list[str]:
    """The functions that the card's calls are made of, without those that only prepare their arguments."""
    return [name for e in loss.card.equivalents for name in _called(ast.parse(e.call, mode="eval").body)]


def _called(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.BinOp(left=left, right=right):
            yield from _called(left)
            yield from _called(right)
        case ast.UnaryOp(operand=operand):
            yield from _called(operand)
        case ast.Subscript(value=value):
            yield from _called(value)
        case ast.Call(func=ast.Call() as maker):  # of an object that is then called
            yield from _called(maker)
        case ast.Call(func=function):
            name = ast.unparse(function)
            if name.partition(".")[0] in LIBRARIES and re.fullmatch(r"[\w.]+", name):
                yield name
            elif isinstance(function, ast.Attribute):  # the method of what a call returns
                yield from _called(function.value)


def sort_key(name: str) -> str:
    """Where the alphabet has a name: by its last part, without marks and capitals."""
    plain = unicodedata.normalize("NFKD", name.rpartition(".")[2])
    return "".join(c for c in plain.lower() if c.isalnum() or c == " ").strip()


class LossIndex(MystDirective):
    """The index, a list under each letter."""

    def run(self) -> list[nodes.Node]:
        letters: dict[str, list[str]] = {}
        for name, losses in entries().items():
            letters.setdefault(sort_key(name)[0].upper(), []).append(f"- {_entry(name, losses)}")
        index = nodes.container(classes=["lb-index"], is_div=True)
        links = " ".join(f'<a href="#names-{letter.lower()}">{letter}</a>' for letter in letters)
        index += raw(f'<nav aria-label="Letters">{links}</nav>')
        for letter, of_letter in letters.items():
            index += raw(f'<h2 id="names-{letter.lower()}">{letter}</h2>')
            index += self.parse("\n".join(of_letter))
        return [index]


def _entry(name: str, losses: list[Loss]) -> str:
    """A name and what it leads to; a title is its own link."""
    if name == losses[0].card.title:
        return f"[{name}](/{losses[0].page}.md)"
    pages = dict.fromkeys(f"[{loss.card.title}](/{loss.page}.md)" for loss in losses)
    return f"{f'`{name}`' if is_code(name) else name}: {', '.join(pages)}"


def is_code(name: str) -> bool:
    """Whether a name is one that is typed: of a function, or of a class such as BCEWithLogitsLoss."""
    return name in list(catalogue) or "_" in name or "." in name or bool(_CLASS.fullmatch(name))

"""The data of the chapters: text that is only text."""

import re

import pytest

from lossbook import data
from lossbook.sphinx.prose import prose


def test_pages_are_plain_sentences():
    pages = data.pages()
    assert len(pages) == 12
    for name, text in pages.items():
        assert re.fullmatch(r"[a-z0-9 .,;:!?'()%-]{10000,}", text), name
        assert "  " not in text
        assert text.count(". ") > 100, name


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("---\nkernelspec: python3\n---\n\n# A title\n\nA *plain* line.\n", "a title a plain line."),
        ("Before.\n\n```{code-cell} python\nx = 1\n```\n\nAfter.", "before. after."),
        (":::{warning} Often said\n:class: x\nIt is $\\tfrac12$, see [here](a.md).\n:::", "it is x, see here."),
        ("A {term}`kink <kinks>` by {cite:t}`somebody`: {eq}`eq-a`.", "a kink by : the equation."),
        ("$$\na = b\n$$ (eq-a)\n\nEnd — “quoted”.", "end - quoted ."),
    ],
)
def test_prose_leaves_the_sentences(markdown, text):
    assert prose(markdown) == text

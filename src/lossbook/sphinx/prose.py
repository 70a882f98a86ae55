"""The prose of the book's pages: ``python -m lossbook.sphinx.prose`` writes the sample that `lossbook.data.pages` reads.

The sample is a copy: if it followed the pages, every correction of one would change the numbers that another prints.
"""

from __future__ import annotations

import re
from pathlib import Path

from lossbook.data import SAMPLE

#: What is no prose, and what stands in its place, in this order.
RULES = [
    (r"\A---\n.*?\n---\n", ""),  # front matter
    (r"^(`{3,})\{code-cell\}.*?^\1$", ""),
    (r"\$\$.*?\$\$(?: \([\w-]+\))?", ""),
    (r"^\s*(?::{3,}|`{3,})[^\n]*$", ""),  # fences of directives; what they hold stays
    (r"^:[\w-]+:[^\n]*$", ""),  # their options
    (r"^\|[^\n]*$", ""),  # tables
    (r"^\([^\n]*\)=$", ""),
    (r"\{eq\}`[^`]*`", "the equation"),
    (r"\{(?:cite|doc|ref)[^}]*\}`[^`]*`", ""),
    (r"\{\w+\}`([^<`]*?)(?: <[^`]*>)?`", r"\1"),
    (r"\$[^$]*\$", "x"),
    (r"\[([^\]]*)\]\([^)]*\)", r"\1"),
    (r"[*#`_]", ""),
    ("[‘’]", "'"),
    ("[–—−]", "-"),
    (r"[^a-z0-9 .,;:!?'()%\n-]", " "),
    (r"\s+", " "),
]


def prose(markdown: str) -> str:
    """The sentences of a page in lower case, with single spaces: no code, no tables; a formula is the letter x."""
    text = markdown
    for pattern, instead in RULES:
        text = re.sub(pattern, instead, text, flags=re.M | re.S | re.I)
    return text.lower().strip()


def main() -> None:
    """Write the prose of the pages on regression, a line each, its name first."""
    book = Path(__file__).parents[3] / "book"
    pages = sorted(book.glob("regression/*.md"))
    lines = [f"{page.stem}\t{prose(page.read_text(encoding='utf-8'))}\n" for page in pages]
    SAMPLE.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()

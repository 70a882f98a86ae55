"""Every page runs as a notebook, without the build; what its live figures show on the site is what a kernel draws.

Once each, in this process: a kernel a page costs seconds and now and then does not come up on a busy machine.
"""

from __future__ import annotations

import ast
import contextlib
import html
import io
import json
import os
import re
from pathlib import Path

import matplotlib as mpl
import nbformat
import pytest
import torch
from test_figures import overhang

from lossbook import figures
from lossbook.sphinx.sources import Sources

ROOT = Path(__file__).parents[1]
SOURCES = Sources(ROOT)
PAGES = [page for page in SOURCES.pages() if "{code-cell}" in SOURCES.path(page).read_text(encoding="utf-8")]


@pytest.fixture(autouse=True)
def as_in_a_new_kernel():
    """Pages share this process, and some compute in float64 throughout."""
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(1)


def run(page, monkeypatch):
    """Run the cells of a page's notebook in order, and return the live figures that they made."""
    made = []
    original = figures.explore
    monkeypatch.setattr(figures, "explore", lambda *args, **options: made.append(original(*args, **options)) or made[-1])
    namespace = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in nbformat.read(SOURCES.html / "_notebooks" / f"{page}.ipynb", as_version=4).cells:
            if cell.cell_type == "code":
                run_cell(cell.source, f"book/{page}.md", namespace)
    return made


def run_cell(source, name, namespace):
    """Run one cell; what its last line is worth must be printable."""
    *statements, last = ast.parse(source, name).body
    shown = isinstance(last, ast.Expr)
    exec(compile(ast.Module([*statements, *([] if shown else [last])], []), name, "exec"), namespace)
    if shown:
        assert repr(eval(compile(ast.Expression(last.value), name, "eval"), namespace))


def built(page):
    """For each live figure of the built page: its alternative text, frames and sentences."""
    text = (SOURCES.html / f"{page}.html").read_text(encoding="utf-8")
    for figure in re.findall(r'<figure class="lb-explore".*?</figure>', text, re.S):
        data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', figure, re.S)[1])
        alt = html.unescape(re.search(r'<img alt="(.*?)" width', figure, re.S)[1])
        drawings = ["".join(data["pieces"][i] for i in frame) for frame in data["frames"]]
        yield alt, drawings, [data["words"][i] for i in data["says"]]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_as_a_notebook(page, monkeypatch):
    """No cell fails, and both faces of each live figure agree, also once the last cell has run."""
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if k != "LOSSBOOK_STATIC"})
    mpl.use("agg")
    explorers = run(page, monkeypatch)
    shown = list(built(page))
    assert [e.alt for e in explorers] == [alt for alt, _, _ in shown]
    for explorer, (alt, drawings, words) in zip(explorers, shown, strict=True):
        combinations = list(explorer.combinations())
        assert len(combinations) == len(drawings)
        for index in {0, combinations.index(explorer.start), len(combinations) // 2, len(combinations) - 1}:
            fresh = explorer.frame(**combinations[index])
            assert fresh.words == words[index], f"{alt!r} at {combinations[index]}"
            assert fresh.svg.replace("\n", "") == drawings[index], f"{alt!r} at {combinations[index]}"
            assert overhang(explorer, combinations[index]) < 3, f"{alt!r} at {combinations[index]}: a label is cut off"

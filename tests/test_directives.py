"""The book's directives, in a small Sphinx project of their own: what they show, collect and refuse."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from lossbook import catalogue
from lossbook.sphinx.social import social_card

ROOT = Path(__file__).parents[1]
CONF = """
from lossbook.sphinx import add_directives as setup
extensions = ["myst_parser", "sphinxcontrib.bibtex"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
"""
QUESTION = ":::{question} Is $e^2$ *convex*?\n:level: core\n:id: is-it-convex\n\n**In short.** Yes.\n:::\n"


class Project:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "conf.py").write_text(CONF)
        shutil.copy(ROOT / "book" / "references.bib", folder)

    def build(self, **pages):
        """Build pages given as keywords; returns the application and the warnings."""
        contents = "".join(f"{name}\n" for name in pages)
        (self.folder / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{contents}works\n```\n", encoding="utf-8")
        (self.folder / "works.md").write_text("# Works\n\n```{bibliography}\n:all:\n```\n", encoding="utf-8")
        for name, text in pages.items():
            (self.folder / f"{name}.md").write_text(f"# {name}\n\n{text}", encoding="utf-8")
        warnings = io.StringIO()
        out = self.folder / "_out"
        with docutils_namespace():  # another project in the same process registers its nodes again
            app = Sphinx(self.folder, self.folder, out, out / ".doctrees", "html", status=None, warning=warnings)
            app.build()
        return app, re.sub(r"\x1b\[[0-9;]*m", "", warnings.getvalue())

    def html(self, page):
        return (self.folder / "_out" / f"{page}.html").read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def test_every_loss_has_a_card_and_equivalents(tmp_path):
    project = Project(tmp_path / "project")
    pages = {name: f":::{{loss-card}} {name}\n:::\n\n:::{{equivalents}} {name}\n:::\n" for name in catalogue}
    _, warnings = project.build(**pages)
    assert warnings == ""
    pins = dict(
        re.findall(
            r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text(), re.M
        )
    )
    for name, loss in catalogue.items():
        page = project.html(name)
        for term in ("What", "Why", "How", "Used for", "Noise model" if loss.targets else "Prior", "Properties", "References"):
            assert f"<dt>{term}</dt>" in page
        assert all(f"<dt>Parameter {p}</dt>" in page for p in loss.card.parameters)
        for equivalent in loss.card.equivalents:
            call = re.sub(r"\s+", "", equivalent.call).replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
            assert call in re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", page)), equivalent.call
            if equivalent.library == "PyTorch":
                assert f"PyTorch {pins['torch']}" in page


def test_cards_say_their_properties_in_words():
    for loss in catalogue.values():
        claims = {name for name, claim in vars(loss.card.properties).items() if isinstance(claim, str)}
        assert set(loss.card.words) == claims, loss.name


def test_the_table_of_a_part_lists_all_its_losses(project):
    names = [name for name, loss in catalogue.items() if loss.card.part == "regression"]
    (project.folder / "regression").mkdir()
    for name in names:
        (project.folder / "regression" / f"{name}.md").write_text(f"---\norphan: true\n---\n# {name}\n")
    _, warnings = project.build(overview=":::{loss-table} regression\n:::\n")
    links = re.findall(r'href="regression/(\w+)\.html"', project.html("overview"))
    assert [*dict.fromkeys(links)] == names, warnings


def test_a_question_folds_without_a_script_and_is_collected(project):
    app, warnings = project.build(page=QUESTION)
    assert warnings == ""
    page = project.html("page")
    assert re.search(r'<details class="lb-question" id="is-it-convex">\s*<summary>', page)
    assert 'href="#is-it-convex"' in page
    collected = app.env.lossbook_questions["is-it-convex"]
    assert (collected.docname, collected.level) == ("page", "core")
    assert collected.question.astext() == "Is e^2 convex?"
    assert "Yes." in collected.answer[0].astext()


def test_a_question_that_is_gone_is_forgotten(project):
    project.build(page=QUESTION)
    app, _ = project.build(page="Nothing is asked here.")
    assert app.env.lossbook_questions == {}


def test_a_warning_carries_its_title(project):
    project.build(page=':::{warning} Often stated wrongly\n"It is convex."\n:::\n')
    assert re.search(
        r'<div class="warning admonition">\s*<p class="admonition-title">Often stated wrongly</p>', project.html("page")
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (":::{loss-card} hubber\n:::\n", "no loss is called 'hubber'; did you mean huber"),
        (":::{equivalents} nothing\n:::\n", "no loss is called 'nothing'"),
        (":::{loss-table} cooking\n:::\n", "no loss is in the part 'cooking'"),
        (QUESTION.replace(":id: is-it-convex\n", ""), "a question needs :id: of its own"),
        (QUESTION.replace(":level: core\n", ""), r"a question needs :level: screen \| core \| hard"),
        (QUESTION.replace("core", "easy"), "easy"),
        (QUESTION.replace("**In short.** Yes.\n", ""), "a question needs an answer"),
    ],
)
def test_what_is_wrong_is_said(project, text, message):
    _, warnings = project.build(page=text)
    assert re.search(message, warnings)
    assert "page.md" in warnings


def test_an_id_belongs_to_one_question(project):
    _, warnings = project.build(one=QUESTION, two=QUESTION)
    assert re.search("the question id 'is-it-convex' is taken on (one|two)", warnings)


@pytest.mark.parametrize("page", sorted({loss.page for loss in catalogue.values()}))
def test_every_page_of_a_loss_has_a_picture_to_share(page: str, tmp_path: Path) -> None:
    social_card("The Loss Book", "A title", "What it is.", page, tmp_path / "drawn", tmp_path / "card.png")
    assert (tmp_path / "card.png").read_bytes().startswith(b"\x89PNG")

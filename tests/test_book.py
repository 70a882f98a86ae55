"""The chapters as text: one skeleton kept everywhere, a page for every loss, a full answer for every question."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn.feature_extraction.text import TfidfVectorizer

from lossbook import catalogue

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
#: Of the parts that have begun: a part is begun when it has a folder, and then every loss of it has a page.
LOSS_PAGES = sorted({loss.page for loss in catalogue.values() if (BOOK / loss.card.part).is_dir()})
#: Pages on an option of a loss that has its page elsewhere: they keep a loss page's skeleton, and show that loss's card.
OPTION_PAGES = {"classification/label_smoothing": ["sparse_softmax_cross_entropy"]}
PAGES = sorted(p.relative_to(BOOK).as_posix() for p in BOOK.rglob("*.md"))
SECTIONS = ["See it", "Definition", "Check it", "Derivation", "How it behaves", "In your library", "Questions", "References"]

#: Pages that are not about one loss: the sections that they have, in this order, among those of their own.
CONCEPT = ["See it", "Say it", "Check it", "Prove it", "Questions", "References"]
ASSUMPTION = ["See it", "Why it matters", "What breaks", "Test it", "Mend it", "Questions", "References"]
CASE = ["See it", "The question", "What changed", "Questions", "References"]
SKELETONS = {
    "foundations/what_is_a_loss": CONCEPT,
    "foundations/likelihood": CONCEPT,
    "foundations/reductions": CONCEPT,
    "foundations/gradients": CONCEPT,
    "foundations/numerics": CONCEPT,
    "foundations/debugging": CONCEPT,
    "linear_regression/assumptions": CONCEPT,
    "linear_regression/linearity": ASSUMPTION,
    "linear_regression/independence": ASSUMPTION,
    "linear_regression/homoscedasticity": ASSUMPTION,
    "linear_regression/multicollinearity": ASSUMPTION,
    "linear_regression/normality": ASSUMPTION,
    "linear_regression/case_study": CASE,
}

#: Pages that are made from the others, each in a form of its own.
PRACTICE = [
    f"practice/{name}"
    for name in ("drill", "anki", "choose", "quiz", "bug_lab", "often_stated_wrongly", "cheat_sheet", "losses")
]

QUESTION = re.compile(r"^(?P<fence>:{3,}|`{3,})\{question\} (?P<title>[^\n]+)\n(?P<body>.*?)^(?P=fence)\s*$", re.M | re.S)


def text_of(page):
    return (BOOK / page).read_text(encoding="utf-8")


def toc_pages(node):
    found = [node[key] for key in ("root", "file") if key in node]
    for key in ("parts", "chapters", "sections", "subtrees", "entries"):
        for child in node.get(key, []):
            found += toc_pages(child)
    return found


def questions():
    for page in PAGES:
        for match in QUESTION.finditer(text_of(page)):
            options = dict(re.findall(r"^:(\w+): *(.+)$", match["body"], re.M))
            answer = re.sub(r"^:\w+:.*$", "", match["body"], flags=re.M)
            yield page, match["title"], options, answer


QUESTIONS = list(questions())


def sections(text, skeleton):
    """The headings of a page that its skeleton names, in the page's order."""
    return [heading for heading in re.findall(r"^## (.+)$", text, re.M) if heading in skeleton]


@pytest.mark.parametrize("page", [*LOSS_PAGES, *OPTION_PAGES])
def test_a_loss_page_keeps_the_skeleton(page):
    text = text_of(f"{page}.md")
    assert sections(text, SECTIONS) == SECTIONS
    before = text.index("## See it")
    assert "{loss-card}" in text[:before], "the card stands before the first figure"
    assert "explore(" in text[before : text.index("## Definition")], "a live figure comes before any algebra"
    assert ".check(" in text[text.index("## Check it") : text.index("## Derivation")]
    name = page.rpartition("/")[2].replace("_", "-")
    for label in (f"(eq-{name})", f"(eq-{name}-grad)"):
        assert label in text, f"the equation {label} is missing"
    assert text.count("{question}") >= 5
    assert "{equivalents}" in text


@pytest.mark.parametrize("page", SKELETONS)
def test_a_page_on_an_idea_keeps_the_skeleton(page):
    text = text_of(f"{page}.md")
    assert sections(text, SKELETONS[page]) == SKELETONS[page]
    first, second = SKELETONS[page][:2]
    assert "explore(" in text[text.index(f"## {first}") : text.index(f"## {second}")], "a live figure comes before any algebra"
    assert text.count("{question}") >= 5


@pytest.mark.parametrize("page", [*LOSS_PAGES, *OPTION_PAGES])
def test_card_and_equivalents_name_the_losses_of_the_page(page):
    here = OPTION_PAGES.get(page) or [loss.name for loss in catalogue.values() if loss.page == page]
    for directive in ("loss-card", "equivalents"):
        assert re.search(rf"\{{{directive}\}} (.+)", text_of(f"{page}.md"))[1].split() == here


@pytest.mark.parametrize("part", sorted(p.name for p in BOOK.iterdir() if p.is_dir() and p.name not in ("_static", "practice")))
def test_a_page_in_a_part_is_the_index_or_a_loss_or_on_an_idea(part):
    here = {p.relative_to(BOOK).with_suffix("").as_posix() for p in (BOOK / part).glob("*.md")}
    known = {page for page in (*LOSS_PAGES, *OPTION_PAGES, *SKELETONS, *PRACTICE) if page.startswith(f"{part}/")}
    index = f"{part}/index"
    assert here == known | ({index} & here)
    if index in here:
        assert "explore(" in text_of(f"{index}.md")
        assert f"{{loss-table}} {part}" in text_of(f"{index}.md")
    else:
        assert known & {*SKELETONS, *PRACTICE}, "a part of losses alone has an index that compares them"


def test_every_page_is_in_the_table_of_contents():
    listed = toc_pages(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    assert sorted(f"{page.removesuffix('.md')}.md" for page in listed) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_finished(page):
    text = text_of(page)
    assert not re.search(r"\b(TODO|FIXME|XXX|TBD|lorem ipsum|coming soon)\b", text, re.I)
    assert len(re.findall(r"^# ", re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.M | re.S), re.M)) == 1, "one title"
    assert "\N{REPLACEMENT CHARACTER}" not in text


@pytest.mark.parametrize("page", [p for p in PAGES if "explore(" in text_of(p) or "show(" in text_of(p)])
def test_every_figure_has_an_alternative_text(page):
    text = text_of(page)
    calls = len(re.findall(r"^(?:explore|show)\(", text, re.M))
    assert calls == len(re.findall(r"\balt=", text))


def test_questions_have_their_own_ids():
    ids = [options["id"] for _, _, options, _ in QUESTIONS]
    assert len(ids) == len(set(ids))
    assert sum(text_of(p).count("{question}") for p in PAGES) == len(QUESTIONS)


@pytest.mark.parametrize(("page", "title", "options", "answer"), QUESTIONS, ids=[o.get("id", t) for _, t, o, _ in QUESTIONS])
def test_a_question_is_answered_in_full(page, title, options, answer):
    assert options["level"] in ("screen", "core", "hard")
    assert len(answer.split()) >= 60
    for part in ("**In short.**", "**Why.**", "usual wrong answer"):
        assert part in answer


def test_no_two_questions_ask_the_same():
    """By their words: what two questions have in common counts once, what two answers have in common twice."""

    def alike(texts):
        rows = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)).fit_transform(texts)
        return (rows @ rows.T).toarray()

    shared = alike([title for _, title, _, _ in QUESTIONS]) + 2 * alike([answer for *_, answer in QUESTIONS])
    twins = np.argwhere(np.triu(shared, 1) > 0.75)
    assert not [[QUESTIONS[i][2]["id"] for i in pair] for pair in twins]

"""The chapters as text: one skeleton kept everywhere, a page for every loss, a full answer for every question."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from lossbook import catalogue

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
PARTS = sorted({loss.card.part for loss in catalogue.values()})
LOSS_PAGES = sorted({(loss.card.part, loss.card.page or loss.name) for loss in catalogue.values()})
PAGES = sorted(p.relative_to(BOOK).as_posix() for p in BOOK.rglob("*.md"))
SECTIONS = ["See it", "Definition", "Check it", "Derivation", "How it behaves", "In your library", "Questions", "References"]

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


@pytest.mark.parametrize(("part", "name"), LOSS_PAGES)
def test_a_loss_page_keeps_the_skeleton(part, name):
    text = text_of(f"{part}/{name}.md")
    assert [h for h in re.findall(r"^## (.+)$", text, re.M) if h in SECTIONS] == SECTIONS
    before = text.index("## See it")
    assert "{loss-card}" in text[:before], "the card stands before the first figure"
    assert "explore(" in text[before : text.index("## Definition")], "a live figure comes before any algebra"
    assert ".check(" in text[text.index("## Check it") : text.index("## Derivation")]
    for label in (f"(eq-{name.replace('_', '-')})", f"(eq-{name.replace('_', '-')}-grad)"):
        assert label in text, f"the equation {label} is missing"
    assert text.count("{question}") >= 5
    assert "{equivalents}" in text


@pytest.mark.parametrize(("part", "name"), LOSS_PAGES)
def test_card_and_equivalents_name_the_losses_of_the_page(part, name):
    here = [loss.name for loss in catalogue.values() if (loss.card.part, loss.card.page or loss.name) == (part, name)]
    for directive in ("loss-card", "equivalents"):
        assert re.search(rf"\{{{directive}\}} (.+)", text_of(f"{part}/{name}.md"))[1].split() == here


@pytest.mark.parametrize("part", PARTS)
def test_a_page_in_a_part_is_the_index_or_a_loss(part):
    names = {p.stem for p in (BOOK / part).glob("*.md")}
    assert names == {"index"} | {name for p, name in LOSS_PAGES if p == part}
    index = text_of(f"{part}/index.md")
    assert "explore(" in index
    assert f"{{loss-table}} {part}" in index


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

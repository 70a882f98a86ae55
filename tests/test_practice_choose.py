"""The finder and the guide under it: in a real browser, what is kept is what the cards say, and a shared address says it too.

Needs the book built (`make book`) and Chromium: without either the tests fail and say so.
"""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from instances import INSTANCES, Instance
from test_directives import Project
from visit import SITE, Visit

from lossbook import catalogue
from lossbook.card import Card, Properties, evaluate
from lossbook.domain import Interval
from lossbook.loss import Loss
from lossbook.sphinx.facets import FACETS, GROUPS, kind

PAGE = "practice/choose.html"
SOURCE = SITE.parents[1] / "book" / "practice" / "choose.md"

# What each facet means, said once more, from domains, axes, strings and the parameters that the tests try.

NUMBERS, COUNTS, ROWS, SIGNS = "(−∞, ∞)", "[0, ∞)", "the probability simplex", "{−1, 1}"
YES_NO, CHANCE, LABELS = "{0, 1}", "[0, 1]", "{0, …, K − 1}"
TARGETS = {  # by the domain of the first target and its last axis
    "number": {(NUMBERS, "..."), (COUNTS, "...")},
    "count": {(NUMBERS, "..."), (COUNTS, "...")},
    "yes-no": {(YES_NO, "..."), (CHANCE, "..."), (SIGNS, "..."), (CHANCE, "L"), (LABELS, "..."), (ROWS, "K")},
    "class": {(LABELS, "..."), (ROWS, "K")},
    "shares": {(ROWS, "K"), (NUMBERS, "K"), (CHANCE, "...")},
    "several": {(CHANCE, "L"), (CHANCE, "..."), (YES_NO, "..."), (SIGNS, "...")},
    "vector": {(NUMBERS, "D"), (NUMBERS, "...")},
    "steps": {(LABELS, "..."), (ROWS, "K"), (NUMBERS, "K"), "mask"},
    "unaligned": {("the integers", "S")},
    "none": {None},
}
PROBABLE = {
    "probability",
    "probabilities",
    "log-odds",
    "log-probabilities",
    "log-odds of each label",
    "softened log-probabilities",
}
ANSWERS = {
    "mean": {"mean", "log of the mean", "mean and log-variance", "mean and scale of a Gaussian"},
    "median": {"median", "quantile"},
    "quantile": {"median", "quantile"},
    "centre": {"median", "Huber location", "log-cosh location", "general location"},
    "spread": {"mean and log-variance", "mean and scale of a Gaussian"},
    "probability": PROBABLE,
    "decision": PROBABLE
    | {"sign", "mean of the signs", "class of the majority", "tempered log-odds", "tempered log-probabilities"},
    "direction": {"mean direction"},
}


def given(loss):
    if not loss.targets:
        return None
    if "mask" in loss.card.parameters:
        return "mask"
    return str(loss.card.domain_of(loss.targets[0])).partition(":")[0], loss.layout.of(loss.targets[0]).split()[-1]


def claims(loss, name):
    """What the card says of a property at all the parameters that the tests try."""
    tried = [i.parameters for i in INSTANCES if i.loss is loss] or [Instance(loss).parameters]
    return [evaluate(getattr(loss.card.properties, name), {**p, "K": 3, "L": 3, "T": 3}) for p in tried]


def sometimes(name, holds=bool):
    return lambda loss: any(map(holds, claims(loss, name)))


def classes(loss):
    return Instance(loss).of_classes


def known(claim):
    return claim is not None


PROPERTIES = {
    "bounded-pull": lambda loss: any(claim is not False for claim in claims(loss, "bounded_influence")),
    "bounded-slope": sometimes("lipschitz", known),
    "proper": sometimes("proper"),
    "likelihood": lambda loss: loss.card.assumption is not None,
    "soft-targets": lambda loss: given(loss) in {(CHANCE, "..."), (CHANCE, "L"), (ROWS, "K"), (NUMBERS, "K")},
    "unequal": lambda loss: bool(loss.targets) and set(claims(loss, "symmetric")) == {True, False},
    "classes-alike": lambda loss: classes(loss) and sometimes("symmetric")(loss),
    "errors-alike": lambda loss: bool(loss.targets) and not classes(loss) and sometimes("symmetric")(loss),
    "ignores": lambda loss: bool({"mask", "ignore_index"} & set(loss.card.parameters)),
    "convex": sometimes("convex"),
    "smooth": sometimes("smooth", lambda order: order >= 1),
    "curved": sometimes("smooth", lambda order: order >= 2),
    "floor": sometimes("bounded_below", known),
    "raw": lambda loss: all(str(loss.card.domain_of(a)) == NUMBERS for a in loss.wrt),
    "averaged": lambda loss: loss.reducible and bool(loss.targets),
    "unit-free": sometimes("homogeneous", known),
    "untuned": lambda loss: not any(isinstance(p.domain, Interval) for p in loss.card.parameters.values()),
}
#: The facets that a card's claim answers, and what it must be: where it is so for some parameters only, the finder says which.
CLAIMED = {
    "bounded-slope": ("lipschitz", known),
    "proper": ("proper", bool),
    "convex": ("convex", bool),
    "smooth": ("smooth", lambda order: order >= 1),
    "floor": ("bounded_below", known),
    "unit-free": ("homogeneous", known),
}
EXPECTED = {
    **{f"target-{key}": lambda loss, kinds=kinds: given(loss) in kinds for key, kinds in TARGETS.items()},
    **{f"answer-{key}": lambda loss, wanted=wanted: loss.card.elicits in wanted for key, wanted in ANSWERS.items()},
    **PROPERTIES,
    **{
        f"in-{library.lower()}": lambda loss, library=library: any(e.library == library for e in loss.card.equivalents)
        for library in ("PyTorch", "scikit-learn", "SciPy", "statsmodels", "Keras", "Optax", "scoringrules", "kornia")
    },
}


def expected(*keys):
    return {name for name, loss in catalogue.items() if all(EXPECTED[key](loss) for key in keys)}


def kept(page):
    return set(page.locator(".lb-finder li[data-loss]:not(.lb-out)").evaluate_all("items => items.map((li) => li.dataset.loss)"))


def why(page, name):
    found = page.locator(f'.lb-finder li[data-loss="{name}"] .lb-why')
    return found.inner_text() if found.count() else ""


def ask(page, *keys):
    for key in keys:
        page.locator(f'.lb-facets input[value="{key}"]').locator("xpath=..").click()


def status(page):
    return page.locator(".lb-facets [role=status]").inner_text()


@pytest.fixture
def visit(server, browser):
    with Visit(browser, server + PAGE) as opened:
        yield opened
        assert not opened.complaints


def test_every_facet_has_a_meaning_here():
    assert list(FACETS) == list(EXPECTED)


def test_every_loss_is_in_the_finder_with_its_page(visit):
    page = visit.page
    assert kept(page) == set(catalogue)
    assert page.locator(".lb-finder li[data-loss]").count() == len(catalogue)
    for name, loss in catalogue.items():
        item = page.locator(f'.lb-finder li[data-loss="{name}"]')
        assert item.locator("a").get_attribute("href") == f"../{loss.page}.html"
        assert item.locator("a").inner_text() == loss.card.title
        assert item.locator(".lb-what").inner_text().replace("’", "'") == loss.card.what


@pytest.mark.parametrize("group", GROUPS, ids=[group.title for group in GROUPS])
def test_a_facet_keeps_the_losses_whose_cards_say_so(visit, group):
    page = visit.page
    for facet in group.facets:
        ask(page, facet.key)
        left = kept(page)
        assert left == expected(facet.key), facet.key
        assert status(page) == f"{len(left)} of {len(catalogue)} losses {'is' if len(left) == 1 else 'are'} left."
        for name in set(catalogue) - left:
            assert re.fullmatch(rf"Dropped\. {re.escape(facet.label)}: .{{8,}}\.", why(page, name), re.S), (facet.key, name)
        if not group.exclusive:
            ask(page, facet.key)
            assert kept(page) == set(catalogue)


def test_what_holds_for_some_parameters_says_for_which(visit):
    for key, (name, holds) in CLAIMED.items():
        ask(visit.page, key)
        for loss in expected(key):
            card, all_of_them = catalogue[loss].card, all(map(holds, claims(catalogue[loss], name)))
            assert why(visit.page, loss) == ("" if all_of_them else f"{FACETS[key].label}: {card.words[name]}."), (key, loss)
        ask(visit.page, key)


def test_what_ignores_examples_does():
    z, labels = np.array([[0.0, 1.0], [5.0, -5.0]]), np.array([0, 1])
    for name in expected("ignores"):
        loss = catalogue[name]
        option = {"mask": np.array([1, 0])} if "mask" in loss.card.parameters else {"ignore_index": 1}
        assert loss(labels, z, **option) == loss(labels[:1], z[:1])


def test_facets_add_up_and_buttons_foretell(visit):
    page = visit.page
    ask(page, "target-number", "bounded-pull")
    assert kept(page) == expected("target-number", "bounded-pull")
    said = {
        facet.key: int(page.locator(f'.lb-facets input[value="{facet.key}"] + span small').inner_text())
        for group in GROUPS
        for facet in group.facets
    }
    for key in ("answer-median", "smooth", "in-keras", "proper"):
        assert said[key] == len(expected("target-number", "bounded-pull", key))
    assert said["target-class"] == len(expected("target-class", "bounded-pull")) > 0  # it would take the place of "numbers"
    ask(page, "smooth")
    assert len(kept(page)) == said["smooth"]


def test_what_is_left_stands_first(visit):
    ask(visit.page, "target-number", "answer-median")
    names = visit.page.locator(".lb-finder li[data-loss]").evaluate_all("items => items.map((li) => li.dataset.loss)")
    assert names[:2] == ["mae", "pinball"]
    assert visit.page.locator(".lb-finder h3").first.inner_text() == "Regression 2 of 11"


def test_where_nothing_is_left_it_says_what_to_do(visit):
    ask(visit.page, "target-unaligned", "answer-mean")
    assert kept(visit.page) == set()
    assert "0 of" in status(visit.page)
    assert "Take an answer back" in status(visit.page)


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_answer_is_in_the_address(server, browser, scheme):
    start = server + PAGE if scheme == "http" else (SITE / PAGE).as_uri()
    keys = ("target-yes-no", "proper", "raw")
    with Visit(browser, start) as visit:
        page = visit.page
        ask(page, *keys)
        shared = page.url
        assert shared == f"{start}?find={','.join(keys)}"
        page.go_back()
        assert kept(page) == expected(*keys[:2])
        page.go_back()
        page.go_back()
        assert page.url == start
        assert kept(page) == set(catalogue)
        assert page.locator('.lb-facets input[value=""]:checked').count() == sum(group.exclusive for group in GROUPS)
        page.go_forward()
        assert kept(page) == expected(keys[0])
        page.reload()
        assert kept(page) == expected(keys[0])
        assert not visit.complaints
    with Visit(browser, shared) as visit:
        assert kept(visit.page) == expected(*keys)
        assert sorted(visit.page.locator(".lb-facets input:checked").evaluate_all("all => all.map((i) => i.value)")) == sorted(
            ["", *keys]
        )


def test_a_link_to_something_else_on_the_page_keeps_the_answer(visit):
    ask(visit.page, "convex", "target-count")
    visit.page.evaluate("location.hash = '#choose-count'")
    assert kept(visit.page) == expected("convex", "target-count")
    ask(visit.page, "smooth")
    assert visit.page.url.endswith("?find=target-count,convex,smooth")


def test_an_address_that_asks_for_the_unknown_is_told_so(server, browser):
    with Visit(browser, f"{server}{PAGE}?find=convex,tasty") as visit:
        assert kept(visit.page) == expected("convex")
        assert "does not know: tasty" in status(visit.page)


def test_the_link_is_copied_or_shown(server, browser):
    with Visit(browser, server + PAGE) as visit:
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        ask(visit.page, "convex")
        visit.page.get_by_role("button", name="Copy the link").click()
        visit.page.wait_for_function("document.querySelector('.lb-left').textContent === 'The link is copied.'")
        assert visit.page.evaluate("navigator.clipboard.readText()") == visit.page.url
    with Visit(browser, server + PAGE) as visit:
        visit.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
        ask(visit.page, "convex")
        visit.page.get_by_role("button", name="Copy the link").click()
        field = visit.page.get_by_label("The link to this answer")
        assert field.is_visible()
        assert field.input_value() == visit.page.url == visit.page.evaluate("getSelection().toString()")


def test_the_keyboard_alone_is_enough(visit):
    page = visit.page
    page.locator('.lb-facets input[value=""]').first.focus()
    page.keyboard.press("ArrowRight")
    assert kept(page) == expected("target-number")
    page.keyboard.press("Tab")  # to the next question
    page.keyboard.press("Tab")  # to the first property
    page.keyboard.press("Space")
    assert kept(page) == expected("target-number", "bounded-pull")
    page.get_by_role("button", name="Start again").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("!location.search")
    assert kept(page) == set(catalogue)
    assert status(page) == f"{len(catalogue)} of {len(catalogue)} losses are left."


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_answer_is_accessible(server, browser, theme):
    with Visit(browser, f"{server}{PAGE}?find=target-number,proper,convex", theme=theme) as visit:
        assert not visit.inaccessible()


def test_an_answer_fits_a_narrow_page(server, browser):
    with Visit(browser, f"{server}{PAGE}?find=target-class,answer-mean,likelihood,in-pytorch", width=360) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
        for part in visit.page.locator(".lb-facets fieldset label, .lb-finder section li, .lb-facets button").all():
            box = part.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360


def test_without_a_script_the_table_has_it_all(server, browser):
    with Visit(browser, server + PAGE, javascript=False) as visit:
        page = visit.page
        assert not page.locator(".lb-facets").is_visible()
        assert page.locator(".lb-finder li[data-loss]:visible").count() == len(catalogue)
        assert page.locator(".lb-finder noscript").inner_text().startswith("The finder needs JavaScript.")
        assert page.locator("#every-loss-on-every-facet").count() == 1
        table = page.locator(".lb-facet-table table")
        heads = table.locator("thead th").all_inner_texts()
        rows = {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()}
    assert set(rows) == {loss.card.title for loss in catalogue.values()}
    for loss in catalogue.values():
        cells = dict(zip(heads[1:], rows[loss.card.title], strict=True))
        for group in GROUPS:
            for facet in group.facets:
                holds = EXPECTED[facet.key](loss)
                if group.exclusive:
                    listed = re.split(r"; (?![^(]*\))", cells[group.title])
                    assert any(re.fullmatch(rf"{re.escape(facet.label)}( \(.+\))?", one) for one in listed) == holds, facet.key
                else:
                    assert cells[facet.label].startswith("no: ") != holds, (loss.name, facet.key)


def test_only_this_page_loads_the_finder():
    loading = [p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if "finder.js" in p.read_text(encoding="utf-8")]
    assert loading == [PAGE]


# The guide


def leaves():
    """Heading and text of each leaf of the tree."""
    tree = SOURCE.read_text(encoding="utf-8").split("## A tree of questions")[1].split("\n## ")[0]
    return [(text.partition("\n")[0], text) for text in tree.split("\n### ")[1:]]


@pytest.mark.parametrize(("title", "text"), leaves(), ids=[title for title, _ in leaves()])
def test_a_leaf_runs_agrees_with_the_finder_and_says_what_would_change_it(title, text):
    assert "```{code-cell} python\n" in text
    assert "**What would change this answer.**" in text.split("```")[-1]
    keys = re.search(r"\{finder\}`([^`]+)`", text)[1].split()
    recommended = re.search(r"\]\(\.\./(\w+/\w+)\.md\)", text)
    if recommended is not None and title != "Rare classes, and mistakes with different costs":
        assert recommended[1] in {catalogue[name].page for name in expected(*keys)}
    used = re.findall(r"^from lossbook import (.+)$", text, re.M)
    names = {name.split(" as ")[0] for line in used for name in line.split(", ")} or {"binary_cross_entropy_with_logits"}
    assert names & expected(*keys)


def test_every_leaf_is_reached_from_the_questions():
    text = SOURCE.read_text(encoding="utf-8")
    questions = text.split("## A tree of questions")[1].split("\n(choose-")[0]
    reached = set(re.findall(r"\]\(#(choose-[\w-]+)\)", questions))
    assert reached == set(re.findall(r"^\((choose-[\w-]+)\)=\n### ", text, re.M))


def test_three_choices_are_worked_out():
    sections = re.findall(r"^## Worked choice \d: (.+?)(?=^## )", SOURCE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(sections) == 3
    for text in sections:
        assert re.search(r"for seed in range\(\d+\)", text), "several splits"
        assert "ddof=1" in text, "their spread"
        assert "So: **" in text, "a choice"
        assert "**What would change this answer.**" in text


# What is wrong is said


def test_an_unknown_facet_in_a_link_is_an_error(tmp_path):
    _, warnings = Project(tmp_path / "project").build(page="See {finder}`convex tasty`.\n")
    assert "the finder has no facet tasty" in warnings


def test_a_new_kind_of_target_has_to_be_named():
    card = Card(
        title="Odd", what="", why="", how="", used="", no_assumption="none", formula="e", slope="1",
        domain={"y": Interval(5.0, 6.0)}, properties=Properties(True, 0, 1, 0, True, 1, True),
    )  # fmt: skip
    odd = Loss(lambda xp, y, y_hat: y - y_hat, card)
    with pytest.raises(ValueError, match=r"knows no targets in \(5, 6\)"):
        kind(odd)


def test_the_answers_in_the_page_are_no_markup():
    text = (SITE / PAGE).read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json">(.*?)</script>', text, re.S)
    assert set(json.loads(found[1])) == set(catalogue)

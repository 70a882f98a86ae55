"""The drill holds every question of the book, keeps what the reader did, and needs no more than a keyboard."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin

import pytest
from visit import SITE, Visit

from lossbook.sphinx.drill import drill
from lossbook.sphinx.harvest import Asked, questions
from lossbook.sphinx.sources import Sources

SOURCES = Sources(Path(__file__).parents[1])
PAGE = "practice/drill"
KEY = "lossbook-drill"
IN_THIS_SESSION = ["this session", "1 day", "2 days", "8 days"]  # for a new question: FSRS 6 with its default parameters


def words(fragment: str) -> str:
    """What is read: the source of equations, tags and white space left out."""
    return re.sub(r"\s+", "", html.unescape(re.sub(r"<annotation.*?</annotation>|<[^>]+>", "", fragment, flags=re.S)))


def page_text() -> str:
    path = SITE / f"{PAGE}.html"
    assert path.is_file(), f"{path} is not built: run `make book` first"
    return path.read_text(encoding="utf-8")


# The list, which is the page without a script


def test_every_question_of_the_book_is_in_the_drill():
    pages = SOURCES.pages()
    asked = list(questions(SITE, pages))
    written = sum(len(re.findall(r"^[:`]{3,}\{question\}", SOURCES.path(p).read_text(encoding="utf-8"), re.M)) for p in pages)
    text = page_text()
    listed = re.findall(
        r'<details class="lb-question lb-drilled" id="drill-([^"]+)" data-id="\1">\s*<summary><span class="lb-asked">(.*?)'
        r'</span><span class="lb-level">(\w+)</span></summary><div>\s*<div class="lb-answer">(.*?)'
        r'<p>From <a class="lb-source" href="([^"]+)">',
        text,
        re.S,
    )
    assert len(listed) == len(asked) == written == text.count("lb-drilled") > 0
    assert f"All {written} questions" in text
    for one, (identifier, question, level, answer, link) in zip(asked, listed, strict=True):
        assert (identifier, level) == (one.id, one.level)
        assert urljoin("practice/drill.html", link) == f"{one.page}.html#{one.id}"
        assert words(question) == words(one.question)
        assert words(answer) == words(one.answer)


def test_no_id_is_there_twice():
    identifiers = re.findall(r'\sid="([^"]+)"', page_text())
    assert len(identifiers) == len(set(identifiers))


def test_what_a_question_brings_fits_its_new_page():
    math = '<math><semantics><mi>a</mi><annotation encoding="application/x-tex">a</annotation></semantics></math>'
    answer = f'<p id="x">{math} <label for="x">One</label> <a href="#there">there</a> <img src="../_images/a.png"></p>'
    first = Asked("why", "part_one/page", "A & B", "core", "Why?", answer)
    made = drill([first, Asked("how", "part_two/page", "C", "hard", "How?", answer)], PAGE)
    assert re.findall(r"<h3>(.*)</h3>", made) == ["Part one", "Part two"]
    assert 'From <a class="lb-source" href="../part_one/page.html#why">A &amp; B</a>' in made
    assert (
        '<p id="drill-why-x"><math><semantics><mi>a</mi></semantics></math> <label for="drill-why-x">One</label> '
        '<a href="../part_one/page.html#there">there</a> <img src="../_images/a.png"></p>'
    ) in made
    assert 'id="drill-how-x"' in made


def test_without_a_script_the_page_is_the_list(server, browser):
    with Visit(browser, f"{server}{PAGE}.html", javascript=False) as visit:
        assert not visit.page.locator(".lb-drill-app").is_visible()
        first = visit.page.locator(".lb-drilled").first
        assert first.locator(".lb-asked").is_visible()
        assert not first.locator(".lb-answer").is_visible()
        first.locator("summary").click()
        assert first.locator(".lb-answer").is_visible()


# The drill


class Drill(Visit):
    """The drill opened at an order of its own choosing, ``grades`` stored before."""

    def __init__(self, browser, root, *, grades=None, script="", **how):
        if grades is not None:
            stored = json.dumps(grades if isinstance(grades, str) else json.dumps(grades))
            script += f"if (!sessionStorage.opened) localStorage.setItem('{KEY}', {stored}); sessionStorage.opened = 1;"
        super().__init__(browser, f"{root}{PAGE}.html?seed=test", script=script, **how)
        self.find = self.page.locator
        self.question, self.answer = self.find(".lb-drill-question"), self.find(".lb-drill-answer")
        self.trouble, self.said = self.find(".lb-drill-trouble"), self.find(".lb-drill-keep [role=status]")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, selector):
        """Reach it as someone without a mouse does."""
        for _ in range(150):
            if self.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
            self.press("Tab")
        pytest.fail(f"the keyboard does not reach {selector}")

    def reload(self):
        """Not at once: Chromium may forget what a page from a file wrote a few milliseconds before it was reloaded."""
        self.page.wait_for_timeout(500)
        self.page.reload()

    def begin(self):
        self.find(".lb-drill-setup [type=submit]").click()

    def grade(self, *keys):
        for key in keys:
            self.press("Space", key)

    def stored(self):
        return self.page.evaluate(f"localStorage.getItem('{KEY}')")

    def cards(self):
        return json.loads(self.stored() or '{"cards": {}}')["cards"]

    def seen(self):
        return sum(int(cell.split()[0]) for cell in self.find(".lb-drill-seen").all_inner_texts())

    def choose_file(self, text):
        with self.page.expect_file_chooser() as chooser:
            self.find(".lb-drill-import").click()
        self.said.evaluate("said => { said.textContent = '' }")
        content = text if isinstance(text, bytes) else text.encode()
        chooser.value.set_files({"name": "mine.json", "mimeType": "application/json", "buffer": content})
        self.find(".lb-drill-keep [role=status]:not(:empty)").wait_for()
        return self.said.inner_text()

    def export(self):
        with self.page.expect_download() as download:
            self.find(".lb-drill-export").click()
        assert re.fullmatch(r"loss-book-drill-\d{4}-\d\d-\d\d\.json", download.value.suggested_filename)
        return Path(download.value.path()).read_text(encoding="utf-8")

    def whole(self):
        """Every question is back in the list with its answer."""
        parts = "d => d.querySelector('summary > .lb-asked') && d.querySelector(':scope > div > .lb-answer .lb-source') ? 1 : 0"
        return all(self.find(".lb-drilled").evaluate_all(f"all => all.map({parts})"))


@pytest.fixture(params=["server", "file"])
def root(request, server):
    return server if request.param == "server" else f"{SITE.as_uri()}/"


def identifiers():
    return re.findall(r'data-id="([^"]+)"', page_text())


def card(days_ago=1.0, days=5):
    """A question's state: graded so many days ago, to be asked again after ``days``."""
    then = datetime.now(UTC) - timedelta(days=days_ago)
    when, due = ((t.isoformat(timespec="milliseconds").replace("+00:00", "Z")) for t in (then, then + timedelta(days=days)))
    return {
        "due": due, "stability": 5.5, "difficulty": 4.25, "elapsed_days": 0, "scheduled_days": days, "learning_steps": 0,
        "reps": 1, "lapses": 0, "state": 2, "last_review": when,
    }  # fmt: skip


def file(cards):
    return {"format": KEY, "version": 1, "cards": cards}


def test_ten_questions_by_keyboard_alone_are_kept(browser, root):
    with Drill(browser, root) as visit:
        visit.tab_to(".lb-drill-setup [type=submit]")
        visit.press("Enter")
        asked, once_more, grades = [], None, iter("1344233432")
        while visit.question.is_visible():
            assert visit.question.evaluate("q => q === document.activeElement")
            assert not visit.answer.is_visible()
            number = int(re.search(r"Question (\d+) of 10", visit.find(".lb-drill-bar [role=status]").inner_text())[1])
            question = visit.question.inner_text()
            if question in asked:
                assert (len(asked), asked.index(question)) == (4, 0), "again: it comes back after three others"
                once_more = question
                given = "3"
            else:
                given = next(grades)
                assert number == len(set(asked)) + (once_more is not None or not asked)
            asked.append(question)
            visit.press("3")  # too early: there is no answer yet to grade
            if len(asked) == 2:
                visit.tab_to("textarea")
                visit.page.keyboard.type("my answer: 1 2 3 4")
                assert visit.question.inner_text() == question, "a key was taken from who types"
                visit.press("Enter")
                assert not visit.answer.is_visible()
                visit.press("Control+Enter")
                assert visit.find("textarea").input_value() == "my answer: 1 2 3 4\n"
            else:
                visit.press("Enter" if len(asked) % 2 else "Space")
            assert visit.answer.evaluate("a => a === document.activeElement")
            assert "In short." in visit.answer.inner_text()
            if once_more is None:
                assert visit.find(".lb-drill-grades small").all_inner_texts() == IN_THIS_SESSION
            visit.press(given)
        assert once_more
        assert len(asked) == 11
        assert visit.find(".lb-drill-ended h2").evaluate("h => h === document.activeElement")
        assert visit.find(".lb-drill-result").inner_text() == (
            "10 questions answered, first grades: 1 again, 2 hard, 4 good, 3 easy."
        )
        assert visit.find(".lb-drill-reread a").all_inner_texts() == [once_more]
        assert visit.whole()
        kept = visit.cards()
        assert len(kept) == 10
        visit.reload()
        assert visit.cards() == kept
        assert visit.seen() == 10
        assert not visit.complaints
        assert all(url.startswith((root[:7], "data:", "blob:")) for url in visit.requests)


def test_what_is_due_comes_first_and_what_a_button_says_holds(server, browser):
    overdue, due, later = identifiers()[5], identifiers()[2], identifiers()[0]
    grades = file({due: card(5, 5), overdue: card(9, 5), later: card(1, 5)})
    with Drill(browser, server, grades=grades) as visit:
        assert visit.find(".lb-drill-forecast").inner_text().endswith(f"2 due, {len(identifiers()) - 3} new")
        visit.begin()
        for identifier in (overdue, due):
            assert words(visit.question.inner_html()) == words(visit.page.evaluate(
                "async ([id, page]) => { const text = await (await fetch(page)).text();"
                "return new DOMParser().parseFromString(text, 'text/html').querySelector(`#drill-${id} .lb-asked`).innerHTML }",
                [identifier, visit.page.url],
            ))  # fmt: skip
            visit.press("Space")
            promised = visit.find("[data-grade='3'] small").inner_text()
            visit.press("3")
            now = visit.cards()[identifier]
            assert promised == f"{now['scheduled_days']} days"
            assert now["scheduled_days"] > 5
            ahead = datetime.fromisoformat(now["due"]) - datetime.now(UTC)
            assert abs(ahead / timedelta(days=1) - now["scheduled_days"]) < 0.01
        visit.press("Space")
        assert visit.find(".lb-drill-grades small").all_inner_texts() == IN_THIS_SESSION, "the third is new"


def test_escape_leaves_the_box_then_ends_and_loses_nothing(server, browser):
    with Drill(browser, server) as visit:
        visit.begin()
        visit.grade("4", "1")
        visit.find("textarea").focus()
        visit.press("Escape")
        assert visit.question.evaluate("q => q === document.activeElement")
        visit.press("Escape")
        assert visit.find(".lb-drill-result").inner_text() == "2 questions answered, first grades: 1 again, 1 easy."
        assert visit.whole()
        assert len(visit.cards()) == visit.seen() == 2
        visit.begin()
        assert "Question 1 of 10" in visit.find(".lb-drill-bar [role=status]").inner_text()


def test_keys_elsewhere_on_the_page_are_not_the_drills(server, browser):
    with Drill(browser, server) as visit:
        visit.begin()
        question = visit.question.inner_text()
        visit.press("Control+k")
        visit.page.keyboard.type(" 1 3")
        visit.press("Escape")
        visit.find(".bd-sidebar-primary a").first.focus()
        visit.press("Space", "1")
        assert visit.question.inner_text() == question
        assert not visit.answer.is_visible()


def test_parts_levels_and_size_are_obeyed_and_remembered(server, browser):
    with Drill(browser, server) as visit:
        part = visit.find("tr[data-part]").last.get_attribute("data-part")
        for box in visit.find("[name=part]").all():
            if box.get_attribute("value") != part:
                box.uncheck()
        for level in ("screen", "hard"):
            visit.find(f"[name=level][value={level}]").evaluate("box => box.click()")
        visit.find("[name=size]").fill("2")
        visit.reload()
        visit.begin()
        shown = []
        while visit.question.is_visible():
            shown.append(visit.find(".lb-drill-bar [role=status]").inner_text())
            visit.grade("3")
        assert len(shown) == 2
        assert all(text.endswith(f"of 2 · {part} · core") for text in shown)
        visit.find("[name=level][value=core]").evaluate("box => box.click()")
        assert visit.find(".lb-drill-setup [type=submit]").is_disabled()
        assert visit.find(".lb-drill-forecast").inner_text() == "Choose a part and a level."


def test_progress_counts_by_part(server, browser):
    first = identifiers()[0]
    grades = file({first: card(1, 30), identifiers()[1]: card(5, 5)})
    with Drill(browser, server, grades=grades) as visit:
        row = visit.find("tr[data-part]").first
        there = len(visit.find(f".lb-drill-all section[data-part='{row.get_attribute('data-part')}'] .lb-drilled").all())
        cells = [row.locator(f".lb-drill-{name}").inner_text() for name in ("seen", "due", "held")]
        assert cells == [f"2 of {there}", "1", "1"]
        every = [int(text.split(" of ")[1]) for text in visit.find(".lb-drill-seen").all_inner_texts()]
        assert sum(every) == len(identifiers())


def test_timer_stops_at_the_answer_and_can_be_turned_off(server, browser):
    with Drill(browser, server) as visit:
        visit.page.clock.install()
        visit.reload()
        clock = visit.find("[role=timer]")
        visit.begin()
        visit.page.clock.run_for(65_500)
        assert clock.inner_text() == "1:05"
        visit.press("Space")
        visit.page.clock.run_for(5_000)
        assert clock.inner_text() == "1:05"
        visit.press("3")
        assert clock.inner_text() == "0:00"
        visit.find(".lb-drill-bar [name=timer]").uncheck()
        assert not clock.is_visible()
        visit.reload()
        assert not visit.find(".lb-drill-setup [name=timer]").is_checked()
        visit.begin()
        assert not clock.is_visible()


def test_one_word_draws_one_interview(server, browser):
    drawn = []
    for _ in range(2):
        with Drill(browser, server) as visit:
            visit.begin()
            drawn.append([(visit.question.inner_text(), visit.grade("3"))[0] for _ in range(5)])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 5


# Files


def test_an_export_is_a_version_and_an_import_brings_it_back(browser, root):
    with Drill(browser, root) as visit:
        visit.begin()
        visit.grade("2", "3", "4")
        visit.press("Escape")
        text, kept = visit.export(), visit.cards()
        assert (json.loads(text)["format"], json.loads(text)["version"], json.loads(text)["cards"]) == (KEY, 1, kept)
    with Drill(browser, root) as visit:
        assert visit.choose_file(text) == "Imported mine.json: the grades of 3 questions taken over."
        assert visit.cards() == kept
        assert visit.seen() == 3
        visit.reload()
        assert visit.seen() == 3
        assert visit.export() == text


def test_the_later_grade_wins_and_what_the_book_no_longer_asks_is_kept(server, browser):
    one, two = identifiers()[:2]
    here = file({one: card(1), two: card(9), "gone-from-the-book": card(2)})
    there = file({one: card(9), two: card(1), "not-yet-in-it": card(3)})
    with Drill(browser, server, grades=here) as visit:
        message = visit.choose_file(json.dumps(there))
        assert message == ("Imported mine.json: the grades of 2 questions taken over; for 1 the grade here was as new or newer.")
        expected = {
            one: here["cards"][one],
            two: there["cards"][two],
            "gone-from-the-book": here["cards"]["gone-from-the-book"],
            "not-yet-in-it": there["cards"]["not-yet-in-it"],
        }
        assert visit.cards() == expected
        assert visit.seen() == 2
        visit.begin()
        visit.grade("3")
        visit.press("Escape")
        assert json.loads(visit.export())["cards"].keys() >= expected.keys()


def damaged(change):
    made = file({"one": card(1), "two": card(2)})
    change(made)
    return json.dumps(made)


DAMAGED = {
    "cut short": (json.dumps(file({"one": card()}))[:-30], "expected JSON"),
    "empty": ("", "expected JSON"),
    "no text": (bytes(range(256)), "expected JSON"),
    "another file": ('{"cells": []}', 'expected the format "lossbook-drill", found nothing'),
    "null": ("null", 'expected the format "lossbook-drill", found nothing'),
    "a newer version": (damaged(lambda f: f.update(version=2)), "expected version 1, found 2"),
    "cards as a list": (damaged(lambda f: f.update(cards=[])), 'expected grades by question under "cards", found \\[\\]'),
    "a card that is none": (damaged(lambda f: f["cards"].update(two=3)), 'expected the state of "two", found 3'),
    "a field is missing": (damaged(lambda f: f["cards"]["two"].pop("due")), 'expected due of "two" to be a date .*found nothing'),
    "no such day": (damaged(lambda f: f["cards"]["two"].update(due="2026-13-45T00:00:00.000Z")), "expected due"),
    "a number as text": (damaged(lambda f: f["cards"]["two"].update(stability="5")), "expected stability"),
    "not positive": (damaged(lambda f: f["cards"]["two"].update(stability=0)), "expected stability"),
    "too difficult": (damaged(lambda f: f["cards"]["two"].update(difficulty=11)), "a number from 1 to 10, found 11"),
    "half a review": (damaged(lambda f: f["cards"]["two"].update(reps=0.5)), "expected reps"),
    "a state that is none": (damaged(lambda f: f["cards"]["two"].update(state=4)), "0, 1, 2 or 3, found 4"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused_and_nothing_is_lost(server, browser, case):
    text, message = DAMAGED[case]
    with Drill(browser, server, grades=file({identifiers()[0]: card()})) as visit:
        before = visit.stored(), visit.export(), visit.seen()
        said = visit.choose_file(text)
        assert re.match(rf"mine\.json was not imported: .*{message}", said)
        assert "Nothing was changed." in said
        assert (visit.stored(), visit.export(), visit.seen()) == before
        visit.reload()
        assert (visit.stored(), visit.export(), visit.seen()) == before
        assert not visit.complaints


# Where the browser does not keep things


@pytest.mark.parametrize(
    ("method", "error"), [("setItem", "QuotaExceededError"), ("getItem", "SecurityError")], ids=["full", "refused"]
)
def test_a_browser_that_keeps_nothing_is_said_and_the_drill_goes_on(server, browser, method, error):
    script = (
        f"const real = Storage.prototype.{method}; Storage.prototype.{method} = function (key, ...rest) {{"
        f"if (key.startsWith('{KEY}')) throw new DOMException('no room here', '{error}');"
        "return real.call(this, key, ...rest); };"
    )
    with Drill(browser, server, script=script) as visit:
        visit.begin()
        visit.grade("3", "4")
        assert "does not keep your grades (no room here)" in visit.trouble.inner_text()
        visit.press("Escape")
        assert visit.seen() == 2
        assert len(json.loads(visit.export())["cards"]) == 2
        assert not visit.complaints


def test_stored_grades_that_cannot_be_read_are_left_alone(server, browser):
    with Drill(browser, server, grades="{ broken") as visit:
        assert "stored in this browser cannot be read: expected JSON" in visit.trouble.inner_text()
        visit.begin()
        visit.grade("3")
        visit.press("Escape")
        assert visit.stored() == "{ broken"
        assert "cannot be read" in visit.trouble.inner_text()
        assert visit.seen() == 1
        visit.page.once("dialog", lambda dialog: dialog.dismiss())
        visit.find(".lb-drill-forget").click()
        assert (visit.stored(), visit.seen()) == ("{ broken", 1)
        visit.page.once("dialog", lambda dialog: dialog.accept())
        visit.find(".lb-drill-forget").click()
        assert (visit.stored(), visit.seen(), visit.trouble.inner_text()) == (None, 0, "")
        visit.begin()
        visit.grade("3")
        assert len(visit.cards()) == 1


def test_two_tabs_do_not_lose_each_others_grades(server, browser):
    asleep = "addEventListener('storage', (event) => event.stopImmediatePropagation(), true);"
    with Drill(browser, server, script=asleep) as visit:
        other = visit.context.new_page()
        other.goto(f"{server}{PAGE}.html?seed=other")
        visit.begin()
        visit.grade("3")
        other.locator(".lb-drill-setup [type=submit]").click()
        for key in ("Space", "3", "Space", "4"):
            other.keyboard.press(key)
        visit.grade("3")
        stored = visit.cards()
        assert 3 <= len(stored) <= 4  # the two may have drawn a question in common
        visit.press("Escape")
        assert visit.seen() == len(stored)


def test_what_one_tab_forgets_the_other_does_not_bring_back(server, browser):
    with Drill(browser, server, grades=file({identifiers()[0]: card()})) as visit:
        other = visit.context.new_page()
        other.goto(f"{server}{PAGE}.html")
        other.once("dialog", lambda dialog: dialog.accept())
        other.locator(".lb-drill-forget").click()
        visit.page.wait_for_function("document.querySelector('.lb-drill-seen').textContent.startsWith('0 of')")
        visit.begin()
        visit.grade("3")
        assert len(visit.cards()) == 1


# For everyone


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)])
def test_every_state_is_accessible_and_fits(server, browser, theme, width):
    with Drill(browser, server, theme=theme, width=width) as visit:
        # Every page's test looks at the list, opened; axe-core takes half a minute for it.
        visit.find(".lb-drill-all").evaluate("list => list.remove()")

        def fine():
            assert not visit.inaccessible()
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width

        fine()
        visit.begin()
        fine()
        visit.press("Space")
        fine()
        visit.grade("1")
        visit.press("Escape")
        fine()
        visit.choose_file("{}")
        fine()


def test_a_wide_equation_in_an_answer_is_reached_by_the_keyboard(server, browser):
    equation = '<div class="math"><span class="katex-display"><span style="padding-left: {}px">x</span></span></div>'
    with Drill(browser, server, width=360) as visit:
        for width in (10, 900):
            visit.find(".lb-answer").evaluate_all(
                "(all, equation) => all.forEach((answer) => answer.insertAdjacentHTML('beforeend', equation))",
                equation.format(width),
            )
        visit.begin()
        visit.press("Space")
        assert visit.answer.locator(".katex-display").evaluate_all("all => all.map((e) => e.tabIndex)") == [-1, 0]

"""The built site in a real browser: nothing from elsewhere, no errors, every control works, everyone can read it.

Needs the book built (`make book`) and Chromium: without either the tests fail and say so.
"""

from __future__ import annotations

import gzip
import re
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Error
from visit import SITE, Visit

PAGES = sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if "_static" not in p.parts)
LIVE = [p for p in PAGES if 'class="lb-explore"' in (SITE / p).read_text(encoding="utf-8")]
THEMES = ("light", "dark")


def test_the_book_is_built():
    assert PAGES, "no page in _build/html: run `make book` first"
    assert len(LIVE) >= 12


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_page_is_quiet_and_accessible(server, browser, name, theme):
    with Visit(browser, server + name, theme=theme) as visit:
        assert not [url for url in visit.requests if not url.startswith((server, "data:"))]
        assert not visit.complaints
        assert visit.page.locator("html").get_attribute("data-theme") == theme
        # Folded answers are checked as they are read: open.
        visit.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert not visit.inaccessible()


@pytest.mark.parametrize("name", PAGES)
def test_page_works_from_a_file(browser, name):
    with Visit(browser, (SITE / name).as_uri()) as visit:
        assert not [url for url in visit.requests if not url.startswith(("file:", "data:"))]
        assert not visit.complaints
        for figure in visit.page.locator(".lb-explore").all():
            assert figure.locator(".lb-controls").is_visible()


@pytest.mark.parametrize("name", LIVE)
def test_every_control_changes_its_figure(server, browser, name):
    with Visit(browser, server + name) as visit:
        for figure in visit.page.locator(".lb-explore").all():
            image, said = figure.locator("img"), figure.locator(".lb-say")
            assert image.get_attribute("alt").strip()
            for row in figure.locator(".lb-controls > *").all():
                before = image.get_attribute("src"), said.inner_text()
                ranges = row.locator("input[type=range]")
                if ranges.count():
                    assert row.locator("output").inner_text() == ranges.first.get_attribute("aria-valuetext")
                    seen = {before}
                    for key in ("Home", "End"):
                        ranges.first.press(key)
                        seen.add((image.get_attribute("src"), said.inner_text()))
                    assert len(seen) > 1, f"{figure.get_attribute('id')}: {row.inner_text()} changes nothing"
                else:
                    row.locator("label").last.click()
                    first = image.get_attribute("src")
                    row.locator("label").first.click()
                    assert image.get_attribute("src") != first, f"{figure.get_attribute('id')}: the choice changes nothing"
            assert image.evaluate("i => i.decode().then(() => i.naturalWidth)") > 0


@pytest.mark.parametrize("name", LIVE)
def test_handles_follow_the_pointer(server, browser, name):
    with Visit(browser, server + name) as visit:
        for dot in visit.page.locator(".lb-handle").all():
            dot.scroll_into_view_if_needed()
            figure = dot.locator("xpath=ancestor::figure")
            image = figure.locator("img")
            moved = set()
            for dx, dy in ((-120, 60), (120, -60)):
                box = dot.bounding_box()
                x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
                visit.page.mouse.move(x, y)
                visit.page.mouse.down()
                visit.page.mouse.move(x + dx, y + dy, steps=4)
                visit.page.mouse.up()
                moved.add(image.get_attribute("src"))
            assert len(moved) == 2, f"{figure.get_attribute('id')}: dragging changes nothing"


@pytest.mark.parametrize("name", LIVE)
def test_drawings_follow_the_theme(server, browser, name):
    with Visit(browser, server + name) as visit:
        images = visit.page.locator(".lb-explore img")
        light = [image.get_attribute("src") for image in images.all()]
        visit.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        visit.page.wait_for_timeout(100)
        dark = [image.get_attribute("src") for image in images.all()]
        assert all(a != b for a, b in zip(light, dark, strict=True))
        assert not any("var(" in unquote(source) for source in light + dark)


@pytest.mark.parametrize("name", LIVE)
def test_page_is_complete_without_scripts(server, browser, name):
    with Visit(browser, server + name, javascript=False) as visit:
        assert not visit.page.locator(".lb-controls:visible").count()
        for image in visit.page.locator(".lb-explore img").all():
            assert image.get_attribute("src").startswith("data:image/svg+xml,")
        for question in visit.page.locator("details.lb-question").all():
            question.locator("summary").click()
            assert question.locator(".lb-answer").is_visible()


@pytest.mark.parametrize("name", PAGES)
def test_narrow_page_does_not_scroll_sideways(server, browser, name):
    with Visit(browser, server + name, width=360) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("name", PAGES)
def test_weight(name):
    assert len(gzip.compress((SITE / name).read_bytes(), 6)) < 250_000


def test_link_to_a_question_opens_it(server, browser):
    name = next(p for p in LIVE if "lb-question" in (SITE / p).read_text(encoding="utf-8"))
    identifier = re.search(r'<details class="lb-question" id="([^"]+)"', (SITE / name).read_text(encoding="utf-8"))[1]
    with Visit(browser, f"{server}{name}#{identifier}") as visit:
        assert visit.page.locator(f"#{identifier} .lb-answer").is_visible()


def test_broken_figure_leaves_the_others_alone(server, browser):
    name = next(p for p in LIVE if (SITE / p).read_text(encoding="utf-8").count('class="lb-explore"') > 1)
    data = '<script type="application/json">{'
    broken = (SITE / name).read_text(encoding="utf-8").replace(data, data + "{", 1)
    context = browser.new_context()
    page = context.new_page()
    page.route(f"**/{name}", lambda route: route.fulfill(body=broken, content_type="text/html"))
    page.goto(server + name, wait_until="load")
    assert [figure.locator(".lb-controls").is_visible() for figure in page.locator(".lb-explore").all()][:2] == [False, True]
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_every_local_link_leads_somewhere(name):
    text = (SITE / name).read_text(encoding="utf-8")
    base = (SITE / name).parent
    dead = []
    for raw in set(re.findall(r'(?:href|src)="([^"]*)"', text)):
        parts = urlsplit(raw.replace("&amp;", "&"))
        if parts.scheme or parts.netloc or name == "404.html":
            continue
        target = (base / unquote(parts.path)).resolve() if parts.path else SITE / name
        if target.is_dir():
            target = target / "index.html"
        if not target.is_file():
            dead.append(raw)
        elif parts.fragment and target.suffix == ".html":
            there = target.read_text(encoding="utf-8")
            if f'id="{unquote(parts.fragment)}"' not in there and f'name="{parts.fragment}"' not in there:
                dead.append(raw)
    assert not dead


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_an_icon(name):
    """A browser asks the server for favicon.ico where a page names none, at a moment of its own choosing."""
    assert re.search(r'<link rel="icon" href="[^"]*icon.svg"', (SITE / name).read_text(encoding="utf-8"))


def test_search_finds_a_loss_by_its_alias(server, browser):
    with Visit(browser, server + "search.html?q=quantile+loss") as visit:
        try:
            visit.page.wait_for_selector("#search-results li a", timeout=10_000)
        except Error:
            pytest.fail("the search finds nothing")
        found = visit.page.locator("#search-results li a").evaluate_all("links => links.map((a) => a.href)")
        assert any("regression/pinball" in url for url in found)
        assert not visit.complaints

"""The cheat sheet and the index of losses: nothing of the catalogue is missing, and the paper can be read.

Needs the book built (`make book`) and Chromium: without either the tests fail and say so.
"""

from __future__ import annotations

import ctypes
import inspect
import os
import re
from dataclasses import replace
from unittest import mock

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest
import tex
import torch
from playwright.sync_api import Error
from visit import SITE, Visit

from lossbook import catalogue
from lossbook.sphinx import cheatsheet, lossindex
from lossbook.sphinx.tex import parse

with mock.patch.dict(os.environ, KERAS_BACKEND="torch"):
    import keras

A4 = (841.89, 595.28)
SMALLEST = 6.5
MARGIN = 14.0  # what printers leave white, in points
SHEET, INDEX = "practice/cheat_sheet.html", "practice/losses.html"

#: Losses of the libraries that the book does not have. A class that is neither here nor an alias fails below.
NOT_HERE = {
    "torch.nn": {
        "AdaptiveLogSoftmaxWithLoss",  # a layer, that shares out the softmax of a large vocabulary
        "HingeEmbeddingLoss",
        "LinearCrossEntropyLoss",  # a layer and cross-entropy in one
        "MarginRankingLoss",
        "MultiLabelMarginLoss",
        "MultiMarginLoss",  # adds up all classes, where ours takes the best
        "TripletMarginLoss",
        "TripletMarginWithDistanceLoss",
    },
    "keras.losses": {
        "CategoricalGeneralizedCrossEntropy",
        "CategoricalHinge",  # its best other score is at least 0
        "Circle",
        "Dice",
        "Loss",  # what the others are made from
        "MeanAbsolutePercentageError",
        "MeanSquaredLogarithmicError",
        "Tversky",
    },
}


@pytest.fixture(scope="module")
def document():
    with pdfium.PdfDocument(SITE / cheatsheet.PDF) as opened:
        yield opened


def plain(text: str) -> str:
    """Text without what setting it in lines and columns adds."""
    return re.sub(r"[\s\u00ad\u2010\ufffe-]", "", text).replace("\u2019", "'").replace("\u2018", "'")


def texts(document) -> str:
    return plain("".join(page.get_textpage().get_text_range() for page in document))


def characters(page):
    """Each character on a page that is no space: itself, its size and its box in points."""
    text = page.get_textpage()
    for i in range(text.count_chars()):
        character = chr(raw.FPDFText_GetUnicode(text, i))
        if not character.isspace():
            yield character, raw.FPDFText_GetFontSize(text, i), text.get_charbox(i)


def test_every_loss_is_on_the_sheet_once() -> None:
    assert sorted(line.loss.name for part in cheatsheet.lines().values() for line in part) == sorted(catalogue)


def test_a_line_is_complete() -> None:
    for part in cheatsheet.lines().values():
        for line in part:
            assert line.formula
            assert len(line.slope) == len(line.predictions or [None])
            assert re.fullmatch(r"≥ [\d.]+|any number", line.range), line.loss.name
            assert line.when == line.loss.card.why


def test_the_call_is_one_of_the_card_or_ours() -> None:
    for part in cheatsheet.lines().values():
        for line in part:
            calls = [e.call for e in line.loss.card.equivalents if e.library == "PyTorch"]
            ours = line.code.startswith(f"lossbook.{line.loss.name}(")
            assert ours or any(line.code.endswith(call) for call in calls), line.code


def test_the_notation_means_what_the_formulas_use() -> None:
    scope = {**tex.NOTATION, "e": 2.718281828459045, "z": 0.7, "x": -0.3, "over:j": range(1, 4), "k": 2}
    checked = 0
    for formula, _ in cheatsheet.NOTATION[1:5]:
        vector = {"z": np.array([0.3, -1.0, 2.0])} if "softmax" in formula else {}
        equation = parse(formula)
        left, right = (tex.evaluate(side, {**scope, **vector}) for side in (equation.left, equation.right))
        assert left == pytest.approx(right), formula
        checked += 1
    assert checked == 4


def test_the_sheet_is_two_sides_of_a4(document) -> None:
    assert [pytest.approx(page.get_size(), abs=0.1) for page in document] == [A4, A4]


def test_the_sheet_is_the_same_each_time(document) -> None:
    title, author = (document.get_metadata_value(key) for key in ("Title", "Author"))
    made = cheatsheet.pdf(title, author)
    assert made == cheatsheet.pdf(title, author) == (SITE / cheatsheet.PDF).read_bytes()
    assert not document.get_metadata_value("CreationDate")
    assert not document.get_metadata_value("ModDate")


def test_every_loss_and_call_is_printed(document) -> None:
    printed = texts(document)
    for part, of_part in cheatsheet.lines().items():
        assert part in printed
        for line in of_part:
            for text in (line.loss.card.title, line.when, line.code, line.note, line.range, line.elicits):
                assert plain(text) in printed, text


def test_nothing_on_the_sheet_is_small_or_cut_off(document) -> None:
    width, height = A4
    for page in document:
        found = list(characters(page))
        assert len(found) > 2000
        assert not [c for c, size, _ in found if size < SMALLEST - 0.01]
        for c, _, (left, bottom, right, top) in found:
            assert MARGIN <= left <= right <= width - MARGIN, c
            assert MARGIN <= bottom <= top <= height - MARGIN, c


def test_fonts_are_in_the_file(document) -> None:
    fonts = set()
    for page in document:
        for thing in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT]):
            font = raw.FPDFTextObj_GetFont(thing)
            assert raw.FPDFFont_GetIsEmbedded(font) == 1
            name = ctypes.create_string_buffer(200)
            raw.FPDFFont_GetBaseFontName(font, name, 200)
            fonts.add(name.value.decode().partition("+")[2])
    assert any("Math" in name for name in fonts)


def test_a_formula_that_is_too_wide_fails_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    import typst

    wide = " + ".join(["y"] * 40)
    real = cheatsheet.lines()
    [first, *_] = real["Regression"]
    monkeypatch.setattr(cheatsheet, "lines", lambda: {"Regression": [replace(first, formula=wide)]})
    with pytest.raises(typst.TypstError, match="wider than its column"):
        cheatsheet.pdf("x", "y")


def test_the_page_shows_every_loss_and_leads_to_the_paper(server, browser) -> None:
    with Visit(browser, server + SHEET) as visit:
        titles = visit.page.locator(".lb-sheet tbody th").all_inner_texts()
        assert sorted(titles) == sorted(loss.card.title for loss in catalogue.values())
        assert visit.page.locator(".lb-sheet tbody tr").count() == len(catalogue)
        assert not visit.page.locator(".lb-formula").filter(has_not=visit.page.locator(".katex")).count()
        with visit.page.expect_download() as download:
            visit.page.evaluate("document.querySelector('.lb-sheet-print a').download = ''")
            visit.page.locator(".lb-sheet-print a").click()
        assert download.value.path().read_bytes() == (SITE / cheatsheet.PDF).read_bytes()


def test_the_page_prints_as_a_table(server, browser) -> None:
    with Visit(browser, server + SHEET) as visit:
        row = visit.page.locator(".lb-sheet tbody tr").first
        assert row.evaluate("r => getComputedStyle(r).display") == "grid"
        visit.page.emulate_media(media="print")
        assert row.evaluate("r => getComputedStyle(r).display") == "table-row"
        assert visit.page.locator(".lb-sheet thead").first.is_visible()
        assert not visit.page.locator(".bd-sidebar-primary").is_visible()
        printed = visit.page.pdf(prefer_css_page_size=True)
    with pdfium.PdfDocument(printed) as paper:
        assert len(paper) <= 3
        assert all(page.get_width() > page.get_height() for page in paper)
        text = texts(paper)
        assert all(plain(loss.card.title) in text for loss in catalogue.values())


def test_every_name_is_in_the_index(server, browser) -> None:
    with Visit(browser, server + INDEX) as visit:
        items = visit.page.locator(".lb-index li").evaluate_all(
            "items => items.map((li) => [li.innerText, [...li.querySelectorAll('a')].map((a) => a.href)])"
        )
    found = {text.partition(": ")[0]: urls for text, urls in items}
    assert len(found) == len(items)
    assert list(found) == list(lossindex.entries())
    for loss in catalogue.values():
        for name in (loss.name, loss.card.title, *loss.card.aliases):
            assert any(url.endswith(f"/{loss.page}.html") for url in found[name]), name
    for name in ("F.huber_loss", "keras.losses.huber", "sklearn.metrics.mean_pinball_loss", "keras.regularizers.L1L2"):
        assert name in found
    assert not {name for name in found if name.partition(".")[0] in ("torch", "np", "y", "z")}


def test_the_index_is_in_the_order_of_the_alphabet() -> None:
    keys = [lossindex.sort_key(name) for name in lossindex.entries()]
    assert keys == sorted(keys)
    assert lossindex.sort_key("sklearn.metrics.hinge_loss") == lossindex.sort_key("hingeloss")


@pytest.mark.parametrize("library", NOT_HERE)
def test_the_classes_of_libraries_are_aliases(library: str) -> None:
    module = {"torch.nn": torch.nn, "keras.losses": keras.losses}[library]
    classes = {name for name, thing in vars(module).items() if inspect.isclass(thing)}
    if library == "torch.nn":
        classes = {name for name in classes if name.endswith("Loss")}
    assert len(classes) > 15
    known = {name for loss in catalogue.values() for name in map(str.lower, lossindex.names(loss))}
    assert {name for name in classes if name.lower() not in known} == NOT_HERE[library]


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("BCEWithLogitsLoss", "classification/binary_cross_entropy"),
        ("logcosh", "regression/log_cosh"),
        ("KLDivLoss", "classification/kl_divergence"),
        ("SparseCategoricalCrossentropy", "classification/sparse_cross_entropy"),
        ("F.huber_loss", "regression/huber"),
    ],
)
def test_the_search_finds_a_name(server, browser, query: str, page: str) -> None:
    with Visit(browser, f"{server}search.html?q={query}") as visit:
        try:
            visit.page.wait_for_selector("#search-results li a", timeout=10_000)
            visit.page.wait_for_selector(".search-summary:has-text('found')", timeout=10_000)
        except Error:
            pytest.fail("the search finds nothing")
        found = visit.page.locator("#search-results li a").evaluate_all("links => links.map((a) => a.href)")
        assert any(f"{page}.html" in url for url in found), found
        assert any(INDEX in url for url in found), found
        assert not visit.complaints

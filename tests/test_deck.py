"""The Anki deck, opened with Anki itself."""

from __future__ import annotations

import re
import sqlite3
import zipfile
from pathlib import Path

import pytest
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest
from anki.import_export_pb2 import ImportAnkiPackageUpdateCondition as Update

from lossbook.sphinx import deck
from lossbook.sphinx.harvest import questions
from lossbook.sphinx.sources import Sources

ROOT = Path(__file__).parents[1]
FORMULA = (
    '<span class="math"><span class="katex"><span class="katex-mathml"><math><semantics><mi>a</mi>'
    '<annotation encoding="application/x-tex">a &lt; \\frac{1}{b^{2}}</annotation></semantics></math></span>'
    '<span class="katex-html" aria-hidden="true"><span>a</span></span></span></span>'
)
DISPLAYED = f'<div class="math"><span class="katex-display">{FORMULA[19:-7]}</span></div>'
QUESTION = """<title>{page} &#8212; A book</title>
<details class="lb-question" id="{id}">
<summary><span class="lb-asked">Is {formula} true?</span><span class="lb-level">core</span></summary><div>
<div class="lb-answer docutils container">
<p>{answer} <a href="#here">There</a>, <img alt="a dot" src="../_images/dot.png"/></p>{displayed}
</div>
<p><a class="lb-link" href="#{id}">Link to this question</a></p></div></details>
"""
DOT = bytes.fromhex("89504e470d0a1a0a")


def site(root: Path, answer: str = "Yes.") -> Sources:
    """A built site of one page with one question."""
    (root / "_build" / "html" / "part").mkdir(parents=True, exist_ok=True)
    (root / "_build" / "html" / "_images").mkdir(exist_ok=True)
    (root / "_build" / "html" / "_images" / "dot.png").write_bytes(DOT)
    (root / "book" / "part").mkdir(parents=True, exist_ok=True)
    (root / "book" / "part" / "page.md").touch()
    (root / "_toc.yml").write_text("format: jb-book\nroot: part/page\n")
    text = QUESTION.format(page="A page", id="an-id", formula=FORMULA, answer=answer, displayed=DISPLAYED)
    (root / "_build" / "html" / "part" / "page.html").write_text(text, encoding="utf-8")
    return Sources(root)


def imported(collection: Collection, package: Path) -> None:
    options = ImportAnkiPackageOptions(update_notes=Update.IMPORT_ANKI_PACKAGE_UPDATE_CONDITION_IF_NEWER, with_scheduling=False)
    collection.import_anki_package(ImportAnkiPackageRequest(package_path=str(package), options=options))


@pytest.fixture
def collection(tmp_path):
    opened = Collection(str(tmp_path / "collection.anki2"))
    yield opened
    opened.close()


def test_every_question_of_the_book_is_a_note(collection):
    sources = Sources(ROOT)
    package = sources.html / deck.FILE
    assert package.exists(), "the deck is not among the downloads: run `make book`"
    imported(collection, package)
    asked = {q.id: q for q in questions(sources.html, sources.pages())}
    notes = [collection.get_note(n) for n in collection.find_notes("")]
    assert len(asked) > 200
    assert sorted(note["Id"] for note in notes) == sorted(asked)
    assert collection.decks.id_for_name("The Loss Book")
    for note in notes:
        question = asked[note["Id"]]
        assert set(note.tags) == {f"level::{question.level}", f"part::{question.part}"}
        card = note.cards()[0]
        words = re.sub(r"\\\(.*?\\\)|\\\[.*?\\\]", "", card.question() + card.answer(), flags=re.S)
        for left in ("{{", "katex", "annotation", "$", "\\", "{term}", "{cite", "```", ":::"):
            assert left not in words, f"{question.id}: {left} is left on the card"
    assert not collection.media.check().missing


def test_a_formula_an_image_and_a_link(tmp_path, collection):
    sources = site(tmp_path / "book")
    assert deck.write(sources, tmp_path / "a.apkg") == 1
    imported(collection, tmp_path / "a.apkg")
    note = collection.get_note(collection.find_notes("")[0])
    assert note["Question"] == r"Is \(a &lt; \frac{1}{b^{2}}\) true?"
    assert r"\[a &lt; \frac{1}{b^{2}}\]" in note["Answer"]
    assert "There," in note["Answer"], "without an address of the site a link is only its text"
    assert note["Source"] == "A page"
    name = re.search(r'src="([^"]+)"', note["Answer"])[1]
    assert (Path(collection.media.dir()) / name).read_bytes() == DOT
    assert not collection.media.check().missing


def test_with_an_address_cards_link_to_the_site(tmp_path, collection):
    deck.write(site(tmp_path / "book"), tmp_path / "a.apkg", "https://example.org/losses/")
    imported(collection, tmp_path / "a.apkg")
    note = collection.get_note(collection.find_notes("")[0])
    assert '<a href="https://example.org/losses/part/page.html#here">' in note["Answer"]
    assert note["Source"] == '<a href="https://example.org/losses/part/page.html#an-id">A page</a>'


def test_a_later_deck_updates_the_text_and_keeps_the_schedule(tmp_path, collection, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    deck.write(site(tmp_path / "book"), tmp_path / "a.apkg")
    imported(collection, tmp_path / "a.apkg")
    (card_id,) = collection.find_cards("")
    collection.sched.set_due_date([card_id], "7")
    due = collection.get_card(card_id).due
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000100")
    deck.write(site(tmp_path / "book", "Certainly."), tmp_path / "b.apkg")
    imported(collection, tmp_path / "b.apkg")
    assert list(collection.find_cards("")) == [card_id]
    card = collection.get_card(card_id)
    assert "Certainly." in card.note()["Answer"]
    assert (card.due, card.ivl) == (due, 7)


def test_the_same_bytes_at_another_time(tmp_path):
    sources = site(tmp_path / "book")
    deck.write(sources, tmp_path / "a.apkg")
    deck.write(sources, tmp_path / "b.apkg")
    with zipfile.ZipFile(tmp_path / "a.apkg") as package:
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        (tmp_path / "inside").write_bytes(package.read("collection.anki2"))
    assert (tmp_path / "a.apkg").read_bytes() == (tmp_path / "b.apkg").read_bytes()
    noted = sqlite3.connect(tmp_path / "inside").execute("select mod from notes").fetchall()
    assert noted == [(deck.FIRST_DAY,)], "outside a repository it begins on the first day"


@pytest.mark.parametrize("bad", ["<script>1</script>", "<button>Press</button>"])
def test_what_a_card_cannot_show_is_refused(tmp_path, bad):
    with pytest.raises(ValueError, match=r"part/page: the question an-id has a <(script|button)>"):
        deck.write(site(tmp_path, bad), tmp_path / "a.apkg")

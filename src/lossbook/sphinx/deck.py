"""The Anki deck: a note for every question of the built site.

Anki finds the note that it already has by its guid, which is made from the question's id, and takes over the new text
where that is newer: a reader who imports a later deck keeps the schedule.
"""

from __future__ import annotations

import hashlib
import html
import io
import os
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import urljoin

import genanki  # type: ignore[import-untyped]
from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx

from lossbook.sphinx.harvest import Asked, questions, rebased
from lossbook.sphinx.late import add_late
from lossbook.sphinx.markup import relative
from lossbook.sphinx.sources import Sources

#: Chosen once at random: with others a reader's deck would become a second deck.
DECK_ID, MODEL_ID = 1_640_825_901, 1_388_467_215
#: Where there is no history to ask, as in an unpacked archive: the day on which the deck began.
FIRST_DAY = 1_795_219_200
FILE = "_downloads/the-loss-book.apkg"
FIELDS = ("Id", "Question", "Answer", "Source")
STYLE = """
.card { max-width: 40em; margin: 0 auto; padding: 1em; font-family: system-ui, sans-serif; font-size: 18px;
  line-height: 1.5; text-align: left; }
.asked { font-weight: 600; }
.source { color: #767676; font-size: 15px; }
table { border-collapse: collapse; } td, th { border: 1px solid #999; padding: 2px 8px; }
img { max-width: 100%; background: white; }
"""


def write(sources: Sources, target: Path, base: str = "") -> int:
    """Write the deck of the built site and return how many notes it has.

    ``base`` is the site's address, to which the cards link; without one they name their page.
    """
    deck = genanki.Deck(DECK_ID, "The Loss Book")
    deck.description = "The questions of The Loss Book with their full answers."
    model = genanki.Model(
        MODEL_ID,
        "The Loss Book",
        fields=[{"name": name} for name in FIELDS],
        templates=[
            {
                "name": "Question",
                "qfmt": '<div class="asked">{{Question}}</div>',
                "afmt": '{{FrontSide}}<hr id="answer">{{Answer}}<p class="source">{{Source}}</p>',
            }
        ],
        css=STYLE,
        sort_field_index=0,
    )
    media: dict[str, Path] = {}
    for asked in questions(sources.html, sources.pages()):
        question, answer = (_plain(text, asked, sources.html, media, base) for text in (asked.question, asked.answer))
        fields = [asked.id, question, answer, _source(asked, base)]
        tags = [f"level::{asked.level}", f"part::{asked.part}"]
        deck.add_note(genanki.Note(model, fields, tags=tags, guid=genanki.guid_for("The Loss Book", asked.id)))
    package = genanki.Package(deck)
    with tempfile.TemporaryDirectory() as folder:
        named = [Path(folder, name) for name in media]  # Anki knows a file by its name alone
        for copy, original in zip(named, media.values(), strict=True):
            copy.write_bytes(original.read_bytes())
        package.media_files = [str(path) for path in named]
        made = io.BytesIO()
        package.write_to_file(made, timestamp=edition(sources.root))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(_undated(made.getvalue()))
    return len(deck.notes)


def setup(app: Sphinx, sources: Sources) -> None:
    """Register ``{deck}``, the link to the deck."""
    add_late(app, "deck", lambda app, page: download(sources, page, app.config.html_baseurl))


def download(sources: Sources, page: str, base: str) -> str:
    """The deck among the site's downloads, and HTML for ``page`` that links to it."""
    count = write(sources, sources.html / FILE, base)
    size = (sources.html / FILE).stat().st_size / 1000
    link = relative(FILE, page)
    return f'<p class="lb-download"><a href="{link}" download>Download the deck</a> ({count} notes, {size:.0f} kB)</p>'


def edition(root: Path) -> int:
    """The second at which the text was last committed: Anki takes a note for newer by it, and every clone has the same."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    asked = ["git", "-C", str(root), "log", "-1", "--format=%ct", "--", "book", "src"]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        found = ""
    return int(found) if found else FIRST_DAY


def _source(asked: Asked, base: str) -> str:
    title = html.escape(asked.page_title)
    return f'<a href="{urljoin(base, asked.page)}.html#{asked.id}">{title}</a>' if base else title


def _plain(fragment: str, asked: Asked, site: Path, media: dict[str, Path], base: str) -> str:
    """HTML that a card can show: formulas as TeX, which Anki sets itself; images as media; links to the site or none."""
    soup = BeautifulSoup(rebased(fragment, asked.page, "index"), "html.parser")
    for formula in soup.select(".katex"):
        source = formula.find("annotation")
        if not isinstance(source, Tag):
            raise ValueError(f"{asked.page}: the question {asked.id} has a formula without its TeX")
        display = formula.find_parent("span", class_="katex-display")
        tex = re.sub(r"\s+", " ", source.get_text()).strip()
        (display or formula).replace_with(rf"\[{tex}\]" if display else rf"\({tex}\)")
    for image in soup.find_all("img"):
        original = site / str(image["src"])
        name = f"lossbook-{hashlib.sha256(original.read_bytes()).hexdigest()[:16]}{original.suffix}"
        media[name] = original
        image["src"] = name
        del image["srcset"]
    for link in soup.find_all("a"):
        address = str(link.get("href", ""))
        if base or re.match(r"[a-z]+:", address):
            link["href"] = urljoin(base, address)
        else:
            link.unwrap()
    for tag in soup.find_all(["script", "style", "iframe", "button"]):
        raise ValueError(f"{asked.page}: the question {asked.id} has a <{tag.name}>, which a card cannot show")
    for tag in soup.find_all("span", class_=["math", "std"]):
        tag.unwrap()
    return str(soup).strip()


def _undated(package: bytes) -> bytes:
    """The same archive with the same bytes whenever it is made: genanki notes the time."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def main() -> None:
    """Write _build/the-loss-book.apkg from the site in _build/html."""
    sources = Sources(Path.cwd())
    target = sources.build / "the-loss-book.apkg"
    print(f"{write(sources, target)} notes in {os.path.relpath(target)}")

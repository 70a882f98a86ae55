"""The build keeps its promises: what changed runs, nothing else does, and no fault is forgotten. Tried on a tiny book."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lossbook.sphinx.sources import Sources

ROOT = Path(__file__).parents[1]
PAGES = {
    "index": "# A tiny book\n\nWith [one](part/page.md) page and [another](other/page.md), after {cite:t}`huber1964robust`.\n",
    "part/page": (
        "# First\n\n$$\ne = \\hat y - y\n$$ (eq-error)\n\nSee {eq}`eq-error`.\n\n"
        "```{code-cell} python\nprint('from', 'part')\n```\n"
    ),
    "other/page": "# Second\n\n```{code-cell} python\nprint('from', 'other')\n```\n",
    "works": "# Works\n\n```{bibliography}\n```\n",
}
TOC = "format: jb-book\nroot: index\nchapters:\n" + "".join(f"  - file: {page}\n" for page in PAGES if page != "index")


class Book:
    """A folder with all that a build needs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def page(self, name: str) -> Path:
        return self.root / "book" / f"{name}.md"

    def append(self, name: str, text: str) -> None:
        self.page(name).write_text(f"{self.page(name).read_text()}\n{text}\n")

    def html(self, name: str) -> str:
        return (self.root / "_build" / "html" / f"{name}.html").read_text()

    def run(self, step: str = "build") -> subprocess.CompletedProcess[str]:
        # What another test set for its own figures must not reach the kernels.
        environment = {**os.environ, "NO_COLOR": "1"}
        environment.pop("LOSSBOOK_STATIC", None)
        command = [sys.executable, "-m", f"lossbook.sphinx.{step}"]
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Book:
    root = tmp_path_factory.mktemp("book")
    if not (ROOT / "node_modules" / "katex").is_dir():
        pytest.fail("KaTeX is not installed; `make book` installs it")
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    shutil.copy(ROOT / "_config.yml", root)
    (root / "_toc.yml").write_text(TOC)
    (root / "requirements.txt").write_text("numpy\n")
    (root / "src" / "lossbook").mkdir(parents=True)
    (root / "src" / "lossbook" / "part.py").write_text("number = 1\n")
    for name, text in PAGES.items():
        path = root / "book" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(ROOT / "book" / "references.bib", root / "book")
    (root / "book" / "_static").mkdir()
    shutil.copy(ROOT / "book" / "_static" / "icon.svg", root / "book" / "_static")
    book = Book(root)
    done = book.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Executing 4 pages" in done.stdout
    return book


@pytest.fixture
def book(built: Book, tmp_path: Path) -> Book:
    """The tiny book as it is after a build."""
    shutil.copytree(built.root, tmp_path / "book", symlinks=True)
    return Book(tmp_path / "book")


def test_pages_of_one_name_keep_their_own_outputs(built: Book) -> None:
    assert "from part" in built.html("part/page")
    assert "from other" in built.html("other/page")


def test_nothing_changed_nothing_done(book: Book) -> None:
    done = book.run()
    assert done.returncode == 0
    assert "Nothing has changed." in done.stdout


def test_prose_executes_nothing(book: Book) -> None:
    book.append("part/page", "A sentence more.")
    done = book.run()
    assert done.returncode == 0, done.stderr
    assert "nothing to execute" in done.stdout
    assert "A sentence more." in book.html("part/page")


def test_code_executes_its_own_page(book: Book) -> None:
    book.page("part/page").write_text(book.page("part/page").read_text().replace("'part'", "'elsewhere'"))
    done = book.run()
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^  (\S+)  [\d.]+ s$", done.stdout, re.M) == ["part/page"]
    assert "from elsewhere" in book.html("part/page")


def test_the_package_executes_all(book: Book) -> None:
    (book.root / "src/lossbook/part.py").write_text("number = 2\n")
    done = book.run("execute")
    assert done.returncode == 0, done.stderr
    assert "Executing 4 pages" in done.stdout
    assert len(list((book.root / "_build" / ".jupyter_cache").iterdir())) == 1


@pytest.mark.parametrize(
    ("changed", "again"),
    [("src/lossbook/part.py", True), ("requirements.txt", True), ("src/lossbook/sphinx/execute.py", True),
     ("src/lossbook/sphinx/cards.py", False), ("requirements-dev.txt", False)],
)  # fmt: skip
def test_what_outputs_depend_on(tmp_path: Path, changed: str, again: bool) -> None:
    for name in ("src/lossbook/part.py", "requirements.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    before = Sources(tmp_path).cache
    (tmp_path / changed).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / changed).write_text("changed")
    assert (Sources(tmp_path).cache != before) is again


def test_what_raises_is_named(book: Book) -> None:
    book.append("part/page", "```{code-cell} python\nratio = 1 / 0\n```")
    # Jupyter takes a cell for a success if its result raises only while it is displayed, as a figure may.
    figure = "class Figure:\n    def _repr_html_(self):\n        raise ValueError('at one slider value')\n\nFigure()"
    book.append("other/page", f"```{{code-cell}} python\n{figure}\n```")
    for _ in range(2):
        done = book.run()
        assert done.returncode == 1
        assert "book/part/page.md FAILED" in done.stderr
        assert "ratio = 1 / 0" in done.stderr
        assert "ZeroDivisionError" in done.stderr
        assert "book/other/page.md FAILED" in done.stderr
        assert "ValueError: at one slider value" in done.stderr


def test_warnings_fail_every_time(book: Book) -> None:
    sound = book.page("part/page").read_text()
    book.append("part/page", "A [page](nowhere.md) that is not there, $\\nosuchcommand$ and {cite:t}`nobody1900nothing`.")
    for _ in range(2):
        done = book.run()
        assert done.returncode == 1
        assert "nowhere.md" in done.stderr
        assert "KaTeX cannot set this equation" in done.stderr
        assert "nosuchcommand" in done.stderr
        assert "nobody1900nothing" in done.stderr
        assert "part/page.md" in done.stderr
    book.page("part/page").write_text(sound)
    done = book.run()
    assert done.returncode == 0, done.stderr


def test_a_page_removed_is_missed_where_it_is_linked(book: Book) -> None:
    (book.root / "_toc.yml").write_text(TOC.replace("  - file: other/page\n", ""))
    book.page("other/page").unlink()
    done = book.run()
    assert done.returncode == 1
    assert re.search(r"index\.md.*other/page\.md", done.stderr)


def test_a_page_in_the_contents_that_does_not_exist(book: Book) -> None:
    (book.root / "_toc.yml").write_text(TOC + "  - file: part/later\n")
    done = book.run()
    assert done.returncode == 1
    assert "part/later" in done.stderr


def test_a_second_build_makes_the_same_bytes(built: Book, book: Book) -> None:
    for made in ("html", ".doctrees", ".built-from", ".cards", "jupyter_execute"):
        path = book.root / "_build" / made
        path.unlink() if path.is_file() else shutil.rmtree(path)
    assert book.run().returncode == 0
    first, second = built.root / "_build" / "html", book.root / "_build" / "html"
    files = sorted(str(path.relative_to(first)) for path in first.rglob("*") if path.is_file())
    assert files == sorted(str(path.relative_to(second)) for path in second.rglob("*") if path.is_file())
    assert filecmp.cmpfiles(first, second, files, shallow=False)[1:] == ([], [])


def test_repository_links_only_where_one_is_configured(built: Book, book: Book) -> None:
    assert "github" not in built.html("part/page").lower()
    assert "colab" not in built.html("part/page")
    assert 'href="_static' in built.html("404")
    config = book.root / "_config.yml"
    config.write_text(re.sub(r'^  url: ""$', "  url: https://github.com/someone/losses", config.read_text(), flags=re.M))
    done = book.run()
    assert done.returncode == 0, done.stderr
    page = book.html("part/page")
    assert "https://github.com/someone/losses/edit/main/book/part/page.md" in page
    assert "https://colab.research.google.com/github/someone/losses/blob/gh-pages/_notebooks/part/page.ipynb" in page
    assert '<meta property="og:url" content="https://someone.github.io/losses/part/page.html" />' in page
    assert 'href="/losses/_static' in book.html("404")
    notebook = json.loads((book.root / "_build/html/_notebooks/part/page.ipynb").read_text())
    assert "git+https://github.com/someone/losses" in "".join(notebook["cells"][0]["source"])


def test_a_page_says_what_it_is(built: Book) -> None:
    page = built.html("index")
    assert '<meta name="description" content="With one page and another, after Huber (1964)." />' in page
    assert '<meta property="og:title" content="A tiny book" />' in page
    card = re.search(r'<meta property="og:image" content="([^"]+)" />', page)
    assert card is not None
    assert (built.root / "_build" / "html" / card[1]).is_file()

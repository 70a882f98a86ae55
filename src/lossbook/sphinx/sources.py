"""What the book is made of: where its files lie, its pages as notebooks, and which of them have to run."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml  # type: ignore[import-untyped]
from sphinx_external_toc.parsing import parse_toc_yaml

if TYPE_CHECKING:
    from nbformat import NotebookNode

# nbformat imports jsonschema, which would spend two seconds on a grammar of international addresses. It does
# without where there is none. What imports nbformat is imported below, where it is needed.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Sources:
    """A book: ``root`` holds _config.yml, _toc.yml, the pages in book/ and the package in src/."""

    root: Path

    @property
    def book(self) -> Path:
        return self.root / "book"

    @property
    def config(self) -> Path:
        return self.root / "_config.yml"

    @property
    def toc(self) -> Path:
        return self.root / "_toc.yml"

    @property
    def build(self) -> Path:
        return self.root / "_build"

    @property
    def html(self) -> Path:
        return self.build / "html"

    @property
    def katex(self) -> Path:
        """What npm installed of KaTeX."""
        return self.root / "node_modules" / "katex" / "dist"

    @property
    def scheduler(self) -> Path:
        """What npm installed of ts-fsrs, which spaces the drill's questions."""
        return self.root / "node_modules" / "ts-fsrs"

    @property
    def caches(self) -> Path:
        return self.build / ".jupyter_cache"

    @property
    def cache(self) -> Path:
        """Where the outputs lie of the pages that ran with the package and the requirements as they are now.

        jupyter-cache itself looks at the cells alone and would answer a changed package with old outputs. Of
        this folder, whose directives no page's code can see, only what sets up the kernels matters.
        """
        code = [path for path in self.code() if path.parent.name != "sphinx" or path.name == "execute.py"]
        return self.caches / fingerprint(self.root, [*code, self.root / "requirements.txt"], platform.python_version())

    def code(self) -> list[Path]:
        """The package's modules and the text that they read."""
        package = self.root / "src" / "lossbook"
        return sorted([*package.rglob("*.py"), *package.glob("*.txt")])

    def pages(self) -> list[str]:
        """The names of all pages in the table of contents, in its order; FileNotFoundError where one is missing."""
        names: list[str] = [name.removesuffix(".md") for name in parse_toc_yaml(self.toc)]
        if missing := [name for name in names if not self.path(name).is_file()]:
            raise FileNotFoundError(f"{self.toc.name} lists pages that are not in {self.book.name}/: {', '.join(missing)}")
        return names

    def path(self, page: str) -> Path:
        return self.book / f"{page}.md"

    def without_outputs(self, pages: Iterable[str]) -> dict[str, NotebookNode]:
        """Those pages that have to run, since the cache does not hold what their cells make."""
        from jupyter_cache import get_cache

        cache, extensions, waiting = get_cache(self.cache), self._extensions(), {}
        for page in pages:
            notebook = read_notebook(self.path(page).read_text(encoding="utf-8"), extensions)
            try:
                cache.match_cache_notebook(notebook)
            except KeyError:
                waiting[page] = notebook
        return waiting

    def _extensions(self) -> list[str]:
        extensions: list[str] = yaml.safe_load(self.config.read_text(encoding="utf-8"))["parse"]["myst_enable_extensions"]
        return extensions


def read_notebook(text: str, extensions: Sequence[str]) -> NotebookNode:
    """A page as a notebook without outputs. Whatever reads pages reads them here, so that all see the same cells."""
    from myst_nb.core.read import read_myst_markdown_notebook  # type: ignore[import-untyped]
    from myst_parser.config.main import MdParserConfig

    settings = MdParserConfig(enable_extensions=set(extensions))
    notebook: NotebookNode = read_myst_markdown_notebook(text, settings, add_source_map=True)
    if any(cell.cell_type == "code" for cell in notebook.cells):
        notebook.metadata.setdefault("kernelspec", {"name": "python3", "display_name": "Python 3"})
    return notebook


def fingerprint(root: Path, files: Iterable[Path], *more: str) -> str:
    """A short hash of names and contents, the same wherever the book lies."""
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    digest.update("\0".join(more).encode())
    return digest.hexdigest()[:16]

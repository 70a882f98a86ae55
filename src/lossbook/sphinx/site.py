"""The site around the pages: outputs from the cache, notebooks, metadata, links to the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from lossbook.sphinx import bibliography, deck, drill, equations
from lossbook.sphinx.social import describe, social_card
from lossbook.sphinx.sources import Sources, fingerprint, read_notebook

#: Folders of the site, beside the pages.
NOTEBOOKS, CARDS = "_notebooks", "_images/cards"
#: The theme expects a theme to have been chosen before: without one it logs an error, and flashes.
CHOOSE_THEME = (
    '<script>if ((localStorage.mode ??= "auto") === "auto")'
    ' localStorage.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";</script>'
)


def setup(app: Sphinx) -> None:
    """Connect everything here; the book's extension calls this."""
    app.add_config_value("lossbook_sources", "", "env")
    equations.setup(app, _sources(app).katex)
    drill.setup(app, _sources(app))
    deck.setup(app, _sources(app))
    bibliography.setup(app)
    app.connect("config-inited", _configure)
    app.connect("env-before-read-docs", _require_outputs)
    app.connect("html-collect-pages", _not_found_page)
    app.connect("html-page-context", _add_to_page, priority=600)  # after the theme has made its list of buttons
    app.connect("build-finished", _finish)


def _sources(app: Sphinx) -> Sources:
    return Sources(Path(app.srcdir).parent)


def _configure(app: Sphinx, config: Config) -> None:
    sources = _sources(app)
    config.nb_execution_cache_path = str(sources.cache)
    # Where this changes, Sphinx reads every page again: what the directives make of a page has changed, or the
    # versions that the tables of equivalents name.
    config.lossbook_sources = fingerprint(sources.root, [*sources.code(), *sorted(sources.root.glob("requirements*.txt"))])
    options = {"extensions": config.myst_enable_extensions}
    config.nb_custom_formats = {".md": ("lossbook.sphinx.sources.read_notebook", options, False)}
    # sphinx-external-toc loads this one, which does not say that it is safe, for numbers that the book does not use.
    app.extensions["sphinx_multitoc_numbering"].parallel_read_safe = True
    theme = config.html_theme_options
    repository = theme.get("repository_url", "")
    for button in ("use_repository_button", "use_edit_page_button", "use_issues_button"):
        theme[button] = bool(repository)
    if not config.html_baseurl and (github := _github(repository)):
        owner, name = github
        config.html_baseurl = f"https://{owner}.github.io/{name}"
    if config.html_baseurl:
        config.html_baseurl = config.html_baseurl.rstrip("/") + "/"  # without it, its last part would count as a page


def _github(repository: str) -> tuple[str, str] | None:
    """Owner and name of a repository on GitHub."""
    found = re.fullmatch(r"https://github\.com/([^/]+)/([^/]+?)(?:\.git)?/?", repository)
    return (found[1], found[2]) if found else None


# Outputs


def _require_outputs(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Stop where MyST-NB would run a page itself: one at a time, and with the exit status of a success."""
    missing = _sources(app).without_outputs(docnames)
    if missing:
        raise ExtensionError(f"not executed: {', '.join(missing)}; `make book` executes pages before it builds them")


# Pages


def _not_found_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    body = (
        "<h1>Page not found</h1><p>There is no page at this address. It may have moved: "
        '<a href="search.html">search the book</a>, or start at <a href="index.html">its first page</a>.</p>'
    )
    yield "404", {"title": "Page not found", "body": body}, "page.html"


def _add_to_page(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    context["metatags"] = f"{CHOOSE_THEME}\n{context.get('metatags', '')}"
    if pagename == "search":
        # Excerpts are fetched from the pages, which a browser refuses to do for files.
        app.add_js_file(None, body='if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;')
    if doctree is None:
        return
    title, description = app.env.titles[pagename].astext(), describe(pagename, app.env.metadata[pagename], doctree)
    card = f"{CARDS}/{pagename.replace('/', '-')}.png"
    social_card(app.config.html_title, title, description, pagename, _sources(app).build / ".cards", Path(app.outdir) / card)
    base = app.config.html_baseurl
    tags = {
        "og:type": "website" if pagename == app.config.root_doc else "article",
        "og:site_name": app.config.html_title,
        "og:title": title,
        "og:description": description,
        "og:image": urljoin(base, card) if base else context["pathto"](card, True),
        "og:image:alt": f"{title}: {description}",
    }
    if base:
        tags["og:url"] = urljoin(base, context["file_suffix"].join([pagename, ""]))
    escape = {ord("&"): "&amp;", ord('"'): "&quot;", ord("<"): "&lt;"}
    context["metatags"] = "\n".join(
        [
            context["metatags"],
            f'<meta name="description" content="{description.translate(escape)}" />',
            '<meta name="twitter:card" content="summary_large_image" />',
            *(f'<meta property="{name}" content="{content.translate(escape)}" />' for name, content in tags.items()),
        ]
    )
    if "kernelspec" in app.env.metadata[pagename]:
        notebook = f"{NOTEBOOKS}/{pagename}.ipynb"
        local = context["pathto"](notebook, True)
        context["header_buttons"].insert(0, _button("download", "Download as a notebook", local, "fas fa-download"))
        if github := _github(app.config.html_theme_options.get("repository_url", "")):
            colab = f"https://colab.research.google.com/github/{'/'.join(github)}/blob/gh-pages/{notebook}"
            context["header_buttons"].insert(1, _button("colab", "Open in Colab", colab, "_static/images/logo_colab.png"))


def _button(label: str, tooltip: str, url: str, icon: str) -> dict[str, str]:
    return {"type": "link", "label": label, "tooltip": tooltip, "url": url, "icon": icon, "text": ""}


# What lies beside the pages


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        for docname in sorted(app.env.found_docs):
            if "kernelspec" in app.env.metadata[docname]:
                _write_notebook(app, docname)
        _root_links(Path(app.outdir) / "404.html", urlsplit(app.config.html_baseurl).path)


def _write_notebook(app: Sphinx, docname: str) -> None:
    from nbformat import v4, write

    notebook = read_notebook(Path(app.env.doc2path(docname)).read_text(encoding="utf-8"), app.config.myst_enable_extensions)
    if repository := app.config.html_theme_options.get("repository_url", ""):
        notebook.cells.insert(0, v4.new_code_cell(f'%pip install --quiet "lossbook[book] @ git+{repository}"'))  # type: ignore[no-untyped-call]
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i}"  # else it is random
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    path = Path(app.outdir) / NOTEBOOKS / f"{docname}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(notebook, path)  # type: ignore[no-untyped-call]


def _root_links(page: Path, root: str) -> None:
    """Make the links of a page start at the site's root: a server shows 404.html at addresses of any depth.

    Without a configured address the root is not known, and the links stay as they are: right at the top.
    """
    if root:
        html = page.read_text(encoding="utf-8")
        relative = r'\b(href|src|action|data-content_root)="(?![#/]|[a-z]+:)(?:\./)?'
        page.write_text(re.sub(relative, rf'\1="{root}', html), encoding="utf-8")

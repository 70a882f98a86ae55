"""Build the book in the current folder: run what changed, then let Jupyter Book write the site.

``python -m lossbook.sphinx.build``
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

from lossbook.sphinx.sources import Sources, fingerprint


def build(sources: Sources) -> int:
    """Make _build/html; 0 if all is well. Any warning is an error, and stays one until it is mended."""
    start = time.perf_counter()
    sources.build.mkdir(exist_ok=True)
    # What the last build that succeeded was made from. It is removed before anything is built, so that a build
    # that fails or is interrupted is never taken for done: Sphinx warns of a page when it reads the page, and
    # of one that has not changed since it says nothing.
    stamp, now = sources.build / ".built-from", _everything(sources)
    if stamp.exists() and stamp.read_text() == now and (sources.html / "index.html").exists():
        print("Nothing has changed.")
        return _report(sources)
    from lossbook.sphinx.execute import execute  # only now: importing Jupyter takes longer than finding nothing to do

    succeeded_before = stamp.exists()
    stamp.unlink(missing_ok=True)
    try:
        failures = execute(sources)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if failures:
        return 1
    if result := _sphinx(sources, afresh=not succeeded_before):
        print("The book was not built: see the warnings and errors above.", file=sys.stderr)
        return 1 if isinstance(result, Exception) else result
    # Sphinx writes pages in forked processes, and one that dies has been seen to pass for done.
    if missing := [page for page in sources.pages() if not (sources.html / f"{page}.html").is_file()]:
        print(f"The book was not built: Sphinx did not write {', '.join(missing)}.", file=sys.stderr)
        return 1
    stamp.write_text(now)
    print(f"Built in {time.perf_counter() - start:.0f} s.")
    return _report(sources)


def _sphinx(sources: Sources, *, afresh: bool) -> int | Exception:
    from jupyter_book.sphinx import build_sphinx  # type: ignore[import-untyped]

    # Pages are read again only where they changed but all are written: a new title must reach every sidebar,
    # and a link to a page that is gone must be reported wherever it stands. No page of an earlier build stays.
    shutil.rmtree(sources.html, ignore_errors=True)
    result: int | Exception = build_sphinx(
        sources.book.resolve(),
        sources.html.resolve(),
        path_config=sources.config,
        noconfig=True,
        confoverrides={"external_toc_path": str(sources.toc.resolve()), "latex_individualpages": False},
        doctreedir=str((sources.build / ".doctrees").resolve()),
        freshenv=afresh,
        force_all=True,
        warningiserror=True,
        keep_going=True,
        jobs=os.cpu_count() or 1,
        quiet=True,
    )
    return result


def _everything(sources: Sources) -> str:
    """A hash of all that the site is made from."""
    files = [path for folder in ("book", "src/lossbook") for path in (sources.root / folder).rglob("*") if path.is_file()]
    files = [path for path in files if "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts]
    tops = ["_config.yml", "_toc.yml", "requirements.txt", "requirements-dev.txt", "package-lock.json"]
    files += [path for name in tops if (path := sources.root / name).exists()]
    return fingerprint(sources.root, sorted(files), platform.python_version(), version("sphinx"))


def _report(sources: Sources) -> int:
    print(f"Open {os.path.relpath(sources.html / 'index.html')}")
    return 0


if __name__ == "__main__":
    sys.exit(build(Sources(Path.cwd())))

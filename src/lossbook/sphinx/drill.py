"""``{drill}``: every question of the book on one page, which a script turns into a mock interview."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from lossbook.sphinx.harvest import Asked, questions, rebased
from lossbook.sphinx.late import add_late, serve
from lossbook.sphinx.markup import fill, part_title
from lossbook.sphinx.questions import LEVELS
from lossbook.sphinx.sources import Sources

#: The source of an equation, which KaTeX adds to its MathML for who copies it. On 350 questions it is 15 kB, compressed.
_TEX = re.compile(r'<annotation encoding="application/x-tex">.*?</annotation>', re.S)
_ID = re.compile(r'(?<=\s)(id|for)="([^"]+)"')


def drill(asked: Iterable[Asked], onto: str) -> str:
    """The drill as the page ``onto`` shows it: its controls, hidden until the script runs, and the list of questions."""
    parts: dict[str, list[dict[str, str]]] = {}
    for one in asked:
        parts.setdefault(part_title(one.part), []).append(
            {
                "id": one.id,
                "level": one.level,
                "question": _moved(one.question, one, onto),
                "answer": _moved(one.answer, one, onto),
                "link": rebased(f'<a class="lb-source" href="#{one.id}">', one.page, onto),
                "page_title": one.page_title,
            }
        )
    return fill("drill.html", parts=parts, levels=LEVELS, count=sum(map(len, parts.values())))


def _moved(fragment: str, one: Asked, onto: str) -> str:
    return _ID.sub(rf'\1="drill-{one.id}-\2"', rebased(_TEX.sub("", fragment), one.page, onto))


def setup(app: Sphinx, sources: Sources) -> None:
    """Register the directive."""
    add_late(app, "drill", lambda app, page: drill(questions(Path(app.outdir), sources.pages()), page))
    serve(app, "drill", styles=["drill.css"], scripts=["ts-fsrs/index.umd.js", "drill.js"])
    app.connect("builder-inited", lambda app: _copy_scheduler(sources.scheduler, Path(app.outdir) / "_static" / "ts-fsrs"))


def _copy_scheduler(installed: Path, target: Path) -> None:
    script = installed / "dist" / "index.umd.js"
    if not script.is_file():
        raise ExtensionError(f"ts-fsrs is not in {installed}; `make book` installs it there")
    target.mkdir(parents=True, exist_ok=True)
    # Its last line names a file for debuggers that is not on the site.
    text = re.sub(r"^//# sourceMappingURL=.*\n?", "", script.read_text(encoding="utf-8"), flags=re.M)
    (target / "index.umd.js").write_text(text, encoding="utf-8")
    shutil.copy(installed / "LICENSE", target)

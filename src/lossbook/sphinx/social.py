"""What others show of a page: its description, and the picture on a link to it."""

from __future__ import annotations

import hashlib
import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from docutils import nodes
from matplotlib.figure import Figure

from lossbook import catalogue
from lossbook._style import BLUE, INK, MUTED
from lossbook.loss import Loss
from lossbook.sphinx.curves import example

LONGEST = 200
#: Changed with the drawing below, so that cards drawn before are drawn again.
DESIGN = "3"


def describe(pagename: str, front_matter: Mapping[str, Any], doctree: nodes.document) -> str:
    """One or two sentences: from the page's front matter, else from the card of its loss, else its first words."""
    if given := str(front_matter.get("description", "")):
        return given
    if losses := losses_of(pagename):
        card = losses[0].card
        return textwrap.shorten(f"{card.what} {card.why}", LONGEST, placeholder=" …")
    first = next((p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section)), None)
    return textwrap.shorten(first.astext(), LONGEST, placeholder=" …") if first else ""


def losses_of(pagename: str) -> list[Loss]:
    """The losses that a page is about."""
    return [loss for loss in catalogue.values() if loss.page == pagename]


def social_card(site: str, title: str, description: str, pagename: str, drawn: Path, target: Path) -> None:
    """Write the card of a page, 1200 by 630 pixels; ``drawn`` keeps the cards of earlier builds."""
    key = hashlib.sha256("\0".join([DESIGN, mpl.__version__, site, title, description, pagename]).encode()).hexdigest()[:16]
    kept = drawn / f"{key}.png"
    if not kept.exists():
        drawn.mkdir(parents=True, exist_ok=True)
        curve = next((found.value(loss) for loss in losses_of(pagename) if (found := example(loss))), None)
        _draw(site, title, description, curve).savefig(kept, metadata={"Software": None})
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(kept, target)


def _draw(site: str, title: str, description: str, values: np.ndarray | None) -> Figure:
    with mpl.rc_context({**mpl.rcParamsDefault, "font.family": "DejaVu Sans", "text.parse_math": False}):
        figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="white")
        figure.text(0.06, 0.85, site, size=21, color=BLUE, weight="bold")
        for i, line in enumerate(textwrap.wrap(title, 32 if values is None else 20)):
            figure.text(0.06, 0.70 - 0.12 * i, line, size=42, color=INK, weight="bold")
        for i, line in enumerate(reversed(textwrap.wrap(description, 68 if values is None else 42))):
            figure.text(0.06, 0.09 + 0.062 * i, line, size=19, color=MUTED)
        if values is not None:
            ax = figure.add_axes((0.64, 0.16, 0.30, 0.62))
            top = min(values.max(), 4.5)
            ax.plot(np.linspace(-3, 3, values.size), values, color=BLUE, lw=5, solid_capstyle="round")
            ax.axhline(0, color=MUTED, lw=1.5)
            ax.axvline(0, color=MUTED, lw=1.5)
            ax.set(ylim=(min(values.min(), 0) - 0.06 * top, 1.04 * top))
            ax.set_axis_off()
        return figure

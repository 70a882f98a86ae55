"""From matplotlib figures to the HTML of still and live figures."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import matplotlib as mpl
from matplotlib.figure import Figure

from lossbook._style import STYLE, VARIABLES
from lossbook.controls import Choice, Handle, Slider

if TYPE_CHECKING:
    from lossbook.figures import Explorer

#: System fonts, since a drawing shown as an image cannot load the page's.
FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',Arial,sans-serif"


class Frame(NamedTuple):
    """One drawing: its SVG, its sentence, and where its first axes lie (see ``figures._extent``)."""

    svg: str
    words: str
    extent: tuple[float, ...]


def svg(figure: Figure) -> str:
    """The figure as SVG: small, the same for the same drawing, coloured by CSS variables, one element a line."""
    buffer = io.StringIO()
    # Without the last setting matplotlib lays every figure out anew when it is saved a second time.
    with mpl.rc_context({**STYLE, "figure.constrained_layout.use": False}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # matplotlib's <style>*{…}</style> would restyle the whole page that the drawing stands in.
    text = re.sub(
        r"<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</style>\s*</defs>|<title>.*?</title>", "", text, flags=re.S
    )
    text = re.sub(r' (?:width|height)="[\d.]+pt"| xmlns:xlink="[^"]*"| version="1.1"', "", text, count=4)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'<g id="[A-Za-z][\w.-]*_\d+">|<g id="(?:legend|figure)[\w.-]*">', "<g>", text)
    # Coordinates to a hundredth of a point; what a label says is left alone.
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"-?\d+\.\d{3,}", _hundredths, tag[0]), text)
    text = re.sub(r"font:([^;\"]*?)(\d+(?:\.\d+)?px)[^;\"]*", rf"font:\1\2 {FONTS}", text)
    text = re.sub(r"font-family:[^;\"]*", f"font-family:{FONTS}", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable}, {colour})")
    text = re.sub(r">\s*<", ">\n<", text.strip())
    return "\n".join(" ".join(line.split()) for line in re.sub(r"\n(?!<)", " ", text).split("\n"))


def _hundredths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def png(figure: Figure) -> bytes:
    """The figure on white paper."""
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format="png", dpi=144, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def still_html(drawing: str, alt: str, words: str = "") -> str:
    """A figure that does not move, as inline SVG: it inherits the page's theme."""
    key = _key(drawing + alt)
    # Two figures on one page may hold the same marker or clip path: their identifiers must differ.
    drawing = re.sub(r'(id="|href="#|url\(#)([mpCh][\w-]*)', rf"\g<1>{key}-\g<2>", drawing)
    drawing = drawing.replace("<svg ", f'<svg role="img" aria-label="{html.escape(alt)}" ', 1)
    caption = f'<figcaption class="lb-say">{html.escape(words)}</figcaption>' if words else ""
    return f'<figure class="lb-figure"><div {_STAGE}>{drawing}</div>{caption}</figure>'


def live_html(explorer: Explorer, frames: Sequence[Frame]) -> str:
    """A live figure for a page without a kernel: the drawings, the controls, and the start for readers without scripts."""
    controls = list(explorer.controls.values())
    first = next(i for i, values in enumerate(explorer.combinations()) if values == explorer.start)
    start = frames[first]
    if any(isinstance(c, Handle) for c in controls) and any(f.extent != start.extent for f in frames):
        raise ValueError(f"a figure with a handle needs the same axes limits in every drawing; {explorer.alt!r} changes them")
    key = _key(explorer.alt + "".join(f.svg for f in frames))
    dimensions: list[dict[str, Any]] = []
    handles, rows = [], []
    for control in controls:
        if isinstance(control, Choice):
            rows.append(_choice(control, f"{key}-{len(dimensions)}"))
            dimensions.append({"text": control.names, "at": control.start_index})
            continue
        moving = control.sliders if isinstance(control, Handle) else (control,)
        if isinstance(control, Handle):
            handles.append(_handle(control, len(dimensions), start.extent))
        for one in moving:
            rows.append(_slider(one))
            dimensions.append({"text": [one.text(v) for v in one.options], "at": one.start_index})
    pieces, drawings = _share([f.svg for f in frames])
    words = list(dict.fromkeys(f.words for f in frames))
    data = {
        "dimensions": dimensions, "handles": handles, "pieces": pieces, "frames": drawings,
        "words": words, "says": [words.index(f.words) for f in frames],
    }  # fmt: skip
    payload = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    dots = '<span class="lb-handle" aria-hidden="true" hidden></span>' * len(handles)
    width, height = (72 * inches for inches in explorer.size)
    return (
        f'<figure class="lb-explore" id="live-{key}">'
        f'<div {_STAGE}><div class="lb-canvas" style="min-width:{0.82 * width:.0f}px">'
        f'<img alt="{html.escape(explorer.alt)}" width="{width:.0f}" height="{height:.0f}" '
        f'src="data:image/svg+xml,{quote(start.svg, safe=_URI_SAFE)}">{dots}</div></div>'
        f'<div class="lb-controls" hidden>{"".join(rows)}</div>'
        f'<figcaption class="lb-say" aria-live="polite">{html.escape(start.words)}</figcaption>'
        f'<script type="application/json">{payload}</script>'
        "</figure>"
    )


# On a narrow screen the figure scrolls in its own frame, which the keyboard must reach.
_STAGE = 'class="lb-stage" tabindex="0" role="group" aria-label="Figure, scrolls sideways"'
_URI_SAFE = " =:/;,()'!*~-._"


def _slider(control: Slider) -> str:
    text = html.escape(control.text(control.options[control.start_index]))
    return (
        f'<label class="lb-slider"><span>{html.escape(control.label)}</span>'
        f'<input type="range" min="0" max="{len(control.options) - 1}" step="1" '
        f'value="{control.start_index}" aria-valuetext="{text}">'
        f"<output>{text}</output></label>"
    )


def _choice(control: Choice, name: str) -> str:
    buttons = "".join(
        f'<label><input type="radio" name="{name}" value="{i}"{" checked" if i == control.start_index else ""}>'
        f"<span>{html.escape(text)}</span></label>"
        for i, text in enumerate(control.names)
    )
    return f'<fieldset class="lb-choice"><legend>{html.escape(control.label)}</legend>{buttons}</fieldset>'


def _handle(control: Handle, dimension: int, extent: tuple[float, ...]) -> dict[str, Any]:
    """For each direction: the dimension that it moves, or none, and its positions as fractions of the figure."""
    left, top, right, bottom, x0, x1, y0, y1 = extent
    made: dict[str, Any] = {}
    for axis, direction, (begin, end), (low, high) in (
        ("x", control.x, (left, right), (x0, x1)),
        ("y", control.y, (bottom, top), (y0, y1)),
    ):
        moves = isinstance(direction, Slider)
        values = direction.options if isinstance(direction, Slider) else (direction,)
        made[axis] = {
            "dimension": dimension if moves else None,
            "at": [round(begin + (value - low) / (high - low) * (end - begin), 5) for value in values],
        }
        dimension += moves
    return made


def _share(drawings: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Write drawings as sequences of shared pieces: what all of them repeat is sent once."""
    number: dict[str, int] = {}
    rows = [[number.setdefault(line, len(number)) for line in drawing.split("\n")] for drawing in drawings]
    # Lines that always follow one another become one piece.
    after: dict[int, set[int]] = {}
    before: dict[int, set[int]] = {}
    for row in rows:
        for a, b in zip([-1, *row], [*row, -2], strict=True):
            after.setdefault(a, set()).add(b)
            before.setdefault(b, set()).add(a)
    lines = list(number)
    joined: dict[tuple[int, ...], int] = {}
    frames = []
    for row in rows:
        runs: list[list[int]] = []
        for a, b in zip([-1, *row], row, strict=False):
            if runs and len(after[a]) == 1 and len(before[b]) == 1:
                runs[-1].append(b)
            else:
                runs.append([b])
        frames.append([joined.setdefault(tuple(run), len(joined)) for run in runs])
    return ["".join(lines[i] for i in run) for run in joined], frames


def _key(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest())[:8].decode().lower()

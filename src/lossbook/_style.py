"""The book's one matplotlib style. Its colours are told apart by colour-blind readers (Okabe and Ito).

Each colour leaves here as a CSS variable with the light theme's value as fallback, so that a figure follows
the page's theme; ``sphinx/static/book.css`` holds the dark values under the same names.
"""

from __future__ import annotations

from typing import Any

from cycler import cycler

INK, MUTED, GRID = "#1f2a33", "#66727c", "#dfe4e8"
BLUE, ORANGE, GREEN, PURPLE, GOLD, SKY = "#0069a8", "#c8500a", "#00795a", "#9a4d85", "#a87000", "#2b8fc4"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, GOLD, SKY)

#: Name of the CSS variable of each colour.
VARIABLES = {
    INK: "--lb-ink", MUTED: "--lb-muted", GRID: "--lb-grid", BLUE: "--lb-blue", ORANGE: "--lb-orange",
    GREEN: "--lb-green", PURPLE: "--lb-purple", GOLD: "--lb-gold", SKY: "--lb-sky",
}  # fmt: skip

STYLE: Any = {  # matplotlib types the keys one by one
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=SERIES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "axes.titley": 1.02,  # a fixed place: finding one costs a fifth of the drawing
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "figure.figsize": (6.6, 3.4),
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.size": 10.5,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 2.0,
    "lines.markeredgewidth": 0,
    "patch.linewidth": 0,
    "savefig.facecolor": "none",
    "scatter.edgecolors": "none",
    "svg.fonttype": "none",  # text stays text: small, sharp, searchable
    "svg.hashsalt": "lossbook",  # else identifiers are random and no build repeats another
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}

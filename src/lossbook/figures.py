"""Figures of the book: one matplotlib style, `show` for still figures, `explore` for live ones.

Importing this module makes the style the default of matplotlib.

A live figure has two faces. In a kernel it is ipywidgets and matplotlib. On the built page there is no
kernel: with LOSSBOOK_STATIC=1 in the environment, as the book's build sets it, every combination of control
values is drawn, and the page switches between the drawings.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from lossbook._frames import Frame, live_html, png, still_html, svg
from lossbook._style import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SERIES, STYLE
from lossbook.controls import Choice, Handle, Slider, choice, handle, slider
from lossbook.loss import Loss

__all__ = [
    "BLUE", "GREEN", "INK", "MUTED", "ORANGE", "PURPLE", "SERIES",
    "Explorer", "choice", "curve", "explore", "handle", "show", "slider",
]  # fmt: skip

mpl.rcParams.update(STYLE)

#: More drawings than this make a page too heavy and its build too slow.
MOST_FRAMES = 400


class Explorer:
    """A live figure; see `explore`."""

    def __init__(
        self,
        draw: Callable[..., str | None],
        alt: str,
        panels: int,
        size: tuple[float, float],
        controls: Mapping[str, Slider | Choice | Handle],
    ) -> None:
        self.draw, self.alt, self.panels, self.size, self.controls = draw, alt, panels, size, dict(controls)
        counts = {name: len(control.options) for name, control in self.controls.items()}
        if (total := math.prod(counts.values())) > MOST_FRAMES:
            product = " × ".join(f"{name} {count}" for name, count in counts.items())
            widest = max(counts, key=lambda name: counts[name])
            raise ValueError(
                f"this live figure needs {total} drawings ({product}); {MOST_FRAMES} is the most. "
                f"Give {widest} a coarser step, or make two figures of it. Its alt text: {alt!r}"
            )

    @property
    def start(self) -> dict[str, Any]:
        """The values that the figure shows first."""
        return {name: control.options[control.start_index] for name, control in self.controls.items()}

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Every combination of control values, the last control varying fastest."""
        for values in itertools.product(*(control.options for control in self.controls.values())):
            yield dict(zip(self.controls, values, strict=True))

    def frame(self, **values: Any) -> Frame:
        """What the figure shows for these values: both faces draw it here."""
        figure, axes = self._axes()
        try:
            said = self.draw(axes if self.panels > 1 else axes[0], **values)
        except Exception as error:
            shown = ", ".join(f"{k}={v!r}" for k, v in values.items())
            error.add_note(f"while drawing the live figure {self.alt!r} at {shown}")
            raise
        words = said or "; ".join(f"{c.label} = {c.text(values[n])}" for n, c in self.controls.items())
        return Frame(svg(figure), words, _extent(figure, axes[0]))

    def still(self) -> bytes:
        """The starting frame as PNG, for paper and e-books."""
        figure, axes = self._axes()
        self.draw(axes if self.panels > 1 else axes[0], **self.start)
        return png(figure)

    def _axes(self) -> tuple[Figure, list[Axes]]:
        """The axes, empty. They are made once: making them anew costs as much as drawing on them."""
        figure, axes, own = self._canvas
        for extra in [a for a in figure.axes if a not in axes]:
            extra.remove()
        for holder in (figure, *axes):
            for artist in holder.get_children():
                if artist not in own:
                    artist.remove()
        for ax in axes:
            _plain(ax)
            ax.containers.clear()  # bars that are gone would still be in the legend
            ax.relim()
            ax.autoscale(True)
            ax.set_prop_cycle(None)
        return figure, axes

    @functools.cached_property
    def _canvas(self) -> tuple[Figure, list[Axes], set[Artist]]:
        """Figure and axes with a layout that has room for every frame: in none may they jump or lose a label.

        It is what the layouts of at most four frames have in common: those at the start, the ends and the middle.
        """
        every = list(self.combinations())
        boxes = []
        for index in {every.index(self.start), 0, len(every) // 2, len(every) - 1}:
            figure, axes = _figure(self.size, self.panels, "constrained")
            self.draw(axes if self.panels > 1 else axes[0], **every[index])
            figure.draw_without_rendering()
            boxes.append([ax.get_position() for ax in axes])
        figure, axes = _figure(self.size, self.panels, "none")
        for ax, found in zip(axes, zip(*boxes, strict=True), strict=True):
            ax.set_position(functools.reduce(Bbox.intersection, found))
        return figure, axes, {artist for holder in (figure, *axes) for artist in holder.get_children()}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        if os.environ.get("LOSSBOOK_STATIC") == "1":
            frames = [self.frame(**values) for values in self.combinations()]
            return {"text/plain": self.alt, "text/html": live_html(self, frames), "image/png": self.still()}
        from lossbook._widgets import widget

        start = self.frame(**self.start)
        return {**widget(self)._repr_mimebundle_(), "text/html": still_html(start.svg, self.alt, start.words)}


class Still:
    """A figure that does not move; see `show`."""

    def __init__(self, figure: Figure, alt: str) -> None:
        self.alt, self.svg, self.png = alt, svg(figure), png(figure)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {"text/plain": self.alt, "text/html": still_html(self.svg, self.alt), "image/png": self.png}


def explore(
    draw: Callable[..., str | None], *, alt: str, panels: int = 0, size: tuple[float, float] | None = None, **controls: Any
) -> Explorer:
    """A live figure: ``draw`` redrawn as the reader moves its controls.

    Parameters
    ----------
    draw : callable
        ``draw(ax, **values)``, an ordinary matplotlib function. The string that it returns is the sentence
        under the figure: the point in words, for these values. With ``panels`` above 1 it gets a list of axes.
    alt : str
        What the figure shows, for readers who do not see it.
    panels : int, optional
        How many axes, side by side; 1, or what ``draw.panels`` says.
    size : (width, height) in inches, optional
    **controls : `slider`, `choice` or `handle`
        One a keyword of ``draw``. Their options multiply to 400 at most, else ValueError.
    """
    if not alt.strip():
        raise ValueError("alt must say what the figure shows, for readers who do not see it; it is empty")
    for name, given in (("size", size), ("panels", panels)):
        if isinstance(given, (Slider, Choice, Handle)):
            raise TypeError(f"{name} is an argument of explore itself; give the control another name")
    for name, control in controls.items():
        if not isinstance(control, (Slider, Choice, Handle)):
            raise TypeError(f"{name} must be a slider(...), choice(...) or handle(...), got {control!r}")
    panels = panels or getattr(draw, "panels", 1)
    named = {name: control.named(name) for name, control in controls.items()}
    return Explorer(draw, alt, panels, size or (6.6 if panels == 1 else 8.0, 3.4), named)


def show(figure: Figure, *, alt: str) -> Still:
    """The figure as the last value of a cell, with its alternative text; it follows the page's theme."""
    if not alt.strip():
        raise ValueError("alt must say what the figure shows, for readers who do not see it; it is empty")
    made = Still(figure, alt)
    import matplotlib.pyplot as plt

    plt.close(figure)  # else the notebook would show it a second time
    return made


def curve(
    loss: Loss,
    *,
    errors: tuple[float, float] = (-4.0, 4.0),
    mark: float = 2.0,
    against: Sequence[Loss] = (),
    top: float = 6.0,
    slope: float = 2.5,
) -> Callable[..., str]:
    """A ``draw`` for `explore`: a loss of one prediction and its slope, side by side, against the error.

    mark : the error whose value and slope are marked and put into words; a control named ``error`` moves it.
    against : losses drawn thin beside it, at their defaults.
    top, slope : the ends of the two vertical axes.
    """
    grid = np.linspace(*errors, 401)

    def both(which: Loss, at: np.ndarray, **parameters: Any) -> tuple[np.ndarray, np.ndarray]:
        if which.reducible:
            return which.value_and_grad(np.zeros_like(at), at, reduction="none", **parameters)
        pairs = [which.value_and_grad(np.zeros(1), at[i : i + 1], **parameters) for i in range(at.size)]
        return np.array([value for value, _ in pairs]), np.concatenate([gradient for _, gradient in pairs])

    def draw(axes: Sequence[Axes], error: float = mark, **parameters: Any) -> str:
        for other, colour in zip(against, (ORANGE, GREEN, PURPLE), strict=False):
            for ax, line in zip(axes, both(other, grid), strict=True):
                ax.plot(grid, _broken(grid, line, other, {}), color=colour, lw=1.2, ls="--", label=other.card.title)
        for ax, line in zip(axes, both(loss, grid, **parameters), strict=True):
            ax.plot(grid, _broken(grid, line, loss, parameters), color=BLUE, lw=2.4, label=loss.card.title)
        value, gradient = (float(v[0]) for v in both(loss, np.array([error]), **parameters))
        axes[0].plot([error], [value], "o", color=BLUE, ms=7)
        axes[1].plot([error], [gradient], "o", color=BLUE, ms=7)
        axes[0].set(title="Loss", xlim=errors, ylim=(-0.04 * top, top), xlabel="error  ŷ − y")
        axes[1].set(title="Slope", xlim=errors, ylim=(-slope, slope), xlabel="error  ŷ − y")
        axes[1].axhline(0, color=MUTED, lw=0.8)
        if against:
            axes[0].legend(*(part[::-1] for part in axes[0].get_legend_handles_labels()), loc="upper center")
        return f"At error {_say(error)} the loss is {_say(value)}, with slope {_say(gradient)}."

    draw.panels = 2  # type: ignore[attr-defined]
    return draw


def _figure(size: tuple[float, float], panels: int, layout: Any) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=size, layout=layout)
    axes = list(figure.subplots(1, panels, squeeze=False)[0])
    for ax in axes:
        _plain(ax)
    return figure, axes


def _plain(ax: Axes) -> None:
    """Scales (and with them ticks), title and labels as they are before a draw: what it sets at some values must not stay."""
    ax.set(xscale="linear", yscale="linear", title="", xlabel="", ylabel="")
    ax.locator_params(nbins=6)  # half of what drawing costs is ticks, and few read better


def _broken(grid: np.ndarray, line: np.ndarray, loss: Loss, parameters: Mapping[str, Any]) -> np.ndarray:
    """The line with a gap where the slope jumps, so that no vertical stroke is drawn there."""
    if loss.card.properties.smooth != 0 or np.all(np.abs(np.diff(line)) < 0.3):
        return line
    return np.where(np.isclose(grid, 0.0), np.nan, line)


def _say(number: float) -> str:
    return f"{number:.3g}".replace("-", "−")


def _extent(figure: Figure, ax: Axes) -> tuple[float, ...]:
    """Where the first axes lie in the figure, as fractions from its top left, and the data limits they span."""
    box = ax.get_position()
    return (box.x0, 1 - box.y1, box.x1, 1 - box.y0, *ax.get_xlim(), *ax.get_ylim())

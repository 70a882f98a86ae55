"""What a reader moves in a live figure: sliders, choices, and handles dragged in the plot itself."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "lambda_": "λ",
    "mu": "μ", "rho": "ρ", "sigma": "σ", "tau": "τ",
}  # fmt: skip


def _label(name: str, given: str) -> str:
    return given or GREEK.get(name, name.replace("_", " "))


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def _grid(low: float, high: float, step: float) -> tuple[float, ...]:
    """low, low + step, … up to high, each the nearest float to its decimal: 0.3, not 0.30000000000000004."""
    if not step > 0 or not high > low:
        raise ValueError(f"a slider needs low < high and step > 0, got low={low!r}, high={high!r}, step={step!r}")
    first, size = Decimal(str(low)), Decimal(str(step))
    count = int((Decimal(str(high)) - first) / size)
    return tuple(float(first + i * size) for i in range(count + 1))


def _start(start: Any, options: Sequence[Any], what: str) -> int:
    if start not in options:
        raise ValueError(
            f"{what} cannot start at {start!r}: its values are {options[0]!r} to {options[-1]!r} in {len(options)} steps"
        )
    return list(options).index(start)


@dataclass(frozen=True)
class Slider:
    """See `slider`."""

    options: tuple[float, ...]
    start_index: int
    label: str = ""
    unit: str = ""

    def named(self, name: str) -> Slider:
        return replace(self, label=_label(name, self.label))

    def text(self, value: float) -> str:
        return f"{_number(value)}{' ' + self.unit if self.unit else ''}"


@dataclass(frozen=True)
class Choice:
    """See `choice`."""

    names: tuple[str, ...]
    options: tuple[Any, ...]
    start_index: int
    label: str = ""

    def named(self, name: str) -> Choice:
        return replace(self, label=_label(name, self.label))

    def text(self, value: Any) -> str:
        return self.names[list(self.options).index(value)]


@dataclass(frozen=True)
class Handle:
    """See `handle`."""

    x: Slider | float
    y: Slider | float
    label: str = ""

    @property
    def sliders(self) -> tuple[Slider, ...]:
        """The directions in which it moves, x before y."""
        return tuple(d for d in (self.x, self.y) if isinstance(d, Slider))

    @property
    def options(self) -> tuple[tuple[float, float], ...]:
        x, y = (d.options if isinstance(d, Slider) else (d,) for d in (self.x, self.y))
        return tuple(itertools.product(x, y))

    @property
    def start_index(self) -> int:
        index = 0
        for direction in self.sliders:
            index = index * len(direction.options) + direction.start_index
        return index

    def named(self, name: str) -> Handle:
        label = _label(name, self.label)
        x, y = (
            replace(d, label=f"{label}, {axis}") if isinstance(d, Slider) else d for d, axis in ((self.x, "x"), (self.y, "y"))
        )
        return replace(self, x=x, y=y, label=label)

    def text(self, value: tuple[float, float]) -> str:
        return f"({_number(value[0])}, {_number(value[1])})"


def slider(low: float, high: float, step: float, start: float | None = None, *, label: str = "", unit: str = "") -> Slider:
    """A number from ``low`` to ``high`` in steps, starting at ``start`` (``low`` unless given).

    >>> slider(0.1, 0.3, 0.1, start=0.2).options
    (0.1, 0.2, 0.3)
    """
    options = _grid(low, high, step)
    return Slider(options, 0 if start is None else _start(start, options, "the slider"), label, unit)


def choice(options: Sequence[str] | Mapping[str, Any], start: str | None = None, *, label: str = "") -> Choice:
    """One of several: names, or a mapping from the names shown to the values that ``draw`` gets."""
    names = tuple(options)
    values = tuple(options.values()) if isinstance(options, Mapping) else names
    return Choice(names, values, 0 if start is None else _start(start, names, "the choice"), label)


def handle(
    x: float | tuple[float, float, float],
    y: float | tuple[float, float, float],
    start: tuple[float, float] | None = None,
    *,
    label: str = "",
) -> Handle:
    """A point that the reader drags in the plot; ``draw`` gets it as ``(x, y)``, in data coordinates.

    Each of ``x`` and ``y`` is a number, if the point cannot move that way, or ``(low, high, step)``. The
    axes' limits must be the same in every drawing, or the point would slip from under the pointer.
    """

    def direction(given: float | tuple[float, float, float], at: float | None) -> Slider | float:
        if isinstance(given, tuple):
            return slider(*given, start=at)
        return float(given)

    made = Handle(direction(x, start[0] if start else None), direction(y, start[1] if start else None), label)
    if not made.sliders:
        raise ValueError(f"a handle must move: give x or y as (low, high, step), got x={x!r}, y={y!r}")
    return made

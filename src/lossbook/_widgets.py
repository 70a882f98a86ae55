"""The kernel's face of a live figure: ipywidgets around the same frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from lossbook.controls import Choice, Handle, Slider

if TYPE_CHECKING:
    from lossbook.figures import Explorer


def widget(explorer: Explorer) -> Any:
    """A box with the drawing, one widget a direction of a control, and the sentence."""
    image = widgets.Image(format="svg+xml", layout={"width": f"{96 * explorer.size[0]:.0f}px", "max_width": "100%"})
    words = widgets.HTML()
    parts: dict[str, list[Any]] = {}
    for name, control in explorer.controls.items():
        if isinstance(control, Choice):
            options = list(zip(control.names, control.options, strict=True))
            parts[name] = [widgets.ToggleButtons(options=options, index=control.start_index, description=control.label)]
        else:
            moving = control.sliders if isinstance(control, Handle) else (control,)
            parts[name] = [_slider(one) for one in moving]

    def redraw(_: object = None) -> None:
        values = {name: _value(explorer.controls[name], [w.value for w in moved]) for name, moved in parts.items()}
        frame = explorer.frame(**values)
        image.value, words.value = frame.svg.encode(), frame.words

    moved = [one for group in parts.values() for one in group]
    for one in moved:
        one.observe(redraw, "value")
    redraw()
    return widgets.VBox([image, *moved, words])


def _slider(control: Slider) -> Any:
    options = [(control.text(value), value) for value in control.options]
    return widgets.SelectionSlider(options=options, index=control.start_index, description=control.label, continuous_update=True)


def _value(control: Slider | Choice | Handle, values: list[Any]) -> Any:
    if not isinstance(control, Handle):
        return values[0]
    remaining = iter(values)
    return tuple(next(remaining) if isinstance(d, Slider) else d for d in (control.x, control.y))

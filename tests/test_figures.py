"""Live figures: both faces show the same drawing, every setting is drawn, and drawings are small and reproducible."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from lossbook import huber, mse
from lossbook._style import VARIABLES
from lossbook.figures import choice, curve, explore, handle, show, slider

CSS = Path(__file__).parents[1] / "src/lossbook/sphinx/static/book.css"


def line(ax, slope=1.0, shape="straight", point=(0.0, 0.0)):
    ax.plot([0, 1], [0, slope if shape == "straight" else slope**2])
    ax.plot(*point, "o")
    ax.set(xlim=(0, 1), ylim=(-4, 4))
    return f"slope {slope:g}, {shape}, at {point[1]:g}"


def example():
    return explore(
        line,
        alt="A line",
        slope=slider(0.5, 2, 0.5, start=1.0),
        shape=choice(["straight", "bent"]),
        point=handle(x=0.5, y=(-1, 1, 1), start=(0.5, 0.0)),
    )


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("LOSSBOOK_STATIC", "1")


def page_frames(markup):
    """What the page's script puts together for each index, with its sentence."""
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', markup, re.S)[1])
    drawings = ["".join(data["pieces"][i] for i in frame) for frame in data["frames"]]
    return data, list(zip(drawings, (data["words"][i] for i in data["says"]), strict=True))


def page_index(explorer, data, values):
    """The index that the page's script computes from the positions of its controls."""
    positions = []
    for name, control in explorer.controls.items():
        if hasattr(control, "sliders"):
            moving = [(d, v) for d, v in zip((control.x, control.y), values[name], strict=True) if hasattr(d, "options")]
            positions += [d.options.index(v) for d, v in moving]
        else:
            positions.append(control.options.index(values[name]))
    index = 0
    for position, dimension in zip(positions, data["dimensions"], strict=True):
        index = index * len(dimension["text"]) + position
    return index


def test_page_shows_what_the_kernel_draws(static):
    explorer = example()
    data, frames = page_frames(explorer._repr_mimebundle_()["text/html"])
    for values in explorer.combinations():
        fresh = explorer.frame(**values)
        assert frames[page_index(explorer, data, values)] == (fresh.svg.replace("\n", ""), fresh.words)


def test_moving_a_widget_redraws_the_same_frame():
    explorer = example()
    from lossbook._widgets import widget

    image, slope, shape, height, words = widget(explorer).children
    slope.value, shape.value, height.value = 2.0, "bent", -1.0
    expected = explorer.frame(slope=2.0, shape="bent", point=(0.5, -1.0))
    assert (bytes(image.value).decode(), words.value) == (expected.svg, expected.words)


def test_kernel_bundle_has_widget_and_html():
    assert {"application/vnd.jupyter.widget-view+json", "text/html"} <= set(example()._repr_mimebundle_())


def test_static_bundle_has_all_frames_a_still_and_no_widget(static):
    bundle = example()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain", "image/png"}
    assert len(page_frames(bundle["text/html"])[1]) == 4 * 2 * 3


def test_same_figure_twice_is_the_same_text(static):
    assert example()._repr_mimebundle_() == example()._repr_mimebundle_()


def test_shared_pieces_make_many_frames_small(static):
    few, many = (explore(curve(huber), delta=slider(0.5, high, 0.5), alt="Huber") for high in (1.0, 3.0))
    markup = [len(f._repr_mimebundle_()["text/html"]) for f in (few, many)]
    assert markup[1] < 1.6 * markup[0]  # three times the frames


def overhang(explorer, values):
    """By how many pixels axes with their labels reach beyond the figure."""
    figure, axes = explorer._axes()
    explorer.draw(axes if explorer.panels > 1 else axes[0], **values)
    figure.draw_without_rendering()
    boxes = [ax.get_tightbbox() for ax in axes]
    return max(max(-b.x0, -b.y0, b.x1 - figure.bbox.width, b.y1 - figure.bbox.height) for b in boxes)


def test_what_a_draw_sets_at_one_value_does_not_stay_for_the_others():
    def draw(ax, kind):
        ax.plot([1, 2], [1, 10])
        if kind == "labelled":
            ax.set(yscale="log", title="Growth", xlabel="year", xticks=[1, 2], xticklabels=["first", "second"])

    def figure():
        return explore(draw, alt="Two kinds", kind=choice(["plain", "labelled"]))

    after, fresh = figure(), figure()
    after.frame(kind="labelled")
    assert after.frame(kind="plain") == fresh.frame(kind="plain")


def test_ticks_and_labels_lie_inside_the_figure():
    """The layout is that of the frames: it was once made with fewer ticks than they have."""

    def draw(ax, high):
        ax.plot([0, 700], [0, high])
        ax.set(xlim=(0, 700), ylim=(-0.05, high), xlabel="step", ylabel="value", title="Cut off?")

    explorer = explore(draw, alt="A line", high=slider(1, 3.2, 0.2, start=3.2))
    for value in (1.0, 3.2):
        assert overhang(explorer, {"high": value}) < 1


def test_too_many_frames_say_which_and_what_to_do():
    with pytest.raises(ValueError, match=r"needs 1111 drawings \(a 101 × b 11\); 400 is the most. Give a a coarser step"):
        explore(line, alt="A line", a=slider(0, 1, 0.01), b=slider(0, 1, 0.1))


def test_draw_that_fails_at_one_value_fails_the_build(static):
    def draw(ax, level):
        if level == 0.7:
            raise ZeroDivisionError
        ax.plot([0, level])

    with pytest.raises(ZeroDivisionError) as caught:
        explore(draw, alt="Fails at 0.7", level=slider(0, 1, 0.1))._repr_mimebundle_()
    assert "'Fails at 0.7' at level=0.7" in caught.value.__notes__[0]


def test_handle_refuses_axes_that_move(static):
    def draw(ax, point):
        ax.set(xlim=(0, 1 + point[0]))

    with pytest.raises(ValueError, match="same axes limits in every drawing"):
        explore(draw, alt="Slips", point=handle(x=(0, 1, 0.5), y=0))._repr_mimebundle_()


def test_handle_lies_on_the_point_it_moves(static):
    def draw(ax, point):
        ax.plot(*point, "o", gid="dot")
        ax.set(xlim=(0, 10), ylim=(0, 10))

    explorer = explore(draw, alt="A point", point=handle(x=(0, 10, 2.5), y=(2, 8, 3), start=(5.0, 5.0)))
    data, frames = page_frames(explorer._repr_mimebundle_()["text/html"])
    width, height = (float(n) for n in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', frames[0][0]).groups())
    for values in explorer.combinations():
        index = page_index(explorer, data, values)
        drawn = re.search(r'<g id="dot">.*?<use href="#\w+" x="([\d.]+)" y="([\d.]+)"', frames[index][0])
        at = [data["handles"][0][axis]["at"][explorer.controls["point"].sliders[i].options.index(values["point"][i])]
              for i, axis in enumerate("xy")]  # fmt: skip
        assert float(drawn[1]) == pytest.approx(at[0] * width, abs=0.02)
        assert float(drawn[2]) == pytest.approx(at[1] * height, abs=0.02)


def test_slider_values_are_the_decimals_written():
    assert slider(0.05, 0.95, 0.05).options[2] == 0.15
    assert slider(0.05, 0.95, 0.05).options[-1] == 0.95


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: slider(0, 1, 0.25, start=0.3), "the slider cannot start at 0.3"),
        (lambda: slider(1, 0, 0.1), "needs low < high and step > 0"),
        (lambda: choice(["a"], start="b"), "the choice cannot start at 'b'"),
        (lambda: handle(x=0, y=0), "a handle must move"),
        (lambda: explore(line, alt=" ", slope=slider(0, 1, 0.5)), "alt must say what the figure shows"),
        (lambda: show(Figure(), alt=""), "alt must say what the figure shows"),
    ],
)
def test_messages(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_control_of_another_kind_is_refused():
    with pytest.raises(TypeError, match=r"a must be a slider\(...\), choice\(...\) or handle\(...\), got 3"):
        explore(line, alt="A line", a=3)


def test_a_control_must_not_be_called_like_an_argument():
    with pytest.raises(TypeError, match="size is an argument of explore itself; give the control another name"):
        explore(line, alt="A line", size=slider(0, 1, 0.5))


def test_still_figure_carries_its_alt_and_closes():
    figure, ax = plt.subplots()
    ax.plot([0, 1])
    markup = show(figure, alt='A line from "0" to 1')._repr_mimebundle_()["text/html"]
    assert 'aria-label="A line from &quot;0&quot; to 1"' in markup
    assert not plt.get_fignums()


def test_no_drawing_restyles_the_page_or_names_a_colour_of_its_own():
    drawing = explore(curve(huber, against=(mse,)), alt="Huber", delta=slider(1, 2, 1)).frame(delta=1.0).svg
    assert "<style" not in drawing
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")
    bare = re.sub(r"var\(--lb-\w+, #\w{6}\)", "", drawing)
    assert not re.findall(r"#[0-9a-f]{6}\b(?!-)", re.sub(r'(href="|url\()#\w+', "", bare))


def test_labels_keep_their_digits():
    figure, ax = plt.subplots()
    ax.plot([0, 1])
    ax.set_title("0.0001 is not 0")
    assert ">0.0001 is not 0</text>" in show(figure, alt="A line").svg


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_both_themes_hold_every_colour_with_contrast():
    light, dark = (
        dict(re.findall(r"(--lb-[a-z]+): (#[0-9a-f]{6})", block))
        for block in re.search(r"html \{(.*?)\n\}.*?data-theme=\"dark\"\] \{(.*?)\n\}", CSS.read_text(), re.S).groups()
    )
    for colour, variable in VARIABLES.items():
        assert light[variable] == colour
        if variable != "--lb-grid":
            needed = 4.5 if variable in ("--lb-ink", "--lb-muted") else 3.0
            assert contrast(colour, light["--lb-paper"]) >= needed, variable
            assert contrast(dark[variable], dark["--lb-paper"]) >= needed, variable


def test_png_is_a_picture(static):
    assert base64.b64encode(example()._repr_mimebundle_()["image/png"][:4]) == b"iVBORw=="

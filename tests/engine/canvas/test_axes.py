"""The still background: exact to the pixel, without moving parts, independent of the user's matplotlib settings."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure as Page
from numpy.typing import NDArray

from noisereel.canvas.axes import build, paint_backdrop
from noisereel.contracts.figure import Figure
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Colorbar, Legend
from noisereel.contracts.theme import THEMES, rgb
from noisereel.layout import FrameText, Grid, Line, PanelPlan, lay_out
from noisereel.support.typeset import measure

LIGHT = THEMES["light"]


def graph(size: tuple[int, int] = (640, 480), x: tuple[float, float] = (0, 1000)) -> Figure:
    plan = PanelPlan("graph", Box(x, (0, 1)), title=Line("Entropy", True), x_label="t", y_label="bit")
    return lay_out(size, LIGHT, [plan], text=FrameText(bar=("t = 1000", "T = 1000")))


def ink(pixels: NDArray[np.uint8], color: str = "background") -> NDArray[np.bool_]:
    """Return a mask of the pixels that differ from a colour."""
    return (pixels != np.array(rgb(LIGHT.color(color)))).any(axis=2)


@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (321, 241), (1080, 1920), (333, 777)])
def test_the_frame_has_exactly_the_requested_size(size: tuple[int, int]) -> None:
    pixels = paint_backdrop(lay_out(size, LIGHT, [PanelPlan("plane", Box((0, 1), (0, 1)))]))
    assert pixels.shape == (size[1], size[0], 3) and pixels.dtype == np.uint8
    assert not ink(pixels).any()


@pytest.mark.parametrize("size", [(1280, 720), (640, 480)])
def test_axis_line_and_grid_are_at_their_values(size: tuple[int, int]) -> None:
    figure = graph(size)
    rect = figure.panels[0].view.rect
    inside = paint_backdrop(figure)[:, rect.left + 2 : rect.right - 2]
    rows = np.flatnonzero(ink(inside).all(axis=1))
    bar = figure.bar
    assert bar is not None
    rows = rows[rows < bar.rect.top]
    expected = [rect.top, rect.top + rect.height / 2, rect.bottom]
    near = [min(abs(row + 0.5 - line) for row in rows) for line in expected]
    assert max(near) <= 0.75
    assert all(min(abs(row + 0.5 - line) for line in expected) <= 1.5 for row in rows)


def test_tick_labels_are_left_of_the_data_and_below_the_axis() -> None:
    figure = graph((1280, 720))
    rect = figure.panels[0].view.rect
    marked = ink(paint_backdrop(figure))
    gutter = marked[rect.top - 8 : rect.bottom + 8, : rect.left - 1]
    assert np.flatnonzero(gutter.any(axis=0)).max() == pytest.approx(rect.left - 9, abs=2)
    assert not marked[:, :50].any()
    below = marked[rect.bottom + 2 : rect.bottom + 24, rect.left + 30 :]
    first, last = np.flatnonzero(below.any(axis=1))[[0, -1]] + rect.bottom + 2
    assert first == pytest.approx(rect.bottom + 8.5, abs=2)
    assert last - first == pytest.approx(0.73 * 10.5 * 100 / 72, abs=2)


def test_live_text_is_left_out_and_still_text_is_written_at_its_slot() -> None:
    plan = PanelPlan("plane", Box((0, 1), (0, 1)), title=Line("live", True))
    figure = lay_out((1280, 720), LIGHT, [plan], text=FrameText(title=Line("Noise"), bar=("t = 5", "")))
    marked = ink(paint_backdrop(figure))
    slot, bar = figure.slots[0], figure.bar
    assert bar is not None
    box = bar.rect
    assert not ink(paint_backdrop(figure)[box.top : box.bottom, box.left : box.right], "faint").any()
    marked[box.top : box.bottom, box.left : box.right] = False
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    extent = measure(slot.text, slot.size, slot.bold)
    assert rows.min() == pytest.approx(slot.baseline - extent.ascent, abs=1.5)
    assert rows.max() + 1 == pytest.approx(slot.baseline, abs=1.5)
    assert columns.min() == pytest.approx(slot.x + 2, abs=2)
    assert columns.max() + 1 == pytest.approx(slot.x + extent.width, abs=3)


def test_keys_are_at_the_right_end_above_the_data() -> None:
    palette = LIGHT.gradient()
    guides = (Legend((("signal", "amber"),)), Colorbar(palette, -1.0, 2.5, "bits"))
    plan = PanelPlan("plane", Box((0, 1), (0, 1)), guides=guides)
    figure = lay_out((1280, 720), LIGHT, [plan])
    rect = figure.panels[0].view.rect
    pixels = paint_backdrop(figure)
    rows, columns = np.nonzero(ink(pixels))
    assert rows.max() < rect.top - 8
    assert columns.max() + 1 == pytest.approx(rect.right, abs=2)
    row = pixels[rect.top - 12 - 5]
    ends = [np.abs(row.astype(int) - palette[end].astype(int)).sum(axis=1).min() for end in (0, -1)]
    assert max(ends) < 12


def test_both_labels_of_a_colour_bar_are_equally_close_to_it() -> None:
    red = np.array([[255, 0, 0]] * 4, np.uint8)
    plan = PanelPlan("plane", Box((0, 1), (0, 1)), guides=(Colorbar(red, 8.0, 8.0),))
    figure = lay_out((1280, 720), LIGHT, [plan])
    pixels = paint_backdrop(figure).astype(int)
    above = pixels[: figure.panels[0].view.rect.top - 8]
    ramp = np.flatnonzero((np.abs(above - [255, 0, 0]).sum(axis=2) < 12).any(axis=0))
    labels = np.setdiff1d(np.flatnonzero(ink(above).any(axis=0)), np.arange(ramp[0] - 2, ramp[-1] + 3))
    left, right = labels[labels < ramp[0]], labels[labels > ramp[-1]]
    assert ramp[0] - left.max() == pytest.approx(right.min() - ramp[-1], abs=2)


@pytest.mark.parametrize("color", ["#000000", "#FFFFFF", "#123456"])
def test_another_background_colour(color: str) -> None:
    pixels = paint_backdrop(graph(), color)
    assert tuple(pixels[0, 0]) == rgb(color)


def test_transparent_figures_have_no_background() -> None:
    figure = lay_out((640, 480), LIGHT, [PanelPlan("plane", Box((0, 1), (0, 1)))], transparent=True)
    assert build(figure).get_facecolor()[3] == 0
    assert build(figure, "#FFFFFF").get_facecolor() == (1, 1, 1, 1)


def test_matplotlib_settings_of_the_user_are_ignored_and_kept() -> None:
    expected = paint_backdrop(graph())
    settings = {
        "font.family": ["monospace"],
        "font.size": 30,
        "axes.facecolor": "red",
        "axes.grid": True,
        "grid.linestyle": ":",
        "axes.edgecolor": "lime",
        "axes.linewidth": 9,
        "xtick.direction": "in",
        "ytick.labelsize": 40,
        "text.hinting": "force_autohint",
        "figure.dpi": 33,
        "mathtext.fontset": "stix",
    }
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        assert np.array_equal(paint_backdrop(graph()), expected)
        assert dict(matplotlib.rcParams) == before


def test_axes_of_all_panels_come_first_and_match_their_rectangles() -> None:
    plans = [PanelPlan(space, Box((0, 2), (0, 1)), (0, i, 1, 1)) for i, space in enumerate(("graph", "plane", "image"))]
    figure = lay_out((1000, 600), LIGHT, plans, Grid((1, 2, 1)))
    page: Page = build(figure)
    for axes, panel in zip(page.axes, figure.panels, strict=True):
        rect, box = panel.view.rect, axes.get_window_extent()
        corners = [box.x0, 600 - box.y1, box.x1, 600 - box.y0]
        assert corners == pytest.approx([rect.left, rect.top, rect.right, rect.bottom], abs=1e-3)
        assert (*axes.get_xlim(), *axes.get_ylim()) == pytest.approx((*panel.view.x, *panel.view.y))

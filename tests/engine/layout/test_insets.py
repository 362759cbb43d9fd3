"""Insets: inside their hosts, with nothing cut; their ground hides the host, in pixels and in vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from noisereel.canvas.axes import rendering
from noisereel.canvas.raster import RasterCanvas
from noisereel.canvas.vector import draw_vector
from noisereel.contracts.figure import Drawing, Figure
from noisereel.contracts.geometry import Box, Rect
from noisereel.contracts.guides import Colorbar
from noisereel.contracts.marks import Mark, Points, Polylines
from noisereel.contracts.theme import THEMES, rgb
from noisereel.layout import FrameText, Grid, InsetPlan, Line, PanelPlan, lay_out
from noisereel.registry.registry import Registry, load_registry
from noisereel.scene import parse_scene
from noisereel.support.errors import UsageError
from noisereel.support.typeset import measure

LIGHT = THEMES["light"]
GROUND, EDGE = rgb(LIGHT.color("background")), rgb(LIGHT.color("faint"))
PLANE = Box((0, 16), (0, 9))
CORNERS = st.sampled_from(["top-left", "top-right", "bottom-left", "bottom-right"])


def two(inset: InsetPlan, plan: PanelPlan | None = None, **more: Any) -> Figure:
    """Lay out a plane with a graph over its corner."""
    small = plan or PanelPlan("graph", Box((0, 100), (0, 1)), title=Line("Small"), x_label="t")
    host = PanelPlan("plane", PLANE)
    fields = {name: getattr(small, name) for name in PanelPlan.__dataclass_fields__}
    return lay_out((640, 360), LIGHT, [host, PanelPlan(**{**fields, "inset": inset})], **more)


def holds(outer: Rect, left: float, top: float, right: float, bottom: float) -> bool:
    return outer.left <= left and outer.top <= top and outer.right >= right and outer.bottom >= bottom


@settings(deadline=None, max_examples=40)
@given(
    CORNERS,
    st.tuples(st.floats(0.35, 1), st.floats(0.45, 1)),
    st.sampled_from(["plane", "graph", "image"]),
    st.sampled_from(["plane", "graph", "image"]),
    st.sampled_from([(640, 360), (1280, 720), (720, 1280)]),
)
def test_an_inset_is_inside_its_host_and_its_content_on_its_ground(
    corner: Any, size: tuple[float, float], outer: Any, inner: Any, frame: tuple[int, int]
) -> None:
    plans = [
        PanelPlan(outer, PLANE, title=Line("Host")),
        PanelPlan(inner, PLANE, title=Line("Inset"), caption=Line("below"), inset=InsetPlan(0, corner, size)),
    ]
    figure = lay_out(frame, LIGHT, plans, text=FrameText(title=Line("Film"), bar=("t", "T")))
    host, inset = figure.panels
    ground = inset.ground
    assert host.ground is None and ground is not None
    rect, scale = host.view.rect, figure.scale
    assert holds(rect, ground.left, ground.top, ground.right, ground.bottom)
    assert abs(ground.width - size[0] * rect.width) <= 20 * scale + 1
    assert abs(ground.height - size[1] * rect.height) <= 20 * scale + 1
    for part in (inset.view.rect, inset.clip):
        assert holds(ground, part.left, part.top, part.right, part.bottom)
    for slot in (slot for slot in figure.slots if slot.text in ("Inset", "below")):
        text = measure(slot.text, slot.size, slot.bold)
        box = slot.x, slot.baseline - text.ascent * scale, slot.x + text.width * scale, slot.baseline
        assert holds(ground, *box)
    vertical, across = corner.split("-")
    middle = ground.left + ground.width / 2 - rect.left - rect.width / 2
    assert middle <= 0.5 if across == "left" else middle >= -0.5
    assert (ground.top - rect.top <= rect.bottom - ground.bottom) == (vertical == "top") or size[1] > 0.9


def test_insets_leave_the_grid_and_the_other_titles_as_they_are() -> None:
    wide = "a title far too long for an inset so small"
    plans = [PanelPlan("plane", PLANE, (0, i, 1, 1), title=Line(f"Panel {i}")) for i in range(2)]
    more = [PanelPlan("plane", PLANE, title=Line(wide), inset=InsetPlan(1, "top-left", (0.4, 0.4)))]
    bare, full = (lay_out((1280, 720), LIGHT, panels, Grid((1, 1))) for panels in (plans, [*more, *plans]))
    assert full.panels[1:] == bare.panels
    assert full.slots[1:] == bare.slots
    assert full.slots[0].size < full.slots[1].size


def test_an_inset_without_room_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        two(InsetPlan(0, "top-left", (0.1, 0.1)))
    message = "an inset of 58×32 pixels has no room for a panel: make it or the film larger"
    assert str(error.value) == message


def dense() -> Points:
    xy = np.stack(np.meshgrid(np.linspace(0, 16, 200), np.linspace(0, 9, 120)), axis=-1).reshape(-1, 2)
    return Points(xy, LIGHT.color("rose"), size=3, alpha=1)


def vector(drawing: Drawing) -> NDArray[np.uint8]:
    page = draw_vector(drawing)
    assert isinstance(page.canvas, FigureCanvasAgg)
    with rendering():
        page.canvas.draw()
    return np.asarray(page.canvas.buffer_rgba())


def pictures(*marks: tuple[Mark, ...], **more: Any) -> tuple[Figure, list[NDArray[np.uint8]]]:
    """Draw the same marks on both canvases."""
    figure = two(InsetPlan(0, "top-right", (0.5, 0.6)), **more)
    drawing = Drawing(figure, marks)
    return figure, [RasterCanvas(figure).draw(drawing), vector(drawing)]


def crop(pixels: NDArray[np.uint8], rect: Rect) -> NDArray[np.int_]:
    return pixels[rect.top : rect.bottom, rect.left : rect.right].astype(int)


def test_the_host_does_not_shine_through_on_either_canvas() -> None:
    line = Polylines((np.array([[0.0, 0.0], [100.0, 1.0]]),), LIGHT.color("blue"))
    figure, full = pictures((dense(),), (line,))
    _, bare = pictures((), (line,))
    ground = figure.panels[1].ground
    assert ground is not None
    for with_host, without in zip(full, bare, strict=True):
        assert np.array_equal(crop(with_host, ground), crop(without, ground))
        assert tuple(with_host[ground.top, ground.left + 3, :3]) == EDGE
        assert tuple(with_host[ground.top + 2, ground.left + 3, :3]) == GROUND
        just_outside = with_host[ground.bottom + 1, ground.left + 20 : ground.right - 20, :3].astype(int)
        assert np.abs(just_outside - rgb(LIGHT.color("rose"))).mean() < 20


def test_both_canvases_draw_the_same_inset() -> None:
    line = Polylines((np.array([[0.0, 0.0], [100.0, 1.0]]),), LIGHT.color("blue"))
    figure, (raster, reference) = pictures((dense(),), (line,))
    ground = figure.panels[1].ground
    assert ground is not None
    difference = np.abs(crop(raster, ground)[..., :3] - crop(reference, ground)[..., :3])
    assert difference.mean() < 0.5 and (difference.max(axis=2) > 60).mean() < 0.002


def test_an_insets_backdrop_covers_its_host_in_any_order_of_the_panels() -> None:
    from dataclasses import replace

    figure = two(InsetPlan(0, "top-right", (0.5, 0.6)))
    band = Points(np.array([[50.0, 0.5]]), LIGHT.color("blue"), size=6, alpha=1)
    host, inset = figure.panels
    inset = replace(inset, backdrop=(band,))
    x, y = inset.view.pixels(band.xy)[0].astype(int)
    for panels, marks in (((host, inset), ((dense(),), ())), ((inset, host), ((), (dense(),)))):
        whole = replace(figure, panels=panels)
        canvas = RasterCanvas(whole)
        for _ in range(2):
            assert tuple(canvas.draw(Drawing(whole, marks))[y, x]) == rgb(LIGHT.color("blue"))
        assert tuple(vector(Drawing(whole, marks))[y, x, :3]) == rgb(LIGHT.color("blue"))


def test_the_ground_of_an_inset_is_opaque_in_a_transparent_film() -> None:
    figure, both = pictures((dense(),), (), transparent=True)
    ground = figure.panels[1].ground
    assert ground is not None
    for pixels in both:
        assert tuple(pixels[ground.top + 2, ground.left + 3]) == (*GROUND, 255)
        assert pixels[2, 2, 3] == 0


def test_a_key_is_drawn_on_the_ground() -> None:
    plan = PanelPlan("plane", PLANE, guides=(Colorbar(np.array([[255, 0, 0]] * 4, np.uint8), 0, 1),))
    figure = two(InsetPlan(0, "top-right", (0.5, 0.6)), plan)
    pixels = RasterCanvas(figure).draw(Drawing(figure, ((dense(),), ())))
    ground = figure.panels[1].ground
    assert ground is not None
    assert (crop(pixels, ground) == (255, 0, 0)).all(axis=2).sum() > 50


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def test_insets_take_no_cell_and_follow_the_copies_of_their_host(registry: Registry) -> None:
    text = """\
dataset: {two-moons: {n: 50}}
schedule: {linear: {steps: 4}}
sampler: forward
copies: 2
panels:
  - {layers: [points], inset: {panel: moons, size: 0.4}}
  - {name: moons, layers: [points]}
"""
    scene = parse_scene(text, "s.yaml", Path("/scenes"), registry)
    hosts = [spec.inset and spec.inset.panel for spec in scene.panels]
    assert hosts == ["moons.1", "moons.2", None, None]
    assert [cell.column for cell in scene.arrangement.cells] == [0, 1, 0, 1]
    assert scene.arrangement.widths == (1, 1)

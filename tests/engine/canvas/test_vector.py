"""The vector canvas: exact places, valid and reproducible files, and the same picture as the raster canvas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from noisereel.canvas.axes import rendering
from noisereel.canvas.raster import RasterCanvas
from noisereel.canvas.vector import draw_vector, save
from noisereel.contracts.figure import Drawing
from noisereel.contracts.geometry import Box, View
from noisereel.contracts.guides import Space
from noisereel.contracts.marks import Area, Arrows, Image, Mark, Points, Polylines, Shades, Text, Trails
from noisereel.contracts.theme import THEMES, rgb
from noisereel.layout import FrameText, Line, PanelPlan, lay_out
from noisereel.support.errors import PluginError

LIGHT = THEMES["light"]
INK = LIGHT.color("ink")


def drawing(*marks: Mark, space: Space = "plane", transparent: bool = False) -> Drawing:
    plan = PanelPlan(space, Box((0, 10), (0, 8)))
    figure = lay_out(
        (640, 480), LIGHT, [plan], transparent=transparent, text=FrameText(title=Line("Title"), bar=("t = 10", "T"))
    )
    return Drawing(figure, (marks,), ("t = 4",), 0.4)


def pixels(content: Drawing) -> NDArray[np.int_]:
    page = draw_vector(content)
    assert isinstance(page.canvas, FigureCanvasAgg)
    with rendering():
        page.canvas.draw()
    return np.asarray(page.canvas.buffer_rgba())[..., :3].astype(int)


def inside(content: Drawing, frame: NDArray[np.int_]) -> NDArray[np.int_]:
    clip = content.figure.panels[0].clip
    return frame[clip.top : clip.bottom, clip.left : clip.right]


@pytest.mark.parametrize("space", ["plane", "graph"])
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_points_at_the_limits_land_on_the_corners_of_the_rectangle(space: Space, corner: tuple[int, int]) -> None:
    view = drawing(space=space).figure.panels[0].view
    at = np.array([[view.x[corner[0]], view.y[corner[1]]]])
    change = np.abs(pixels(drawing(Points(at, INK, size=4, alpha=1), space=space)) - pixels(drawing(space=space)))
    weight = change.sum(axis=2)
    rows, columns = np.indices(weight.shape)
    centre = np.sum(weight * (columns + 0.5)) / weight.sum(), np.sum(weight * (rows + 0.5)) / weight.sum()
    rect = view.rect
    assert centre == pytest.approx(((rect.left, rect.right)[corner[0]], (rect.bottom, rect.top)[corner[1]]), abs=0.35)


def test_the_bar_is_filled_up_to_the_progress_of_the_film() -> None:
    content = drawing()
    bar = content.figure.bar
    assert bar is not None
    row = pixels(content)[bar.rect.top + 1, bar.rect.left : bar.rect.right]
    assert np.abs(row - rgb(LIGHT.color("blue"))).sum(axis=1)[: int(0.4 * bar.rect.width) - 1].max() == 0
    assert np.abs(row - rgb(LIGHT.color("faint"))).sum(axis=1)[int(0.4 * bar.rect.width) + 2 :].max() == 0


def some_marks() -> dict[str, Mark]:
    rng = np.random.default_rng(3)
    xy = (rng.random((200, 2)) * [9, 7] + 0.5).astype(np.float32)
    xy[7] = np.nan
    shades = Shades(rng.integers(0, 256, 200).astype(np.uint8), LIGHT.gradient())
    few = Shades(shades.index[:40], shades.palette)
    t = np.linspace(0, 10, 80)
    curve = np.stack([t, 4 + 3 * np.sin(t)], axis=1)
    curve[30] = np.nan
    walk = np.cumsum(rng.normal(size=(10, 40, 2)) * 0.15, axis=0) + xy[10:50]
    vector = rng.normal(size=(200, 2)) * 0.3
    picture = np.add.outer(np.arange(60) * 2, np.arange(80)).astype(np.uint8)
    return {
        "points": Points(xy, "#1F6FB5", 3, 0.6),
        "points, one colour per point": Points(xy, shades, 2, 0.5),
        "dots with rings": Points(xy[:5], "#1F6FB5", 5, 1, edge="#FBFAF7"),
        "lines": Polylines((curve, curve + 0.5), "#B83A5B", 2.5, 0.7),
        "lines, one colour per line": Polylines((curve, curve[::-1] - 0.5), Shades(shades.index[:2], shades.palette)),
        "dashes": Polylines((curve,), INK, 1.2, dash="dashed"),
        "dots": Polylines((curve,), INK, 1.2, dash="dotted"),
        "no lines": Polylines((), INK),
        "trails": Trails(walk, few),
        "trails of one colour": Trails(walk, "#1F6FB5", 2),
        "trails of one state": Trails(walk[:1], few),
        "arrows": Arrows(xy, vector, INK),
        "arrows, one colour per arrow": Arrows(xy[::4], vector[::4], Shades(shades.index[::4], shades.palette)),
        "no arrows": Arrows(xy, np.zeros_like(xy), INK),
        "area": Area(t, curve[:, 1] - 1, curve[:, 1], "#1F6FB5", 0.3),
        "grey image": Image(picture, (1, 9, 1, 7)),
        "image of few pixels": Image(picture[:6, :8], (1, 9, 1, 7), smooth=False),
        "image with alpha": Image(np.dstack([picture] * 4), (1, 9, 1, 7)),
    }


MARKS = some_marks()


@pytest.mark.parametrize("space", ["plane", "graph"])
@pytest.mark.parametrize("name", MARKS)
def test_raster_and_vector_show_the_same(name: str, space: Space) -> None:
    content = drawing(MARKS[name], space=space)
    vector = inside(content, pixels(content))
    difference = np.abs(vector - inside(content, RasterCanvas(content.figure).draw(content).astype(int))).max(axis=2)
    touched = (np.abs(vector - inside(content, pixels(drawing(space=space)))).max(axis=2) > 3).sum()
    assert touched > 50 or name.startswith("no ") or name.endswith("one state")
    # Trails fade stepwise as paths and smoothly in pixels; images end at whole pixels there.
    mean, most = (6, 48) if name.startswith("trails") else (1.5, 32)
    assert difference.sum() <= mean * touched
    assert (difference > most).sum() <= (0.005 if "image" in name else 0.002) * touched


@pytest.mark.parametrize("anchor", [("left", "bottom"), ("center", "center"), ("right", "top")])
@pytest.mark.parametrize("at", [(5, 4), (0, 0), (10, 8)])
def test_raster_and_vector_write_at_the_same_place(at: tuple[float, float], anchor: tuple[str, str]) -> None:
    content = drawing(Text(at, "1.66 bit", INK, 12, anchor=anchor, offset=(3, 5)), space="graph")  # type: ignore[arg-type]
    empty = pixels(drawing(space="graph"))
    frames = pixels(content), RasterCanvas(content.figure).draw(content).astype(int)
    boxes = [np.argwhere(inside(content, np.abs(frame - empty)).max(axis=2) > 60) for frame in frames]
    edges = [(*box.min(axis=0), *box.max(axis=0)) for box in boxes]
    assert edges[0] == pytest.approx(edges[1], abs=3.5)


DENSE = Points(np.random.default_rng(5).random((20_000, 2)) * [10, 8], "#B83A5B", 3, 1)


def blocks(frame: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the means of 8×8 pixels, as text differs by about a pixel from canvas to canvas."""
    return frame.reshape(60, 8, 80, 8, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("words", ["1.66 bit", r"at $\sqrt{\bar\alpha_t} = \frac{1}{2}$"])
def test_raster_and_vector_draw_the_same_halo(words: str) -> None:
    content = drawing(DENSE, Text((5, 4), words, INK, 24, anchor=("center", "center"), halo="#FFFFFF"))
    plain = drawing(DENSE, Text((5, 4), words, INK, 24, anchor=("center", "center")))
    vector, raster = blocks(pixels(content)), blocks(RasterCanvas(content.figure).draw(content).astype(int))
    halo = np.abs(vector - blocks(pixels(plain))).max(axis=2)
    assert (halo > 30).sum() > 25
    difference = np.abs(vector - raster).max(axis=2)[halo > 30]
    assert difference.mean() < 0.2 * halo[halo > 30].mean() and difference.max() < 32


@pytest.mark.parametrize(("distance", "share"), [(2, 0.2), (3, 0.43), (5, 1.0)])
def test_a_halo_hides_only_the_close_surroundings_of_text(distance: int, share: float) -> None:
    """A share of the red remains at a distance in pixels above a dash; three design pixels are two pixels."""
    red = Area(np.array([0.0, 10.0]), np.zeros(2), np.full(2, 8.0), "#FF0000", 1)
    content = drawing(red, Text((5, 4), "\N{EM DASH}" * 5, "#000000", 30, anchor=("center", "center"), halo="#FFFFFF"))
    for frame in (pixels(content), RasterCanvas(content.figure).draw(content).astype(int)):
        column = frame[:, round(content.figure.panels[0].view.pixels(np.array([5.0, 4.0]))[0])]
        top = np.flatnonzero(column[:, 0] < 128)[0]
        assert 1 - column[top - distance, 1] / 255 == pytest.approx(share, abs=0.1)


def test_text_is_moved_into_the_panel() -> None:
    view = drawing(space="graph").figure.panels[0].view
    content = drawing(Text((10, 8), "Gaussian, 4.09 bit", INK), space="graph")
    rows, columns = np.nonzero(np.abs(pixels(content) - pixels(drawing(space="graph"))).max(axis=2) > 20)
    assert columns.max() < view.rect.right and rows.min() >= view.rect.top


@dataclass(frozen=True, slots=True, eq=False)
class Cross(Mark):
    """A mark that no canvas knows, two levels above marks that lower to known ones."""

    xy: tuple[float, float]
    level: int = 0

    def lower(self, view: View) -> Iterable[Mark]:
        if self.level < 2:
            return [Cross(self.xy, self.level + 1)]
        arms = np.array([[-1, 0], [1, 0], [np.nan, np.nan], [0, -1], [0, 1]])
        return [Polylines((self.xy + arms,), INK)]


@dataclass(frozen=True, slots=True, eq=False)
class Endless(Mark):
    """A mark that lowers to itself."""

    def lower(self, view: View) -> Iterable[Mark]:
        return [self]


def test_unknown_marks_are_lowered() -> None:
    arms = np.array([[4.0, 4.0], [6, 4], [np.nan, np.nan], [5, 3], [5, 5]])
    assert np.array_equal(pixels(drawing(Cross((5, 4)))), pixels(drawing(Polylines((arms,), INK))))


def test_marks_that_cannot_be_lowered_are_refused() -> None:
    with pytest.raises(PluginError) as error:
        draw_vector(drawing(Endless()))
    assert str(error.value) == "Endless.lower never yields marks that a canvas can draw"
    with pytest.raises(PluginError) as error:
        draw_vector(drawing(Mark()))
    assert str(error.value) == "no canvas can draw Mark: define its lower(view)"


def test_svg_is_valid_and_reproducible_and_holds_shapes_not_pixels(tmp_path: Path) -> None:
    content = drawing(*(mark for name, mark in MARKS.items() if "image" not in name))
    for name in ("one.svg", "two.svg"):
        save(content, tmp_path / name, metadata={"Title": "t"})
    text = (tmp_path / "one.svg").read_bytes()
    assert text == (tmp_path / "two.svg").read_bytes()
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert [float(part) for part in root.attrib["viewBox"].split()] == pytest.approx([0, 0, 691.2, 518.4], abs=0.01)
    assert b"<image" not in text and b"<text" not in text and not re.search(rb"<dc:date>", text)


@pytest.mark.parametrize("suffix", ["pdf", "png"])
def test_other_formats_are_reproducible_too(tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        save(drawing(MARKS["points"]), tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


def test_transparent_drawings_stay_transparent(tmp_path: Path) -> None:
    from PIL import Image as Picture

    save(drawing(MARKS["points"], transparent=True), tmp_path / "one.png")
    picture = np.asarray(Picture.open(tmp_path / "one.png"))
    assert picture.shape == (480, 640, 4)
    assert picture[0, 0, 3] == 0 and picture[..., 3].max() > 140

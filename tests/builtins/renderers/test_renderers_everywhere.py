"""Every built-in layer on every canvas: the same picture in pixels and as paths, in files that stay vector."""

from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from recording import LIGHT, Spread, moment_at, normal, run_view, to_origin

import noisereel_builtins
from noisereel.canvas.axes import rendering
from noisereel.canvas.raster import RasterCanvas
from noisereel.canvas.vector import draw_vector, save
from noisereel.contracts.figure import Drawing
from noisereel.contracts.geometry import Box
from noisereel.contracts.marks import Image, Mark, Text, Trails
from noisereel.contracts.renderer import RenderContext, RunView, space_of
from noisereel.layout import PanelPlan, lay_out
from noisereel.registry.registry import Registry
from noisereel_builtins.schedules.linear import Linear

REGISTRY = Registry.from_plugins({"noisereel": noisereel_builtins}, strict=True)
RANDOM = np.random.default_rng(4)


def walk(particles: int, *event_shape: int) -> np.ndarray:
    """Return positions at five visits of a random walk."""
    return RANDOM.normal(size=(5, particles, *event_shape)).cumsum(axis=0) / 3


def random_run(*event_shape: int, particles: int = 60, **more) -> RunView:
    x = walk(particles, *event_shape)
    return run_view(
        x,
        hue=np.linspace(0, 1, particles),
        x0=0.5 * x,
        noise=walk(particles, *event_shape),
        metrics=(Spread(),),
        **more,
    )


POINTS = random_run(2, model=to_origin, origin=range(60), labels=np.arange(60) % 4)
NUMBERS, SPACE = random_run(1), random_run(3)
BACK = run_view(walk(20, 2), times=[4, 3, 2, 1, 0], hue=np.linspace(0, 1, 20))
PICTURES = run_view(walk(9, 12, 16).clip(-1, 1), origin=range(9))

# Parameters and runs that each layer is tested with.
SHOWN: dict[str, list[tuple[dict, RunView]]] = {
    "contours": [({"columns": 48}, POINTS)],
    "curve": [({"of": "spread"}, NUMBERS), ({"of": ("signal", "beta")}, NUMBERS)],
    "data": [({}, POINTS)],
    "density": [({}, NUMBERS), ({"histogram": True}, random_run(1, density=normal))],
    "difference": [({"gain": 2.0}, PICTURES)],
    "direction": [({}, POINTS)],
    "embedding": [({"perplexity": 9.0, "iterations": 300}, random_run(20, particles=24))],
    "field": [({"density": 9}, POINTS), ({"density": 9, "lines": "streamlines"}, POINTS)],
    "heatmap": [({"columns": 48}, POINTS)],
    "histogram": [({"bins": 20}, NUMBERS)],
    "image": [({}, PICTURES)],
    "image-grid": [({}, PICTURES)],
    "noise": [({}, POINTS)],
    "paths": [({"particles": 12}, POINTS)],
    "points": [({}, POINTS), ({"color": "label"}, POINTS), ({"color": "speed"}, POINTS), ({"color": "rose"}, POINTS)],
    "ridge": [({"rows": 6}, NUMBERS)],
    "river": [({"particles": 12}, NUMBERS)],
    "scatter-3d": [({}, SPACE)],
    "schedules": [({"beside": (Linear(steps=4),)}, NUMBERS)],
    "surface": [({"columns": 32, "contours": True}, POINTS)],
    "targets": [({}, BACK)],
    "text": [({"words": r"$\bar{{\alpha}}_t$ at {t}"}, POINTS), ({"words": "two\nlines", "at": (0.5, 0.5)}, PICTURES)],
    "trails": [({"length": 4}, POINTS)],
}
CASES = [(name, fields, run) for name, shown in SHOWN.items() for fields, run in shown]


# As paths, trails fade piece by piece, but smoothly in pixels; all else differs by rounding and antialiasing only.
MEAN, MEAN_OF_TRAILS, FAR = 2.0, 10.0, 48


def draw_layer(name: str, fields: dict, run: RunView, keep: Callable[[Mark], bool] = lambda mark: True) -> Drawing:
    """Draw one layer at the fourth of five visits in a panel of its own, with the marks that ``keep`` selects."""
    layer = REGISTRY.get("renderer", name)(**fields)
    limits = layer.extent(run) or Box()
    box = Box(limits.x or (-1.0, 1.0), limits.y or (-1.0, 1.0))
    figure = lay_out((480, 360), LIGHT, [PanelPlan(space_of([layer]), box)])
    ctx = RenderContext(figure.panels[0].view, LIGHT)
    marks = (*layer.backdrop(run, ctx), *layer.marks(run, moment_at(run, 3), ctx))
    return Drawing(figure, (tuple(filter(keep, marks)),))


def raster(drawing: Drawing) -> np.ndarray:
    return RasterCanvas(drawing.figure).draw(drawing).astype(int)


def vector(drawing: Drawing) -> np.ndarray:
    page = draw_vector(drawing)
    with rendering():
        page.canvas.draw()
    return np.asarray(page.canvas.buffer_rgba())[..., :3].astype(int)


def centre(weight: np.ndarray) -> tuple[float, ...]:
    return tuple((positions * weight).sum() / weight.sum() for positions in np.indices(weight.shape))


def is_text(mark: Mark) -> bool:
    return isinstance(mark, Text)


def test_every_layer_is_tested():
    assert set(SHOWN) == set(REGISTRY.names("renderer"))


@pytest.mark.parametrize(("name", "fields", "run"), CASES)
def test_raster_and_vector_show_the_same(name, fields, run):
    drawing = draw_layer(name, fields, run, lambda mark: not is_text(mark))
    pixels, paths, empty = raster(drawing), vector(drawing), vector(draw_layer(name, fields, run, lambda mark: False))
    touched = (np.abs(paths - empty).max(axis=2) > 3).sum()
    difference = np.abs(pixels - paths).max(axis=2)
    fading = any(isinstance(mark, Trails) for mark in drawing.marks[0])
    assert touched > 300 or name == "text"
    assert difference.sum() <= (MEAN_OF_TRAILS if fading else MEAN) * touched
    assert (difference > FAR).sum() <= 0.002 * touched


@pytest.mark.parametrize(("name", "fields", "run"), CASES)
def test_raster_and_vector_write_the_same_text(name, fields, run):
    empty = vector(draw_layer(name, fields, run, lambda mark: False))
    texts = [mark for mark in draw_layer(name, fields, run).marks[0] if is_text(mark)]
    assert texts or name not in ("text", "curve", "schedules", "targets")
    for text in texts:
        drawing = draw_layer(name, fields, run)
        frames = [canvas(replace(drawing, marks=((text,),))) for canvas in (raster, vector)]
        ink = [np.abs(frame - empty).sum(axis=2) for frame in frames]
        # The raster canvas sets type at whole pixels, the vector canvas between them.
        assert ink[0].sum() == pytest.approx(ink[1].sum(), rel=0.12)
        assert centre(ink[0]) == pytest.approx(centre(ink[1]), abs=1.5)


@pytest.mark.parametrize(("name", "fields", "run"), CASES)
def test_files_stay_vector(name, fields, run, tmp_path):
    drawing = draw_layer(name, fields, run)
    save(drawing, tmp_path / "frame.svg")
    save(drawing, tmp_path / "frame.pdf")
    tags = [element.tag.split("}")[1] for element in ElementTree.parse(tmp_path / "frame.svg").iter()]
    pictures = sum(isinstance(mark, Image) for mark in drawing.marks[0])
    assert tags.count("image") == pictures
    empty = draw_layer(name, fields, run, lambda mark: False)
    save(empty, tmp_path / "empty.svg")
    before = [element.tag.split("}")[1] for element in ElementTree.parse(tmp_path / "empty.svg").iter()]
    assert len(tags) > len(before)
    page = (tmp_path / "frame.pdf").read_bytes()
    assert page.startswith(b"%PDF-") and page.rstrip().endswith(b"%%EOF")
    assert page.count(b"/Subtype /Image") >= min(pictures, 1)
    assert pictures or b"/Subtype /Image" not in page

"""Meshes: no seams, later faces hide earlier ones, and the same picture in pixels and as paths."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from noisereel.canvas.axes import rendering
from noisereel.canvas.raster import RasterCanvas
from noisereel.canvas.surface import Strip
from noisereel.canvas.vector import draw_vector
from noisereel.contracts.figure import Drawing
from noisereel.contracts.geometry import Box
from noisereel.contracts.marks import Mark, Mesh, Shades
from noisereel.contracts.theme import THEMES, rgb
from noisereel.layout import PanelPlan, lay_out

LIGHT = THEMES["light"]
BLUE, AMBER = LIGHT.color("blue"), LIGHT.color("amber")


def drawing(*marks: Mark) -> Drawing:
    figure = lay_out((640, 480), LIGHT, [PanelPlan("volume", Box((0, 10), (0, 8)))])
    return Drawing(figure, (marks,))


def raster(*marks: Mark) -> NDArray[np.int_]:
    content = drawing(*marks)
    return RasterCanvas(content.figure).draw(content).astype(int)


def vector(*marks: Mark) -> NDArray[np.int_]:
    page = draw_vector(drawing(*marks))
    assert isinstance(page.canvas, FigureCanvasAgg)
    with rendering():
        page.canvas.draw()
    return np.asarray(page.canvas.buffer_rgba())[..., :3].astype(int)


def grid(rows: int, columns: int) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return a slanted, bent grid of corners, and its faces row by row."""
    across, up = np.meshgrid(np.linspace(1, 8, columns + 1), np.linspace(1, 6, rows + 1))
    vertices = np.stack([across + 0.15 * up, up + np.sin(across) / 3], axis=-1).reshape(-1, 2)
    index = np.arange(len(vertices)).reshape(rows + 1, columns + 1)
    faces = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], axis=-1)
    return vertices, faces.reshape(-1, 4)


def some_meshes() -> dict[str, Mesh]:
    vertices, faces = grid(12, 20)
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 256, (len(faces), 3)).astype(np.uint8)
    shades = Shades(np.arange(len(faces), dtype=np.uint8), LIGHT.gradient())
    holes = vertices.copy()
    holes[50] = np.nan
    return {
        "one colour": Mesh(vertices, faces, BLUE),
        "one colour, translucent": Mesh(vertices, faces[::7], BLUE, 0.5),
        "a palette": Mesh(vertices, faces, shades),
        "any colours": Mesh(vertices, faces, colors),
        "any order": Mesh(vertices, rng.permutation(faces), colors),
        "a hole": Mesh(holes, faces, shades),
    }


MESHES = some_meshes()


@pytest.mark.parametrize("name", MESHES)
def test_raster_and_vector_show_the_same(name: str) -> None:
    frames = vector(MESHES[name]), raster(MESHES[name])
    touched = (np.abs(frames[0] - vector()).max(axis=2) > 3).sum()
    difference = np.abs(frames[0] - frames[1]).max(axis=2)
    assert touched > 5000
    # Seams between unrelated colours differ slightly.
    assert difference.sum() <= (2.5 if name.startswith("any") else 1.2) * touched
    assert (difference > 48).sum() <= (0.01 if name.startswith("any") else 0.001) * touched
    assert difference.max() < 96


def test_no_seams_show_inside() -> None:
    vertices, faces = grid(40, 60)
    frame = raster(Mesh(vertices, faces, BLUE))
    seams = np.abs(frame[200:300, 220:420] - rgb(BLUE)).max(axis=2) / np.abs(np.array(rgb(BLUE)) - 251).max()
    assert seams.max() < 0.11  # where four faces meet
    assert seams.mean() < 0.02


def test_later_faces_hide_earlier_ones() -> None:
    square = np.array([[2.0, 2], [8, 2], [8, 6], [2, 6]])
    twice = np.array([[0, 1, 2, 3], [0, 1, 2, 3]])
    frame = raster(Mesh(square, twice, np.array([rgb(BLUE), rgb(AMBER)], np.uint8)))
    assert tuple(frame[240, 320]) == rgb(AMBER)


def test_a_mesh_without_faces_or_finite_corners_draws_nothing() -> None:
    vertices, faces = grid(2, 2)
    for mesh in (Mesh(vertices, faces[:0], BLUE), Mesh(vertices * np.nan, faces, BLUE)):
        np.testing.assert_array_equal(raster(mesh), raster())
        np.testing.assert_array_equal(vector(mesh), vector())


def test_neighbouring_faces_need_no_connection() -> None:
    vertices, faces = grid(2, 3)
    colors = np.arange(24.0).reshape(6, 4)
    strip = Strip.of(vertices, faces, colors)
    assert strip.corners.shape == (2, 8, 2)  # two rows of three faces, and a transparent connection
    np.testing.assert_array_equal(strip.colors, np.insert(colors, 3, 0, axis=0))
    np.testing.assert_array_equal(strip.corners[:, :4], [vertices[:4], vertices[4:8]])
    np.testing.assert_array_equal(strip.corners[:, 4:], [vertices[4:8], vertices[8:]])

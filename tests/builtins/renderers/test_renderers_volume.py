"""Built-in layers in space: exact marks."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from recording import CLOUD, DARK, marks_of, normal, panel_ctx, run_info, run_view

from noisereel.contracts import marks
from noisereel_builtins.renderers.shared.heat import heat
from noisereel_builtins.renderers.volume.camera import Camera
from noisereel_builtins.renderers.volume.scatter_3d import Scatter3D
from noisereel_builtins.renderers.volume.surface import Surface, back_to_front, brightness


class TestCamera:
    def test_from_the_front_and_from_above(self):
        xyz = np.array([1.0, 2.0, 3.0])
        assert_allclose(Camera(0, 0).project(xyz), [1, 3, 2], atol=1e-12)
        assert_allclose(Camera(0, math.pi / 2).project(xyz), [1, 2, -3], atol=1e-12)
        assert_allclose(Camera(math.pi / 2, 0).project(xyz), [2, 3, -1], atol=1e-12)

    @pytest.mark.parametrize("azimuth", [0.3, 2.0, 3.6, 5.5])
    def test_far_faces_come_first(self, azimuth):
        camera = Camera(azimuth, 0.5)
        across, up = np.meshgrid(np.arange(6.0), np.arange(5.0))
        depths = camera.project(np.stack([across, up, np.zeros_like(up)], axis=-1).reshape(-1, 3))[:, 2]
        faces = back_to_front(5, 6, camera)
        assert len(np.unique(faces, axis=0)) == 20
        depth = depths[faces].mean(axis=1).reshape(4, 5)
        assert (np.diff(depth, axis=1) < 0).all()
        assert (np.diff(depth, axis=0) < 0).all()

    def test_light_comes_from_the_left_of_the_camera(self):
        facing_left = np.array([[[0.0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0]]])
        flat = facing_left * [1, 1, 0]
        facing_right = facing_left * [1, 1, -1]
        left, middle, right = (
            float(brightness(face, Camera(0.0, 0.5))[0]) for face in (facing_left, flat, facing_right)
        )
        assert left == middle == 1
        assert right < 0.7


class TestSurface:
    RUN = run_view(CLOUD, density=normal)
    LAYER = Surface(x=(-3.0, 3.0), y=(-3.0, 3.0), columns=40, azimuth=0.0, elevation=0.0)

    def test_seen_from_the_side_its_outline_is_the_density(self):
        *_, mesh = marks_of(self.LAYER, self.RUN, 0)
        u, v = mesh.vertices.reshape(40, 40, 2).transpose(2, 0, 1)
        assert_allclose(u[0] * 6, np.linspace(-3, 3, 41)[:-1] + 0.075, atol=1e-12)
        peak = np.exp(-(0.075**2))  # at the four cell centres nearest to the origin
        assert_allclose(
            v.max(axis=0), 0.55 * np.exp(-((u[0] * 6) ** 2) / 2) * np.exp(-(0.075**2) / 2) / peak, rtol=1e-6
        )

    def test_empty_and_hidden_faces_are_left_out(self):
        above = self.LAYER.model_copy(update={"elevation": 89.0})
        *_, mesh = marks_of(above, self.RUN, 0)
        centre = mesh.vertices[mesh.faces].mean(axis=1) * 6
        radius = np.hypot(*centre.T)
        assert radius.max() == pytest.approx(math.sqrt(2 * math.log(150)), abs=0.2)
        *_, low = marks_of(self.LAYER.model_copy(update={"elevation": 20.0}), self.RUN, 0)
        assert len(low.faces) < 0.9 * len(mesh.faces)

    def test_colours_follow_the_height(self):
        *_, mesh = marks_of(self.LAYER.model_copy(update={"elevation": 89.0}), self.RUN, 0)
        radius = np.hypot(*mesh.vertices[mesh.faces].mean(axis=1).T)
        highest, lowest = mesh.color[radius.argmin()], mesh.color[radius.argmax()]
        assert np.abs(highest.astype(int) - heat(DARK)[255]).max() < 20
        assert np.abs(lowest.astype(int) - heat(DARK)[2]).max() < 5

    def test_it_stays_in_view_while_the_camera_turns(self):
        layer = self.LAYER.model_copy(update={"turn": 90.0, "elevation": 30.0, "contours": True})
        box = layer.extent(self.RUN)
        for index in range(3):
            for mark in marks_of(layer, self.RUN, index):
                for xy in mark.lines if isinstance(mark, marks.Polylines) else (mark.vertices[mark.faces.ravel()],):
                    assert (xy.min(axis=0) >= np.array([box.x[0], box.y[0]]) - 1e-9).all()
                    assert (xy.max(axis=0) <= np.array([box.x[1], box.y[1]]) + 1e-9).all()

    def test_contours_are_drawn_on_the_floor_below(self):
        layer = self.LAYER.model_copy(update={"elevation": 90.0, "contours": True})
        frame, *rings, _ = marks_of(layer, self.RUN, 0)
        assert np.abs(frame.lines[0]).max() == pytest.approx(0.5)
        radii = [np.hypot(*ring.lines[0].T).mean() * 6 for ring in rings if ring.lines]
        assert_allclose(radii, np.sqrt(-2 * np.log(1 - np.array([0.1, 0.3, 0.5, 0.7, 0.9, 0.99]))), rtol=0.06)

    def test_colour_bar_shows_the_density(self):
        bar = self.LAYER.guide(self.RUN, panel_ctx())
        assert (bar.low, bar.high) == (0.0, pytest.approx(math.exp(-(0.075**2)) / (2 * math.pi)))

    def test_refuses_other_data(self):
        assert Surface().check(run_info(1)) == "shows the density of points in the plane, event shape (2,), not (1,)"


class TestScatter3D:
    X = np.array([[[1.0, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0]]] * 2)

    def test_nearer_particles_are_larger_and_in_front(self):
        run = run_view(self.X, hue=[0, 0.25, 0.5, 1])
        _, *layers = marks_of(Scatter3D(azimuth=0.0, elevation=0.0, size=2.0), run, 0)
        assert [mark.size for mark in layers] == sorted(mark.size for mark in layers)
        assert (layers[0].size, layers[-1].size) == (pytest.approx(1.4), pytest.approx(2.5))
        assert_array_equal(layers[0].color.index, [128])  # y points away
        assert_array_equal(layers[-1].color.index, [255])
        assert sum(len(mark.xy) for mark in layers) == 4

    def test_the_camera_turns_with_the_film(self):
        layer = Scatter3D(azimuth=0.0, elevation=0.0, turn=90.0)
        first, last = (marks_of(layer, run_view(self.X), index) for index in (0, 1))
        x = [sorted(np.concatenate([mark.xy[:, 0] for mark in frame[1:]]).round(6)) for frame in (first, last)]
        assert x == [[-1, 0, 0, 1], [-2, 0, 0, 2]]

    def test_refuses_points_of_the_plane(self):
        assert Scatter3D().check(run_info(2)) == "shows points in space, event shape (3,), not (2,)"

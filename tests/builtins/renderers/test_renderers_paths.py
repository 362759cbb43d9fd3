"""Built-in layers of particles' paths: exact marks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from recording import CLOUD, DARK, marks_of, normal, panel_ctx, run_info, run_view

from noisereel_builtins.renderers.graph.line import densities
from noisereel_builtins.renderers.graph.river import River
from noisereel_builtins.renderers.plane.paths import Paths
from noisereel_builtins.renderers.shared.heat import heat_alpha


class TestPaths:
    def test_the_past_is_bright_the_whole_path_faint_and_the_present_a_dot(self):
        run = run_view(CLOUD, hue=[0.0, 1.0])
        (backdrop,) = Paths().backdrop(run, panel_ctx())
        past, heads = marks_of(Paths(), run, 1)
        assert_array_equal(backdrop.lines, CLOUD.swapaxes(0, 1).astype(np.float32))
        assert_array_equal(past.lines, CLOUD[:2].swapaxes(0, 1).astype(np.float32))
        assert_array_equal(heads.xy, CLOUD[1].astype(np.float32))
        assert backdrop.alpha < past.alpha
        assert_array_equal(past.color.index, [0, 255])

    def test_particles_are_spread_over_all(self):
        run = run_view(np.arange(9.0).reshape(1, 9, 1).repeat(2, axis=2), hue=np.linspace(0, 1, 9))
        past, heads = marks_of(Paths(particles=3), run, 0)
        assert_array_equal(heads.xy[:, 0], [0, 4, 8])
        assert_array_equal(past.color.index, [0, 128, 255])

    def test_long_runs_are_thinned_and_end_at_the_present(self):
        x = np.arange(1000.0).reshape(1000, 1, 1).repeat(2, axis=2)
        run = run_view(x, times=[0.0] * 1000)
        past, _ = marks_of(Paths(), run, 501)
        (line,) = past.lines
        assert (line[0, 0], line[-1, 0]) == (0, 501)
        assert np.diff(line[:, 0]).max() <= 1000 / 239 + 1

    def test_the_future_can_be_hidden(self):
        assert list(Paths(ahead=False).backdrop(run_view(CLOUD), panel_ctx())) == []

    def test_noise_has_no_path_before_any_was_injected(self):
        run = run_view(CLOUD, noise=CLOUD)
        assert marks_of(Paths(of="noise"), run, 0)[0].lines[0].shape == (0, 2)


class TestRiver:
    X = np.array([[[0.0], [1.0]], [[0.5], [-1.0]], [[2.0], [0.0]]])
    CTX = panel_ctx(x=(0.0, 2.0), y=(-4.0, 4.0))

    def test_lines_run_through_time_and_value(self):
        run = run_view(self.X)
        *_, backdrop = River().backdrop(run, self.CTX)
        past, heads = marks_of(River(), run, 1, self.CTX)
        assert_array_equal(backdrop.lines[0], [[0, 0], [1, 0.5], [2, 2]])
        assert_array_equal(past.lines[1], [[0, 1], [1, -1]])
        assert_array_equal(heads.xy, [[1, 0.5], [1, -1]])

    def test_a_reverse_run_starts_at_the_right(self):
        run = run_view(self.X, times=[4, 3, 2])
        assert River().extent(run).x == (2.0, 4.0)
        assert_array_equal(marks_of(River(), run, 1, self.CTX)[0].lines[0][:, 0], [4, 3])

    def test_the_density_behind_is_exact(self):
        moving = lambda x, level: normal(x - level.t, level)  # noqa: E731
        run = run_view(self.X, density=moving)
        image, *_ = River(particles=0).backdrop(run, self.CTX)
        assert image.box == (0.0, 2.0, -4.0, 4.0)
        rows, columns, _ = image.pixels.shape
        palette = heat_alpha(DARK)
        hottest = [np.flatnonzero((image.pixels[:, i] == palette[255]).all(axis=1)).mean() for i in range(columns)]
        t = (np.arange(columns) + 0.5) * 2 / columns
        assert_allclose(4 - (np.array(hottest) + 0.5) * 8 / rows, t, atol=8 / rows)

    def test_the_density_of_particles_integrates_to_the_share_inside_and_is_interpolated(self):
        run = run_view([[[-1.0]] * 3 + [[9.0]], [[1.0]] * 4])
        tables = densities(run, np.array([0.0, 0.5, 1.0]), (-2.0, 2.0), 64)
        assert_allclose(tables.sum(axis=1) * 4 / 64, [0.75, 0.875, 1])
        assert_allclose(tables[1], (tables[0] + tables[2]) / 2)

    @pytest.mark.parametrize(("particles", "ring"), [(16, DARK.color("background")), (17, None)])
    def test_only_a_few_particles_have_rings(self, particles, ring):
        run = run_view(np.linspace(0, 1, 3 * particles).reshape(3, particles, 1))
        assert marks_of(River(), run, 1)[-1].edge == ring

    def test_axis_of_points(self):
        assert River(axis=1).check(run_info(2)) is None
        assert River(axis=1).check(run_info(1)) == (
            "shows coordinate 1 of points, event shape (D,) with D > 1, not (1,)"
        )

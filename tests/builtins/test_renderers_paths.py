"""Built-in layers that show where particles go: exact marks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from recording import CLOUD, DARK, drawn, normal, panel_ctx, record, run_info

from noisereel_builtins.renderers.graph.line import densities
from noisereel_builtins.renderers.graph.river import River
from noisereel_builtins.renderers.plane.paths import Paths
from noisereel_builtins.renderers.shared.heat import heat_alpha


class TestPaths:
    def test_bright_up_to_now_over_all_of_it_with_a_dot_at_now(self):
        rec = record(CLOUD, hue=[0.0, 1.0])
        (whole,) = Paths().backdrop(rec, panel_ctx())
        past, heads = drawn(Paths(), rec, 1)
        assert_array_equal(whole.lines, CLOUD.swapaxes(0, 1).astype(np.float32))
        assert_array_equal(past.lines, CLOUD[:2].swapaxes(0, 1).astype(np.float32))
        assert_array_equal(heads.xy, CLOUD[1].astype(np.float32))
        assert whole.alpha < past.alpha
        assert_array_equal(past.color.index, [0, 255])

    def test_particles_are_spread_over_all(self):
        rec = record(np.arange(9.0).reshape(1, 9, 1).repeat(2, axis=2), hue=np.linspace(0, 1, 9))
        past, heads = drawn(Paths(particles=3), rec, 0)
        assert_array_equal(heads.xy[:, 0], [0, 4, 8])
        assert_array_equal(past.color.index, [0, 128, 255])

    def test_long_runs_are_thinned_and_end_exactly_now(self):
        x = np.arange(1000.0).reshape(1000, 1, 1).repeat(2, axis=2)
        rec = record(x, times=[0.0] * 1000)
        past, _ = drawn(Paths(), rec, 501)
        (line,) = past.lines
        assert (line[0, 0], line[-1, 0]) == (0, 501)
        assert np.diff(line[:, 0]).max() <= 1000 / 239 + 1

    def test_what_is_to_come_can_be_left_out(self):
        assert list(Paths(ahead=False).backdrop(record(CLOUD), panel_ctx())) == []

    def test_noise_has_no_path_where_none_was_injected(self):
        rec = record(CLOUD, noise=CLOUD)
        assert drawn(Paths(of="noise"), rec, 0)[0].lines[0].shape == (0, 2)


class TestRiver:
    X = np.array([[[0.0], [1.0]], [[0.5], [-1.0]], [[2.0], [0.0]]])
    LOOK = panel_ctx(x=(0.0, 2.0), y=(-4.0, 4.0))

    def test_lines_run_through_time_and_value(self):
        rec = record(self.X)
        *_, whole = River().backdrop(rec, self.LOOK)
        past, heads = drawn(River(), rec, 1, self.LOOK)
        assert_array_equal(whole.lines[0], [[0, 0], [1, 0.5], [2, 2]])
        assert_array_equal(past.lines[1], [[0, 1], [1, -1]])
        assert_array_equal(heads.xy, [[1, 0.5], [1, -1]])

    def test_a_run_back_in_time_begins_at_the_right(self):
        rec = record(self.X, times=[4, 3, 2])
        assert River().extent(rec).x == (2.0, 4.0)
        assert_array_equal(drawn(River(), rec, 1, self.LOOK)[0].lines[0][:, 0], [4, 3])

    def test_density_behind_is_exact_and_highest_where_it_flows(self):
        moving = lambda x, level: normal(x - level.t, level)  # noqa: E731
        rec = record(self.X, density=moving)
        image, *_ = River(particles=0).backdrop(rec, self.LOOK)
        assert image.box == (0.0, 2.0, -4.0, 4.0)
        rows, columns, _ = image.pixels.shape
        palette = heat_alpha(DARK)
        hottest = [np.flatnonzero((image.pixels[:, i] == palette[255]).all(axis=1)).mean() for i in range(columns)]
        t = (np.arange(columns) + 0.5) * 2 / columns
        assert_allclose(4 - (np.array(hottest) + 0.5) * 8 / rows, t, atol=8 / rows)

    def test_density_of_particles_has_the_area_of_those_inside_and_is_mixed_between_visits(self):
        rec = record([[[-1.0]] * 3 + [[9.0]], [[1.0]] * 4])
        tables = densities(rec, np.array([0.0, 0.5, 1.0]), (-2.0, 2.0), 64)
        assert_allclose(tables.sum(axis=1) * 4 / 64, [0.75, 0.875, 1])
        assert_allclose(tables[1], (tables[0] + tables[2]) / 2)

    @pytest.mark.parametrize(("particles", "ring"), [(16, DARK.color("background")), (17, None)])
    def test_rings_only_where_they_do_not_run_together(self, particles, ring):
        rec = record(np.linspace(0, 1, 3 * particles).reshape(3, particles, 1))
        assert drawn(River(), rec, 1)[-1].edge == ring

    def test_axis_of_points(self):
        assert River(axis=1).check(run_info(2)) is None
        assert River(axis=1).check(run_info(1)) == (
            "shows coordinate 1 of points, event shape (D,) with D > 1, not (1,)"
        )

"""Built-in layers of one-dimensional densities: exact marks."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from recording import CLOUD, DARK, marks_of, normal, panel_ctx, run_info, run_view

from noisereel.contracts import marks
from noisereel_builtins.renderers.graph.density import Density
from noisereel_builtins.renderers.graph.histogram import Histogram
from noisereel_builtins.renderers.graph.ridge import Ridge


class TestDensity:
    CTX = panel_ctx(x=(-4.0, 4.0), y=(0.0, 1.0))
    PARTICLES = np.array([[[-3.0], [0.5], [0.6], [9.0]]])

    def test_known_density_is_drawn_exactly(self):
        area, line = marks_of(Density(), run_view(self.PARTICLES, density=normal), 0, self.CTX)
        x, p = line.lines[0].T
        assert_allclose(p, np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi), rtol=1e-6)
        assert (x[0], x[-1]) == (-4.0, 4.0)
        assert_array_equal(area.high, p)
        assert_array_equal(area.low, np.zeros(len(p)))

    def test_unknown_density_is_a_histogram_of_area_one(self):
        (bars,) = marks_of(Density(bins=8), run_view(self.PARTICLES), 0, self.CTX)
        assert_array_equal(bars.x, np.repeat(np.arange(-4.0, 5.0), 2)[1:-1])
        # One particle of four is outside; two share the bar from 0 to 1.
        assert_array_equal(bars.high, np.repeat([0, 0.25, 0, 0, 0.5, 0, 0, 0], 2))

    def test_histogram_behind_the_exact_curve(self):
        run = run_view(self.PARTICLES, density=normal)
        bars, _, line = marks_of(Density(histogram=True), run, 0, self.CTX)
        assert (bars.color, line.color) == (DARK.color("muted"), DARK.color("blue"))

    def test_extent_covers_the_highest_density_of_the_run(self):
        wide = lambda x, level: normal(x, level) / (1 + level.t)  # noqa: E731
        box = Density().extent(run_view(np.linspace(-3, 3, 5).reshape(1, 5, 1).repeat(3, 0), density=wide))
        assert box.x == pytest.approx((-3.24, 3.24), abs=0.01)
        assert box.y == pytest.approx((0, 1.06 / math.sqrt(2 * math.pi)), rel=1e-3)

    def test_extent_of_a_histogram(self):
        box = Density(bins=2).extent(run_view(np.array([[[0.0], [0.0], [0.0], [1.0]]])))
        assert box.y == pytest.approx((0, 1.06 * 0.75 / 0.54), rel=2e-3)

    def test_refuses_points_of_the_plane(self):
        assert Density().check(run_info(2)) == "shows the density of single numbers, event shape (1,), not (2,)"
        assert Density().check(run_info(1)) is None


class TestHistogram:
    CTX = panel_ctx(x=(-4.0, 4.0), y=(0.0, 1.0))

    def test_area_is_the_share_inside(self):
        x = np.array([[[-3.0], [0.5], [0.6], [9.0], [math.nan]]])
        area, line = marks_of(Histogram(bins=8), run_view(x), 0, self.CTX)
        assert_array_equal(area.high, np.repeat([0, 0.2, 0, 0, 0.4, 0, 0, 0], 2))
        assert_array_equal(line.lines[0], np.stack([area.x, area.high], axis=1))
        assert_array_equal(area.x, np.repeat(np.arange(-4.0, 5.0), 2)[1:-1])

    def test_one_coordinate_or_all_pixels(self):
        _, line = marks_of(Histogram(axis=1, bins=8), run_view(CLOUD), 1, self.CTX)
        assert_array_equal(line.lines[0][8:10, 1], [1, 1])
        _, line = marks_of(Histogram(bins=8), run_view(np.full((1, 2, 3, 3), 2.5)), 0, self.CTX)
        assert_array_equal(line.lines[0][12:14, 1], [1, 1])

    def test_extent_covers_the_highest_bar_of_the_run(self):
        box = Histogram(bins=2).extent(run_view([[[0.0], [0.0], [0.0], [1.0]]]))
        assert box.y == pytest.approx((0, 1.06 * 0.75 / 0.54), rel=2e-3)


class TestRidge:
    X = np.array([[[-1.0], [1.0]]] * 5)
    RUN = run_view(X, density=normal)
    CTX = panel_ctx(x=(-3.0, 3.0), y=(-0.2, 8.0))

    def test_each_ridge_is_based_at_its_time_and_all_share_one_scale(self):
        mark_list = marks_of(Ridge(rows=5, height=2.0), self.RUN, 0, self.CTX)
        lines = [mark.lines[0] for mark in mark_list if isinstance(mark, marks.Polylines)]
        bases = [line[0, 1] for line in lines]
        assert_allclose(bases, [4, 3, 2, 1, 0, 0], atol=0.05)  # from back to front, the present one last
        for line, base in zip(lines, [4, 3, 2, 1, 0, 0], strict=True):
            assert_allclose(line[:, 1] - base, 2.0 * np.exp(-(line[:, 0] ** 2) / 2), rtol=1e-3)

    def test_the_future_is_faint_and_the_present_is_ink(self):
        mark_list = marks_of(Ridge(rows=5), self.RUN, 2, self.CTX)
        lines = [mark for mark in mark_list if isinstance(mark, marks.Polylines)]
        assert [line.alpha for line in lines] == [0.3, 0.3, 1, 1, 1, 1]
        assert [line.color == DARK.color("ink") for line in lines] == [False, False, False, True, False, False]

    def test_extent_covers_the_highest_ridge(self):
        box = Ridge(rows=5, height=2.0).extent(self.RUN)
        assert box.y == pytest.approx((-0.2, 6.3), abs=0.01)

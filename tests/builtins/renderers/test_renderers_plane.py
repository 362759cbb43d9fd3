"""Built-in layers of densities in the plane: exact marks."""

import math
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from recording import CLOUD, DARK, LIGHT, marks_of, normal, panel_ctx, run_view

from noisereel.contracts.guides import Colorbar
from noisereel.support.errors import UsageError
from noisereel_builtins.renderers.plane.contours import Contours
from noisereel_builtins.renderers.plane.heatmap import Heatmap
from noisereel_builtins.renderers.shared.grid import Grid, counts, grid_over, smoothed, spread_over
from noisereel_builtins.renderers.shared.heat import heat, heat_alpha

GRID = Grid((-2.0, 2.0), (-1.0, 1.0), (4, 8))


class TestGrid:
    def test_counts_are_those_of_a_histogram(self):
        xy = np.random.default_rng(0).normal(size=(70_000, 2))
        (x, y), (rows, columns) = (GRID.x, GRID.y), GRID.shape
        expected, *_ = np.histogram2d(xy[:, 1], xy[:, 0], bins=(rows, columns), range=(y, x))
        assert_array_equal(counts(xy, GRID), expected)

    def test_counts_of_parts_add_up(self):
        xy = np.random.default_rng(1).normal(size=(1000, 2)).astype(np.float32)
        assert_array_equal(counts(xy[:300], GRID) + counts(xy[300:], GRID), counts(xy, GRID))

    def test_points_outside_or_not_finite_are_left_out(self):
        xy = np.array([[0.1, 0.1], [math.nan, 0], [0, math.inf], [-2.1, 0], [5, 5], [0, -1.001]])
        assert counts(xy, GRID).sum() == counts(xy, GRID)[2, 4] == 1

    def test_a_million_particles_need_little_memory(self):
        xy = np.zeros((1_000_000, 2), np.float32)
        tracemalloc.start()
        table = spread_over(xy, GRID, None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert table.max() > 0
        assert peak < 8 * 2**20

    def test_blur_keeps_the_sum_and_spreads_by_its_width(self):
        table = np.zeros((41, 61))
        table[20, 30] = 7.0
        blurred = smoothed(table, (2.0, 3.0))
        assert blurred.sum() == pytest.approx(7)
        rows, columns = np.indices(table.shape)
        assert np.sqrt((blurred * (rows - 20) ** 2).sum() / 7) == pytest.approx(2, rel=1e-3)
        assert np.sqrt((blurred * (columns - 30) ** 2).sum() / 7) == pytest.approx(3, rel=1e-3)

    def test_bandwidth_follows_the_clusters_and_not_their_distance(self):
        rng = np.random.default_rng(2)
        two = rng.choice([-5, 5], (20_000, 1)) * [1, 0] + 0.2 * rng.normal(size=(20_000, 2))
        grid = Grid((-6, 6), (-6, 6), (240, 240))
        table = spread_over(two, grid, None)
        # Two round blobs of deviation 0.2 count as one of 0.2·√2, blurred to at most 1.5 times that.
        exact = 1 / (4 * math.pi * 0.2**2)
        assert table.max() == pytest.approx(exact, rel=0.2)

    def test_cells_are_square(self):
        grid = grid_over(panel_ctx().view, 10)
        assert (grid.shape, grid.cell) == ((5, 10), (0.4, 0.4))


class TestHeat:
    @pytest.mark.parametrize("theme", [DARK, LIGHT])
    def test_starts_at_the_background(self, theme):
        assert "#{:02X}{:02X}{:02X}".format(*heat(theme)[0]) == theme.color("background")

    def test_gets_steadily_lighter_on_dark(self):
        assert (np.diff(heat(DARK) @ [0.2126, 0.7152, 0.0722]) > -0.8).all()

    def test_ends_in_the_amber_of_a_light_theme(self):
        assert "#{:02X}{:02X}{:02X}".format(*heat(LIGHT)[-1]) == LIGHT.color("amber")

    @pytest.mark.parametrize("theme", [DARK, LIGHT])
    def test_over_the_background_the_transparent_palette_looks_the_same(self, theme):
        clear = heat_alpha(theme).astype(float)
        share = clear[:, 3:] / 255
        assert_allclose(clear[:, :3] * share + heat(theme)[0] * (1 - share), heat(theme), atol=4)
        assert clear[0, 3] == 0


class TestHeatmap:
    WIDE = panel_ctx(x=(-6.0, 6.0), y=(-6.0, 6.0))
    GRID = Grid((-6.0, 6.0), (-6.0, 6.0), (240, 240))

    def test_known_density_integrates_to_one(self):
        table = Heatmap().density(run_view(CLOUD, density=normal), 0, self.GRID)
        assert table.sum() * np.prod(self.GRID.cell) == pytest.approx(1, abs=1e-6)
        assert table[119, 119] == pytest.approx(1 / (2 * math.pi), rel=1e-3)

    def test_particles_density_integrates_to_the_share_inside(self):
        x = np.array([[[0.0, 0.0], [1, 1], [-1, 0.5], [9, 9]]])
        table = Heatmap().density(run_view(x), 0, self.GRID)
        assert table.sum() * np.prod(self.GRID.cell) == pytest.approx(3 / 4)

    def test_particles_of_a_reverse_run_are_counted_even_if_the_density_of_the_data_is_known(self):
        forward = run_view(CLOUD, density=normal)
        reverse = run_view(CLOUD, density=normal, x0=CLOUD)
        exact, counted, forced = (
            h.density(run, 0, GRID)
            for h, run in ((Heatmap(), forward), (Heatmap(), reverse), (Heatmap(source="exact"), reverse))
        )
        assert_array_equal(exact, forced)
        assert not np.allclose(exact, counted)

    def test_first_row_is_the_top_and_nothing_is_transparent(self):
        run = run_view([[[-1.9, 0.9]] * 4])
        (mark,) = marks_of(Heatmap(bandwidth=0.0, columns=8), run, 0)
        assert mark.pixels.shape == (4, 8, 4)
        assert_array_equal(mark.pixels[0, 0], [*heat(DARK)[255], 255])
        assert_array_equal(mark.pixels[..., 3].ravel()[1:], 0)
        assert mark.box == (-2.0, 2.0, -1.0, 1.0)

    def test_colours_of_the_run_fade_as_the_density_falls(self):
        wider = lambda x, level: normal(x / (1 + level.t), level) / (1 + level.t) ** 2  # noqa: E731
        run = run_view(CLOUD, density=wider)
        per_frame, per_run = Heatmap(columns=60), Heatmap(columns=60, scale="run", gamma=1)
        late = [marks_of(layer, run, 2, self.WIDE)[0].pixels for layer in (per_frame, per_run)]
        palette = heat_alpha(DARK)
        assert (late[0] == palette[255]).all(axis=2).any()
        assert (late[1] == palette[round(255 / 9)]).all(axis=2).any()
        bar = per_run.guide(run, self.WIDE)
        assert isinstance(bar, Colorbar)
        assert (bar.low, bar.high) == (0.0, pytest.approx(1 / (2 * math.pi), rel=0.02))
        assert per_frame.guide(run, self.WIDE) is None

    def test_an_unknown_density(self):
        with pytest.raises(UsageError) as error:
            marks_of(Heatmap(source="exact"), run_view(CLOUD), 0)
        assert str(error.value) == "source: the density of run 'run' is not known exactly; use 'particles'"

    def test_only_particles_have_a_known_density(self):
        with pytest.raises(ValidationError, match="source: only x has an exact density, not eps"):
            Heatmap(source="exact", of="eps")


class TestContours:
    WIDE = panel_ctx(x=(-6.0, 6.0), y=(-6.0, 6.0))

    @pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
    def test_lines_of_a_normal_enclose_their_share(self, share):
        (mark,) = marks_of(Contours(shares=(share,)), run_view(CLOUD, density=normal), 0, self.WIDE)
        (circle,) = mark.lines
        assert_allclose(np.hypot(*circle.T), math.sqrt(-2 * math.log(1 - share)), rtol=0.012)
        assert_array_equal(circle[0], circle[-1])

    def test_inner_lines_are_amber_and_drawn_last(self):
        (mark,) = marks_of(Contours(shares=(0.1, 0.9)), run_view(CLOUD, density=normal), 0, self.WIDE)
        sizes = [np.ptp(line[:, 0]) for line in mark.lines]
        assert sizes[0] > sizes[1]
        assert_array_equal(mark.color.index, [25, 230])

    def test_a_share_that_is_not_in_view_has_no_line(self):
        (mark,) = marks_of(Contours(shares=(0.99,)), run_view(CLOUD, density=normal), 0)
        assert mark.lines == ()

    def test_shares_are_between_0_and_1(self):
        with pytest.raises(ValidationError, match="less than 1"):
            Contours(shares=(0.5, 1.0))

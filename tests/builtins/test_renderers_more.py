"""Built-in renderers of densities, paths, grids and surfaces: exact marks from hand-made records."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from noisereel import marks
from noisereel.dataset import Data
from noisereel.errors import UsageError
from noisereel.figure import Box, Look, Rect, View
from noisereel.probe import Measure
from noisereel.record import Arrays, Record
from noisereel.renderer import Colorbar, Moment
from noisereel.schedule import BetaSchedule
from noisereel.theme import THEMES, rgb
from noisereel_builtins.renderers._camera import Camera
from noisereel_builtins.renderers._grid import Grid, counts, grid_over, smoothed, spread_over
from noisereel_builtins.renderers._heat import heat, heat_alpha
from noisereel_builtins.renderers._line import densities
from noisereel_builtins.renderers.contours import Contours
from noisereel_builtins.renderers.data import Data as DataLayer
from noisereel_builtins.renderers.difference import Difference
from noisereel_builtins.renderers.direction import Direction
from noisereel_builtins.renderers.heatmap import Heatmap
from noisereel_builtins.renderers.histogram import Histogram
from noisereel_builtins.renderers.image_grid import ImageGrid
from noisereel_builtins.renderers.noise import Noise
from noisereel_builtins.renderers.paths import Paths
from noisereel_builtins.renderers.ridge import Ridge
from noisereel_builtins.renderers.river import River
from noisereel_builtins.renderers.scatter_3d import Scatter3D
from noisereel_builtins.renderers.schedules import Schedules
from noisereel_builtins.renderers.surface import Surface, back_to_front, brightness

DARK, LIGHT = THEMES["dark"], THEMES["light"]


class Constant(BetaSchedule):
    def betas(self):
        return np.full(4, 0.5)


class Slower(BetaSchedule):
    def betas(self):
        return np.full(8, 0.25)


SCHEDULE = Constant()


def look(x=(-2.0, 2.0), y=(-1.0, 1.0), size=(640, 320)) -> Look:
    return Look(View(Rect(0, 0, *size), x, y, 1.0), DARK)


def record(x, *, hue=None, density=None, model=None, times=None, origin=None, data=None, **series) -> Record:
    """A run with x, and other series, of shape (visits, particles, *event); x0 at all visits but the last."""
    x = np.asarray(x, np.float32)
    visits = len(x)
    arrays = {"x": x} | {name: np.asarray(array, np.float32) for name, array in series.items()}
    there = {name: np.ones(visits, bool) for name in arrays}
    if "x0" in there:
        there["x0"][-1] = False
    if "noise" in there:
        there["noise"][0] = False
    data = Data(torch.from_numpy(np.asarray(x[0] if data is None else data, np.float32)), density=density)
    return Record(
        name="run",
        schedule=SCHEDULE,
        data=data,
        metrics=(),
        levels=[SCHEDULE.at(t) for t in (range(visits) if times is None else times)],
        acts=[0] * visits,
        shown=range(visits),
        origin=origin,
        hue=None if hue is None else np.asarray(hue, np.float32),
        arrays=Arrays(np.arange(visits), arrays, there, [0] * visits),
        measure=lambda: Measure(model, data, SCHEDULE),
    )


def drawn(renderer, rec, step, view=None):
    moment = Moment(step, rec.levels[step], step / max(1, len(rec) - 1))
    return list(renderer.marks(rec, moment, view or look()))


def normal(x, level):
    """The density of N(0, I) in any number of dimensions."""
    return torch.exp(-(x**2).sum(1) / 2) / (2 * math.pi) ** (x.shape[1] / 2)


CLOUD = np.array([[[0, 0], [1, 1]], [[0, 0.5], [1, 0.5]], [[-1, 1], [1, 0]]])
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

    def test_what_is_outside_or_no_number_is_left_out(self):
        xy = np.array([[0.1, 0.1], [math.nan, 0], [0, math.inf], [-2.1, 0], [5, 5], [0, -1.001]])
        assert counts(xy, GRID).sum() == counts(xy, GRID)[2, 4] == 1

    def test_a_million_particles_need_no_more_memory_than_few(self):
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

    def test_bandwidth_follows_the_crowd_and_not_its_spread(self):
        rng = np.random.default_rng(2)
        two = rng.choice([-5, 5], (20_000, 1)) * [1, 0] + 0.2 * rng.normal(size=(20_000, 2))
        grid = Grid((-6, 6), (-6, 6), (240, 240))
        table = spread_over(two, grid, None)
        # Two round blobs of 0.2 count as one of 0.2·√2, blurred to half as much again at most.
        exact = 1 / (4 * math.pi * 0.2**2)
        assert table.max() == pytest.approx(exact, rel=0.2)

    def test_cells_are_square(self):
        grid = grid_over(look().view, 10)
        assert (grid.shape, grid.cell) == ((5, 10), (0.4, 0.4))


class TestHeat:
    @pytest.mark.parametrize("theme", [DARK, LIGHT])
    def test_begins_at_the_background(self, theme):
        assert "#{:02X}{:02X}{:02X}".format(*heat(theme)[0]) == theme.color("background")

    def test_grows_ever_lighter_on_dark(self):
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
    WIDE = look(x=(-6.0, 6.0), y=(-6.0, 6.0))
    GRID = Grid((-6.0, 6.0), (-6.0, 6.0), (240, 240))

    def test_known_density_integrates_to_one(self):
        table = Heatmap().density(record(CLOUD, density=normal), 0, self.GRID)
        assert table.sum() * np.prod(self.GRID.cell) == pytest.approx(1, abs=1e-6)
        assert table[119, 119] == pytest.approx(1 / (2 * math.pi), rel=1e-3)

    def test_particles_density_integrates_to_the_share_inside(self):
        x = np.array([[[0.0, 0.0], [1, 1], [-1, 0.5], [9, 9]]])
        table = Heatmap().density(record(x), 0, self.GRID)
        assert table.sum() * np.prod(self.GRID.cell) == pytest.approx(3 / 4)

    def test_particles_of_a_reverse_run_are_counted_though_the_law_of_the_data_is_known(self):
        there = record(CLOUD, density=normal)
        back = record(CLOUD, density=normal, x0=CLOUD)
        exact, counted, forced = (
            h.density(rec, 0, GRID)
            for h, rec in ((Heatmap(), there), (Heatmap(), back), (Heatmap(source="exact"), back))
        )
        assert_array_equal(exact, forced)
        assert not np.allclose(exact, counted)

    def test_first_row_is_the_top_and_nothing_is_transparent(self):
        rec = record([[[-1.9, 0.9]] * 4])
        (mark,) = drawn(Heatmap(bandwidth=0.0, columns=8), rec, 0)
        assert mark.pixels.shape == (4, 8, 4)
        assert_array_equal(mark.pixels[0, 0], [*heat(DARK)[255], 255])
        assert_array_equal(mark.pixels[..., 3].ravel()[1:], 0)
        assert mark.box == (-2.0, 2.0, -1.0, 1.0)

    def test_colours_of_the_run_fade_as_the_density_falls(self):
        wider = lambda x, level: normal(x / (1 + level.t), level) / (1 + level.t) ** 2  # noqa: E731
        rec = record(CLOUD, density=wider)
        own, run = Heatmap(columns=60), Heatmap(columns=60, scale="run", gamma=1)
        late = [drawn(layer, rec, 2, self.WIDE)[0].pixels for layer in (own, run)]
        palette = heat_alpha(DARK)
        assert (late[0] == palette[255]).all(axis=2).any()
        assert (late[1] == palette[round(255 / 9)]).all(axis=2).any()
        bar = run.guide(rec, self.WIDE)
        assert isinstance(bar, Colorbar)
        assert (bar.low, bar.high) == (0.0, pytest.approx(1 / (2 * math.pi), rel=0.02))
        assert own.guide(rec, self.WIDE) is None

    def test_a_law_that_is_not_known(self):
        with pytest.raises(UsageError) as error:
            drawn(Heatmap(source="exact"), record(CLOUD), 0)
        assert str(error.value) == "source: the density of run 'run' is not known exactly; take its particles"

    def test_only_the_particles_have_a_known_law(self):
        with pytest.raises(ValidationError, match="source: only the density of x is known exactly, not that of eps"):
            Heatmap(source="exact", of="eps")


class TestContours:
    WIDE = look(x=(-6.0, 6.0), y=(-6.0, 6.0))

    @pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
    def test_lines_of_a_gaussian_enclose_their_share(self, share):
        (mark,) = drawn(Contours(shares=(share,)), record(CLOUD, density=normal), 0, self.WIDE)
        (circle,) = mark.lines
        assert_allclose(np.hypot(*circle.T), math.sqrt(-2 * math.log(1 - share)), rtol=0.012)
        assert_array_equal(circle[0], circle[-1])

    def test_inner_lines_are_amber_and_drawn_last(self):
        (mark,) = drawn(Contours(shares=(0.1, 0.9)), record(CLOUD, density=normal), 0, self.WIDE)
        sizes = [np.ptp(line[:, 0]) for line in mark.lines]
        assert sizes[0] > sizes[1]
        assert_array_equal(mark.color.index, [25, 230])

    def test_a_share_that_is_not_in_view_has_no_line(self):
        (mark,) = drawn(Contours(shares=(0.99,)), record(CLOUD, density=normal), 0)
        assert mark.lines == ()

    def test_shares_lie_between_none_and_all(self):
        with pytest.raises(ValidationError, match="less than 1"):
            Contours(shares=(0.5, 1.0))


class TestHistogram:
    LOOK = look(x=(-4.0, 4.0), y=(0.0, 1.0))

    def test_area_is_the_share_inside(self):
        x = np.array([[[-3.0], [0.5], [0.6], [9.0], [math.nan]]])
        area, line = drawn(Histogram(bins=8), record(x), 0, self.LOOK)
        assert_array_equal(area.high, np.repeat([0, 0.2, 0, 0, 0.4, 0, 0, 0], 2))
        assert_array_equal(line.lines[0], np.stack([area.x, area.high], axis=1))
        assert_array_equal(area.x, np.repeat(np.arange(-4.0, 5.0), 2)[1:-1])

    def test_one_coordinate_or_all_pixels(self):
        _, line = drawn(Histogram(axis=1, bins=8), record(CLOUD), 1, self.LOOK)
        assert_array_equal(line.lines[0][8:10, 1], [1, 1])
        _, line = drawn(Histogram(bins=8), record(np.full((1, 2, 3, 3), 2.5)), 0, self.LOOK)
        assert_array_equal(line.lines[0][12:14, 1], [1, 1])

    def test_extent_holds_the_highest_step_of_the_run(self):
        box = Histogram(bins=2).extent(record([[[0.0], [0.0], [0.0], [1.0]]]))
        assert box.y == pytest.approx((0, 1.06 * 0.75 / 0.54), rel=2e-3)

    def test_an_axis_that_is_not_there(self):
        with pytest.raises(UsageError) as error:
            Histogram(axis=2).extent(record(CLOUD))
        assert str(error.value) == (
            "histogram: axis must name a coordinate of a point, and run 'run' has the event shape (2,); got 2"
        )


class TestPaths:
    def test_bright_up_to_now_over_all_of_it_with_a_dot_at_now(self):
        rec = record(CLOUD, hue=[0.0, 1.0])
        (whole,) = Paths().backdrop(rec, look())
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
        assert list(Paths(ahead=False).backdrop(record(CLOUD), look())) == []

    def test_noise_has_no_path_where_none_was_injected(self):
        rec = record(CLOUD, noise=CLOUD)
        assert drawn(Paths(of="noise"), rec, 0)[0].lines[0].shape == (0, 2)


class TestRiver:
    X = np.array([[[0.0], [1.0]], [[0.5], [-1.0]], [[2.0], [0.0]]])
    LOOK = look(x=(0.0, 2.0), y=(-4.0, 4.0))

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

    def test_axis_of_points(self):
        assert River(axis=1).check((2,)) is None
        assert River(axis=1).check((1,)) == ("shows coordinate 1 of points, event shape (D,) with D > 1, not (1,)")


class TestArrows:
    def test_noise_is_where_it_arrived(self):
        rec = record(CLOUD, noise=np.array([[[9, 9]] * 2, [[3, 4], [0, 0]], [[0, 2], [-5, 0]]]))
        assert drawn(Noise(), rec, 0) == []
        (mark,) = drawn(Noise(length=0.1), rec, 1)
        assert_array_equal(mark.tail, CLOUD[1].astype(np.float32))
        assert_allclose(mark.vector, [[0.06, 0.08], [0, 0]], rtol=1e-6)
        assert mark.color == DARK.color("rose")

    def test_direction_is_against_the_estimated_noise(self):
        rec = record(CLOUD, x0=np.zeros_like(CLOUD))
        (mark,) = drawn(Direction(length=1.0), rec, 1)
        # ε̂ = x/σ, so that −ε̂ points to the origin.
        assert_allclose(mark.vector, -CLOUD[1] / np.linalg.norm(CLOUD[1], axis=1, keepdims=True), rtol=1e-6)
        assert mark.color == DARK.color("blue")
        assert drawn(Direction(), rec, 2) == []

    def test_length_left_out_is_a_twentieth_of_the_smaller_side(self):
        rec = record(CLOUD, noise=np.ones_like(CLOUD))
        (mark,) = drawn(Noise(), rec, 1)
        assert_allclose(np.hypot(*mark.vector.T), 0.1, rtol=1e-6)


class TestData:
    def test_clean_samples_lie_behind_and_do_not_move(self):
        rec = record(CLOUD, data=[[5, 6], [7, 8.0], [9, 9]])
        (mark,) = DataLayer().backdrop(rec, look())
        assert_array_equal(mark.xy, [[5, 6], [7, 8], [9, 9]])
        assert mark.color == DARK.color("muted")
        assert drawn(DataLayer(), rec, 1) == []
        assert DataLayer().extent(rec).x == pytest.approx((5 - 0.16, 9 + 0.16), abs=0.01)


class TestImageGrid:
    X = np.linspace(-1, 1, 6).reshape(1, 6, 1, 1) * np.ones((1, 6, 2, 3))

    def test_row_by_row_from_the_upper_left_with_padding(self):
        images = drawn(ImageGrid(columns=3, padding=1), record(self.X), 0)
        assert [image.box for image in images] == [
            (0, 3, 3, 5), (4, 7, 3, 5), (8, 11, 3, 5), (0, 3, 0, 2), (4, 7, 0, 2), (8, 11, 0, 2),
        ]  # fmt: skip
        assert [int(image.pixels[0, 0]) for image in images] == [0, 51, 102, 153, 204, 255]
        assert ImageGrid(columns=3, padding=1).extent(record(self.X)) == Box((0.0, 11.0), (0.0, 5.0))

    @pytest.mark.parametrize(
        ("given", "particles", "shape"),
        [({}, 9, (3, 3)), ({}, 1000, (10, 10)), ({"columns": 4}, 9, (2, 4)), ({"rows": 1}, 7, (1, 7)), ({}, 1, (1, 1))],
    )
    def test_shape_suits_the_particles(self, given, particles, shape):
        assert ImageGrid(**given).shape(particles) == shape

    def test_more_pictures_than_particles(self):
        with pytest.raises(UsageError) as error:
            ImageGrid(columns=4, rows=2).extent(record(self.X))
        assert str(error.value) == "image-grid: 2 × 4 pictures need 8 particles, and run 'run' has 6"


class TestDifference:
    def test_more_is_amber_less_is_blue_and_the_same_is_clear(self):
        x = np.array([[[[0.5, -0.25, 0.0]]]])
        rec = record(x, origin=np.array([0]), data=np.zeros((1, 1, 3)))
        (mark,) = drawn(Difference(gain=2), rec, 0)
        amber, blue = rgb(DARK.color("amber")), rgb(DARK.color("blue"))
        assert_array_equal(mark.pixels[0], [(*amber, 255), (*blue, 128), (*blue, 0)])

    def test_colours_are_averaged(self):
        x0 = np.zeros((2, 1, 1, 1, 3))
        rec = record(np.array([[[[[1, 0, -0.25]]]]] * 2), x0=x0)
        (mark,) = drawn(Difference(against="x0"), rec, 0)
        assert mark.pixels[0, 0, 3] == 64

    def test_a_run_that_does_not_start_from_data(self):
        with pytest.raises(UsageError) as error:
            Difference().extent(record(np.zeros((1, 1, 2, 2))))
        assert str(error.value) == "difference: run 'run' does not start from data; choose another against"


class TestSchedules:
    REC = record(np.zeros((5, 1, 1)))
    LOOK = look(x=(0.0, 8.0), y=(0.0, 1.0))

    def test_others_are_dashed_beside_the_runs_own_and_all_are_named(self):
        layer = Schedules(beside=(Slower(),))
        other, own, *words = layer.backdrop(self.REC, self.LOOK)
        assert (own.dash, other.dash, [word.text for word in words]) == ("solid", "dashed", ["constant", "slower"])
        for line, beta in ((own, 0.5), (other, 0.25)):
            t, value = line.lines[0].T
            assert_allclose(value, (1 - beta) ** t, rtol=1e-9)
        assert (own.lines[0][-1, 0], other.lines[0][-1, 0]) == (4.0, 8.0)
        assert layer.extent(self.REC).x == (0.0, 8.0)
        assert own.color != other.color

    def test_names_can_be_given_and_the_own_left_out(self):
        layer = Schedules(beside=(Slower(), Slower()), own=False, names=("one",))
        words = [mark.text for mark in layer.backdrop(self.REC, self.LOOK) if isinstance(mark, marks.Text)]
        assert words == ["one", "slower"]

    def test_snr_is_shown_where_it_can_be_told_apart(self):
        line = next(iter(Schedules(of="snr").backdrop(self.REC, self.LOOK))).lines[0]
        assert np.isnan(line[0, 1])
        assert np.nanmax(line[:, 1]) <= 20


class TestRidge:
    X = np.array([[[-1.0], [1.0]]] * 5)
    REC = record(X, density=normal)
    LOOK = look(x=(-3.0, 3.0), y=(-0.2, 8.0))

    def test_a_ridge_stands_on_its_time_and_all_have_one_scale(self):
        drawn_ = drawn(Ridge(rows=5, height=2.0), self.REC, 0, self.LOOK)
        lines = [mark.lines[0] for mark in drawn_ if isinstance(mark, marks.Polylines)]
        bases = [line[0, 1] for line in lines]
        assert_allclose(bases, [4, 3, 2, 1, 0, 0], atol=0.05)  # from back to front, the present one last of equals
        for line, base in zip(lines, [4, 3, 2, 1, 0, 0], strict=True):
            assert_allclose(line[:, 1] - base, 2.0 * np.exp(-(line[:, 0] ** 2) / 2), rtol=1e-3)

    def test_what_is_to_come_is_faint_and_the_present_is_ink(self):
        drawn_ = drawn(Ridge(rows=5), self.REC, 2, self.LOOK)
        lines = [mark for mark in drawn_ if isinstance(mark, marks.Polylines)]
        assert [line.alpha for line in lines] == [0.3, 0.3, 1, 1, 1, 1]
        assert [line.color == DARK.color("ink") for line in lines] == [False, False, False, True, False, False]

    def test_extent_holds_the_highest_ridge(self):
        box = Ridge(rows=5, height=2.0).extent(self.REC)
        assert box.y == pytest.approx((-0.2, 6.3), abs=0.01)


class TestCamera:
    def test_from_the_front_and_from_above(self):
        xyz = np.array([1.0, 2.0, 3.0])
        assert_allclose(Camera(0, 0).project(xyz), [1, 3, 2], atol=1e-12)
        assert_allclose(Camera(0, math.pi / 2).project(xyz), [1, 2, -3], atol=1e-12)
        assert_allclose(Camera(math.pi / 2, 0).project(xyz), [2, 3, -1], atol=1e-12)

    @pytest.mark.parametrize("azimuth", [0.3, 2.0, 3.6, 5.5])
    def test_what_is_far_away_comes_first(self, azimuth):
        camera = Camera(azimuth, 0.5)
        across, up = np.meshgrid(np.arange(6.0), np.arange(5.0))
        away = camera.project(np.stack([across, up, np.zeros_like(up)], axis=-1).reshape(-1, 3))[:, 2]
        faces = back_to_front(5, 6, camera)
        assert len(np.unique(faces, axis=0)) == 20
        depth = away[faces].mean(axis=1).reshape(4, 5)
        assert (np.diff(depth, axis=1) < 0).all()
        assert (np.diff(depth, axis=0) < 0).all()

    def test_light_comes_from_the_left_of_the_camera(self):
        to_the_left = np.array([[[0.0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0]]])
        flat = to_the_left * [1, 1, 0]
        to_the_right = to_the_left * [1, 1, -1]
        lit = [float(brightness(face, Camera(0.0, 0.5))[0]) for face in (to_the_left, flat, to_the_right)]
        assert lit[0] == lit[1] == 1
        assert lit[2] < 0.7


class TestSurface:
    REC = record(CLOUD, density=normal)
    LAYER = Surface(x=(-3.0, 3.0), y=(-3.0, 3.0), columns=40, azimuth=0.0, elevation=0.0)

    def test_seen_level_its_outline_is_the_density(self):
        *_, mesh = drawn(self.LAYER, self.REC, 0)
        u, v = mesh.vertices.reshape(40, 40, 2).transpose(2, 0, 1)
        assert_allclose(u[0] * 6, np.linspace(-3, 3, 41)[:-1] + 0.075, atol=1e-12)
        peak = np.exp(-(0.075**2))  # of the four middles nearest to the middle
        assert_allclose(
            v.max(axis=0), 0.55 * np.exp(-((u[0] * 6) ** 2) / 2) * np.exp(-(0.075**2) / 2) / peak, rtol=1e-6
        )

    def test_no_faces_where_there_is_nothing_or_on_the_far_side(self):
        above = self.LAYER.model_copy(update={"elevation": 89.0})
        *_, mesh = drawn(above, self.REC, 0)
        centre = mesh.vertices[mesh.faces].mean(axis=1) * 6
        radius = np.hypot(*centre.T)
        assert radius.max() == pytest.approx(math.sqrt(2 * math.log(150)), abs=0.2)
        *_, low = drawn(self.LAYER.model_copy(update={"elevation": 20.0}), self.REC, 0)
        assert len(low.faces) < 0.9 * len(mesh.faces)

    def test_colours_rise_with_the_height(self):
        *_, mesh = drawn(self.LAYER.model_copy(update={"elevation": 89.0}), self.REC, 0)
        radius = np.hypot(*mesh.vertices[mesh.faces].mean(axis=1).T)
        highest, lowest = mesh.color[radius.argmin()], mesh.color[radius.argmax()]
        assert np.abs(highest.astype(int) - heat(DARK)[255]).max() < 20
        assert np.abs(lowest.astype(int) - heat(DARK)[2]).max() < 5

    def test_it_stays_in_view_while_the_camera_turns(self):
        layer = self.LAYER.model_copy(update={"turn": 90.0, "elevation": 30.0, "contours": True})
        box = layer.extent(self.REC)
        for step in range(3):
            for mark in drawn(layer, self.REC, step):
                for places in mark.lines if isinstance(mark, marks.Polylines) else (mark.vertices[mark.faces.ravel()],):
                    assert (places.min(axis=0) >= np.array([box.x[0], box.y[0]]) - 1e-9).all()
                    assert (places.max(axis=0) <= np.array([box.x[1], box.y[1]]) + 1e-9).all()

    def test_contours_are_drawn_on_the_floor_below(self):
        layer = self.LAYER.model_copy(update={"elevation": 90.0, "contours": True})
        frame, *rings, _ = drawn(layer, self.REC, 0)
        assert np.abs(frame.lines[0]).max() == pytest.approx(0.5)
        radii = [np.hypot(*ring.lines[0].T).mean() * 6 for ring in rings if ring.lines]
        assert_allclose(radii, np.sqrt(-2 * np.log(1 - np.array([0.1, 0.3, 0.5, 0.7, 0.9, 0.99]))), rtol=0.06)

    def test_colour_bar_tells_the_density(self):
        bar = self.LAYER.guide(self.REC, look())
        assert (bar.low, bar.high) == (0.0, pytest.approx(math.exp(-(0.075**2)) / (2 * math.pi)))

    def test_refuses_other_data(self):
        assert Surface().check((1,)) == "shows the density of points in the plane, event shape (2,), not (1,)"


class TestScatter3D:
    X = np.array([[[1.0, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0]]] * 2)

    def test_nearer_particles_are_larger_and_lie_in_front(self):
        rec = record(self.X, hue=[0, 0.25, 0.5, 1])
        _, *layers = drawn(Scatter3D(azimuth=0.0, elevation=0.0, size=2.0), rec, 0)
        assert [mark.size for mark in layers] == sorted(mark.size for mark in layers)
        assert (layers[0].size, layers[-1].size) == (pytest.approx(1.4), pytest.approx(2.5))
        assert_array_equal(layers[0].color.index, [128])  # y points away
        assert_array_equal(layers[-1].color.index, [255])
        assert sum(len(mark.xy) for mark in layers) == 4

    def test_the_camera_turns_with_the_film(self):
        layer = Scatter3D(azimuth=0.0, elevation=0.0, turn=90.0)
        first, last = (drawn(layer, record(self.X), step) for step in (0, 1))
        x = [sorted(np.concatenate([mark.xy[:, 0] for mark in frame[1:]]).round(6)) for frame in (first, last)]
        assert x == [[-1, 0, 0, 1], [-2, 0, 0, 2]]

    def test_refuses_points_of_the_plane(self):
        assert Scatter3D().check((2,)) == "shows points in space, event shape (3,), not (2,)"

"""Built-in renderers: exact marks from hand-made records."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from noisereel import marks
from noisereel.dataset import Data
from noisereel.errors import UsageError
from noisereel.figure import Box, Look, Rect, View
from noisereel.probe import Measure, Metric, State
from noisereel.record import Arrays, Record
from noisereel.renderer import Moment
from noisereel.schedule import BetaSchedule, Level, posterior
from noisereel.theme import THEMES
from noisereel.typeset import measure
from noisereel_builtins.renderers.curve import Curve
from noisereel_builtins.renderers.density import Density
from noisereel_builtins.renderers.field import Field, FieldGrid
from noisereel_builtins.renderers.image import Image
from noisereel_builtins.renderers.points import Points
from noisereel_builtins.renderers.trails import Trails
from noisereel_builtins.schedules.random_walk import RandomWalk

DARK = THEMES["dark"]


class Constant(BetaSchedule):
    def betas(self):
        return np.full(4, 0.5)


class Spread(Metric):
    gives: ClassVar[tuple[str, ...]] = ("spread",)
    unit: ClassVar[str] = "m"

    def measure(self, state: State, ctx: Measure) -> Mapping[str, np.ndarray]:
        return {"spread": state.x.abs().amax().numpy()}

    def reference(self, particles: int, event: tuple[int, ...]) -> Mapping[str, float]:
        return {"limit": 9.0}


SCHEDULE = Constant()


def look(x=(-2.0, 2.0), y=(-1.0, 1.0), size=(640, 320)) -> Look:
    return Look(View(Rect(0, 0, *size), x, y, 1.0), DARK)


def record(x, *, x0=None, hue=None, metrics=(), density=None, model=None, times=None, shown=None) -> Record:
    """A run with x of shape (visits, particles, *event); x0 at all visits but the last, where given."""
    x = np.asarray(x, np.float32)
    visits = len(x)
    times = range(visits) if times is None else times
    series, there = {"x": x}, {"x": np.ones(visits, bool)}
    if x0 is not None:
        series["x0"] = np.asarray(x0, np.float32)
        there["x0"] = np.arange(visits) < visits - 1
    data = Data(torch.from_numpy(x[0]), density=density)
    return Record(
        name="run",
        schedule=SCHEDULE,
        data=data,
        metrics=metrics,
        levels=[SCHEDULE.at(t) for t in times],
        acts=[0] * visits,
        shown=range(visits) if shown is None else shown,
        origin=None,
        hue=None if hue is None else np.asarray(hue, np.float32),
        arrays=Arrays(np.arange(visits), series, there, [0] * visits),
        measure=lambda: Measure(model, data, SCHEDULE),
    )


def at(rec: Record, step: int) -> Moment:
    return Moment(step, rec.levels[step], step / max(1, len(rec) - 1))


def drawn(renderer, rec, step, view=None):
    return list(renderer.marks(rec, at(rec, step), view or look()))


CLOUD = np.array([[[0, 0], [1, 1]], [[0, 0.5], [1, 0.5]], [[-1, 1], [1, 0]]])


class TestPoints:
    def test_each_particle_has_the_colour_of_its_hue(self):
        (mark,) = drawn(Points(), record(CLOUD, hue=[0.0, 1.0]), 1)
        assert_array_equal(mark.xy, CLOUD[1].astype(np.float32))
        assert_array_equal(mark.color.index, np.array([0, 255], np.uint8))
        assert_array_equal(mark.color.palette[[0, 255]], [[0x5A, 0xB0, 0xF2], [0xF2, 0xA6, 0x5A]])
        assert mark.series == "x"

    def test_without_hue_particles_are_blue(self):
        (mark,) = drawn(Points(), record(CLOUD), 1)
        assert mark.color == "#5AB0F2"

    @pytest.mark.parametrize(("color", "hex"), [("amber", "#F2A65A"), ("#010203", "#010203")])
    def test_roles_and_hex_colours(self, color, hex):
        (mark,) = drawn(Points(color=color), record(CLOUD, hue=[0, 1]), 0)
        assert mark.color == hex

    @pytest.mark.parametrize("color", ["reddish", "#12345", "#12345g", "# 1234"])
    def test_unknown_colour_names_what_would_do(self, color):
        roles = "background, ink, muted, faint, blue, violet, rose, amber"
        with pytest.raises(ValidationError) as error:
            Points(color=color)
        assert error.value.errors()[0]["msg"] == f"must be hue, one of {roles}, or like #5AB0F2"

    @pytest.mark.parametrize(("n", "size", "alpha"), [(10_000, 1.7, 0.5), (142, 3.5, 0.85)])
    def test_discs_suit_their_number(self, n, size, alpha):
        (mark,) = drawn(Points(), record(np.zeros((1, n, 2))), 0, look(size=(640, 640)))
        assert mark.size == pytest.approx(size, abs=0.05)
        assert mark.alpha == pytest.approx(alpha, abs=0.02)

    def test_given_size_and_opacity_stand(self):
        (mark,) = drawn(Points(size=7, alpha=0.1), record(CLOUD), 0)
        assert (mark.size, mark.alpha) == (7, 0.1)

    def test_extent_holds_the_whole_run_and_ignores_what_is_not_finite(self):
        x = CLOUD.copy()
        x[1, 0] = [math.nan, math.inf]
        box = Points().extent(record(x))
        # Two particles: the quantiles are the ends, but for a two-thousandth of the way between them.
        assert_allclose([box.x, box.y], [(-1.08, 1.08), (-0.04, 1.04)], atol=2e-3)

    def test_extent_is_not_ruled_by_one_stray_point(self):
        x = np.random.default_rng(0).uniform(-1, 1, (2, 10_000, 2))
        x[1, 7] = [1e6, -1e6]
        box = Points().extent(record(x))
        assert_allclose([box.x, box.y], [(-1.08, 1.08)] * 2, atol=0.02)

    def test_extent_of_a_single_place_has_room(self):
        assert Points().extent(record(np.full((2, 3, 2), 5.0))) == Box((4.0, 6.0), (4.0, 6.0))

    def test_estimates_stay_at_the_end_where_no_step_follows(self):
        rec = record(CLOUD, x0=CLOUD + 10)
        (mark,) = drawn(Points(of="x0"), rec, 2)
        assert_array_equal(mark.xy, CLOUD[1].astype(np.float32) + 10)
        assert mark.series == "x0"

    def test_noise_estimate(self):
        rec = record(CLOUD, x0=np.zeros_like(CLOUD))
        (mark,) = drawn(Points(of="eps"), rec, 1)
        assert_allclose(mark.xy, CLOUD[1] / rec.levels[1].sigma, rtol=1e-6)

    def test_a_series_that_no_visit_has_is_named(self):
        with pytest.raises(UsageError) as error:
            Points(of="noise").extent(record(CLOUD))
        assert str(error.value) == "of: run 'run' records no 'noise'; x is always there"


class TestTrails:
    def test_last_positions_oldest_first(self):
        x = np.arange(10).reshape(5, 1, 2)
        (mark,) = drawn(Trails(length=2), record(x), 3)
        assert_array_equal(mark.xy[:, 0], [[2, 3], [4, 5], [6, 7]])

    def test_no_trail_at_the_start(self):
        assert drawn(Trails(), record(CLOUD), 0) == []

    def test_trails_and_points_agree_on_colour_and_extent(self):
        rec = record(CLOUD, hue=[0.2, 0.4])
        (trail,), (point,) = drawn(Trails(), rec, 2), drawn(Points(), rec, 2)
        assert_array_equal(trail.color.index, point.color.index)
        assert_array_equal(trail.xy[-1], point.xy)
        assert Trails().extent(rec) == Points().extent(rec)


class TestImage:
    def test_grey_levels(self):
        x = np.array([[[[-1.0, 1.0, 0.0, -3.0, 3.0, math.nan]]]])
        (mark,) = drawn(Image(), record(x), 0)
        assert_array_equal(mark.pixels, [[0, 255, 128, 0, 255, 0]])
        assert mark.pixels.dtype == np.uint8
        assert mark.box == (0.0, 6.0, 0.0, 1.0)

    def test_every_byte_survives_the_way_to_floats_and_back(self):
        levels = np.arange(256, dtype=np.float32)
        (mark,) = drawn(Image(), record((levels / 127.5 - 1).reshape(1, 1, 16, 16)), 0)
        assert_array_equal(mark.pixels.ravel(), levels)

    def test_index_picks_a_particle_and_colour_stays(self):
        x = np.stack([np.zeros((2, 2, 3)), np.ones((2, 2, 3))])[None]
        (mark,) = drawn(Image(index=1), record(x), 0)
        assert_array_equal(mark.pixels, np.full((2, 2, 3), 255))

    def test_few_pixels_are_shown_as_squares_and_many_smoothly(self):
        small, large = np.zeros((1, 1, 8, 8)), np.zeros((1, 1, 512, 512))
        assert [drawn(Image(), record(x), 0)[0].smooth for x in (small, large)] == [False, True]

    def test_the_record_is_not_changed(self):
        x = np.full((1, 1, 2, 2), 0.5, np.float32)
        rec = record(x)
        drawn(Image(), rec, 0)
        assert_array_equal(rec.series("x", 0), x[0])

    def test_extent_is_the_picture(self):
        assert Image().extent(record(np.zeros((1, 1, 3, 5)))) == Box((0.0, 5.0), (0.0, 3.0))

    def test_index_beyond_the_particles(self):
        with pytest.raises(UsageError) as error:
            Image(index=2).extent(record(np.zeros((1, 2, 3, 5))))
        assert str(error.value) == "image: index must be at most 1, run 'run' has no more, got 2"


def to_origin(x, level, labels=None):
    return torch.zeros_like(x)


class TestField:
    LOOK = look(x=(-2.0, 2.0), y=(-1.0, 1.0))

    def test_grid_covers_the_limits_with_square_cells(self):
        (grid,) = Field(density=4).probes(self.LOOK)
        assert grid == FieldGrid(of="drift", x=(-2.0, 2.0), y=(-1.0, 1.0), shape=(2, 4))
        assert_allclose(grid.points()[[0, 3, 4]], [[-1.5, -0.5], [1.5, -0.5], [-1.5, 0.5]])

    def test_drift_is_the_posterior_mean_less_the_place(self):
        rec = record(CLOUD, model=to_origin)
        (grid,) = Field(density=4).probes(self.LOOK)
        q = posterior(SCHEDULE.at(1), SCHEDULE.at(2))
        assert_allclose(rec.value(grid, 2)["vector"], (q.on_x - 1) * grid.points(), rtol=1e-6)

    def test_score_of_a_point_mass(self):
        rec = record(CLOUD, model=to_origin)
        (grid,) = Field(of="score", density=4).probes(self.LOOK)
        assert_allclose(rec.value(grid, 2)["vector"], -grid.points() / rec.levels[2].sigma ** 2, rtol=1e-6)

    def test_arrows_lie_across_their_cell_and_keep_direction(self):
        rec = record(CLOUD, model=to_origin)
        (mark,) = drawn(Field(density=4), rec, 2, self.LOOK)
        centre = mark.tail + mark.vector / 2
        (grid,) = Field(density=4).probes(self.LOOK)
        assert_allclose(centre, grid.points(), atol=1e-6)
        assert_allclose(mark.vector[:, 0] * centre[:, 1], mark.vector[:, 1] * centre[:, 0], atol=1e-6)
        assert (np.sum(mark.vector * centre, axis=1) < 0).all()

    def test_lengths_stay_within_a_cell_at_every_scale(self):
        rec = record(CLOUD, model=lambda x, level: torch.full_like(x, 1e6))
        (mark,) = drawn(Field(density=4), rec, 1, self.LOOK)
        length = np.linalg.norm(mark.vector, axis=1)
        assert length.max() < 1.0
        assert np.median(length) == pytest.approx(0.95 * 5 / 6, rel=1e-4)

    def test_clean_data_have_no_field(self):
        (mark,) = drawn(Field(density=4), record(CLOUD, model=to_origin), 0, self.LOOK)
        assert_array_equal(mark.vector, np.zeros((8, 2)))

    def test_a_run_without_denoiser(self):
        with pytest.raises(UsageError) as error:
            drawn(Field(), record(CLOUD), 1, self.LOOK)
        assert str(error.value) == "field needs the run to have a denoiser"


def gaussian(x, level):
    return torch.exp(-(x[:, 0] ** 2) / 2) / math.sqrt(2 * math.pi)


class TestDensity:
    LOOK = look(x=(-4.0, 4.0), y=(0.0, 1.0))
    PARTICLES = np.array([[[-3.0], [0.5], [0.6], [9.0]]])

    def test_known_density_is_drawn_exactly(self):
        area, line = drawn(Density(), record(self.PARTICLES, density=gaussian), 0, self.LOOK)
        x, p = line.lines[0].T
        assert_allclose(p, np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi), rtol=1e-6)
        assert (x[0], x[-1]) == (-4.0, 4.0)
        assert_array_equal(area.high, p)
        assert_array_equal(area.low, np.zeros(len(p)))

    def test_unknown_density_is_a_histogram_of_area_one(self):
        (bars,) = drawn(Density(bins=8), record(self.PARTICLES), 0, self.LOOK)
        assert_array_equal(bars.x, np.repeat(np.arange(-4.0, 5.0), 2)[1:-1])
        # One particle of four lies outside; two share the bar from 0 to 1.
        assert_array_equal(bars.high, np.repeat([0, 0.25, 0, 0, 0.5, 0, 0, 0], 2))

    def test_histogram_behind_the_exact_curve(self):
        rec = record(self.PARTICLES, density=gaussian)
        bars, _, line = drawn(Density(histogram=True), rec, 0, self.LOOK)
        assert (bars.color, line.color) == (DARK.color("muted"), DARK.color("blue"))

    def test_extent_reaches_over_the_highest_density_of_the_run(self):
        wide = lambda x, level: gaussian(x, level) / (1 + level.t)  # noqa: E731
        box = Density().extent(record(np.linspace(-3, 3, 5).reshape(1, 5, 1).repeat(3, 0), density=wide))
        assert box.x == pytest.approx((-3.24, 3.24), abs=0.01)
        assert box.y == pytest.approx((0, 1.06 / math.sqrt(2 * math.pi)), rel=1e-3)

    def test_extent_of_a_histogram(self):
        box = Density(bins=2).extent(record(np.array([[[0.0], [0.0], [0.0], [1.0]]])))
        assert box.y == pytest.approx((0, 1.06 * 0.75 / 0.54), rel=2e-3)

    def test_refuses_points_of_the_plane(self):
        assert Density().check((2,)) == "shows the density of single numbers, event shape (1,), not (2,)"
        assert Density().check((1,)) is None


class TestCurveOfMetric:
    REC = record(np.arange(5.0).reshape(5, 1, 1) ** 2 / 2, metrics=(Spread(),))
    LOOK = look(x=(0.0, 4.0), y=(-1.0, 10.0))

    def test_bright_up_to_now_and_faint_beyond(self):
        area, line, dot, words = drawn(Curve(of="spread"), self.REC, 2, self.LOOK)
        assert_array_equal(line.lines[0], [[0, 0], [1, 0.5], [2, 2]])
        assert_array_equal(area.high, [0, 0.5, 2])
        assert_array_equal(area.low, [-1, -1, -1])
        assert_array_equal(dot.xy, [[2, 2]])
        assert (dot.edge, dot.alpha) == (DARK.color("background"), 1.0)
        assert (words.text, words.xy, words.bold) == ("2.0 m", (2.0, 2.0), True)
        whole = list(Curve(of="spread").backdrop(self.REC, self.LOOK))[-1]
        assert_array_equal(whole.lines[0], [[0, 0], [1, 0.5], [2, 2], [3, 4.5], [4, 8]])
        assert whole.alpha < line.alpha

    def test_the_value_stands_where_its_curve_is_not(self):
        falling = record(self.REC.arrays.series["x"][::-1], metrics=(Spread(),))
        below, above = (drawn(Curve(of="spread"), rec, 2, self.LOOK)[-1] for rec in (self.REC, falling))
        assert below.offset == pytest.approx((12.0, -18.0))
        assert above.offset == pytest.approx((12.0, 18.0))

    @pytest.mark.parametrize("turn", [1, -1])
    def test_at_the_right_edge_the_value_keeps_clear_of_its_curve(self, turn):
        rec = record(self.REC.arrays.series["x"][::turn], metrics=(Spread(),))
        step = 4 if turn > 0 else 3
        label = drawn(Curve(of="spread"), rec, step, self.LOOK)[-1]
        low, high = _box(label, self.LOOK.view)
        assert high[0] <= 640
        t = np.linspace(0, 4, 500)
        line = np.interp(t, range(5), rec.arrays.series["x"].ravel())
        curve = np.stack([t / 4 * 640, (line + 1) / 11 * 320], axis=1)
        outside = np.maximum(np.maximum(low - curve, curve - high), 0)
        assert np.hypot(*outside.T).min() > 4

    def test_a_run_back_in_time_fills_from_left_to_right(self):
        rec = record(self.REC.arrays.series["x"], metrics=(Spread(),), times=[4, 3, 2, 1, 0])
        area, line, *_ = drawn(Curve(of="spread"), rec, 2, self.LOOK)
        assert_array_equal(line.lines[0][:, 0], [4, 3, 2])
        assert_array_equal(area.x, [2, 3, 4])
        assert_array_equal(area.high, [2, 0.5, 0])

    def test_only_visits_shown_are_measured(self):
        rec = replace(self.REC, shown=[0, 2, 4], _values={})
        _, line, *_ = drawn(Curve(of="spread"), rec, 4, self.LOOK)
        assert_array_equal(line.lines[0], [[0, 0], [2, 2], [4, 8]])

    def test_reference_levels_are_dotted_and_named(self):
        dots, words, _ = Curve(of="spread").backdrop(self.REC, self.LOOK)
        assert_array_equal(dots.lines[0], [[0, 9], [4, 9]])
        assert (dots.dash, words.text, words.xy) == ("dotted", "limit, 9.0 m", (4.0, 9.0))
        assert len(list(Curve(of="spread", reference=False).backdrop(self.REC, self.LOOK))) == 1

    def test_extent_holds_curve_and_named_level(self):
        assert Curve(of="spread").extent(self.REC).y == pytest.approx((-0.45, 9 + 2.5 * 0.45))
        assert Curve(of="spread", reference=False).extent(self.REC) == Box((0.0, 4.0), (-0.4, 8.4))

    def test_what_is_not_finite_breaks_the_line(self):
        x = np.array([1.0, math.inf, 2.0]).reshape(3, 1, 1)
        rec = record(x, metrics=(Spread(),))
        (line,) = drawn(Curve(of="spread", area=False), rec, 1, self.LOOK)
        assert_array_equal(line.lines[0], [[0, 1], [1, math.nan]])
        assert Curve(of="spread", reference=False).extent(rec).y == pytest.approx((0.95, 2.05))

    def test_two_metrics_are_named_and_coloured_apart(self):
        rec = record(self.REC.arrays.series["x"], metrics=(Spread(),))
        texts = [m for m in drawn(Curve(of=("spread", "spread")), rec, 2, self.LOOK) if isinstance(m, marks.Text)]
        assert [(t.text, t.color) for t in texts] == [
            ("spread 2.0 m", DARK.color("blue")),
            ("spread 2.0 m", DARK.color("rose")),
        ]

    def test_a_number_that_no_metric_gives(self):
        with pytest.raises(UsageError) as error:
            Curve(of="spreed").extent(self.REC)
        assert str(error.value) == "curve: no metric of run 'run' gives 'spreed'; did you mean 'spread'?"


class TestCurveOfSchedule:
    REC = record(np.zeros((5, 1, 1)))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("signal", lambda t: 2 ** (-t / 2)),
            ("noise", lambda t: np.sqrt(1 - 2**-t)),
            ("alpha_bar", lambda t: 2**-t),
            ("snr", lambda t: 2**-t / (1 - 2**-t)),
            ("log_snr", lambda t: np.log(2**-t / (1 - 2**-t))),
        ],
    )
    def test_quantities_of_a_constant_beta(self, name, value):
        line = next(iter(Curve(of=name).backdrop(self.REC, look())))
        t, v = line.lines[0][1:].T
        assert (t[-1], len(t)) == (4.0, 240)
        assert_allclose(v, value(t), rtol=1e-9, atol=1e-9)

    def test_beta_is_that_of_one_unit_of_time(self):
        line = next(iter(Curve(of="beta").backdrop(self.REC, look())))
        assert_allclose(line.lines[0][60:, 1], 0.5, rtol=1e-9)

    def test_infinite_snr_of_clean_data_is_left_out(self):
        line = next(iter(Curve(of="log_snr").backdrop(self.REC, look())))
        assert np.isnan(line.lines[0][0, 1])
        assert math.isfinite(Curve(of="log_snr").extent(self.REC).y[1])

    def test_a_run_of_many_units_of_time_is_drawn_at_whole_times(self):
        rec = replace(self.REC, levels=[Level(float(t), 1.0, t / 30) for t in range(31)], schedule=RandomWalk(steps=30))
        line = next(iter(Curve(of="noise").backdrop(rec, look())))
        assert_allclose(line.lines[0], [(t, math.sqrt(t)) for t in range(31)])

    def test_cursor_stands_at_now(self):
        (cursor,) = drawn(Curve(), self.REC, 3, look(x=(0, 4), y=(0, 1)))
        assert_array_equal(cursor.lines[0], [[3, 0], [3, 1]])

    def test_lines_are_named_clear_of_both_and_inside(self):
        view = look(x=(0.0, 4.0), y=(-0.05, 1.05), size=(460, 180))
        *lines, signal, noise = Curve().backdrop(self.REC, view)
        assert [m.color for m in (*lines, signal, noise)] == [DARK.color(c) for c in ("amber", "rose") * 2]
        assert (signal.text, noise.text) == (r"signal $\alpha_t$", r"noise $\sigma_t$")
        for label in (signal, noise):
            box = _box(label, view.view)
            assert box[0].min() >= 0
            assert (box[1] <= (460, 180)).all()
            for line in lines:
                places = (line.lines[0] - [0, -0.05]) / [4, 1.1] * [460, 180]
                assert not ((places > box[0]) & (places < box[1])).all(axis=1).any()


def _box(label: marks.Text, view: View) -> np.ndarray:
    """Where a label lies, in pixels from the lower left."""
    anchor = (np.array(label.xy) - [view.x[0], view.y[0]]) / [view.x[1] - view.x[0], view.y[1] - view.y[0]]
    corner = anchor * [view.rect.width, view.rect.height] + label.offset
    text = measure(label.text, label.size, label.bold)
    size = np.array([text.width, text.ascent + text.descent])
    share = {"left": 0.0, "right": 1.0, "bottom": 0.0, "center": 0.5, "top": 1.0}
    low = corner - size * [share[side] for side in label.anchor]
    return np.array([low, low + size])


def test_layers_are_pure():
    rec = record(CLOUD, x0=CLOUD, hue=[0.0, 1.0], model=to_origin)
    for layer in (Points(), Trails(), Field(density=4)):
        first, again = drawn(layer, rec, 1), drawn(layer, rec, 1)
        for a, b in zip(first, again, strict=True):
            for name in a.__dataclass_fields__:
                if isinstance(getattr(a, name), np.ndarray):
                    assert_array_equal(getattr(a, name), getattr(b, name))

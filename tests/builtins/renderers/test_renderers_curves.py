"""Built-in layers of values over time: exact marks."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from recording import DARK, SCHEDULE, Spread, marks_of, panel_ctx, run_info, run_view, together

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box, View
from noisereel.contracts.schedule import BetaSchedule, Level
from noisereel.support.typeset import measure
from noisereel_builtins.renderers.graph.curve import Curve
from noisereel_builtins.renderers.graph.schedules import Schedules
from noisereel_builtins.schedules.random_walk import RandomWalk


class TestCurveOfMetric:
    RUN = run_view(np.arange(5.0).reshape(5, 1, 1) ** 2 / 2, metrics=(Spread(),))
    CTX = panel_ctx(x=(0.0, 4.0), y=(-1.0, 10.0))

    def test_the_past_is_bright_and_the_future_faint(self):
        area, line, dot, words = marks_of(Curve(of="spread"), self.RUN, 2, self.CTX)
        assert_array_equal(line.lines[0], [[0, 0], [1, 0.5], [2, 2]])
        assert_array_equal(area.high, [0, 0.5, 2])
        assert_array_equal(area.low, [-1, -1, -1])
        assert_array_equal(dot.xy, [[2, 2]])
        assert (dot.edge, dot.alpha) == (DARK.color("background"), 1.0)
        assert (words.text, words.xy, words.bold) == ("2.0 m", (2.0, 2.0), True)
        backdrop = list(Curve(of="spread").backdrop(self.RUN, self.CTX))[-1]
        assert_array_equal(backdrop.lines[0], [[0, 0], [1, 0.5], [2, 2], [3, 4.5], [4, 8]])
        assert backdrop.alpha < line.alpha

    def test_the_value_avoids_its_curve(self):
        falling = run_view(self.RUN.trajectory.arrays.series["x"][::-1], metrics=(Spread(),))
        below, above = (marks_of(Curve(of="spread"), run, 2, self.CTX)[-1] for run in (self.RUN, falling))
        assert below.offset == pytest.approx((12.0, -18.0))
        assert above.offset == pytest.approx((12.0, 18.0))

    @pytest.mark.parametrize("turn", [1, -1])
    def test_at_the_right_edge_the_value_avoids_its_curve(self, turn):
        run = run_view(self.RUN.trajectory.arrays.series["x"][::turn], metrics=(Spread(),))
        index = 4 if turn > 0 else 3
        label = marks_of(Curve(of="spread"), run, index, self.CTX)[-1]
        low, high = _box(label, self.CTX.view)
        assert high[0] <= 640
        t = np.linspace(0, 4, 500)
        line = np.interp(t, range(5), run.trajectory.arrays.series["x"].ravel())
        curve = np.stack([t / 4 * 640, (line + 1) / 11 * 320], axis=1)
        outside = np.maximum(np.maximum(low - curve, curve - high), 0)
        assert np.hypot(*outside.T).min() > 4

    def test_a_reverse_run_fills_its_area_from_left_to_right(self):
        run = run_view(self.RUN.trajectory.arrays.series["x"], metrics=(Spread(),), times=[4, 3, 2, 1, 0])
        area, line, *_ = marks_of(Curve(of="spread"), run, 2, self.CTX)
        assert_array_equal(line.lines[0][:, 0], [4, 3, 2])
        assert_array_equal(area.x, [2, 3, 4])
        assert_array_equal(area.high, [2, 0.5, 0])

    def test_only_visits_shown_are_measured(self):
        run = run_view(self.RUN.trajectory.arrays.series["x"], metrics=(Spread(),), shown=[0, 2, 4])
        _, line, *_ = marks_of(Curve(of="spread"), run, 4, self.CTX)
        assert_array_equal(line.lines[0], [[0, 0], [2, 2], [4, 8]])

    def test_reference_levels_are_dotted_and_named(self):
        dots, words, _ = Curve(of="spread").backdrop(self.RUN, self.CTX)
        assert_array_equal(dots.lines[0], [[0, 9], [4, 9]])
        assert (dots.dash, words.text, words.xy) == ("dotted", "limit, 9.0 m", (4.0, 9.0))
        assert len(list(Curve(of="spread", reference=False).backdrop(self.RUN, self.CTX))) == 1

    def test_extent_covers_the_curve_and_the_named_level(self):
        assert Curve(of="spread").extent(self.RUN).y == pytest.approx((-0.45, 9 + 2.5 * 0.45))
        assert Curve(of="spread", reference=False).extent(self.RUN) == Box((0.0, 4.0), (-0.4, 8.4))

    def test_values_that_are_not_finite_break_the_line(self):
        x = np.array([1.0, math.inf, 2.0]).reshape(3, 1, 1)
        run = run_view(x, metrics=(Spread(),))
        (line,) = marks_of(Curve(of="spread", area=False), run, 1, self.CTX)
        assert_array_equal(line.lines[0], [[0, 1], [1, math.nan]])
        assert Curve(of="spread", reference=False).extent(run).y == pytest.approx((0.95, 2.05))

    def test_two_metrics_have_different_names_and_colours(self):
        run = run_view(self.RUN.trajectory.arrays.series["x"], metrics=(Spread(),))
        texts = [m for m in marks_of(Curve(of=("spread", "spread")), run, 2, self.CTX) if isinstance(m, marks.Text)]
        assert [(t.text, t.color) for t in texts] == [
            ("spread 2.0 m", DARK.color("blue")),
            ("spread 2.0 m", DARK.color("rose")),
        ]

    def test_the_values_of_a_metric_can_have_different_units(self):
        class Both(Spread):
            gives = ("spread", "ratio")

            def measure(self, state, ctx):
                (value,) = super().measure(state, ctx).values()
                return {"spread": value, "ratio": value / 4}

            def unit_of(self, name):
                return "%" if name == "ratio" else self.unit

        run = run_view(self.RUN.trajectory.arrays.series["x"], metrics=(Both(),))
        texts = [m.text for m in marks_of(Curve(of=("spread", "ratio")), run, 2, self.CTX) if isinstance(m, marks.Text)]
        assert texts == ["spread 2.0 m", "ratio 0.5 %"]

    def test_equal_values_are_stacked(self):
        run = run_view(self.RUN.trajectory.arrays.series["x"], metrics=(Spread(),))
        first, second = (
            m for m in marks_of(Curve(of=("spread", "spread")), run, 2, self.CTX) if isinstance(m, marks.Text)
        )
        (low, high), (bottom, top) = _box(first, self.CTX.view)[:, 1], _box(second, self.CTX.view)[:, 1]
        assert max(low, bottom) >= min(high, top)
        alone = (2 + 1) / 11 * 320 - 18
        assert max(low + high, bottom + top) / 2 == pytest.approx(alone)  # the other label is farther below its dot

    def test_labels_of_lines_that_meet_are_moved_apart(self):
        x = self.RUN.trajectory.arrays.series["x"]
        rising, _ = together(
            run_view(x, metrics=(Spread(),), name="up"), run_view(4 - x, metrics=(Spread(),), name="down")
        )
        ctx = panel_ctx(x=(0.0, 4.0), y=(-4.0, 16.0), size=(640, 160))
        layer = Curve(of="spread", runs=("up", "down"))
        drawn = marks_of(layer, rising, 2, ctx, indices={"up": 2, "down": 2})
        first, second = (_box(m, ctx.view)[:, 1] for m in drawn if isinstance(m, marks.Text))
        assert first[1] <= second[0] or second[1] <= first[0]

    def test_a_value_without_room_below_its_line_is_placed_above(self):
        low = panel_ctx(x=(0.0, 4.0), y=(1.5, 10.0))
        (label,) = (m for m in marks_of(Curve(of="spread"), self.RUN, 2, low) if isinstance(m, marks.Text))
        assert label.offset[1] > 0

    def test_a_value_at_the_foot_of_a_steep_line_stays_next_to_its_dot(self):
        steep = run_view(np.exp(6 * np.arange(5.0))[:, None, None] * [[0.0], [1.0]], metrics=(Spread(),))
        ctx = panel_ctx(x=(0.0, 100.0), y=(0.0, 1e10))
        (label,) = (m for m in marks_of(Curve(of="spread"), steep, 0, ctx) if isinstance(m, marks.Text))
        assert abs(label.offset[1]) <= 80

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            (Curve(of="spreed"), "of: no metric of run 'run' gives 'spreed'; did you mean 'spread'?"),
            (Curve(of="spread", runs=("run", "odher")), "runs: unknown run 'odher'; did you mean 'other'?"),
            (
                Curve(of="spread", runs=("run", "other")),
                "of: no metric of run 'other' gives 'spread'; known: alpha_bar, beta, log_snr, noise, signal, snr",
            ),
            (Curve(of=("spread", "beta")), None),
        ],
    )
    def test_values_that_are_not_measured_are_refused_before_anything_is_simulated(self, layer, message):
        runs = {"other": run_info(1, name="other")}
        runs["run"] = run_info(1, value_names=("spread",), runs=runs)
        assert layer.check(runs["run"]) == message


class TestCurveOfSeveralRuns:
    """Two runs that spread differently, the second in reverse and with fewer visits."""

    CTX = panel_ctx(x=(0.0, 4.0), y=(0.0, 10.0))

    def _runs(self, schedule=SCHEDULE):
        one = run_view(np.arange(5.0).reshape(5, 1, 1), name="one", metrics=(Spread(),))
        x = np.array([9.0, 6, 3]).reshape(3, 1, 1)
        other = run_view(x, name="other", metrics=(Spread(),), times=[4, 2, 0], schedule=schedule)
        return together(one, other)[0]

    def test_each_curve_grows_to_the_visit_of_its_run(self):
        layer, one = Curve(of="spread", runs=("one", "other")), self._runs()
        line, dot, line2, dot2, *words = marks_of(layer, one, 3, self.CTX, indices={"one": 3, "other": 1})
        assert_array_equal(line.lines[0], [[0, 0], [1, 1], [2, 2], [3, 3]])
        assert_array_equal(line2.lines[0], [[4, 9], [2, 6]])
        assert (line.color, line2.color) == (DARK.color("blue"), DARK.color("rose"))
        assert_array_equal(np.concatenate([dot.xy, dot2.xy]), [[3, 3], [2, 6]])
        assert [w.text for w in words] == ["one 3.0 m", "other 6.0 m"]

    def test_all_are_in_view(self):
        box = Curve(of="spread", runs=("one", "other"), reference=False).extent(self._runs())
        assert (box.x, box.y) == ((0, 4), pytest.approx((-0.45, 9.45)))

    def test_a_level_that_all_share_is_named_once(self):
        backdrop = list(Curve(of="spread", runs=("one", "other")).backdrop(self._runs(), self.CTX))
        assert [m.text for m in backdrop if isinstance(m, marks.Text)] == ["limit, 9.0 m"]

    def test_schedules_of_other_runs_are_dashed_and_all_are_named_by_their_run(self):
        one = self._runs(RandomWalk(steps=4))
        lines = list(Curve(of="signal", runs=("one", "other")).backdrop(one, self.CTX))
        assert [(m.dash, m.color) for m in lines[:2]] == [
            ("solid", DARK.color("blue")),
            ("dashed", DARK.color("rose")),
        ]
        assert [m.text for m in lines[2:]] == ["one", "other"]
        assert_allclose(lines[1].lines[0][:, 1], 1)


class TestCurveOfSchedule:
    RUN = run_view(np.zeros((5, 1, 1)))

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
        line = next(iter(Curve(of=name).backdrop(self.RUN, panel_ctx())))
        t, v = line.lines[0][1:].T
        assert (t[-1], len(t)) == (4.0, 240)
        assert_allclose(v, value(t), rtol=1e-9, atol=1e-9)

    def test_beta_is_per_unit_of_time(self):
        line = next(iter(Curve(of="beta").backdrop(self.RUN, panel_ctx())))
        assert_allclose(line.lines[0][60:, 1], 0.5, rtol=1e-9)

    def test_infinite_snr_of_clean_data_is_left_out(self):
        line = next(iter(Curve(of="log_snr").backdrop(self.RUN, panel_ctx())))
        assert np.isnan(line.lines[0][0, 1])
        assert math.isfinite(Curve(of="log_snr").extent(self.RUN).y[1])

    def test_a_long_run_is_drawn_at_whole_times(self):
        levels = [Level(float(t), 1.0, t / 30) for t in range(31)]
        trajectory = replace(self.RUN.trajectory, levels=levels, schedule=RandomWalk(steps=30))
        run = replace(self.RUN, trajectory=trajectory)
        line = next(iter(Curve(of="noise").backdrop(run, panel_ctx())))
        assert_allclose(line.lines[0], [(t, math.sqrt(t)) for t in range(31)])

    def test_the_cursor_marks_the_present(self):
        (cursor,) = marks_of(Curve(), self.RUN, 3, panel_ctx(x=(0, 4), y=(0, 1)))
        assert_array_equal(cursor.lines[0], [[3, 0], [3, 1]])

    def test_names_of_lines_avoid_both_lines_and_are_inside(self):
        ctx = panel_ctx(x=(0.0, 4.0), y=(-0.05, 1.05), size=(460, 180))
        *lines, signal, noise = Curve().backdrop(self.RUN, ctx)
        assert [m.color for m in (*lines, signal, noise)] == [DARK.color(c) for c in ("amber", "rose") * 2]
        assert (signal.text, noise.text) == (r"signal $\alpha_t$", r"noise $\sigma_t$")
        for label in (signal, noise):
            box = _box(label, ctx.view)
            assert box[0].min() >= 0
            assert (box[1] <= (460, 180)).all()
            for line in lines:
                points = (line.lines[0] - [0, -0.05]) / [4, 1.1] * [460, 180]
                assert not ((points > box[0]) & (points < box[1])).all(axis=1).any()


def _box(label: marks.Text, view: View) -> np.ndarray:
    """Return the lower left and upper right corner of a label, in pixels from the panel's lower left."""
    anchor = (np.array(label.xy) - [view.x[0], view.y[0]]) / [view.x[1] - view.x[0], view.y[1] - view.y[0]]
    corner = anchor * [view.rect.width, view.rect.height] + label.offset
    text = measure(label.text, label.size, label.bold)
    size = np.array([text.width, text.ascent + text.descent])
    share = {"left": 0.0, "right": 1.0, "bottom": 0.0, "center": 0.5, "top": 1.0}
    low = corner - size * [share[side] for side in label.anchor]
    return np.array([low, low + size])


class Slower(BetaSchedule):
    def betas(self):
        return np.full(8, 0.25)


class TestSchedules:
    RUN = run_view(np.zeros((5, 1, 1)))
    CTX = panel_ctx(x=(0.0, 8.0), y=(0.0, 1.0))

    def test_other_schedules_are_dashed_and_all_are_named(self):
        layer = Schedules(beside=(Slower(),))
        other, own, *words = layer.backdrop(self.RUN, self.CTX)
        assert (own.dash, other.dash, [word.text for word in words]) == ("solid", "dashed", ["constant", "slower"])
        for line, beta in ((own, 0.5), (other, 0.25)):
            t, value = line.lines[0].T
            assert_allclose(value, (1 - beta) ** t, rtol=1e-9)
        assert (own.lines[0][-1, 0], other.lines[0][-1, 0]) == (4.0, 8.0)
        assert layer.extent(self.RUN).x == (0.0, 8.0)
        assert own.color != other.color

    def test_names_can_be_given_and_the_runs_own_schedule_omitted(self):
        layer = Schedules(beside=(Slower(), Slower()), own=False, names=("one",))
        words = [mark.text for mark in layer.backdrop(self.RUN, self.CTX) if isinstance(mark, marks.Text)]
        assert words == ["one", "slower"]

    def test_snr_is_shown_where_curves_are_distinguishable(self):
        line = next(iter(Schedules(of="snr").backdrop(self.RUN, self.CTX))).lines[0]
        assert np.isnan(line[0, 1])
        assert np.nanmax(line[:, 1]) <= 20

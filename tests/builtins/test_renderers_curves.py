"""Built-in layers that show numbers over time: exact marks."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from recording import DARK, SCHEDULE, Spread, drawn, panel_ctx, record, run_info, together

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box, View
from noisereel.contracts.schedule import BetaSchedule, Level
from noisereel.support.typeset import measure
from noisereel_builtins.renderers.graph.curve import Curve
from noisereel_builtins.renderers.graph.schedules import Schedules
from noisereel_builtins.schedules.random_walk import RandomWalk


class TestCurveOfMetric:
    REC = record(np.arange(5.0).reshape(5, 1, 1) ** 2 / 2, metrics=(Spread(),))
    LOOK = panel_ctx(x=(0.0, 4.0), y=(-1.0, 10.0))

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
        falling = record(self.REC.trajectory.arrays.series["x"][::-1], metrics=(Spread(),))
        below, above = (drawn(Curve(of="spread"), rec, 2, self.LOOK)[-1] for rec in (self.REC, falling))
        assert below.offset == pytest.approx((12.0, -18.0))
        assert above.offset == pytest.approx((12.0, 18.0))

    @pytest.mark.parametrize("turn", [1, -1])
    def test_at_the_right_edge_the_value_keeps_clear_of_its_curve(self, turn):
        rec = record(self.REC.trajectory.arrays.series["x"][::turn], metrics=(Spread(),))
        step = 4 if turn > 0 else 3
        label = drawn(Curve(of="spread"), rec, step, self.LOOK)[-1]
        low, high = _box(label, self.LOOK.view)
        assert high[0] <= 640
        t = np.linspace(0, 4, 500)
        line = np.interp(t, range(5), rec.trajectory.arrays.series["x"].ravel())
        curve = np.stack([t / 4 * 640, (line + 1) / 11 * 320], axis=1)
        outside = np.maximum(np.maximum(low - curve, curve - high), 0)
        assert np.hypot(*outside.T).min() > 4

    def test_a_run_back_in_time_fills_from_left_to_right(self):
        rec = record(self.REC.trajectory.arrays.series["x"], metrics=(Spread(),), times=[4, 3, 2, 1, 0])
        area, line, *_ = drawn(Curve(of="spread"), rec, 2, self.LOOK)
        assert_array_equal(line.lines[0][:, 0], [4, 3, 2])
        assert_array_equal(area.x, [2, 3, 4])
        assert_array_equal(area.high, [2, 0.5, 0])

    def test_only_visits_shown_are_measured(self):
        rec = record(self.REC.trajectory.arrays.series["x"], metrics=(Spread(),), shown=[0, 2, 4])
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
        rec = record(self.REC.trajectory.arrays.series["x"], metrics=(Spread(),))
        texts = [m for m in drawn(Curve(of=("spread", "spread")), rec, 2, self.LOOK) if isinstance(m, marks.Text)]
        assert [(t.text, t.color) for t in texts] == [
            ("spread 2.0 m", DARK.color("blue")),
            ("spread 2.0 m", DARK.color("rose")),
        ]

    def test_values_at_one_height_stand_below_one_another(self):
        rec = record(self.REC.trajectory.arrays.series["x"], metrics=(Spread(),))
        one, other = (m for m in drawn(Curve(of=("spread", "spread")), rec, 2, self.LOOK) if isinstance(m, marks.Text))
        (low, high), (bottom, top) = _box(one, self.LOOK.view)[:, 1], _box(other, self.LOOK.view)[:, 1]
        assert max(low, bottom) >= min(high, top)
        alone = (2 + 1) / 11 * 320 - 18
        assert max(low + high, bottom + top) / 2 == pytest.approx(alone)  # the other one is farther below its dot

    def test_labels_of_lines_that_meet_give_way_to_both_sides(self):
        x = self.REC.trajectory.arrays.series["x"]
        rising, _ = together(record(x, metrics=(Spread(),), name="up"), record(4 - x, metrics=(Spread(),), name="down"))
        view = panel_ctx(x=(0.0, 4.0), y=(-4.0, 16.0), size=(640, 160))
        found = drawn(Curve(of="spread", runs=("up", "down")), rising, 2, view, indices={"up": 2, "down": 2})
        one, other = (_box(m, view.view)[:, 1] for m in found if isinstance(m, marks.Text))
        assert one[1] <= other[0] or other[1] <= one[0]

    def test_a_value_that_has_no_room_below_its_line_stands_above_it(self):
        low = panel_ctx(x=(0.0, 4.0), y=(1.5, 10.0))
        (label,) = (m for m in drawn(Curve(of="spread"), self.REC, 2, low) if isinstance(m, marks.Text))
        assert label.offset[1] > 0

    def test_a_value_at_the_foot_of_a_steep_line_stays_beside_its_dot(self):
        steep = record(np.exp(6 * np.arange(5.0))[:, None, None] * [[0.0], [1.0]], metrics=(Spread(),))
        view = panel_ctx(x=(0.0, 100.0), y=(0.0, 1e10))
        (label,) = (m for m in drawn(Curve(of="spread"), steep, 0, view) if isinstance(m, marks.Text))
        assert abs(label.offset[1]) <= 80

    @pytest.mark.parametrize(
        ("layer", "said"),
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
    def test_what_is_not_measured_is_refused_before_anything_is_simulated(self, layer, said):
        runs = {"other": run_info(1, name="other")}
        runs["run"] = run_info(1, value_names=("spread",), runs=runs)
        assert layer.check(runs["run"]) == said


class TestCurveOfSeveralRuns:
    """Two runs that spread differently, the second back in time and with fewer visits."""

    LOOK = panel_ctx(x=(0.0, 4.0), y=(0.0, 10.0))

    def _runs(self, schedule=SCHEDULE):
        one = record(np.arange(5.0).reshape(5, 1, 1), name="one", metrics=(Spread(),))
        x = np.array([9.0, 6, 3]).reshape(3, 1, 1)
        other = record(x, name="other", metrics=(Spread(),), times=[4, 2, 0], schedule=schedule)
        return together(one, other)[0]

    def test_each_grows_as_far_as_its_run_is(self):
        layer, one = Curve(of="spread", runs=("one", "other")), self._runs()
        line, dot, line2, dot2, *words = drawn(layer, one, 3, self.LOOK, indices={"one": 3, "other": 1})
        assert_array_equal(line.lines[0], [[0, 0], [1, 1], [2, 2], [3, 3]])
        assert_array_equal(line2.lines[0], [[4, 9], [2, 6]])
        assert (line.color, line2.color) == (DARK.color("blue"), DARK.color("rose"))
        assert_array_equal(np.concatenate([dot.xy, dot2.xy]), [[3, 3], [2, 6]])
        assert [w.text for w in words] == ["one 3.0 m", "other 6.0 m"]

    def test_all_are_in_view(self):
        box = Curve(of="spread", runs=("one", "other"), reference=False).extent(self._runs())
        assert (box.x, box.y) == ((0, 4), pytest.approx((-0.45, 9.45)))

    def test_a_level_of_all_is_named_once(self):
        whole = list(Curve(of="spread", runs=("one", "other")).backdrop(self._runs(), self.LOOK))
        assert [m.text for m in whole if isinstance(m, marks.Text)] == ["limit, 9.0 m"]

    def test_schedules_are_dashed_over_that_of_the_first_and_named_by_their_run(self):
        one = self._runs(RandomWalk(steps=4))
        lines = list(Curve(of="signal", runs=("one", "other")).backdrop(one, self.LOOK))
        assert [(m.dash, m.color) for m in lines[:2]] == [
            ("solid", DARK.color("blue")),
            ("dashed", DARK.color("rose")),
        ]
        assert [m.text for m in lines[2:]] == ["one", "other"]
        assert_allclose(lines[1].lines[0][:, 1], 1)


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
        line = next(iter(Curve(of=name).backdrop(self.REC, panel_ctx())))
        t, v = line.lines[0][1:].T
        assert (t[-1], len(t)) == (4.0, 240)
        assert_allclose(v, value(t), rtol=1e-9, atol=1e-9)

    def test_beta_is_that_of_one_unit_of_time(self):
        line = next(iter(Curve(of="beta").backdrop(self.REC, panel_ctx())))
        assert_allclose(line.lines[0][60:, 1], 0.5, rtol=1e-9)

    def test_infinite_snr_of_clean_data_is_left_out(self):
        line = next(iter(Curve(of="log_snr").backdrop(self.REC, panel_ctx())))
        assert np.isnan(line.lines[0][0, 1])
        assert math.isfinite(Curve(of="log_snr").extent(self.REC).y[1])

    def test_a_run_of_many_units_of_time_is_drawn_at_whole_times(self):
        levels = [Level(float(t), 1.0, t / 30) for t in range(31)]
        trajectory = replace(self.REC.trajectory, levels=levels, schedule=RandomWalk(steps=30))
        rec = replace(self.REC, trajectory=trajectory)
        line = next(iter(Curve(of="noise").backdrop(rec, panel_ctx())))
        assert_allclose(line.lines[0], [(t, math.sqrt(t)) for t in range(31)])

    def test_cursor_stands_at_now(self):
        (cursor,) = drawn(Curve(), self.REC, 3, panel_ctx(x=(0, 4), y=(0, 1)))
        assert_array_equal(cursor.lines[0], [[3, 0], [3, 1]])

    def test_lines_are_named_clear_of_both_and_inside(self):
        view = panel_ctx(x=(0.0, 4.0), y=(-0.05, 1.05), size=(460, 180))
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


class Slower(BetaSchedule):
    def betas(self):
        return np.full(8, 0.25)


class TestSchedules:
    REC = record(np.zeros((5, 1, 1)))
    LOOK = panel_ctx(x=(0.0, 8.0), y=(0.0, 1.0))

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

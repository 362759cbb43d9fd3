"""Built-in layers of particles, and of the data behind them: exact marks."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from recording import CLOUD, DARK, marks_of, panel_ctx, run_info, run_view, to_origin

from noisereel.contracts.geometry import Box
from noisereel.contracts.theme import rgb
from noisereel.support.errors import UsageError
from noisereel_builtins.renderers.plane.data import Data as DataLayer
from noisereel_builtins.renderers.plane.field import Field
from noisereel_builtins.renderers.plane.paths import Paths
from noisereel_builtins.renderers.plane.points import Points
from noisereel_builtins.renderers.plane.trails import Trails


class TestPoints:
    def test_each_particle_has_the_colour_of_its_hue(self):
        (mark,) = marks_of(Points(), run_view(CLOUD, hue=[0.0, 1.0]), 1)
        assert_array_equal(mark.xy, CLOUD[1].astype(np.float32))
        assert_array_equal(mark.color.index, np.array([0, 255], np.uint8))
        assert_array_equal(mark.color.palette[[0, 255]], [[0x5A, 0xB0, 0xF2], [0xF2, 0xA6, 0x5A]])
        assert mark.series == "x"

    def test_without_hue_particles_are_blue(self):
        (mark,) = marks_of(Points(), run_view(CLOUD), 1)
        assert mark.color == "#5AB0F2"

    @pytest.mark.parametrize(("color", "hex"), [("amber", "#F2A65A"), ("#010203", "#010203")])
    def test_roles_and_hex_colours(self, color, hex):
        (mark,) = marks_of(Points(color=color), run_view(CLOUD, hue=[0, 1]), 0)
        assert mark.color == hex

    @pytest.mark.parametrize("color", ["reddish", "#12345", "#12345g", "# 1234"])
    def test_an_unknown_colour_is_refused_with_the_known_ones(self, color):
        roles = "background, ink, muted, faint, blue, violet, rose, amber"
        with pytest.raises(ValidationError) as error:
            Points(color=color)
        assert (
            error.value.errors()[0]["msg"]
            == f"must be hue, label, start, speed, x, y, z, one of {roles}, or like #5AB0F2"
        )

    @pytest.mark.parametrize(("n", "size", "alpha"), [(10_000, 1.7, 0.5), (142, 3.5, 0.85)])
    def test_discs_suit_their_number(self, n, size, alpha):
        (mark,) = marks_of(Points(), run_view(np.zeros((1, n, 2))), 0, panel_ctx(size=(640, 640)))
        assert mark.size == pytest.approx(size, abs=0.05)
        assert mark.alpha == pytest.approx(alpha, abs=0.02)

    def test_given_size_and_opacity_are_kept(self):
        (mark,) = marks_of(Points(size=7, alpha=0.1), run_view(CLOUD), 0)
        assert (mark.size, mark.alpha) == (7, 0.1)

    def test_extent_covers_the_whole_run_and_ignores_what_is_not_finite(self):
        x = CLOUD.copy()
        x[1, 0] = [math.nan, math.inf]
        box = Points().extent(run_view(x))
        # With two particles, the quantiles are the two positions, up to 1/2000 of their distance.
        assert_allclose([box.x, box.y], [(-1.08, 1.08), (-0.04, 1.04)], atol=2e-3)

    def test_extent_ignores_one_outlier(self):
        x = np.random.default_rng(0).uniform(-1, 1, (2, 10_000, 2))
        x[1, 7] = [1e6, -1e6]
        box = Points().extent(run_view(x))
        assert_allclose([box.x, box.y], [(-1.08, 1.08)] * 2, atol=0.02)

    @pytest.mark.parametrize(("n", "outliers"), [(20, 1), (1000, 1), (1000, 20), (10_000, 200)])
    def test_a_few_far_outliers_change_limits_by_less_than_a_tenth(self, n, outliers):
        x = np.random.default_rng(1).normal(size=(2, n, 2))
        expected = Points().extent(run_view(x[:, outliers:]))
        x[:, :outliers] *= 1e3
        x[:, :outliers] += 1e3
        box = Points().extent(run_view(x))
        for limits, without in zip((box.x, box.y), (expected.x, expected.y), strict=True):
            assert_allclose(limits, without, atol=0.05 * (without[1] - without[0]))

    @pytest.mark.parametrize("share", [0.03, 0.25, 0.5])
    def test_a_cluster_far_away_is_no_outlier(self, share):
        x = np.random.default_rng(1).normal(size=(1, 1000, 2)) * 0.1
        x[0, : round(1000 * share)] += 50
        box = Points().extent(run_view(x))
        assert box.x[0] < 0 and box.x[1] > 50

    @pytest.mark.parametrize(("factor", "in_view"), [(2.5, True), (1000.0, False)])
    def test_samples_of_an_untrained_network_count_unless_they_are_far_off(self, factor, in_view):
        x = np.repeat(np.random.default_rng(2).uniform(-1, 1, (1, 500, 2)), 20, axis=0)
        x[:8] *= factor
        learning = run_view(x, times=[0] * 20, training=range(20))
        box = Points().extent(learning)
        limit = 1.08 * (factor if in_view else 1)
        assert_allclose([box.x, box.y], [(-limit, limit)] * 2, atol=0.05)
        # In a run that does not show training, the same growth is the process itself, and stays in view.
        assert Points().extent(run_view(x, times=[0] * 20)).x[1] == pytest.approx(1.08 * factor, rel=0.02)

    def test_extent_of_a_single_position_has_room(self):
        assert Points().extent(run_view(np.full((2, 3, 2), 5.0))) == Box((4.0, 6.0), (4.0, 6.0))

    def test_the_last_estimates_stay_where_no_step_follows(self):
        run = run_view(CLOUD, x0=CLOUD + 10)
        (mark,) = marks_of(Points(of="x0"), run, 2)
        assert_array_equal(mark.xy, CLOUD[1].astype(np.float32) + 10)
        assert mark.series == "x0"

    def test_noise_estimate(self):
        run = run_view(CLOUD, x0=np.zeros_like(CLOUD))
        (mark,) = marks_of(Points(of="eps"), run, 1)
        assert_allclose(mark.xy, CLOUD[1] / run.trajectory.levels[1].sigma, rtol=1e-6)

    def test_a_series_that_no_visit_has_is_named(self):
        with pytest.raises(UsageError) as error:
            Points(of="noise").extent(run_view(CLOUD))
        assert str(error.value) == "of: run 'run' records no 'noise'; x is always available"


class TestColorOfParticles:
    """Colours of particles, tested on points; trails, paths, rivers and scatters share them."""

    GRADIENT = DARK.gradient()

    def _index(self, run, color, index=1):
        (mark,) = marks_of(Points(color=color), run, index)
        assert_array_equal(mark.color.palette, self.GRADIENT)
        return mark.color.index.tolist()

    def test_by_label_with_a_legend_of_the_same_colours(self):
        run = run_view(CLOUD[:, [0, 1, 0, 1]], data=np.zeros((3, 2)), labels=[7, 2, 4], origin=[0, 1, 2, 0])
        assert self._index(run, "label") == [255, 0, 102, 255]
        legend = Points(color="label").guide(run, panel_ctx())
        assert [label for label, _ in legend.entries] == ["2", "4", "7"]
        assert [rgb(color) for _, color in legend.entries] == [tuple(self.GRADIENT[i].tolist()) for i in (0, 102, 255)]

    def test_many_classes_have_no_legend(self):
        run = run_view(np.zeros((1, 13, 2)), labels=range(13), origin=range(13))
        assert Points(color="label").guide(run, panel_ctx()) is None

    @pytest.mark.parametrize("times", [[0, 1, 2], [2, 1, 0]])
    def test_by_a_coordinate_at_the_cleanest_visit(self, times):
        clean, noisy = np.linspace([0, 5], [100, -5], 101), np.zeros((101, 2))
        x = [clean, noisy, noisy] if times[0] == 0 else [noisy, noisy, clean]
        run = run_view(x, times=times)
        # The outer two per cent at each end share the end colours.
        expected = np.rint(255 * np.clip((np.arange(101) - 2) / 96, 0, 1)).astype(int)
        assert self._index(run, "x") == expected.tolist()
        assert_allclose(self._index(run, "y"), expected[::-1], atol=1)
        bar = Points(color="x").guide(run, panel_ctx())
        assert (bar.low, bar.high, bar.label) == (pytest.approx(2), pytest.approx(98), "$x$")

    def test_by_the_angle_of_the_starting_position(self):
        turn = np.radians([-180 + 0.01, -90, 0, 90, 180 - 0.01])
        first = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        index = self._index(run_view([first, first[::-1]]), "start")
        assert index[0] == 0 and index[-1] == 255
        assert index == sorted(index)

    def test_by_the_length_of_the_last_step(self):
        x = np.zeros((3, 2, 2))
        x[1] = [[3, 4], [0, 0]]
        x[2] = [[3, 4], [0, 10]]
        run = run_view(x)
        top = Points(color="speed").guide(run, panel_ctx()).high
        assert top == pytest.approx(9.8)  # the upper two per cent between 0 and 10
        assert self._index(run, "speed", 1) == [round(255 * 5 / 9.8), 0]
        assert self._index(run, "speed", 2) == [0, 255]
        assert self._index(run, "speed", 0) == self._index(run, "speed", 1)

    def test_speed_across_visits_that_were_not_kept(self):
        run = run_view(np.array([[[0.0, 0]], [[1, 0]], [[6, 0]]]))
        arrays = replace(
            run.trajectory.arrays, kept=np.array([0, 2]), series={"x": run.trajectory.arrays.series["x"][[0, 2]]}
        )
        run = replace(run, trajectory=replace(run.trajectory, arrays=arrays), shown=[0, 2])
        assert Points(color="speed").guide(run, panel_ctx()).high == pytest.approx(3)

    @pytest.mark.parametrize("layer", [Points, Trails, Paths])
    @pytest.mark.parametrize(
        ("color", "run", "message"),
        [
            ("label", run_info(2), "cannot colour by label: run 'run' has data without labels"),
            (
                "label",
                run_info(2, labels=True, from_data=False),
                "cannot colour by label: run 'run' does not start from data",
            ),
            ("speed", run_info(2, visits=1), "cannot colour by speed: run 'run' visits one state only"),
            ("z", run_info(2), "cannot colour by z: event shape (2,) has no such coordinate"),
            ("label", run_info(2, labels=True), None),
            ("speed", run_info(2), None),
            ("y", run_info(2), None),
            ("hue", run_info(3), "shows points in the plane, event shape (2,), not (3,)"),
        ],
    )
    def test_impossible_colours_are_refused_before_anything_is_simulated(self, layer, color, run, message):
        assert layer(color=color).check(run) == message


class TestTrails:
    def test_last_positions_oldest_first(self):
        x = np.arange(10).reshape(5, 1, 2)
        (mark,) = marks_of(Trails(length=2), run_view(x), 3)
        assert_array_equal(mark.xy[:, 0], [[2, 3], [4, 5], [6, 7]])

    def test_length_in_seconds_at_the_mean_speed_of_the_film(self):
        run = run_view(np.arange(42).reshape(21, 1, 2), times=np.linspace(0, 4, 21))
        # 20 steps in 10 s: 1.5 s are 3 steps.
        (mark,) = marks_of(Trails(seconds=1.5), run, 12, seconds=10.0)
        assert_array_equal(mark.xy[:, 0, 0], [18, 20, 22, 24])
        (shortest,) = marks_of(Trails(seconds=0.1), run, 12, seconds=10.0)
        assert len(shortest.xy) == 2

    def test_no_trail_at_the_start(self):
        assert marks_of(Trails(), run_view(CLOUD), 0) == []

    def test_trails_and_points_agree_on_colour_and_extent(self):
        run = run_view(CLOUD, hue=[0.2, 0.4])
        (trail,), (point,) = marks_of(Trails(), run, 2), marks_of(Points(), run, 2)
        assert_array_equal(trail.color.index, point.color.index)
        assert_array_equal(trail.xy[-1], point.xy)
        assert Trails().extent(run) == Points().extent(run)


class TestData:
    def test_clean_samples_are_behind_and_do_not_move(self):
        run = run_view(CLOUD, data=[[5, 6], [7, 8.0], [9, 9]])
        (mark,) = DataLayer().backdrop(run, panel_ctx())
        assert_array_equal(mark.xy, [[5, 6], [7, 8], [9, 9]])
        assert mark.color == DARK.color("muted")
        assert marks_of(DataLayer(), run, 1) == []
        assert DataLayer().extent(run).x == pytest.approx((5 - 0.16, 9 + 0.16), abs=0.01)

    def test_many_samples_are_thinned_evenly_and_keep_their_colours(self):
        x0 = np.stack([np.arange(40_000.0), np.zeros(40_000)], axis=1)
        run = run_view(CLOUD, data=x0)
        data = replace(run.trajectory.data, hue=torch.linspace(0, 1, 40_000))
        run = replace(run, trajectory=replace(run.trajectory, data=data))
        (mark,) = DataLayer(color="hue").backdrop(run, panel_ctx())
        assert len(mark.xy) == 4000
        assert (mark.xy[0, 0], mark.xy[-1, 0]) == (0, 39_999)
        assert set(np.diff(mark.xy[:, 0])) <= {10, 11}  # every tenth sample; a few gaps are one larger
        assert_array_equal(mark.color.index, np.rint(mark.xy[:, 0] / 39_999 * 255))


def test_layers_are_pure():
    run = run_view(CLOUD, x0=CLOUD, hue=[0.0, 1.0], model=to_origin)
    for layer in (Points(), Trails(), Field(density=4)):
        first, again = marks_of(layer, run, 1), marks_of(layer, run, 1)
        for a, b in zip(first, again, strict=True):
            for name in a.__dataclass_fields__:
                if isinstance(getattr(a, name), np.ndarray):
                    assert_array_equal(getattr(a, name), getattr(b, name))

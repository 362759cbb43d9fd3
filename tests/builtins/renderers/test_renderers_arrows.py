"""Built-in layers of arrows: exact marks."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from recording import CLOUD, DARK, SCHEDULE, marks_of, panel_ctx, run_view, to_origin

from noisereel.contracts import marks
from noisereel.contracts.dataset import Data
from noisereel.contracts.denoiser import DenoiserContext
from noisereel.contracts.schedule import posterior
from noisereel_builtins.denoisers.empirical import Empirical
from noisereel_builtins.renderers.plane.direction import Direction
from noisereel_builtins.renderers.plane.field import Field, FieldGrid, streamlines
from noisereel_builtins.renderers.plane.noise import Noise


class TestField:
    CTX = panel_ctx(x=(-2.0, 2.0), y=(-1.0, 1.0))

    def test_grid_covers_the_limits_with_square_cells(self):
        (grid,) = Field(density=4).probes(self.CTX)
        assert grid == FieldGrid(of="drift", x=(-2.0, 2.0), y=(-1.0, 1.0), shape=(2, 4))
        assert_allclose(grid.points()[[0, 3, 4]], [[-1.5, -0.5], [1.5, -0.5], [-1.5, 0.5]])

    def test_drift_is_the_posterior_mean_minus_the_position(self):
        run = run_view(CLOUD, model=to_origin)
        (grid,) = Field(density=4).probes(self.CTX)
        q = posterior(SCHEDULE.at(1), SCHEDULE.at(2))
        assert_allclose(run.value(grid, 2)["vector"], (q.on_x - 1) * grid.points(), rtol=1e-6)

    def test_score_of_a_point_mass(self):
        run = run_view(CLOUD, model=to_origin)
        (grid,) = Field(of="score", density=4).probes(self.CTX)
        assert_allclose(run.value(grid, 2)["vector"], -grid.points() / run.trajectory.levels[2].sigma ** 2, rtol=1e-6)

    def test_noise_estimate_of_a_point_mass(self):
        run = run_view(CLOUD, model=to_origin)
        (grid,) = Field(of="eps", density=4).probes(self.CTX)
        assert_allclose(run.value(grid, 2)["vector"], grid.points() / run.trajectory.levels[2].sigma, rtol=1e-6)

    def test_velocity_of_a_point_mass(self):
        # x_t = σ_t·ε, and 2σ·dσ/dt = −dᾱ/dt = ln 2·ᾱ on a schedule that halves ᾱ.
        run = run_view(CLOUD, model=to_origin)
        (grid,) = Field(of="velocity", density=4).probes(self.CTX)
        level = run.trajectory.levels[2]
        slope = math.log(2) * level.alpha**2 / (2 * level.sigma)
        assert_allclose(run.value(grid, 2)["vector"], -slope * grid.points() / level.sigma, rtol=1e-3)

    def test_the_difference_of_the_scores_of_two_point_masses(self):
        """Check that (α·x_0 − x)/σ² of a point mass at the origin minus that at p is −α·p/σ² everywhere."""
        p = (0.75, -0.25)
        denoising = DenoiserContext(Data(torch.tensor([p])), SCHEDULE, torch.device("cpu"), Path())
        run = run_view(CLOUD, model=to_origin, context=denoising)
        layer = Field(of="score", density=4, minus=Empirical())
        (grid,) = layer.probes(self.CTX)
        level, values = run.trajectory.levels[2], run.value(grid, 2)
        difference = -level.alpha * np.array(p) / level.sigma**2
        assert_allclose(values["vector"], np.broadcast_to(difference, (8, 2)), rtol=1e-5)
        # It is drawn on the scale of the run's own field.
        typical = np.median(np.linalg.norm(grid.points(), axis=1)) / level.sigma**2
        assert float(values["typical"]) == pytest.approx(typical, rel=1e-6)
        (mark,) = marks_of(layer, run, 2, self.CTX)
        length = np.linalg.norm(difference)
        assert_allclose(np.linalg.norm(mark.vector, axis=1), 0.95 * length / (length + typical / 5), rtol=1e-5)

    def test_streamlines_follow_a_rotating_field(self):
        grid = FieldGrid(of="score", x=(-2.0, 2.0), y=(-2.0, 2.0), shape=(32, 32))
        x, y = grid.points().T
        lines = streamlines(np.stack([-y, x], axis=1), grid, 16)
        radius = np.linalg.norm(lines, axis=2)
        inside = radius.max(axis=0) < 1.9  # lines that stay where the field is known
        assert inside.sum() > 100
        # Every line is an arc of one radian around the origin, centred in its cell.
        assert_allclose(radius[:, inside], np.broadcast_to(radius[7, inside], (15, inside.sum())), rtol=1e-3)
        angle = np.unwrap(np.arctan2(lines[..., 1], lines[..., 0]), axis=0)[:, inside]
        assert_allclose(angle[-1] - angle[0], 1, rtol=1e-3)
        assert_allclose(angle[7], (angle[0] + angle[-1]) / 2, rtol=1e-3, atol=1e-3)

    def test_streamlines_fade_in_along_their_length(self):
        (mark,) = marks_of(Field(lines="streamlines", density=6), run_view(CLOUD, model=to_origin), 2, self.CTX)
        assert isinstance(mark, marks.Trails)
        assert mark.xy.shape == (15, 18, 2)
        distance = np.linalg.norm(mark.xy, axis=2)
        assert (np.diff(distance, axis=0) < 0).all()  # all of them point to the origin

    def test_arrows_are_centred_in_their_cell_and_keep_direction(self):
        run = run_view(CLOUD, model=to_origin)
        (mark,) = marks_of(Field(density=4), run, 2, self.CTX)
        centre = mark.tail + mark.vector / 2
        (grid,) = Field(density=4).probes(self.CTX)
        assert_allclose(centre, grid.points(), atol=1e-6)
        assert_allclose(mark.vector[:, 0] * centre[:, 1], mark.vector[:, 1] * centre[:, 0], atol=1e-6)
        assert (np.sum(mark.vector * centre, axis=1) < 0).all()

    def test_lengths_stay_within_a_cell_at_every_scale(self):
        run = run_view(CLOUD, model=lambda x, level: torch.full_like(x, 1e6))
        (mark,) = marks_of(Field(density=4), run, 1, self.CTX)
        length = np.linalg.norm(mark.vector, axis=1)
        assert length.max() < 1.0
        assert np.median(length) == pytest.approx(0.95 * 5 / 6, rel=1e-4)

    def test_clean_data_have_no_field(self):
        (mark,) = marks_of(Field(density=4), run_view(CLOUD, model=to_origin), 0, self.CTX)
        assert_array_equal(mark.vector, np.zeros((8, 2)))


class TestArrows:
    def test_noise_starts_at_the_particles(self):
        run = run_view(CLOUD, noise=np.array([[[9, 9]] * 2, [[3, 4], [0, 0]], [[0, 2], [-5, 0]]]))
        assert marks_of(Noise(), run, 0) == []
        (mark,) = marks_of(Noise(length=0.1), run, 1)
        assert_array_equal(mark.tail, CLOUD[1].astype(np.float32))
        assert_allclose(mark.vector, [[0.06, 0.08], [0, 0]], rtol=1e-6)
        assert mark.color == DARK.color("rose")

    def test_direction_is_opposite_to_the_estimated_noise(self):
        run = run_view(CLOUD, x0=np.zeros_like(CLOUD))
        (mark,) = marks_of(Direction(length=1.0), run, 1)
        # ε̂ = x/σ, so that −ε̂ points to the origin.
        assert_allclose(mark.vector, -CLOUD[1] / np.linalg.norm(CLOUD[1], axis=1, keepdims=True), rtol=1e-6)
        assert mark.color == DARK.color("blue")
        assert marks_of(Direction(), run, 2) == []

    def test_the_default_length_is_a_twentieth_of_the_shorter_side(self):
        run = run_view(CLOUD, noise=np.ones_like(CLOUD))
        (mark,) = marks_of(Noise(), run, 1)
        assert_allclose(np.hypot(*mark.vector.T), 0.1, rtol=1e-6)

"""Scenes of denoisers, guidance and single steps: checks that what they show is correct."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, multivariate_normal
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from noisereel.contracts import marks
from noisereel.contracts.denoiser import DenoiserContext
from noisereel.contracts.geometry import Rect, View
from noisereel.contracts.renderer import Moment, RenderContext
from noisereel.contracts.schedule import posterior
from noisereel.contracts.theme import THEMES
from noisereel.registry.registry import load_registry
from noisereel.scene import load_scene
from noisereel_builtins.denoisers.empirical import Empirical
from noisereel_builtins.metrics.distances.mode_coverage import ModeCoverage
from noisereel_builtins.metrics.distances.near_data import NearData
from noisereel_builtins.renderers.plane.embedding import Embedding
from noisereel_builtins.renderers.plane.targets import Targets
from noisereel_builtins.renderers.shared.grid import Grid, density_on


def test_single_steps_have_the_variances_given(runs_of):
    """Given x_{t−1}, x_t has mean √(1−β)·x_{t−1} and covariance β·I: 10⁵ draws."""
    runs = runs_of("identity-variances", particles=100_000)
    betas = {"gentle": [0.01] * 3, "rising": [0.1, 0.2, 0.5], "falling": [0.5, 0.2, 0.1], "violent": [0.99] * 3}
    assert set(runs) == set(betas)
    for name, run in runs.items():
        assert run.trajectory.data.x0.tolist() == [torch.eye(3).tolist()]
        states = [run.trajectory.series("x", t).reshape(-1, 9).astype(np.float64) for t in range(4)]
        for beta, before, after in zip(betas[name], states[:-1], states[1:], strict=True):
            noise = (after - np.sqrt(1 - beta) * before) / np.sqrt(beta)
            assert np.abs(noise.mean(0)).max() < 5 / np.sqrt(len(noise))
            # Standard errors of a sample covariance of N(0, I) are √(2/n) on the diagonal and √(1/n) off it.
            assert np.abs(np.cov(noise.T) - np.eye(9)).max() < 5 * np.sqrt(2 / len(noise))
            coupling = noise.T @ (before - before.mean(0)) / len(noise)
            assert np.abs(coupling).max() < 5 * max(before.std(), 0.01) / np.sqrt(len(noise))


def test_the_noise_restores_the_picture(runs_of):
    """The error of x̂_0 = (x_t − σ·ε)/α is a few roundings, magnified by 1/α_t."""
    (run,) = runs_of("epsilon-recovers-x0", dataset__mandrill__size=64).values()
    clean = run.trajectory.data.x0.numpy()
    for index in run.shown[:-1]:
        level, x = run.trajectory.levels[index], run.trajectory.series("x", index)
        error = np.abs(run.trajectory.series("x0", index) - clean).max()
        assert error <= 4 * 2**-24 * max(1, np.abs(x).max()) / level.alpha
        assert run.scalars(index)["l1_x0"] <= error
    assert run.trajectory.levels[0].alpha < 0.01
    np.testing.assert_allclose(run.trajectory.series("x", len(run.trajectory) - 1), clean, atol=1e-6)
    noise = [run.trajectory.series("eps", index) for index in run.shown[:-1]]
    for eps in noise:  # DDIM with the true noise keeps it
        np.testing.assert_allclose(eps, noise[0], atol=2e-3)


def test_the_posterior_mean_is_nearer_to_the_data_than_the_state(runs_of):
    """Compare with Ho et al., Eq. (7), from ᾱ and β alone, in float64."""
    (run,) = runs_of("posterior-mean", dataset__mandrill__size=64).values()
    clean = run.trajectory.data.x0.numpy().astype(np.float64)
    for index in run.shown[:-1]:
        t = run.trajectory.levels[index].t
        a_bar, a_bar_s = (run.trajectory.schedule.at(time).alpha ** 2 for time in (t, t - 1))
        beta = 1 - a_bar / a_bar_s
        x = run.trajectory.series("x", index)
        mean = (a_bar_s**0.5 * beta * clean + (1 - beta) ** 0.5 * (1 - a_bar_s) * x) / (1 - a_bar)
        values = run.scalars(index)
        assert values["l1_mean"] == pytest.approx(np.abs(mean - clean).mean(), abs=1e-6)
        assert values["l1_signal"] == pytest.approx((1 - a_bar_s**0.5) * np.abs(clean).mean(), abs=1e-6)
        assert values["l1"] == pytest.approx(np.abs(x - clean).mean(), abs=1e-6)
        assert values["l1_mean"] <= values["l1"]


def test_stronger_guidance_gives_one_class_and_less_variety(runs_of):
    runs = runs_of("guidance", particles=200, dataset__pinwheel__n=1000)
    last = {name: len(run.trajectory) - 1 for name, run in runs.items()}
    covered = {name: float(run.value(ModeCoverage(), last[name])["mode_coverage"]) for name, run in runs.items()}
    assert covered == pytest.approx({"none": 1, "class": 0.2, "strong": 0.2, "extreme": 0.2})
    spread = [
        float(np.std(runs[name].trajectory.series("x", last[name]), 0).max()) for name in ("none", "class", "strong")
    ]
    assert spread[0] > 1.5 * spread[1] > 2 * spread[2]
    near = [float(runs[name].value(NearData(radius=0.08), last[name])["near_data"]) for name in ("none", "class")]
    assert min(near) > 0.9  # the exact denoiser leads to the data; guidance above 1 need not


def test_the_word_is_restored(runs_of):
    (run,) = runs_of("logo", dataset__text__n=600).values()
    assert float(run.value(NearData(radius=0.05), len(run.trajectory) - 1)["near_data"]) > 0.95
    middle = int(np.argmax([level.t for level in run.trajectory.levels]))
    assert np.std(run.trajectory.series("x", middle), 0) == pytest.approx([1, 1], abs=0.15)


def test_eight_samplers_use_the_same_noise_and_number_of_calls(runs_of):
    runs = runs_of("samplers-side-by-side")
    assert {name: run.trajectory.calls[-1] for name, run in runs.items()} == dict.fromkeys(runs, 19)
    starts = [run.trajectory.series("x", 0) for run in runs.values()]
    assert all(np.array_equal(starts[0], start) for start in starts)

    def distance(run):
        points = torch.tensor(run.trajectory.series("x", len(run.trajectory) - 1))
        return float(torch.cdist(points, run.trajectory.data.x0).min(dim=1).values.median())

    distances = {name: distance(run) for name, run in runs.items()}
    assert max(distances[name] for name in ("Heun", "DEIS", "DPM-Solver++ 2M", "UniPC")) < distances["DDIM"] / 3


def test_there_and_back_ends_on_the_data(runs_of):
    (run,) = runs_of("there-and-back").values()
    turn = len(run.trajectory) // 2
    assert [run.trajectory.levels[index].t for index in (0, turn, len(run.trajectory) - 1)] == [0, 200, 0]
    assert (run.trajectory.acts[turn - 1], run.trajectory.acts[turn]) == (0, 1)
    assert abs(run.trajectory.series("x", turn).std() - 1) < 0.05
    end = torch.tensor(run.trajectory.series("x", len(run.trajectory) - 1))
    assert float(torch.cdist(end, run.trajectory.data.x0).min(dim=1).values.max()) < 0.02
    assert run.trajectory.series("noise", len(run.trajectory) - 1) is None


def test_a_flow_of_straight_lines_is_not_yet_straight(runs_of):
    """Compare straightness with its definition: the sum of all end-to-end distances over the sum of path lengths."""
    runs = runs_of("flow-vs-diffusion")
    for name, low, high in (("diffusion", 0.8, 0.95), ("flow", 0.5, 0.7)):
        trajectory = runs[name].trajectory
        visits = np.stack([trajectory.series("x", index) for index in range(len(trajectory))]).astype(np.float64)
        length = np.linalg.norm(np.diff(visits, axis=0), axis=2).sum()
        straightness = np.linalg.norm(visits[-1] - visits[0], axis=1).sum() / length
        measured = runs[name].scalars(len(trajectory) - 1)["straightness"]
        assert measured == pytest.approx(straightness, rel=1e-4)
        assert low < straightness < high
    assert np.array_equal(runs["flow"].trajectory.series("x", 0), runs["diffusion"].trajectory.series("x", 0))


def test_repaint_keeps_the_given_rows(runs_of):
    (run,) = runs_of("inpainting").values()
    given = run.trajectory.data.x0.numpy()[: run.trajectory.particles]
    end = run.trajectory.series("x", len(run.trajectory) - 1)
    assert np.abs(end[:, :4] - given[:, :4]).max() < 1e-5
    assert np.abs(end[:, 4:] - given[:, 4:]).max() > 0.5  # the lower halves differ from the digits' own


def test_with_the_oracle_every_state_on_the_way_has_its_moments(runs_of):
    """The last state is x_0 even with wrong coefficients, but the states before it would not be right."""
    run = runs_of("image-reverse-oracle")["back"]
    assert run.trajectory.levels[0].t == 1000
    assert run.trajectory.levels[0].alpha == pytest.approx(0.58, abs=0.005)
    for index in (0, 30, 60, 90):
        level = run.trajectory.levels[index]
        noise = (run.trajectory.series("x", index) - run.trajectory.series("signal", index)).astype(
            np.float64
        ) / level.sigma
        assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
        assert abs(noise.std() - 1) < 5 / np.sqrt(2 * noise.size)


def test_the_partial_targets_sum_to_the_true_one(runs_of):
    """Compare rays to E[x_s | x_t, x_0], weighted by p(x_0 | x_t), with the empirical denoiser at every visit shown."""
    (run,) = runs_of("partial-targets", particles=8 * 500, film__frames=12).values()
    top = int(np.argmax([level.t for level in run.trajectory.levels]))
    t, x_t = run.trajectory.levels[top], run.trajectory.series("x", top).astype(np.float64)
    assert np.array_equal(x_t, np.broadcast_to(np.float32([1, 0.4]), x_t.shape))  # all meet in one point

    x0 = run.trajectory.data.x0.double()
    log_joint = torch.distributions.Normal(t.alpha * x0, t.sigma).log_prob(torch.tensor(x_t[0])).sum(1)
    weights = (log_joint - torch.logsumexp(log_joint, 0)).exp()
    model = Empirical().bind(DenoiserContext(run.trajectory.data, run.trajectory.schedule, torch.device("cpu"), Path()))
    estimate = model(torch.tensor(x_t[:1]), t).numpy()

    ctx = RenderContext(View(Rect(0, 0, 1280, 640), (-4, 4), (-2, 2), 1.0), THEMES["dark"])
    layer, visits = Targets(), [index for index in run.shown if index > top]
    assert len(visits) >= 6
    for index in visits:
        s = run.trajectory.levels[index]
        drawn = list(layer.marks(run, Moment(index, s, 0.5), ctx))
        rays = [mark.lines[0] for mark in drawn if isinstance(mark, marks.Polylines)]
        (arrow,) = (mark for mark in drawn if isinstance(mark, marks.Arrows))
        # μ̃ from the precisions of x_s given x_0 and of x_t given x_s, with a = α_t/α_s
        a = t.alpha / s.alpha
        step_variance = t.sigma**2 - a**2 * s.sigma**2

        def mean(x0, s=s, a=a, v=step_variance):
            if s.sigma == 0:
                return np.broadcast_to(x0, (len(x0), 2))
            precision = 1 / s.sigma**2 + a**2 / v
            return (s.alpha * x0 / s.sigma**2 + a * x_t[0] / v) / precision

        expected = mean(x0.numpy())
        order = np.argsort(weights.numpy())  # the likeliest ray is drawn last
        np.testing.assert_allclose([ray[1] for ray in rays], expected[order], atol=1e-12)
        np.testing.assert_allclose([ray[0] for ray in rays], x_t[:8])
        np.testing.assert_allclose(arrow.tail + arrow.vector, mean(estimate), atol=1e-12)
        np.testing.assert_allclose(arrow.tail + arrow.vector, [weights.numpy() @ expected], atol=1e-12)
        # The particles from each x_0 are distributed around the tip of its ray, with variance β̃.
        std = np.sqrt(step_variance * s.sigma**2) / t.sigma
        for i in range(8):
            particles = run.trajectory.series("x", index)[i::8].astype(np.float64)
            assert np.abs(particles.mean(0) - expected[i]).max() <= 5 * std / np.sqrt(len(particles)) + 1e-5
            assert np.abs(particles.std(0) - std).max() <= 5 * std / np.sqrt(2 * len(particles)) + 1e-5


def test_bridges_to_one_point_have_the_right_distribution(runs_of):
    """In the film's first half, x_s of the particles from one x_0 is Gaussian around the same mean."""
    (run,) = runs_of("partial-targets", particles=8 * 500, film__frames=12).values()
    top = int(np.argmax([level.t for level in run.trajectory.levels]))
    t = run.trajectory.levels[top]
    for index in [index for index in run.shown if 0 < index < top]:
        s = run.trajectory.levels[index]
        on_x, on_x0, variance = posterior(s, t)
        mean = on_x * run.trajectory.series("x", top)[0] + on_x0 * run.trajectory.data.x0.double().numpy()
        for i in range(8):
            residual = (run.trajectory.series("x", index)[i::8] - mean[i]) / np.sqrt(variance)
            assert np.abs(residual.mean(0)).max() < 5 / np.sqrt(len(residual))
            assert np.abs(np.cov(residual.T) - np.eye(2)).max() < 5 * np.sqrt(2 / len(residual))


def test_the_drawn_curves_are_products_of_alphas(runs_of):
    """Check β, ᾱ = Π(1 − β) and ln(ᾱ/(1 − ᾱ)) at integer times, of the gentle schedule and of the steep one, dashed."""
    (run,) = runs_of("schedule-curves").values()
    ctx = RenderContext(View(Rect(0, 0, 640, 200), (0, 50), (-20, 20), 1.0), THEMES["dark"])
    panels = load_scene("schedule-curves", load_registry()).panels
    layers = {layer.of: layer for panel in panels for layer in panel.layers}
    for style, last in (("solid", 0.05), ("dashed", 0.4)):
        betas = np.linspace(1e-4, last, 50)
        bars = np.cumprod(1 - betas)
        expected = {"beta": betas, "alpha_bar": bars, "log_snr": np.log(bars / (1 - bars))}
        for name, values in expected.items():
            drawn = layers[name].backdrop(run, ctx)
            (line,) = (m.lines[0] for m in drawn if isinstance(m, marks.Polylines) and m.dash == style)
            whole = np.isclose(line[:, 0], np.rint(line[:, 0])) & (line[:, 0] > 0.5) & np.isfinite(line[:, 1])
            assert whole.sum() >= 9
            t = np.rint(line[whole, 0]).astype(int)
            np.testing.assert_allclose(line[whole, 1], values[t - 1], rtol=1e-9, atol=1e-12)


def test_four_schedules_follow_their_papers(runs_of):
    """Compare ᾱ with each paper's formula, and the noise with the moments of that level."""
    runs = runs_of("four-schedules", dataset__mandrill__size=64, film__frames=6)
    u = np.linspace(0, 1, 1000)
    cosine = np.cos((np.arange(1001) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
    betas = {
        "linear": 1e-4 + u * (0.02 - 1e-4),
        "quadratic": (0.01 + u * (np.sqrt(0.02) - 0.01)) ** 2,
        "sigmoid": 1e-4 + (0.02 - 1e-4) / (1 + np.exp(6 - 12 * u)),
        "cosine": np.minimum(1 - cosine[1:] / cosine[:-1], 0.999),
    }
    assert set(runs) == set(betas)
    for name, run in runs.items():
        clean = run.trajectory.data.x0.numpy()[0].astype(np.float64)
        for index in run.shown[1:]:
            bar = np.prod(1 - betas[name][: round(run.trajectory.levels[index].t)])
            assert run.trajectory.levels[index].alpha ** 2 == pytest.approx(bar, rel=1e-9)
            noise = (run.trajectory.series("x", index)[0] - np.sqrt(bar) * clean) / np.sqrt(1 - bar)
            assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
            assert abs(noise.std() - 1) < 5 / np.sqrt(2 * noise.size)


def test_jumps_to_any_time_have_the_moments_of_the_schedule(runs_of):
    """Check mean and standard deviation of the noise, in each of the four draws at each time shown."""
    (run,) = runs_of("image-jump-grid", dataset__photo__size=64).values()
    clean, residuals = run.trajectory.data.x0.numpy().astype(np.float64), []
    for t in (2000, 4000, 6000, 8000):
        index = run.trajectory.nearest(t)
        level = run.trajectory.levels[index]
        assert level.t == t
        residuals.append((run.trajectory.series("x", index) - level.alpha * clean) / level.sigma)
        np.testing.assert_allclose(run.trajectory.series("signal", index)[0], level.alpha * clean[0], atol=1e-6)
        for draw in residuals[-1]:
            assert abs(draw.mean()) < 5 / np.sqrt(draw.size)
            assert abs(draw.std() - 1) < 5 / np.sqrt(2 * draw.size)
    draws = np.concatenate([residual.reshape(4, -1) for residual in residuals])
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 5 / np.sqrt(draws.shape[1])  # all draws are independent


def test_single_steps_from_one_state_have_beta_and_its_root(runs_of):
    runs = runs_of("image-step-grid", dataset__photo__size=64)
    walk, draws = runs.pop("walk"), []
    for name, run in runs.items():
        t = int(name)
        assert [level.t for level in run.trajectory.levels] == [t - 1, t]
        alpha_bar, previous = (run.trajectory.schedule.at(time).alpha ** 2 for time in (t, t - 1))
        beta = 1 - alpha_bar / previous
        start, x = (run.trajectory.series("x", index).astype(np.float64) for index in (0, 1))
        (state,) = walk.trajectory.series("x", t - 1)
        np.testing.assert_array_equal(start, np.broadcast_to(state, start.shape))
        noise = (x - np.sqrt(1 - beta) * start) / np.sqrt(beta)
        draws.extend(noise.reshape(4, -1))
        for draw in noise:
            assert abs(draw.mean()) < 5 / np.sqrt(draw.size)
            assert abs(draw.std() - 1) < 5 / np.sqrt(2 * draw.size)
    assert np.abs(np.corrcoef(draws) - np.eye(20)).max() < 5 / np.sqrt(len(draws[0]))


@pytest.mark.slow  # half a minute of t-SNE
def test_neighbours_on_the_map_are_of_one_class_until_noise_mixes_them(runs_of):
    """Measure leave-one-out 5-nearest-neighbour accuracy on the map with scikit-learn."""
    (run,) = runs_of("digits-tsne").values()
    assert len(run.trajectory) == 12
    labels = run.trajectory.data.labels.numpy()[run.trajectory.origin]
    assert np.bincount(labels).min() >= 55
    (probe,) = Embedding().probes(
        RenderContext(View(Rect(0, 0, 640, 640), (-1.0, 1.0), (-1.0, 1.0), 1.0), THEMES["dark"])
    )

    def accuracy(index):
        neighbours = KNeighborsClassifier(5)
        return cross_val_score(neighbours, run.value(probe, index)["xy"], labels, cv=LeaveOneOut()).mean()

    accuracies = [accuracy(index) for index in (0, 3, 6, 8, 11)]
    assert accuracies[0] >= 0.95
    assert accuracies[-1] <= 0.3
    assert np.diff(accuracies).max() < 0.03
    assert run.scalars(0)["knn_accuracy"] >= 0.95
    assert run.scalars(11)["knn_accuracy"] <= 0.3


@pytest.mark.parametrize("name", ["mixture-2d-surface", "mixture-2d", "bivariate-normal"])
def test_the_densities_in_the_plane_equal_scipys(runs_of, name):
    """Compare densities at grid points with SciPy's for the noised Gaussians."""
    (run,) = runs_of(name, particles=100, film__frames=5).values()
    scene = load_scene(name, load_registry())
    mixture, layer = scene.runs[run.trajectory.name].dataset, scene.panels[0].layers[0]
    weights = np.array(mixture.weights) / np.sum(mixture.weights)
    covariances = mixture.covariances or [np.diag([std**2] * 2) for std in mixture.stds]
    grid = Grid((-3.0, 3.0), (-3.0, 3.0), (25, 25))
    for index in run.shown:
        level = run.trajectory.levels[index]
        noised = [
            multivariate_normal(level.alpha * np.array(m), level.alpha**2 * np.array(c) + level.sigma**2 * np.eye(2))
            for m, c in zip(mixture.means, covariances, strict=True)
        ]
        expected = sum(w * gaussian.pdf(grid.points) for w, gaussian in zip(weights, noised, strict=True))
        density = density_on(grid, run, index, "x", layer.source, None)
        np.testing.assert_allclose(density.ravel(), expected, rtol=1e-5, atol=1e-9)


def test_the_river_ends_in_the_mixture(runs_of):
    """The particles end near the data, with the share of each component that its weight gives."""
    (run,) = runs_of("samples-river").values()
    end = run.trajectory.series("x", len(run.trajectory) - 1)[:, 0].astype(np.float64)
    x0 = run.trajectory.data.x0.numpy()[:, 0]
    shares, expected = (np.bincount(np.digitize(x, [-0.55, 0.65]), minlength=3) / len(x) for x in (end, x0))
    assert np.abs(expected - [0.3, 0.25, 0.45]).max() < 0.05
    assert np.abs(shares - expected).max() < 4 * np.sqrt(0.25 / len(end))
    assert ks_2samp(end, x0).pvalue > 1e-3

"""What the scenes about denoisers, guidance and single steps show is true, by numbers."""

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


def test_single_steps_have_the_variances_given(records):
    """Given x_{t−1}, x_t has mean √(1−β)·x_{t−1} and covariance β·I; 10⁵ draws."""
    found = records("identity-variances", particles=100_000)
    betas = {"gentle": [0.01] * 3, "rising": [0.1, 0.2, 0.5], "falling": [0.5, 0.2, 0.1], "violent": [0.99] * 3}
    assert set(found) == set(betas)
    for name, record in found.items():
        assert record.trajectory.data.x0.tolist() == [torch.eye(3).tolist()]
        states = [record.trajectory.series("x", t).reshape(-1, 9).astype(np.float64) for t in range(4)]
        for beta, before, after in zip(betas[name], states[:-1], states[1:], strict=True):
            noise = (after - np.sqrt(1 - beta) * before) / np.sqrt(beta)
            assert np.abs(noise.mean(0)).max() < 5 / np.sqrt(len(noise))
            # entries of a sample covariance of N(0, I) err by √(2/n) on the diagonal, √(1/n) beside it
            assert np.abs(np.cov(noise.T) - np.eye(9)).max() < 5 * np.sqrt(2 / len(noise))
            coupling = noise.T @ (before - before.mean(0)) / len(noise)
            assert np.abs(coupling).max() < 5 * max(before.std(), 0.01) / np.sqrt(len(noise))


def test_the_noise_gives_the_picture_back(records):
    """x̂_0 = (x_t − σ·ε)/α errs by a few roundings, magnified by 1/α_t."""
    (record,) = records("epsilon-recovers-x0", dataset__mandrill__size=64).values()
    clean = record.trajectory.data.x0.numpy()
    for step in record.shown[:-1]:
        level, x = record.trajectory.levels[step], record.trajectory.series("x", step)
        error = np.abs(record.trajectory.series("x0", step) - clean).max()
        assert error <= 4 * 2**-24 * max(1, np.abs(x).max()) / level.alpha
        assert record.scalars(step)["l1_x0"] <= error
    assert record.trajectory.levels[0].alpha < 0.01
    np.testing.assert_allclose(record.trajectory.series("x", len(record.trajectory) - 1), clean, atol=1e-6)
    noise = [record.trajectory.series("eps", step) for step in record.shown[:-1]]
    for each in noise:  # DDIM that knows the noise keeps it
        np.testing.assert_allclose(each, noise[0], atol=2e-3)


def test_the_posterior_mean_lies_nearer_than_the_state(records):
    """Ho et al.'s Eq. (7), from ᾱ and β alone, in float64."""
    (record,) = records("posterior-mean", dataset__mandrill__size=64).values()
    clean = record.trajectory.data.x0.numpy().astype(np.float64)
    for step in record.shown[:-1]:
        t = record.trajectory.levels[step].t
        a_bar, a_bar_s = (record.trajectory.schedule.at(each).alpha ** 2 for each in (t, t - 1))
        beta = 1 - a_bar / a_bar_s
        x = record.trajectory.series("x", step)
        mean = (a_bar_s**0.5 * beta * clean + (1 - beta) ** 0.5 * (1 - a_bar_s) * x) / (1 - a_bar)
        values = record.scalars(step)
        assert values["l1_mean"] == pytest.approx(np.abs(mean - clean).mean(), abs=1e-6)
        assert values["l1_signal"] == pytest.approx((1 - a_bar_s**0.5) * np.abs(clean).mean(), abs=1e-6)
        assert values["l1"] == pytest.approx(np.abs(x - clean).mean(), abs=1e-6)
        assert values["l1_mean"] <= values["l1"]


def test_stronger_guidance_is_one_class_and_less_variety(records):
    found = records("guidance", particles=200, dataset__pinwheel__n=1000)
    last = {name: len(record.trajectory) - 1 for name, record in found.items()}
    covered = {name: float(r.value(ModeCoverage(), last[name])["mode_coverage"]) for name, r in found.items()}
    assert covered == pytest.approx({"none": 1, "class": 0.2, "strong": 0.2, "extreme": 0.2})
    spread = [
        float(np.std(found[name].trajectory.series("x", last[name]), 0).max()) for name in ("none", "class", "strong")
    ]
    assert spread[0] > 1.5 * spread[1] > 2 * spread[2]
    ends = [float(found[name].value(NearData(radius=0.08), last[name])["near_data"]) for name in ("none", "class")]
    assert min(ends) > 0.9  # the exact denoiser leads to the data; guidance beyond 1 need not


def test_the_word_comes_back(records):
    (record,) = records("logo", dataset__text__n=600).values()
    assert float(record.value(NearData(radius=0.05), len(record.trajectory) - 1)["near_data"]) > 0.95
    middle = int(np.argmax([level.t for level in record.trajectory.levels]))
    assert np.std(record.trajectory.series("x", middle), 0) == pytest.approx([1, 1], abs=0.15)


def test_eight_samplers_spend_one_budget_from_one_noise(records):
    found = records("samplers-side-by-side")
    assert {name: record.trajectory.calls[-1] for name, record in found.items()} == dict.fromkeys(found, 19)
    first = [record.trajectory.series("x", 0) for record in found.values()]
    assert all(np.array_equal(first[0], other) for other in first)

    def distance(record):
        points = torch.tensor(record.trajectory.series("x", len(record.trajectory) - 1))
        return float(torch.cdist(points, record.trajectory.data.x0).min(dim=1).values.median())

    far = {name: distance(record) for name, record in found.items()}
    assert max(far[name] for name in ("Heun", "DEIS", "DPM-Solver++ 2M", "UniPC")) < far["DDIM"] / 3


def test_there_and_back_again_ends_on_the_data(records):
    (record,) = records("there-and-back").values()
    turn = len(record.trajectory) // 2
    assert [record.trajectory.levels[step].t for step in (0, turn, len(record.trajectory) - 1)] == [0, 200, 0]
    assert (record.trajectory.acts[turn - 1], record.trajectory.acts[turn]) == (0, 1)
    assert abs(record.trajectory.series("x", turn).std() - 1) < 0.05
    end = torch.tensor(record.trajectory.series("x", len(record.trajectory) - 1))
    assert float(torch.cdist(end, record.trajectory.data.x0).min(dim=1).values.max()) < 0.02
    assert record.trajectory.series("noise", len(record.trajectory) - 1) is None


def test_a_flow_of_straight_lines_is_not_yet_straight(records):
    """Straightness as the titles show it, against its definition: all ways from end to end over all ways gone."""
    found = records("flow-vs-diffusion")
    for name, low, high in (("diffusion", 0.8, 0.95), ("flow", 0.5, 0.7)):
        record = found[name]
        visits = np.stack([record.trajectory.series("x", step) for step in range(len(record.trajectory))]).astype(
            np.float64
        )
        gone = np.linalg.norm(np.diff(visits, axis=0), axis=2).sum(axis=0)
        straight = np.linalg.norm(visits[-1] - visits[0], axis=1).sum() / gone.sum()
        assert record.scalars(len(record.trajectory) - 1)["straightness"] == pytest.approx(straight, rel=1e-4)
        assert low < straight < high
    assert np.array_equal(found["flow"].trajectory.series("x", 0), found["diffusion"].trajectory.series("x", 0))


def test_repaint_ends_with_what_was_given(records):
    (record,) = records("inpainting").values()
    given = record.trajectory.data.x0.numpy()[: record.trajectory.particles]
    end = record.trajectory.series("x", len(record.trajectory) - 1)
    assert np.abs(end[:, :4] - given[:, :4]).max() < 1e-5
    assert np.abs(end[:, 4:] - given[:, 4:]).max() > 0.5  # other lower halves than the digits' own


def test_knowing_the_answer_every_moment_on_the_way_has_its_moments(records):
    """The last state is x_0 even with wrong coefficients; what lies between is not."""
    record = records("image-reverse-oracle")["back"]
    assert record.trajectory.levels[0].t == 1000
    assert record.trajectory.levels[0].alpha == pytest.approx(0.58, abs=0.005)
    for step in (0, 30, 60, 90):
        level = record.trajectory.levels[step]
        noise = (record.trajectory.series("x", step) - record.trajectory.series("signal", step)).astype(
            np.float64
        ) / level.sigma
        assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
        assert abs(noise.std() - 1) < 5 / np.sqrt(2 * noise.size)


def test_the_partial_targets_sum_to_the_true_one(records):
    """Rays to E[x_s | x_t, x_0], weighted by p(x_0 | x_t), against the empirical denoiser, at every moment shown."""
    (record,) = records("partial-targets", particles=8 * 500, film__frames=12).values()
    top = int(np.argmax([level.t for level in record.trajectory.levels]))
    t, x_t = record.trajectory.levels[top], record.trajectory.series("x", top).astype(np.float64)
    assert np.array_equal(x_t, np.broadcast_to(np.float32([1, 0.4]), x_t.shape))  # all meet in one point

    x0 = record.trajectory.data.x0.double()
    law = torch.distributions.Normal(t.alpha * x0, t.sigma)
    joint = law.log_prob(torch.tensor(x_t[0])).sum(1)
    weights = (joint - torch.logsumexp(joint, 0)).exp()
    model = Empirical().bind(
        DenoiserContext(record.trajectory.data, record.trajectory.schedule, torch.device("cpu"), Path())
    )
    clean = model(torch.tensor(x_t[:1]), t).numpy()

    look = RenderContext(View(Rect(0, 0, 1280, 640), (-4, 4), (-2, 2), 1.0), THEMES["dark"])
    layer, moments = Targets(), [step for step in record.shown if step > top]
    assert len(moments) >= 6
    for step in moments:
        s = record.trajectory.levels[step]
        drawn = list(layer.marks(record, Moment(step, s, 0.5), look))
        rays = [mark.lines[0] for mark in drawn if isinstance(mark, marks.Polylines)]
        (arrow,) = (mark for mark in drawn if isinstance(mark, marks.Arrows))
        # μ̃ from the three Gaussians' precisions: x_s given x_0 and, a = α_t/α_s, x_t given x_s
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
        np.testing.assert_allclose(arrow.tail + arrow.vector, mean(clean), atol=1e-12)
        np.testing.assert_allclose(arrow.tail + arrow.vector, [weights.numpy() @ expected], atol=1e-12)
        # … and the particles of each x_0 gather around its ray's tip, with variance β̃
        spread = np.sqrt(step_variance * s.sigma**2) / t.sigma
        for i in range(8):
            mine = record.trajectory.series("x", step)[i::8].astype(np.float64)
            assert np.abs(mine.mean(0) - expected[i]).max() <= 5 * spread / np.sqrt(len(mine)) + 1e-5
            assert np.abs(mine.std(0) - spread).max() <= 5 * spread / np.sqrt(2 * len(mine)) + 1e-5


def test_bridges_to_one_point_have_their_law_on_the_way(records):
    """Half of the film leads up: x_s of the particles from one x_0 is Gaussian around the same mean."""
    (record,) = records("partial-targets", particles=8 * 500, film__frames=12).values()
    top = int(np.argmax([level.t for level in record.trajectory.levels]))
    t = record.trajectory.levels[top]
    for step in [step for step in record.shown if 0 < step < top]:
        s = record.trajectory.levels[step]
        on_x, on_x0, variance = posterior(s, t)
        mean = on_x * record.trajectory.series("x", top)[0] + on_x0 * record.trajectory.data.x0.double().numpy()
        for i in range(8):
            off = (record.trajectory.series("x", step)[i::8] - mean[i]) / np.sqrt(variance)
            assert np.abs(off.mean(0)).max() < 5 / np.sqrt(len(off))
            assert np.abs(np.cov(off.T) - np.eye(2)).max() < 5 * np.sqrt(2 / len(off))


def test_the_drawn_curves_are_products_of_alphas(records):
    """β, ᾱ = Π(1 − β) and ln(ᾱ/(1 − ᾱ)) at whole times, of the gentle schedule and of the steep one, dashed."""
    (record,) = records("schedule-curves").values()
    look = RenderContext(View(Rect(0, 0, 640, 200), (0, 50), (-20, 20), 1.0), THEMES["dark"])
    layers = {each.of: each for panel in load_scene("schedule-curves", load_registry()).panels for each in panel.layers}
    for style, last in (("solid", 0.05), ("dashed", 0.4)):
        betas = np.linspace(1e-4, last, 50)
        bars = np.cumprod(1 - betas)
        expected = {"beta": betas, "alpha_bar": bars, "log_snr": np.log(bars / (1 - bars))}
        for name, values in expected.items():
            drawn = layers[name].backdrop(record, look)
            (line,) = (m.lines[0] for m in drawn if isinstance(m, marks.Polylines) and m.dash == style)
            whole = np.isclose(line[:, 0], np.rint(line[:, 0])) & (line[:, 0] > 0.5) & np.isfinite(line[:, 1])
            assert whole.sum() >= 9
            t = np.rint(line[whole, 0]).astype(int)
            np.testing.assert_allclose(line[whole, 1], values[t - 1], rtol=1e-9, atol=1e-12)


def test_four_schedules_leave_of_the_picture_what_their_papers_say(records):
    """ᾱ from each paper's formula; and noise of that level, by the moments of what is not signal."""
    found = records("four-schedules", dataset__mandrill__size=64, film__frames=6)
    u = np.linspace(0, 1, 1000)
    cosine = np.cos((np.arange(1001) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
    betas = {
        "linear": 1e-4 + u * (0.02 - 1e-4),
        "quadratic": (0.01 + u * (np.sqrt(0.02) - 0.01)) ** 2,
        "sigmoid": 1e-4 + (0.02 - 1e-4) / (1 + np.exp(6 - 12 * u)),
        "cosine": np.minimum(1 - cosine[1:] / cosine[:-1], 0.999),
    }
    assert set(found) == set(betas)
    for name, record in found.items():
        clean = record.trajectory.data.x0.numpy()[0].astype(np.float64)
        for step in record.shown[1:]:
            bar = np.prod(1 - betas[name][: round(record.trajectory.levels[step].t)])
            assert record.trajectory.levels[step].alpha ** 2 == pytest.approx(bar, rel=1e-9)
            noise = (record.trajectory.series("x", step)[0] - np.sqrt(bar) * clean) / np.sqrt(1 - bar)
            assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
            assert abs(noise.std() - 1) < 5 / np.sqrt(2 * noise.size)


def test_jumps_to_any_time_have_the_moments_of_the_schedule(records):
    """Mean and deviation of the pixels' residual, of each of the four draws at each time that stands still."""
    (record,) = records("image-jump-grid", dataset__photo__size=64).values()
    clean, found = record.trajectory.data.x0.numpy().astype(np.float64), {}
    for t in (2000, 4000, 6000, 8000):
        step = record.trajectory.nearest(t)
        level = record.trajectory.levels[step]
        assert level.t == t
        found[t] = (record.trajectory.series("x", step) - level.alpha * clean) / level.sigma
        np.testing.assert_allclose(record.trajectory.series("signal", step)[0], level.alpha * clean[0], atol=1e-6)
        for draw in found[t]:
            assert abs(draw.mean()) < 5 / np.sqrt(draw.size)
            assert abs(draw.std() - 1) < 5 / np.sqrt(2 * draw.size)
    draws = np.concatenate([each.reshape(4, -1) for each in found.values()])
    off = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(off).max() < 5 / np.sqrt(draws.shape[1])  # every draw has noise of its own


def test_single_steps_from_one_state_have_beta_and_its_root(records):
    found = records("image-step-grid", dataset__photo__size=64)
    walk, draws = found.pop("walk"), []
    for name, record in found.items():
        t = int(name)
        assert [level.t for level in record.trajectory.levels] == [t - 1, t]
        alpha_bar, before = (record.trajectory.schedule.at(each).alpha ** 2 for each in (t, t - 1))
        beta = 1 - alpha_bar / before
        start, x = (record.trajectory.series("x", step).astype(np.float64) for step in (0, 1))
        (one,) = walk.trajectory.series("x", t - 1)
        np.testing.assert_array_equal(start, np.broadcast_to(one, start.shape))
        noise = (x - np.sqrt(1 - beta) * start) / np.sqrt(beta)
        draws.extend(noise.reshape(4, -1))
        for draw in noise:
            assert abs(draw.mean()) < 5 / np.sqrt(draw.size)
            assert abs(draw.std() - 1) < 5 / np.sqrt(2 * draw.size)
    assert np.abs(np.corrcoef(draws) - np.eye(20)).max() < 5 / np.sqrt(len(draws[0]))


@pytest.mark.slow  # half a minute of t-SNE
def test_neighbours_on_the_map_are_of_one_class_until_noise_has_mixed_them(records):
    """Leave-one-out 5-nearest-neighbour accuracy on the map, by scikit-learn."""
    (record,) = records("digits-tsne").values()
    assert len(record.trajectory) == 12
    labels = record.trajectory.data.labels.numpy()[record.trajectory.origin]
    assert np.bincount(labels).min() >= 55
    (probe,) = Embedding().probes(
        RenderContext(View(Rect(0, 0, 640, 640), (-1.0, 1.0), (-1.0, 1.0), 1.0), THEMES["dark"])
    )

    def accuracy(step):
        neighbours = KNeighborsClassifier(5)
        return cross_val_score(neighbours, record.value(probe, step)["xy"], labels, cv=LeaveOneOut()).mean()

    found = [accuracy(step) for step in (0, 3, 6, 8, 11)]
    assert found[0] >= 0.95
    assert found[-1] <= 0.3
    assert np.diff(found).max() < 0.03
    assert record.scalars(0)["knn_accuracy"] >= 0.95
    assert record.scalars(11)["knn_accuracy"] <= 0.3


@pytest.mark.parametrize("name", ["mixture-2d-surface", "mixture-2d", "bivariate-normal"])
def test_the_densities_in_the_plane_are_scipys(records, name):
    """What the surface and the map show at their grid points, against SciPy's pdf of the noised Gaussians."""
    (record,) = records(name, particles=100, film__frames=5).values()
    scene = load_scene(name, load_registry())
    mixture, layer = scene.runs[record.trajectory.name].dataset, scene.panels[0].layers[0]
    weights = np.array(mixture.weights) / np.sum(mixture.weights)
    covariances = mixture.covariances or [np.diag([each**2] * 2) for each in mixture.stds]
    grid = Grid((-3.0, 3.0), (-3.0, 3.0), (25, 25))
    for step in record.shown:
        level = record.trajectory.levels[step]
        noised = [
            multivariate_normal(level.alpha * np.array(m), level.alpha**2 * np.array(c) + level.sigma**2 * np.eye(2))
            for m, c in zip(mixture.means, covariances, strict=True)
        ]
        expected = sum(w * each.pdf(grid.points) for w, each in zip(weights, noised, strict=True))
        shown = density_on(grid, record, step, "x", layer.source, None)
        np.testing.assert_allclose(shown.ravel(), expected, rtol=1e-5, atol=1e-9)


def test_the_rivers_mouths_are_the_mixtures(records):
    """The particles that arrive are near the data, as many at each mean as its weight says."""
    (record,) = records("samples-river").values()
    end = record.trajectory.series("x", len(record.trajectory) - 1)[:, 0].astype(np.float64)
    shares = np.bincount(np.digitize(end, [-0.55, 0.65]), minlength=3) / len(end)
    data = np.bincount(np.digitize(record.trajectory.data.x0.numpy()[:, 0], [-0.55, 0.65]), minlength=3) / len(
        record.trajectory.data.x0
    )
    assert np.abs(data - [0.3, 0.25, 0.45]).max() < 0.05
    assert np.abs(shares - data).max() < 4 * np.sqrt(0.25 / len(end))
    assert ks_2samp(end, record.trajectory.data.x0.numpy()[:, 0]).pvalue > 1e-3

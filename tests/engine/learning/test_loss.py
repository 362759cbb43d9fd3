"""The predictions of networks and the weights of their errors, against the formulas of the papers."""

import math

import pytest
import torch
from small import Even, Small, context
from torch import nn

from noisereel.contracts.schedule import Level
from noisereel.learning.examples import Batch
from noisereel.learning.prediction import PREDICTIONS, weight

LEVELS = [Level(t, a, s) for t, a, s in [(1.0, 0.99, math.sqrt(1 - 0.99**2)), (2.0, 0.3, 0.9), (3.0, 1.0, 5.0)]]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", PREDICTIONS)
def test_the_target_gives_x0_back_and_the_gain_is_its_slope(kind, level):
    prediction, (a, s) = PREDICTIONS[kind], (level.alpha, level.sigma)
    x0, eps, error = torch.randn(3, 50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x, target = a * x0 + s * eps, prediction.target(x0, eps, a, s)
    assert torch.allclose(prediction.x0(x, target, a, s), x0, atol=1e-12, rtol=0)
    moved = prediction.x0(x, target + error, a, s) - x0
    assert torch.allclose(moved.abs(), prediction.gain(a, s) * error.abs(), atol=1e-12, rtol=0)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", PREDICTIONS)
def test_weights_are_those_of_the_losses_on_x0_and_eps(kind, level):
    gain, snr = PREDICTIONS[kind].gain(level.alpha, level.sigma), (level.alpha / level.sigma) ** 2
    on_x0 = gain**2  # ‖x̂_0 − x_0‖² for an error of 1 in F
    on_eps = on_x0 * snr
    assert weight("simple", level, gain, 5, 0) == 1
    assert weight("snr", level, gain, 5, 0) == pytest.approx(snr * on_x0, rel=1e-12)
    assert weight("min-snr", level, gain, 5, 0) == pytest.approx(min(snr, 5) * on_x0, rel=1e-12)
    sigmoid = 1 / (1 + math.exp(level.log_snr - 1.5))
    assert weight("sigmoid", level, gain, 5, 1.5) == pytest.approx(sigmoid * on_eps, rel=1e-12)


class Known(nn.Module):
    """F = w·x."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.7))

    def forward(self, x, u, labels=None):
        return self.w * x


def test_the_loss_is_a_weighted_mean_and_its_gradient_is_right():
    x, target = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([1.0, 2.0, 0.0, 1.0, 4.0, 0.5])
    network = Known()
    loss = Small().loss(network, Batch(x, torch.zeros(6), target, weights, None))
    loss.backward()
    residual = 0.7 * x - target
    assert float(loss.detach()) == pytest.approx(float((weights[:, None] * residual**2).mean()), rel=1e-6)
    assert float(network.w.grad) == pytest.approx(float((2 * weights[:, None] * residual * x).mean()), rel=1e-5)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_examples_are_noisy_samples_with_their_targets(kind, tmp_path):
    """Every example is a sample at an integer time: x̂_0 from its target is that sample."""
    ctx = context(tmp_path)
    small = Small(predicts=kind, weighting="min-snr", batch=500)
    batches = small._examples(ctx).steps(0)
    seen = set()
    for _, batch in zip(range(3), batches, strict=False):
        for t in range(1, 11):
            level, at_t = Even().at(float(t)), batch.u == torch.tensor(t / 10)
            x = batch.x[at_t] * math.hypot(level.alpha, level.sigma)
            x0 = PREDICTIONS[kind].x0(x, batch.target[at_t], level.alpha, level.sigma)
            distance, row = (x0[:, None] - ctx.data.x0).norm(dim=2).min(1)
            assert distance.max() < 2e-5
            seen |= set(row.tolist())
            gain = PREDICTIONS[kind].gain(level.alpha, level.sigma)
            expected = weight("min-snr", level, gain, 5.0, 0.0)
            assert torch.allclose(batch.weight[at_t], torch.tensor(expected), rtol=1e-6)
            noise = (x - level.alpha * x0) / level.sigma
            assert abs(float(noise.std()) - 1) < 0.35
    assert len(seen) > 190

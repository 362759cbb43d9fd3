"""Samples from a model, a schedule and a sampler alone, without a scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..contracts.calls import call
from ..contracts.sampler import StepContext
from ..support.errors import UsageError
from ..support.noise import Noise
from .plan import plan_acts
from .run import CountedModel, walk

if TYPE_CHECKING:
    from torch import Tensor

    from ..contracts.dataset import Data
    from ..contracts.denoiser import Model
    from ..contracts.sampler import Sampler
    from ..contracts.schedule import Schedule

__all__ = ["sample"]


def sample(
    model: Model, schedule: Schedule, samplers: Sequence[Sampler], x: Tensor, *, data: Data, seed: int = 0
) -> Tensor:
    """Return the particles at the end of the samplers' path.

    Args:
        model: Estimate of clean data, ``model(x, level, labels=None) -> x0_hat``.
        schedule: Signal and noise over time.
        samplers: The samplers, one per act.
        x: Particles at the beginning of the path, shape (n, *event).
        data: Data for samplers that use them, on the device of x.
        seed: Seed of the samplers' noise.

    Raises:
        UsageError: A sampler cannot take its path, or cannot move such particles.
        PluginError: A sampler or the model raised, or gives particles of another shape.
    """
    plan = plan_acts(samplers, schedule)
    for sampler in samplers:
        if reason := call(sampler, "check", data, returns=(str, type(None))):
            raise UsageError(f"sampler {type(sampler).__name__}: {reason}")
    noise = Noise.of(seed, 0, x.device)
    ctx = StepContext(CountedModel(lambda: model), noise.at(0, 0, 0, 0), data, None, None, schedule)
    *_, last = walk(samplers, plan, x, noise, ctx)
    return last.x

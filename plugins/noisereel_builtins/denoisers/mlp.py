"""A multilayer perceptron that learns to denoise points."""

import math

from pydantic import Field
from torch import nn

from noisereel.contracts.denoiser import DenoiserContext
from noisereel.contracts.schedule import Schedule
from noisereel.learning import TrainedDenoiser

from ..networks.mlp import MLP, Activation, InputEmbedding, TimeEmbedding

__all__ = ["Mlp"]


class Mlp(TrainedDenoiser):
    """A multilayer perceptron, trained on the run's data: residual layers over embedded points and times.

    It generalises: where the exact denoiser of the data set, ``empirical``, remembers single points, a network of
    limited size and training finds what lies between them.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (14); Tancik et al. (2020), arXiv:2006.10739, for ``fourier``.
    """

    input: InputEmbedding = "identity"
    """How points are embedded."""
    time: TimeEmbedding = "sinusoidal"
    """How times are embedded; none leaves the network to guess the time from the point."""
    width: int = Field(default=128, ge=1, le=8192)
    """Features of each layer."""
    depth: int = Field(default=3, ge=0, le=64)
    """Residual layers."""
    activation: Activation = "gelu"
    """The nonlinearity."""
    features: int = Field(default=128, ge=4, le=8192)
    """Features of an embedding by waves."""
    input_scale: float | None = Field(default=None, gt=0)
    """Largest (sinusoidal) or typical (fourier) frequency of the points' waves, in radians a data unit; 25 and 3 where
    left out, which suit data of deviation 1."""
    time_scale: float | None = Field(default=None, gt=0)
    """The same of the waves over t/T in [0, 1]; 1,000 and 1 where left out."""

    def check(self, ctx: DenoiserContext) -> str | None:
        if len(ctx.data.event_shape) != 1:
            return f"the mlp denoiser is for points, event shape (D,), not {ctx.data.event_shape}; unet is for images"
        return super().check(ctx)

    def examples_per_thread(self, event_shape: tuple[int, ...]) -> float:
        return 1_000 * (128 / self.width) ** 2

    def network(self, event_shape: tuple[int, ...], classes: int | None, schedule: Schedule) -> nn.Module:
        """The perceptron before training."""
        return MLP(
            event_shape[0],
            classes=classes,
            T=math.ceil(schedule.T),
            input=self.input,
            time=self.time,
            width=self.width,
            depth=self.depth,
            activation=self.activation,
            features=self.features,
            input_scale=self.input_scale,
            time_scale=self.time_scale,
        )

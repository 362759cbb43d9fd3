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
    """A multilayer perceptron for points, trained on the run's data: residual layers on embedded points and times.

    It generalises: the exact denoiser of the data set, ``empirical``, memorises the points, whereas a network of
    limited size and training interpolates between them.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (14); Tancik et al. (2020), arXiv:2006.10739, for ``fourier``.
    """

    input: InputEmbedding = "identity"
    """Embedding of the points."""
    time: TimeEmbedding = "sinusoidal"
    """Embedding of the times; with ``none``, the network has to infer the time from the point."""
    width: int = Field(default=128, ge=1, le=8192)
    """Features of each layer."""
    depth: int = Field(default=3, ge=0, le=64)
    """Number of residual layers."""
    activation: Activation = "gelu"
    """The nonlinearity."""
    features: int = Field(default=128, ge=4, le=8192)
    """Features of a sinusoidal or fourier embedding."""
    input_scale: float | None = Field(default=None, gt=0)
    """Largest (sinusoidal) or typical (fourier) frequency of the points' embedding, in radians per data unit; 25 and 3
    if omitted, which suit data of standard deviation 1."""
    time_scale: float | None = Field(default=None, gt=0)
    """Frequency of the embedding of t/T in [0, 1], likewise; 1,000 and 1 if omitted."""

    def check(self, ctx: DenoiserContext) -> str | None:
        if len(ctx.data.event_shape) != 1:
            return f"the mlp denoiser is for points, event shape (D,), not {ctx.data.event_shape}; unet is for images"
        return super().check(ctx)

    def examples_per_thread(self, event_shape: tuple[int, ...]) -> float:
        return 1_000 * (128 / self.width) ** 2

    def network(self, event_shape: tuple[int, ...], classes: int | None, schedule: Schedule) -> nn.Module:
        """Make the untrained perceptron."""
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

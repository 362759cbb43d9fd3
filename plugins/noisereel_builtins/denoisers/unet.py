"""A small convolutional network that learns to denoise images."""

import math

from pydantic import Field
from torch import nn

from noisereel.contracts.denoiser import DenoiserContext
from noisereel.contracts.schedule import Schedule
from noisereel.learning import TrainedDenoiser

from ..networks.unet import UNet

__all__ = ["Unet"]

_SMALLEST, _LARGEST = 8, 64


class Unet(TrainedDenoiser):
    """A small U-shaped convolutional network for images from 8×8 to 64×64, trained on the run's data.

    References:
        Ho et al. (2020), arXiv:2006.11239, appendix B.
    """

    batch: int = Field(default=64, ge=1, le=1_000_000)
    """Examples per step."""
    channels: int = Field(default=32, ge=8, le=512)
    """Features per pixel at full size."""
    multipliers: tuple[int, ...] = Field(default=(1, 2), min_length=1)
    """Features per pixel at each size, in units of ``channels``; the size is halved in between."""
    blocks: int = Field(default=1, ge=1, le=8)
    """Residual blocks at each size, both going down and going up."""
    attention: bool = False
    """Use self-attention at the smallest size."""
    patch: int = Field(default=1, ge=1, le=8)
    """Side of the squares of pixels that are merged into one pixel with more channels; 2 makes steps several times
    faster and suits images of 28×28 pixels or more."""

    def check(self, ctx: DenoiserContext) -> str | None:
        event_shape = ctx.data.event_shape
        if len(event_shape) < 2 or not all(_SMALLEST <= side <= _LARGEST for side in event_shape[:2]):
            return f"the unet denoiser is for images from 8×8 to 64×64, not for event shape {event_shape}"
        if any(side % self.patch for side in event_shape[:2]):
            return f"patch: {self.patch} does not divide images of {event_shape[0]} × {event_shape[1]} pixels"
        return super().check(ctx)

    def examples_per_thread(self, event_shape: tuple[int, ...]) -> float:
        return 16 * (8 * 8 * self.patch**2 / math.prod(event_shape[:2])) * (32 / self.channels) ** 2

    def network(self, event_shape: tuple[int, ...], classes: int | None, schedule: Schedule) -> nn.Module:
        """Make the untrained network."""
        return UNet(
            event_shape,
            classes=classes,
            channels=self.channels,
            multipliers=self.multipliers,
            blocks=self.blocks,
            attention=self.attention,
            patch=self.patch,
        )

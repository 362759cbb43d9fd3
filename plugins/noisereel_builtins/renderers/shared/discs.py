"""Discs: base class of layers that draw a disc per particle, in the plane or in space."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from noisereel.contracts.guides import Guide
from noisereel.contracts.renderer import IN_PIXELS, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series

from .cloud import disc, unrecorded
from .paint import ParticlePaint, guide_of, unpaintable

__all__ = ["Discs"]


class Discs(Renderer):
    """Every particle as a disc in its own colour."""

    primary: ClassVar[str | None] = "of"

    of: Series = "x"
    """Series to show: the particles x, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    color: ParticlePaint = "hue"
    size: Annotated[float | None, IN_PIXELS] = Field(default=None, gt=0, le=100)
    """Radius in design pixels; if omitted, it suits the number of particles and the panel's size."""
    alpha: float | None = Field(default=None, gt=0, le=1)
    """Opacity of one disc; if omitted, it suits the number of particles and the panel's size."""

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded(self.of, run) or unpaintable(self.color, run)

    def disc(self, run: RunView, ctx: RenderContext) -> tuple[float, float]:
        """Return the radius in design pixels and the opacity."""
        size, alpha = disc(run.trajectory.particles, ctx)
        return self.size or size, self.alpha or alpha

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        return guide_of(self.color, run, ctx.theme)

"""A disc for each particle: what layers in the plane and in space share."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from noisereel.contracts.guides import Guide
from noisereel.contracts.renderer import RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series

from .cloud import disc, unrecorded
from .paint import ParticlePaint, guide_of, unpaintable

__all__ = ["Discs"]


class Discs(Renderer):
    """Every particle a disc, in the colour that tells it apart."""

    primary: ClassVar[str | None] = "of"

    of: Series = "x"
    """What is shown: the particles, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    color: ParticlePaint = "hue"
    """hue (the data's, else by where it started), label, start (the angle that it started at), speed (how far a step
    takes it), x, y or z (where it is in the data), a role of the theme such as blue, or a hex colour."""
    size: float | None = Field(default=None, gt=0, le=100)
    """Radius in design pixels; left out, what suits the number of particles and the panel."""
    alpha: float | None = Field(default=None, gt=0, le=1)
    """Opacity of one disc; left out, what suits the number of particles and the panel."""

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded(self.of, run) or unpaintable(self.color, run)

    def disc(self, run: RunView, ctx: RenderContext) -> tuple[float, float]:
        """Radius in design pixels and opacity."""
        size, alpha = disc(run.trajectory.particles, ctx)
        return self.size or size, self.alpha or alpha

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        return guide_of(self.color, run, ctx.theme)

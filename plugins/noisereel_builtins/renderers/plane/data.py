"""Data: the clean samples, faint, behind everything else."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import IN_PIXELS, Moment, RenderContext, Renderer, RunView

from ..shared.chosen import shades_of, spread
from ..shared.cloud import crowding, reach
from ..shared.paint import Paint

__all__ = ["Data"]

MAX_SAMPLES = 4000
"""Maximum number of samples shown, evenly spread over all: more would pile up until they are no longer faint."""


class Data(Renderer):
    """The data set's clean samples x_0 as faint discs that do not move.

    Of large data sets, an evenly spread selection is shown.
    """

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "color"

    color: Paint = "muted"
    """Colour of the samples: hue (each sample's own), a theme colour such as muted, or a hex colour."""
    size: Annotated[float | None, IN_PIXELS] = Field(default=None, gt=0, le=100)
    """Radius in design pixels; if omitted, it suits the number of samples and the panel's size."""
    alpha: float | None = Field(default=None, gt=0, le=1)
    """Opacity of one disc; if omitted, it suits the number of samples and the panel's size."""

    def extent(self, run: RunView) -> Box | None:
        x0 = run.trajectory.data.x0.numpy()
        return Box(reach([x0[:, 0]]), reach([x0[:, 1]]))

    def backdrop(self, run: RunView, ctx: RenderContext) -> Iterable[marks.Mark]:
        rows = spread(len(run.trajectory.data.x0), MAX_SAMPLES)
        crowd = crowding(len(rows), ctx)
        size = self.size or min(1.7 * crowd**-0.17, 5.0)
        alpha = self.alpha or min(0.2 * crowd**-0.2, 0.5)
        color = shades_of(self._color(run, ctx), rows)
        yield marks.Points(run.trajectory.data.x0.numpy()[rows], color, size, alpha)

    def _color(self, run: RunView, ctx: RenderContext) -> marks.Color:
        if self.color != "hue":
            return ctx.theme.color(self.color)
        if run.trajectory.data.hue is None:
            return ctx.theme.color("muted")
        return marks.Shades(np.rint(run.trajectory.data.hue.numpy() * 255).astype(np.uint8), ctx.theme.gradient())

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        return ()

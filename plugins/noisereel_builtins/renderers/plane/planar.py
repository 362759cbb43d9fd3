"""What the layers that show a density in the plane share."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series

from ..shared.cloud import plane_extent, unrecorded
from ..shared.grid import Grid, Source, density_on, unknown_density

__all__ = ["PlanarDensity"]


class PlanarDensity(Renderer):
    """The density of 2-D particles: exact where the data set knows it, else the particles', each blurred a little."""

    space: ClassVar[Space] = "plane"

    of: Series = "x"
    """Whose density: the particles', the estimates' x0 or eps, the injected noise's, or that of the signal α_t·x_0."""
    source: Source = "auto"
    """exact, particles, or auto: exact where the run only adds noise to data whose law is known."""
    columns: int = Field(default=240, ge=8, le=1000)
    """How many cells across."""
    bandwidth: float | None = Field(default=None, ge=0)
    """Standard deviation, in data units, that particles are blurred by; left out, what suits their number."""

    @model_validator(mode="after")
    def _exact_is_of_x(self) -> Self:
        if self.source == "exact" and self.of != "x":
            raise PydanticCustomError(
                "source", "source: only the density of x is known exactly, not that of {of}", {"of": self.of}
            )
        return self

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded(self.of, run) or unknown_density(self.source, run)

    def extent(self, run: RunView) -> Box | None:
        return plane_extent(run, self.of)

    def density(self, run: RunView, index: int, grid: Grid) -> NDArray[np.float64] | None:
        """The density at the middles of the cells, shape ``grid.shape``; None where the series is not."""
        return density_on(grid, run, index, self.of, self.source, self.bandwidth)

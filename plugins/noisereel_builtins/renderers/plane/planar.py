"""Planar densities: base class of layers that show a density in the plane."""

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
    """The density of 2-D particles: exact if the data set defines it, else estimated from the particles."""

    space: ClassVar[Space] = "plane"

    of: Series = "x"
    """Series to show: the particles x, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    source: Source = "auto"
    columns: int = Field(default=240, ge=8, le=1000)
    """Number of grid cells across the panel."""
    bandwidth: float | None = Field(default=None, ge=0)
    """Standard deviation of the blur of particles, in data units; if omitted, it suits their number."""

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.source == "exact" and self.of != "x":
            raise PydanticCustomError("source", "source: only x has an exact density, not {of}", {"of": self.of})
        return self

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded(self.of, run) or unknown_density(self.source, run)

    def extent(self, run: RunView) -> Box | None:
        return plane_extent(run, self.of)

    def density(self, run: RunView, index: int, grid: Grid) -> NDArray[np.float64] | None:
        """Return the density at the centres of the cells, shape ``grid.shape``, or None without the series."""
        return density_on(grid, run, index, self.of, self.source, self.bandwidth)

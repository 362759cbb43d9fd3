"""Scatter 3-D: particles of three numbers each, seen by a camera that may turn."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.renderer import Moment, RenderContext, RunView
from noisereel.contracts.run_info import RunInfo

from ..shared.cloud import latest, reach, sampled
from ..shared.discs import Discs
from ..shared.memo import once
from ..shared.paint import shades
from .camera import VolumeRenderer

__all__ = ["Scatter3D"]

LAYERS = 5
"""Depths that particles are told apart by; nearer ones are larger and clearer and lie over farther ones."""
FLOOR = 0.7 * np.array([[-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1], [-1, -1, -1]])
"""A square below the particles, which shows how the camera stands, where their ball has the radius 1."""
NEARER = (0.7, 1.25)
"""Size and opacity of the farthest and of the nearest, relative to those in the middle."""


class Scatter3D(VolumeRenderer, Discs):
    """Every particle of three numbers a disc, in the colour that it started with, nearer ones larger and clearer."""

    def check(self, run: RunInfo) -> str | None:
        if run.event_shape != (3,):
            return f"shows points in space, event shape (3,), not {run.event_shape}"
        return super().check(run)

    def _ball(self, run: RunView) -> tuple[NDArray[np.float64], float]:
        """Middle and radius of a ball that holds all but a few stray particles of the run, however it is turned."""

        def make() -> tuple[NDArray[np.float64], float]:
            arrays = [array[np.isfinite(array).all(axis=1)] for array in sampled(run, self.of)]
            ends = [reach(array[:, i] for array in arrays) or (-1.0, 1.0) for i in range(3)]
            middle = np.array([(low + high) / 2 for low, high in ends])
            far = reach(np.linalg.norm(array - middle, axis=1) for array in arrays)
            return middle, far[1] if far else 1.0

        return once(run, (self, "ball"), make)

    def extent(self, run: RunView) -> Box | None:
        _, radius = self._ball(run)
        return Box((-radius, radius), (-1.1 * radius, radius))

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        xyz = latest(run, self.of, moment.index)
        if xyz is None:
            return
        camera, (middle, radius) = self.camera(moment.fraction), self._ball(run)
        floor = camera.project(radius * FLOOR)[:, :2]
        yield marks.Polylines((floor,), ctx.theme.color("muted"), 1.0, 0.5)
        seen = camera.project(xyz - middle)
        color = shades(self.color, run, ctx.theme, moment.index)
        size, alpha = self.disc(run, ctx)
        for rows, near in by_depth(seen[:, 2]):
            each = marks.Shades(color.index[rows], color.palette) if isinstance(color, marks.Shades) else color
            yield marks.Points(seen[rows, :2], each, size * near, min(1.0, alpha * near))


def by_depth(away: NDArray[np.floating]) -> Iterator[tuple[NDArray[np.intp], float]]:
    """Points in `LAYERS` layers from the farthest to the nearest, and how large those of each appear."""
    finite = away[np.isfinite(away)]
    if not finite.size:
        return
    far, near = np.quantile(finite, (0.99, 0.01))
    layer = np.clip((far - away) / max(far - near, 1e-12) * LAYERS, 0, LAYERS - 1)
    layer = np.where(np.isfinite(layer), layer, 0).astype(int)
    for i, scale in enumerate(np.linspace(*NEARER, LAYERS)):
        rows = np.flatnonzero(layer == i)
        if len(rows):
            yield rows, float(scale)

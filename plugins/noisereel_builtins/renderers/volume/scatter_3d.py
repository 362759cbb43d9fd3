"""Scatter 3-D: particles in 3-D, seen by a camera that may turn."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.renderer import Moment, RenderContext, RunView
from noisereel.contracts.run_info import RunInfo

from ..shared.chosen import shades_of
from ..shared.cloud import latest, reach, sampled
from ..shared.discs import Discs
from ..shared.memo import once
from ..shared.paint import shades
from .camera import VolumeRenderer

__all__ = ["Scatter3D"]

LAYERS = 5
"""Number of depth layers; nearer ones are larger, more opaque, and drawn over farther ones."""
FLOOR = 0.7 * np.array([[-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1], [-1, -1, -1]])
"""Corners of a square below a ball of radius 1, which shows the orientation of the camera."""
NEARER = (0.7, 1.25)
"""Size and opacity of the farthest and of the nearest layer, relative to the middle one."""


class Scatter3D(VolumeRenderer, Discs):
    """Every 3-D particle as a disc in its own colour; nearer ones are larger and more opaque."""

    def check(self, run: RunInfo) -> str | None:
        if run.event_shape != (3,):
            return f"shows points in space, event shape (3,), not {run.event_shape}"
        return super().check(run)

    def _ball(self, run: RunView) -> tuple[NDArray[np.float64], float]:
        """Return the centre and radius of a ball that holds all but a few outliers over the whole run."""

        def ball() -> tuple[NDArray[np.float64], float]:
            arrays = [array[np.isfinite(array).all(axis=1)] for array in sampled(run, self.of)]
            limits = [reach(array[:, i] for array in arrays) or (-1.0, 1.0) for i in range(3)]
            centre = np.array([(low + high) / 2 for low, high in limits])
            distances = reach(np.linalg.norm(array - centre, axis=1) for array in arrays)
            return centre, distances[1] if distances else 1.0

        return once(run, (self, "ball"), ball)

    def extent(self, run: RunView) -> Box | None:
        _, radius = self._ball(run)
        return Box((-radius, radius), (-1.1 * radius, radius))

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        xyz = latest(run, self.of, moment.index)
        if xyz is None:
            return
        camera, (centre, radius) = self.camera(moment.fraction), self._ball(run)
        floor = camera.project(radius * FLOOR)[:, :2]
        yield marks.Polylines((floor,), ctx.theme.color("muted"), 1.0, 0.5)
        seen = camera.project(xyz - centre)
        color = shades(self.color, run, ctx.theme, moment.index)
        size, alpha = self.disc(run, ctx)
        for rows, scale in by_depth(seen[:, 2]):
            yield marks.Points(seen[rows, :2], shades_of(color, rows), size * scale, min(1.0, alpha * scale))


def by_depth(distances: NDArray[np.floating]) -> Iterator[tuple[NDArray[np.intp], float]]:
    """Yield the rows of points in `LAYERS` layers, from the farthest to the nearest, with the scale of each layer."""
    finite = distances[np.isfinite(distances)]
    if not finite.size:
        return
    far, near = np.quantile(finite, (0.99, 0.01))
    layer = np.clip((far - distances) / max(far - near, 1e-12) * LAYERS, 0, LAYERS - 1)
    layer = np.where(np.isfinite(layer), layer, 0).astype(int)
    for i, scale in enumerate(np.linspace(*NEARER, LAYERS)):
        rows = np.flatnonzero(layer == i)
        if len(rows):
            yield rows, float(scale)

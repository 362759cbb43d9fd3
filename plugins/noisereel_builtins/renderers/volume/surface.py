"""Surface: a density over the plane as a 3-D surface, seen by a camera that may turn."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box, Range
from noisereel.contracts.guides import Colorbar, Guide
from noisereel.contracts.renderer import Moment, RenderContext, RunView
from noisereel.contracts.run_info import RunInfo

from ..plane.contours import heights_around, lines_at
from ..shared.cloud import plane_extent
from ..shared.grid import Grid, Source, density_on, unknown_density
from ..shared.heat import heat
from ..shared.memo import once
from ..shared.paint import hex_of
from .camera import Camera, VolumeRenderer

__all__ = ["Surface"]

HEIGHT = 0.55
"""Height of the highest peak, relative to the longer side of the floor."""
FLAT = 1 / 150
"""Fraction of the height below which no surface is drawn, so that it hides nothing behind it."""
SUN = np.array([-0.5, -0.35, 0.8])
"""Direction of the light relative to the camera: from the left, from the front, from above."""
SHADE = 0.55
"""Fraction of the light that reaches even faces turned away from the sun."""
RELIEF = 0.2
"""Fraction of the height above which shading has its full strength."""
GAMMA = 0.6
"""Exponent of the height in the colour scale: makes low densities visible, such as any under much noise."""
DROP = 0.6
"""Distance of the contours below the surface, relative to the longer side of the floor."""
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
"""Fractions of the probability that the contours enclose."""


class _Scene(NamedTuple):
    """The grid and the scale of the surface, the same in every frame.

    Attributes:
        grid: Cells that the density is evaluated on.
        top: Density that has the full height.
    """

    grid: Grid
    top: float

    def placed(self, xyz: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scale data coordinates and density, shape (…, 3): the centre of the floor is at 0, its longer side 1."""
        x, y = self.grid.x, self.grid.y
        side = max(x[1] - x[0], y[1] - y[0])
        centre = np.array([(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, 0.0])
        return np.asarray((xyz - centre) * [1 / side, 1 / side, HEIGHT / self.top])


class Surface(VolumeRenderer):
    """The density p_t of 2-D particles as a surface in 3-D.

    It is exact if the data set defines it and the run only adds noise, else estimated from the particles, slightly
    blurred.
    """

    primary: ClassVar[str | None] = "columns"

    columns: int = Field(default=96, ge=8, le=400)
    """Number of faces along the longer side."""
    contours: bool = False
    """Draw contours on a floor below that enclose 10, 30, 50, 70, 90 and 99 % of the probability."""
    scale: Literal["moment", "run"] = "run"
    """Density that has the full height: the maximum over the run, or at each moment."""
    x: tuple[float, float] | None = None
    """Range [low, high] in x; by default it holds the particles."""
    y: tuple[float, float] | None = None
    """Range [low, high] in y; by default it holds the particles."""
    source: Source = "auto"
    bandwidth: float | None = Field(default=None, ge=0)
    """Standard deviation of the blur of particles, in data units; if omitted, it suits their number."""

    def check(self, run: RunInfo) -> str | None:
        if run.event_shape != (2,):
            return f"shows the density of points in the plane, event shape (2,), not {run.event_shape}"
        return unknown_density(self.source, run)

    def _density(self, run: RunView, index: int, grid: Grid) -> NDArray[np.float64]:
        table = density_on(grid, run, index, "x", self.source, self.bandwidth)
        return np.zeros(grid.shape) if table is None else table

    def scene(self, run: RunView) -> _Scene:
        """Return the grid and the scale for the whole run."""
        return once(run, (self, "scene"), lambda: self._scene(run))

    def _scene(self, run: RunView) -> _Scene:
        limits = plane_extent(run, "x")
        x, y = self.x or limits.x or (-1.0, 1.0), self.y or limits.y or (-1.0, 1.0)
        cell = max(x[1] - x[0], y[1] - y[0]) / self.columns
        grid = Grid(x, y, (max(2, round((y[1] - y[0]) / cell)), max(2, round((x[1] - x[0]) / cell))))
        tops = (float(self._density(run, index, grid).max()) for index in run.shown if run.trajectory.kept(index))
        return _Scene(grid, max((top for top in tops if top > 0), default=1.0))

    def extent(self, run: RunView) -> Box | None:
        scene = self.scene(run)
        corners = scene.placed(_frame(scene.grid.x, scene.grid.y, 0.0))
        peaks = corners * 0.5 + np.array([0, 0, HEIGHT])  # the corners of the density are never high
        return self.in_view(np.concatenate([peaks, corners, self._lowered(corners)]))

    def _lowered(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points moved down to the floor of the contours."""
        return np.asarray(xyz - [0, 0, DROP if self.contours else 0.0])

    def _floor(self, scene: _Scene, camera: Camera, ctx: RenderContext) -> marks.Polylines:
        outline = camera.project(self._lowered(scene.placed(_frame(scene.grid.x, scene.grid.y, 0.0))))[:, :2]
        return marks.Polylines((outline,), ctx.theme.color("muted"), 1.0, 0.5)

    def _contours(
        self, table: NDArray[np.float64], scene: _Scene, camera: Camera, ctx: RenderContext
    ) -> Iterator[marks.Polylines]:
        contours = [lines_at(level, table, scene.grid) for level in heights_around(table, scene.grid, SHARES)]
        palette = ctx.theme.gradient()
        for share, lines in zip(SHARES, contours, strict=True):
            flat = [self._lowered(scene.placed(np.column_stack([line, np.zeros(len(line))]))) for line in lines]
            color = hex_of(palette, 1 - share)
            yield marks.Polylines(tuple(camera.project(line)[:, :2] for line in flat), color, 1.5, 0.9)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        scene, camera = self.scene(run), self.camera(moment.fraction)
        table = self._density(run, moment.index, scene.grid)
        if self.scale == "moment":
            scene = scene._replace(top=float(table.max()) or 1.0)
        yield self._floor(scene, camera, ctx)
        if self.contours:
            yield from self._contours(table, scene, camera, ctx)
        yield landscape(table, scene, camera, ctx)

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        if self.scale == "moment":
            return None
        palette = heat(ctx.theme)[np.rint(255 * np.linspace(0, 1, 256) ** GAMMA).astype(int)]
        return Colorbar(palette, 0.0, self.scene(run).top, "density")


def _frame(x: Range, y: Range, z: float) -> NDArray[np.float64]:
    """Return the closed outline of a rectangle at height z, shape (5, 3)."""
    return np.array([[x[0], y[0], z], [x[1], y[0], z], [x[1], y[1], z], [x[0], y[1], z], [x[0], y[0], z]])


def landscape(table: NDArray[np.float64], scene: _Scene, camera: Camera, ctx: RenderContext) -> marks.Mesh:
    """Return the surface of a table of densities, its faces back to front."""
    rows, columns = table.shape
    xyz = scene.placed(np.column_stack([scene.grid.points, table.ravel()]))
    seen = camera.project(xyz)[:, :2]
    faces = back_to_front(rows, columns, camera)
    height = table.ravel()[faces].mean(axis=1) / scene.top
    shown = (height > FLAT) & towards(seen[faces])
    faces, height = faces[shown], height[shown]
    tone = heat(ctx.theme)[np.rint(255 * np.clip((height - FLAT) / (1 - FLAT), 0, 1) ** GAMMA).astype(int)]
    # Low parts are lit evenly, so that the surface has no visible edge against the background.
    shade = np.minimum(1, height / RELIEF) * (1 - brightness(xyz[faces], camera))
    lit = np.rint(tone * (1 - shade[:, None])).astype(np.uint8)
    return marks.Mesh(seen, faces, lit)


def back_to_front(rows: int, columns: int, camera: Camera) -> NDArray[np.intp]:
    """Return the faces of a grid of points in an order in which none hides a later one, shape (m, 4).

    The points are numbered row by row from the bottom. Rows farther away come first, and in each row the columns
    farther away.
    """
    index = np.arange(rows * columns).reshape(rows, columns)
    x_away, y_away = camera.project(np.eye(3))[:2, 2]
    index = index[::-1] if y_away > 0 else index
    index = index[:, ::-1] if x_away > 0 else index
    corners = (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1])
    return np.stack(corners, axis=-1).reshape(-1, 4)


def towards(corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each face shows its upper side to the camera, shape (m,); from corners as seen, shape (m, 4, 2).

    The others are hidden by faces in front of them. Most faces of a surface show their upper side, so the median sign
    of the areas gives the orientation in which corners are listed.
    """
    (ax, ay), (bx, by) = (corners[:, 2] - corners[:, 0]).T, (corners[:, 3] - corners[:, 1]).T
    area = ax * by - ay * bx
    return np.asarray(area * np.sign(np.median(area)) > 0)


def brightness(corners: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """Return the brightness of faces, at most 1, as of a horizontal one, shape (m,), for corners of shape (m, 4, 3)."""
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normal *= np.sign(normal[:, 2:])  # upwards, whatever the order of the corners
    c, s = np.cos(camera.azimuth), np.sin(camera.azimuth)
    sun = np.array([c * SUN[0] - s * SUN[1], s * SUN[0] + c * SUN[1], SUN[2]])
    direct = np.maximum(0, normal @ sun / np.linalg.norm(normal, axis=1))
    return np.asarray(SHADE + (1 - SHADE) * np.minimum(1, direct / sun[2]))

"""Surface: the density of the plane as a landscape, seen by a camera that may turn."""

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
"""Height of the highest place, where the longer side of the floor is 1."""
FLAT = 1 / 150
"""Share of the height below which there is no surface, so that what is behind it can be seen."""
SUN = np.array([-0.5, -0.35, 0.8])
"""Where the light comes from, relative to the camera: left, in front, above."""
SHADE = 0.55
"""Share of the light that even what is turned away from the sun gets."""
RELIEF = 0.2
"""Share of the height from which on light and shade are full."""
GAMMA = 0.6
"""Colours go by height to this power, so that what is low, as all of it is under much noise, is seen."""
DROP = 0.6
"""How far below the surface contours lie, where the longer side of the floor is 1."""
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.99)


class _Scene(NamedTuple):
    """What does not change while the film runs.

    Attributes:
        grid: Where the density is taken.
        top: The highest density that the surface has room for.
    """

    grid: Grid
    top: float

    def placed(self, xyz: NDArray[np.floating]) -> NDArray[np.float64]:
        """Data coordinates and density, shape (…, 3), with the floor's middle at 0 and its longer side 1."""
        x, y = self.grid.x, self.grid.y
        side = max(x[1] - x[0], y[1] - y[0])
        middle = np.array([(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, 0.0])
        return np.asarray((xyz - middle) * [1 / side, 1 / side, HEIGHT / self.top])


class Surface(VolumeRenderer):
    """The density p_t of 2-D particles as a landscape.

    It is exact where the data set knows it and the run only adds noise, else the particles', each blurred a little.
    """

    primary: ClassVar[str | None] = "columns"

    columns: int = Field(default=96, ge=8, le=400)
    """How many faces along the longer side."""
    contours: bool = False
    """Draw contours on a floor below, each around a share of the probability: 10, 30, 50, 70, 90 and 99 %."""
    scale: Literal["moment", "run"] = "run"
    """What the full height means: the highest density of the run, or at each moment."""
    x: tuple[float, float] | None = None
    """From where to where in x; left out, what holds the particles."""
    y: tuple[float, float] | None = None
    """From where to where in y; left out, what holds the particles."""
    source: Source = "auto"
    """exact, particles, or auto: exact where the run only adds noise to data whose law is known."""
    bandwidth: float | None = Field(default=None, ge=0)
    """Standard deviation, in data units, that particles are blurred by; left out, what suits their number."""

    def check(self, run: RunInfo) -> str | None:
        if run.event_shape != (2,):
            return f"shows the density of points in the plane, event shape (2,), not {run.event_shape}"
        return unknown_density(self.source, run)

    def _density(self, run: RunView, index: int, grid: Grid) -> NDArray[np.float64]:
        table = density_on(grid, run, index, "x", self.source, self.bandwidth)
        return np.zeros(grid.shape) if table is None else table

    def scene(self, run: RunView) -> _Scene:
        """The grid and the scale of the whole run."""
        return once(run, (self, "scene"), lambda: self._scene(run))

    def _scene(self, run: RunView) -> _Scene:
        around = plane_extent(run, "x")
        x, y = self.x or around.x or (-1.0, 1.0), self.y or around.y or (-1.0, 1.0)
        cell = max(x[1] - x[0], y[1] - y[0]) / self.columns
        grid = Grid(x, y, (max(2, round((y[1] - y[0]) / cell)), max(2, round((x[1] - x[0]) / cell))))
        tops = (float(self._density(run, index, grid).max()) for index in run.shown if run.trajectory.kept(index))
        return _Scene(grid, max((top for top in tops if top > 0), default=1.0))

    def extent(self, run: RunView) -> Box | None:
        scene = self.scene(run)
        corners = scene.placed(_frame(scene.grid.x, scene.grid.y, 0.0))
        peaks = corners * 0.5 + np.array([0, 0, HEIGHT])  # the corners are never high
        return self.in_view(np.concatenate([peaks, corners, self._lowered(corners)]))

    def _lowered(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the floor lies below."""
        return np.asarray(xyz - [0, 0, DROP if self.contours else 0.0])

    def _floor(self, scene: _Scene, camera: Camera, ctx: RenderContext) -> marks.Polylines:
        outline = camera.project(self._lowered(scene.placed(_frame(scene.grid.x, scene.grid.y, 0.0))))[:, :2]
        return marks.Polylines((outline,), ctx.theme.color("muted"), 1.0, 0.5)

    def _rings(
        self, table: NDArray[np.float64], scene: _Scene, camera: Camera, ctx: RenderContext
    ) -> Iterator[marks.Polylines]:
        rings = [lines_at(level, table, scene.grid) for level in heights_around(table, scene.grid, SHARES)]
        palette = ctx.theme.gradient()
        for share, ring in zip(SHARES, rings, strict=True):
            flat = [self._lowered(scene.placed(np.column_stack([line, np.zeros(len(line))]))) for line in ring]
            color = hex_of(palette, 1 - share)
            yield marks.Polylines(tuple(camera.project(line)[:, :2] for line in flat), color, 1.5, 0.9)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        scene, camera = self.scene(run), self.camera(moment.fraction)
        table = self._density(run, moment.index, scene.grid)
        if self.scale == "moment":
            scene = scene._replace(top=float(table.max()) or 1.0)
        yield self._floor(scene, camera, ctx)
        if self.contours:
            yield from self._rings(table, scene, camera, ctx)
        yield landscape(table, scene, camera, ctx)

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        if self.scale == "moment":
            return None
        palette = heat(ctx.theme)[np.rint(255 * np.linspace(0, 1, 256) ** GAMMA).astype(int)]
        return Colorbar(palette, 0.0, self.scene(run).top, "density")


def _frame(x: Range, y: Range, z: float) -> NDArray[np.float64]:
    """The outline of a floor, closed, shape (5, 3)."""
    return np.array([[x[0], y[0], z], [x[1], y[0], z], [x[1], y[1], z], [x[0], y[1], z], [x[0], y[0], z]])


def landscape(table: NDArray[np.float64], scene: _Scene, camera: Camera, ctx: RenderContext) -> marks.Mesh:
    """The surface of a table of densities, its faces back to front."""
    rows, columns = table.shape
    xyz = scene.placed(np.column_stack([scene.grid.points, table.ravel()]))
    seen = camera.project(xyz)[:, :2]
    faces = back_to_front(rows, columns, camera)
    height = table.ravel()[faces].mean(axis=1) / scene.top
    shown = (height > FLAT) & towards(seen[faces])
    faces, height = faces[shown], height[shown]
    tone = heat(ctx.theme)[np.rint(255 * np.clip((height - FLAT) / (1 - FLAT), 0, 1) ** GAMMA).astype(int)]
    # What is low is lit evenly, so that the surface grows out of the background without an edge.
    shade = np.minimum(1, height / RELIEF) * (1 - brightness(xyz[faces], camera))
    lit = np.rint(tone * (1 - shade[:, None])).astype(np.uint8)
    return marks.Mesh(seen, faces, lit)


def back_to_front(rows: int, columns: int, camera: Camera) -> NDArray[np.intp]:
    """The faces of a grid of points, row by row from below, in an order in which none hides a later one, shape (m, 4).

    From far away, the rows farther off come first, and in them the columns farther off.
    """
    index = np.arange(rows * columns).reshape(rows, columns)
    x_away, y_away = camera.project(np.eye(3))[:2, 2]
    index = index[::-1] if y_away > 0 else index
    index = index[:, ::-1] if x_away > 0 else index
    corners = (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1])
    return np.stack(corners, axis=-1).reshape(-1, 4)


def towards(corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which faces turn their upper side to the camera, shape (m,), by their corners as seen, shape (m, 4, 2).

    The others are hidden by what is in front of them. On a flat floor all are seen, so that most faces tell which way
    round they are given.
    """
    (ax, ay), (bx, by) = (corners[:, 2] - corners[:, 0]).T, (corners[:, 3] - corners[:, 1]).T
    area = ax * by - ay * bx
    return np.asarray(area * np.sign(np.median(area)) > 0)


def brightness(corners: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """How much light faces get, 1 at most, which one that lies flat has, shape (m,), for corners of shape (m, 4, 3)."""
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normal *= np.sign(normal[:, 2:])  # upwards, whichever way round the face is
    c, s = np.cos(camera.azimuth), np.sin(camera.azimuth)
    sun = np.array([c * SUN[0] - s * SUN[1], s * SUN[0] + c * SUN[1], SUN[2]])
    direct = np.maximum(0, normal @ sun / np.linalg.norm(normal, axis=1))
    return np.asarray(SHADE + (1 - SHADE) * np.minimum(1, direct / sun[2]))

"""Field: the direction of the reverse process, all over the panel."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from torch import Tensor

from noisereel.contracts import marks
from noisereel.contracts.denoiser import Denoiser, Model
from noisereel.contracts.geometry import View
from noisereel.contracts.guides import Space
from noisereel.contracts.parametrisation import to_eps, to_score
from noisereel.contracts.probe import MeasureContext, Probe
from noisereel.contracts.renderer import IN_PIXELS, Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.schedule import Level, Schedule, posterior
from noisereel.contracts.state import State

from ..shared.paint import Ink

__all__ = ["Field", "FieldGrid"]

Vectors = Literal["drift", "score", "eps", "velocity"]

FINER = 2
"""Points per side of a cell that streamlines are interpolated from."""
STREAM, PIECES = 2.2, 14
"""Length of the longest streamline in cells, and the number of straight segments in it."""
INSTANT = 1e-3
"""Step of the finite difference in time, in units of t."""


class FieldGrid(Probe):
    """Vectors of the run's denoiser at the centres of a grid's cells.

    Gives ``vector``, shape (rows · columns, 2), and ``typical``, the median length of the run's own vectors.
    """

    of: Vectors
    """Kind of vectors."""
    x: tuple[float, float]
    """Horizontal range."""
    y: tuple[float, float]
    """Vertical range."""
    shape: tuple[int, int]
    """Rows and columns."""
    minus: Denoiser | None = None
    """Another denoiser, whose vectors are subtracted."""

    def points(self) -> NDArray[np.float32]:
        """Return the centres of the cells, row by row from the bottom, shape (rows · columns, 2)."""
        rows, columns = self.shape
        across, up = np.meshgrid(_centres(*self.x, columns), _centres(*self.y, rows))
        return np.stack([across.ravel(), up.ravel()], axis=1).astype(np.float32)

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        assert ctx.model is not None, "the run has a denoiser, see Field.check"
        x = torch.from_numpy(self.points()).to(ctx.data.x0.device)
        if state.level.sigma == 0:  # clean data: there is no noise to remove
            return {"vector": np.zeros(x.shape, np.float32), "typical": np.zeros(())}
        vector = VECTORS[self.of](x, state.level, ctx.model, ctx.schedule)
        typical = np.asarray(np.median(vector.norm(dim=1).cpu().numpy()))
        if self.minus is not None:
            assert ctx.denoising is not None, "a run's probes have a denoiser context"
            vector = vector - VECTORS[self.of](x, state.level, self.minus.bind(ctx.denoising), ctx.schedule)
        return {"vector": vector.cpu().numpy(), "typical": typical}


def drift(x: Tensor, t: Level, model: Model, schedule: Schedule) -> Tensor:
    """Return E[x_{t−1} | x_t] − x_t for x_t of shape (n, 2): the posterior mean with x̂_0 in place of x_0."""
    q = posterior(schedule.at(max(t.t - 1, 0.0)), t)
    return (q.on_x - 1) * x + q.on_x0 * model(x, t)


def score(x: Tensor, t: Level, model: Model, schedule: Schedule) -> Tensor:
    """Return ∇ log p_t(x), which points against ε̂, for x of shape (n, 2)."""
    return to_score(x, model(x, t), t)


def noise(x: Tensor, t: Level, model: Model, schedule: Schedule) -> Tensor:
    """Return ε̂(x), for x of shape (n, 2)."""
    return to_eps(x, model(x, t), t)


def velocity(x: Tensor, t: Level, model: Model, schedule: Schedule) -> Tensor:
    """Return −dx/dt = −(dα/dt·x̂_0 + dσ/dt·ε̂) of the probability-flow ODE, for x of shape (n, 2)."""
    s = schedule.at(max(t.t - INSTANT, 0.0))
    x0 = model(x, t)
    return ((s.alpha - t.alpha) * x0 + (s.sigma - t.sigma) * to_eps(x, x0, t)) / (t.t - s.t)


VECTORS: Mapping[Vectors, Callable[[Tensor, Level, Model, Schedule], Tensor]] = MappingProxyType(
    {"drift": drift, "score": score, "eps": noise, "velocity": velocity}
)


class Field(Renderer):
    """The direction in which the denoiser moves points, all over the panel, as arrows or streamlines.

    Lengths are relative to the moment's median, so that the field is readable from pure noise to clean data: a vector
    of a fifth of the median reaches half-way to the next arrow, and none reaches farther than the next arrow. A
    constant factor is therefore invisible: score and ε̂ differ only in sign, and drift and velocity hardly differ. A
    streamline follows the field of the moment, and is faint at its start. A difference of two fields (``minus``) is
    drawn on the scale of the run's own field: where it shrinks to a dot, the two agree.

    References:
        Song et al. (2021), arXiv:2011.13456, Eq. (13): the probability-flow ODE.
        Ho et al. (2020), arXiv:2006.11239, Eq. (7): the posterior mean.
    """

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "of"

    of: Vectors = "drift"
    """Vectors to show: drift E[x_{t−1} | x_t] − x_t, one unit of time towards the data; score ∇ log p_t; eps, the noise
    estimate ε̂, which points away from the data; or velocity −dx/dt of the probability-flow ODE, which deterministic
    samplers solve."""
    minus: Denoiser | None = None
    """Another denoiser, whose field is subtracted from the field of the run's denoiser."""
    lines: Literal["arrows", "streamlines"] = "arrows"
    """Straight arrows, or short streamlines that brighten towards their ends."""
    density: int = pydantic.Field(default=27, ge=2, le=200)
    """Number of arrows across the panel."""
    color: Ink = "muted"
    width: Annotated[float | None, IN_PIXELS] = pydantic.Field(default=None, gt=0, le=100)
    """Width in design pixels; if omitted, 1.1 for arrows and 1.8 for streamlines."""
    alpha: float | None = pydantic.Field(default=None, gt=0, le=1)
    """Opacity; if omitted, 0.55 for arrows and 0.8 for the ends of streamlines."""

    def check(self, run: RunInfo) -> str | None:
        missing = None if run.denoiser else f"needs a denoiser, but run '{run.name}' has none"
        return super().check(run) or missing or self._check_minus(run)

    def _check_minus(self, run: RunInfo) -> str | None:
        """Return the reason why the other denoiser does not work for the run, or None."""
        message = None if self.minus is None or run.context is None else self.minus.check(run.context)
        return message and f"minus: {message}"

    def probes(self, ctx: RenderContext) -> Sequence[Probe]:
        return (self._grid(ctx.view),)

    def _grid(self, view: View) -> FieldGrid:
        columns = self.density * (FINER if self.lines == "streamlines" else 1)
        cell = (view.x[1] - view.x[0]) / columns
        rows = max(1, round((view.y[1] - view.y[0]) / cell))
        return FieldGrid(of=self.of, x=view.x, y=view.y, shape=(rows, columns), minus=self.minus)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        grid, color = self._grid(ctx.view), ctx.theme.color(self.color)
        values = run.value(grid, moment.index)
        vector, typical = np.asarray(values["vector"], np.float32), float(values["typical"])
        cell = (ctx.view.x[1] - ctx.view.x[0]) / self.density
        if self.lines == "streamlines":
            lines = streamlines(shortened(vector, STREAM * cell, typical), grid, self.density)
            yield marks.Trails(lines, color, self.width or 1.8, self.alpha or 0.8)
        else:
            arrows = shortened(vector, 0.95 * cell, typical)
            tail = grid.points() - arrows / 2
            yield marks.Arrows(tail, arrows, color, self.width or 1.1, self.alpha or 0.55)


def streamlines(vector: NDArray[np.floating], grid: FieldGrid, across: int) -> NDArray[np.floating]:
    """Return lines along a field through the centres of coarser cells; their lengths follow the field's strength.

    Args:
        vector: The field at the grid's points, as the displacement along a whole line, shape (rows · columns, 2).
        grid: Grid on which the field is known.
        across: Number of lines across the panel.

    Returns:
        Positions along the lines, shape (`PIECES` + 1, lines, 2).
    """
    cells = FieldGrid(of=grid.of, x=grid.x, y=grid.y, shape=(max(1, grid.shape[0] // FINER), across))
    halves = [cells.points()], [cells.points()]
    for points, sign in zip(halves, (-1, 1), strict=True):
        for _ in range(PIECES // 2):  # by the midpoint rule
            middle = points[-1] + sign / (2 * PIECES) * interpolated(vector, grid, points[-1])
            points.append(points[-1] + sign / PIECES * interpolated(vector, grid, middle))
    backward, forward = halves
    return np.stack([*backward[:0:-1], *forward])


def interpolated(vector: NDArray[np.floating], grid: FieldGrid, points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Interpolate a field bilinearly between the grid's points, shape (n, 2); beyond them, take the nearest value."""
    rows, columns = grid.shape
    table = vector.reshape(rows, columns, 2)
    (x0, x1), (y0, y1) = grid.x, grid.y
    across = np.clip((points[:, 0] - x0) / (x1 - x0) * columns - 0.5, 0, columns - 1)
    up = np.clip((points[:, 1] - y0) / (y1 - y0) * rows - 0.5, 0, rows - 1)
    column, row = np.minimum(across.astype(int), columns - 2), np.minimum(up.astype(int), rows - 2)
    a, b = (across - column)[:, None], (up - row)[:, None]
    below = (1 - a) * table[row, column] + a * table[row, column + 1]
    above = (1 - a) * table[row + 1, column] + a * table[row + 1, column + 1]
    return np.asarray((1 - b) * below + b * above, np.float32)


def shortened(vector: NDArray[np.floating], longest: float, typical: float) -> NDArray[np.floating]:
    """Return vectors of the same directions with lengths l → longest · l / (l + typical/5), shape (n, 2)."""
    length = np.linalg.norm(vector, axis=1, keepdims=True)
    return vector * (longest / (length + typical / 5)) if typical > 0 else np.zeros_like(vector)


def _centres(low: float, high: float, n: int) -> NDArray[np.floating]:
    return low + (np.arange(n) + 0.5) * (high - low) / n

"""Field: which way the reverse process goes, all over the panel."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from torch import Tensor

from noisereel import marks
from noisereel.denoiser import Model, to_score
from noisereel.errors import UsageError
from noisereel.figure import Look, View
from noisereel.probe import Measure, Probe, State
from noisereel.record import Record
from noisereel.renderer import Moment, Renderer, Space
from noisereel.schedule import Level, Schedule, posterior

from ._paint import Ink

__all__ = ["Field", "FieldGrid"]

Vectors = Literal["drift", "score"]


class FieldGrid(Probe):
    """Vectors at the centres of a grid's cells, by the run's denoiser. Gives ``vector``, shape (rows · columns, 2)."""

    of: Vectors
    """Which vectors."""
    x: tuple[float, float]
    """From where to where across."""
    y: tuple[float, float]
    """From where to where upwards."""
    shape: tuple[int, int]
    """Rows and columns."""

    def points(self) -> NDArray[np.float32]:
        """The centres, row by row from below, shape (rows · columns, 2)."""
        rows, columns = self.shape
        across, up = np.meshgrid(_centres(*self.x, columns), _centres(*self.y, rows))
        return np.stack([across.ravel(), up.ravel()], axis=1).astype(np.float32)

    def measure(self, state: State, ctx: Measure) -> Mapping[str, NDArray[np.generic]]:
        if ctx.model is None:
            raise UsageError("field needs the run to have a denoiser")
        x = torch.from_numpy(self.points()).to(ctx.data.x0.device)
        if state.level.sigma == 0:  # clean data: nothing is left to undo
            return {"vector": np.zeros(x.shape, np.float32)}
        vectors = drift if self.of == "drift" else score
        return {"vector": vectors(x, state.level, ctx.model, ctx.schedule).cpu().numpy()}


def drift(x: Tensor, t: Level, model: Model, schedule: Schedule) -> Tensor:
    """E[x_{t−1} | x_t] − x_t for x_t of shape (n, 2): the posterior's mean with x̂_0 in place of x_0."""
    q = posterior(schedule.at(max(t.t - 1, 0.0)), t)
    return (q.on_x - 1) * x + q.on_x0 * model(x, t)


def score(x: Tensor, t: Level, model: Model, schedule: Schedule) -> Tensor:
    """∇ log p_t(x), which points against ε̂, for x of shape (n, 2)."""
    return to_score(x, model(x, t), t)


class Field(Renderer):
    """Arrows that show where the denoiser sends a point, from all over the panel.

    Lengths are relative to the moment's median, so that the field can be read from pure noise to clean data: a fifth of
    the median reaches half-way to the next arrow, and nothing farther than all the way.
    """

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "of"

    of: Vectors = "drift"
    """drift: E[x_{t−1} | x_t] − x_t, one unit of time towards the data; score: ∇ log p_t, the direction of −ε̂."""
    density: int = pydantic.Field(default=27, ge=2, le=200)
    """How many arrows across the panel."""
    color: Ink = "muted"
    """A role of the theme or a hex colour."""
    alpha: float = pydantic.Field(default=0.55, gt=0, le=1)
    """Opacity."""

    def probes(self, look: Look) -> Sequence[Probe]:
        return (self._grid(look.view),)

    def _grid(self, view: View) -> FieldGrid:
        cell = (view.x[1] - view.x[0]) / self.density
        rows = max(1, round((view.y[1] - view.y[0]) / cell))
        return FieldGrid(of=self.of, x=view.x, y=view.y, shape=(rows, self.density))

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        grid = self._grid(look.view)
        vector = np.asarray(record.value(grid, moment.step)["vector"], np.float32)
        cell = (look.view.x[1] - look.view.x[0]) / self.density
        arrows = shortened(vector, 0.95 * cell)
        tail = grid.points() - arrows / 2
        color = look.theme.color(self.color)
        yield marks.Arrows(tail, arrows, color, width=1.1, alpha=self.alpha)


def shortened(vector: NDArray[np.floating], longest: float) -> NDArray[np.floating]:
    """The same directions with lengths l → longest · l / (l + median/5), shape (n, 2)."""
    length = np.linalg.norm(vector, axis=1, keepdims=True)
    soft = float(np.median(length)) / 5
    return vector * (longest / (length + soft)) if soft > 0 else np.zeros_like(vector)


def _centres(low: float, high: float, n: int) -> NDArray[np.floating]:
    return low + (np.arange(n) + 0.5) * (high - low) / n

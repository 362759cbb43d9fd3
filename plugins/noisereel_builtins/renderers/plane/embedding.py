"""Embedding: a map of particles of any shape in the plane, in which neighbours stay neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Guide, Space
from noisereel.contracts.probe import MeasureContext, Probe, Trace
from noisereel.contracts.renderer import IN_PIXELS, Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.state import State
from noisereel.contracts.theme import rgb

from ...optional_deps import need
from ..image.image import to_bytes
from ..shared.chosen import shades_of
from ..shared.cloud import disc
from ..shared.paint import ParticlePaint, guide_of, shades, unpaintable

__all__ = ["TSNE", "Embedding"]

MAX_POINTS = 20_000
"""Maximum number of points to embed; more would take many minutes."""


class TSNE(Trace):
    """One t-SNE of all particles at all visits together, so that positions mean the same at all times.

    Two points of the plane are neighbours if the two states are, whichever particles and times they belong to. The
    layout starts from the principal components of all states, so it is deterministic.

    References:
        van der Maaten and Hinton (2008), "Visualizing data using t-SNE", JMLR 9.
    """

    perplexity: float = 30
    iterations: int = 500

    def follow(self, states: Iterable[State], ctx: MeasureContext) -> Iterator[Mapping[str, NDArray[np.generic]]]:
        """Yield ``xy``, shape (n, 2), for every state; all of them are inside the unit circle.

        Raises:
            ValueError: scikit-learn is missing.
        """
        clouds = [state.x.flatten(1).cpu().numpy() for state in states]
        points = np.concatenate(clouds)
        manifold: Any = need("sklearn.manifold", "embedding", "scikit-learn")
        fit = manifold.TSNE(init="pca", perplexity=self.perplexity, max_iter=self.iterations, random_state=0, n_jobs=1)
        xy = fit.fit_transform(points)
        xy -= (xy.max(0) + xy.min(0)) / 2
        xy /= np.linalg.norm(xy, axis=1).max()
        for part in np.split(xy, len(clouds)):
            yield {"xy": part}


class Embedding(Renderer):
    """A t-SNE map of the particles at all visits: discs, or thumbnails of grey images where they do not overlap.

    Neighbours in the plane are neighbours among the states, at the same time or at different times. Distances between
    groups mean little. All visits are embedded together, so keep their number small (``forward: {every: 100}``).

    References:
        van der Maaten and Hinton (2008), "Visualizing data using t-SNE", JMLR 9.
    """

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "perplexity"

    perplexity: float = Field(default=30, gt=1, le=1000)
    """Approximate number of neighbours of each point."""
    iterations: int = Field(default=500, ge=300, le=10_000)
    """Number of optimisation steps; the first 250 only find the groups."""
    color: ParticlePaint = "hue"
    size: Annotated[float | None, IN_PIXELS] = Field(default=None, gt=0, le=100)
    """Radius of a disc in design pixels; if omitted, it suits the number of particles and the panel's size."""
    picture: float = Field(default=26, gt=0, le=400)
    """Size of a thumbnail in design pixels."""

    def check(self, run: RunInfo) -> str | None:
        points = run.particles * len(run.levels)
        if not self.perplexity < points <= MAX_POINTS:
            return (
                f"embeds all particles at all visits of run '{run.name}', {points:,} points: the number must be above "
                f"the perplexity of {self.perplexity:g} and at most {MAX_POINTS:,}; change 'particles' or the "
                "sampler's number of steps"
            )
        return unpaintable(self.color, run)

    def extent(self, run: RunView) -> Box | None:
        return Box((-1.04, 1.04), (-1.04, 1.04))

    def probes(self, ctx: RenderContext) -> Sequence[Probe]:
        return (self._tsne,)

    @property
    def _tsne(self) -> TSNE:
        return TSNE(perplexity=self.perplexity, iterations=self.iterations)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        xy = run.value(self._tsne, moment.index)["xy"]
        color = shades(self.color, run, ctx.theme, moment.index)
        (low, high), images = ctx.view.x, run.trajectory.series("x", moment.index)
        thumbnails: list[int] = []
        if len(run.trajectory.event_shape) == 2 and images is not None:
            side = self.picture * (high - low) / ctx.view.size[0]
            thumbnails = _without_overlap(xy, side)
            for i in thumbnails:
                (x, y), half = xy[i], side / 2
                box = (x - half, x + half, y - half, y + half)
                yield marks.Image(_tinted(images[i], _color(color, i)), box, smooth=False)
        others = np.setdiff1d(np.arange(len(xy)), thumbnails)
        size, alpha = disc(run.trajectory.particles, ctx)
        yield marks.Points(xy[others], shades_of(color, others), self.size or size, alpha)

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        return guide_of(self.color, run, ctx.theme)


def _without_overlap(xy: NDArray[np.floating], side: float) -> list[int]:
    """Return points whose squares of this side do not overlap, chosen greedily in order."""
    chosen: list[int] = []
    for i, position in enumerate(xy):
        if all(np.abs(position - xy[other]).max() >= side for other in chosen):
            chosen.append(i)
    return chosen


def _color(color: marks.Color, i: int) -> NDArray[np.uint8]:
    """Return the RGB colour of one particle."""
    return color.palette[color.index[i]] if isinstance(color, marks.Shades) else np.array(rgb(color), np.uint8)


def _tinted(image: NDArray[np.floating], color: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a grey image as opacity of one colour, clear at −1 and opaque at 1, RGBA, shape (H, W, 4)."""
    out = np.empty((*image.shape, 4), np.uint8)
    out[..., :3] = color
    out[..., 3] = to_bytes(image)
    return out

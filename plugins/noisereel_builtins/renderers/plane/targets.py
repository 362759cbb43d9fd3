"""Targets: the clean points that a noisy one may have come from, and their mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.marks import Mark
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.schedule import Level, posterior
from noisereel.contracts.theme import Theme

from ..shared.cloud import reach
from ..shared.memo import once
from ..shared.paint import Paint, hex_of

__all__ = ["Targets", "posterior_weights"]

MIN_LABELLED = 0.02
"""Smallest weight with a label at its ray's tip."""
MIN_ALPHA = 0.12
"""Opacity of a ray of weight 0; one of weight 1 is opaque."""
SIZE, GAP = 12.0, 13.0
"""Type size of labels in points at 720 lines, and their distance from the tips in design pixels."""

Array = NDArray[np.float64]


class _NoisyPoint(NamedTuple):
    """The x_t that rays start from, with all x_0 that it may have come from."""

    index: int  # type: ignore[assignment]  # hides tuple.index
    level: Level
    x: Array  # (2,)
    x0: Array  # (n, 2)
    weights: Array  # (n,)


class Targets(Renderer):
    """Rays from one x_t to the partial targets μ̃_s(x_t, x_0), one for each x_0, and an arrow to their weighted sum.

        μ̃_s(x_t, x_0) = E[x_s | x_t, x_0],   p(x_0 | x_t) ∝ N(x_t; α_t·x_0, σ_t²·I)
        Σ_{x_0} p(x_0 | x_t)·μ̃_s(x_t, x_0) = E[x_s | x_t] = μ̃_s(x_t, E[x_0 | x_t])

    s is the moment shown, x_t the noisiest state that the particle visits. A network is trained on single rays and
    learns the arrow. The wider and more opaque a ray, the likelier its x_0; p(x_0 | x_t) is shown at its tip. Until the
    run has reached x_t, only that point is shown.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (6 to 8).
    """

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "rays"

    rays: int = Field(default=24, ge=0, le=1000)
    """Number of partial targets to show, likeliest first; the sum is over all of them."""
    particle: int = Field(default=0, ge=0)
    """Index of the particle whose x_t is used; in a bridge with a given end, all particles have the same."""
    color: Paint = "hue"
    """Colour of the rays: hue (each sample's own), a theme colour, or a hex colour."""
    label: str = "$E[x_s\\,|\\,x_t]$"
    """Label at the arrow's tip; may be empty."""

    def check(self, run: RunInfo) -> str | None:
        message = f"particle: must be below {run.particles}, the number of particles, got {self.particle}"
        return super().check(run) or (message if self.particle >= run.particles else None)

    def extent(self, run: RunView) -> Box | None:
        noisy = self._noisy(run)
        return Box(*(reach([np.append(noisy.x0[:, axis], noisy.x[axis])]) for axis in (0, 1)))

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[Mark]:
        noisy, ink = self._noisy(run), ctx.theme.color("ink")
        if moment.index > noisy.index:
            yield from self._rays(noisy, run, moment.level, ctx)
        yield marks.Points(noisy.x[None], ctx.theme.color("background"), 6.0, 1.0, edge=ink)
        if moment.index <= noisy.index:
            yield _tip_label(noisy.x, noisy.x, "$x_t$", ctx.theme)

    def _rays(self, noisy: _NoisyPoint, run: RunView, s: Level, ctx: RenderContext) -> Iterable[Mark]:
        """Yield the rays and the arrow, then the labels at their tips."""
        tips, ink = partial_targets(noisy, s), ctx.theme.color("ink")
        likeliest = np.argsort(-noisy.weights, kind="stable")[: self.rays]
        colors = self._colors(run, ctx, likeliest)
        for i, color in zip(likeliest[::-1], colors[::-1], strict=True):
            w = float(noisy.weights[i])
            alpha = MIN_ALPHA + (1 - MIN_ALPHA) * w**0.5
            yield marks.Polylines((np.stack([noisy.x, tips[i]]),), color, 1.2 + 8 * w, alpha)
            yield marks.Points(tips[i][None], color, 3 + 9 * w**0.5, max(alpha, 0.6))
        mean = noisy.weights @ tips
        yield marks.Arrows(noisy.x[None], (mean - noisy.x)[None], ink, 3.5)
        for i in likeliest:
            if noisy.weights[i] >= MIN_LABELLED:
                yield _tip_label(tips[i], noisy.x, f"{100 * noisy.weights[i]:.0f} %", ctx.theme)
        if self.label:
            yield _tip_label(mean, noisy.x, self.label, ctx.theme)

    def _colors(self, run: RunView, ctx: RenderContext, rows: NDArray[np.intp]) -> list[str]:
        hue = _hues(run)
        if self.color != "hue" or hue is None:
            return [ctx.theme.color("muted" if self.color == "hue" else self.color)] * len(rows)
        palette = ctx.theme.gradient()
        return [hex_of(palette, float(hue[i])) for i in rows]

    def _noisy(self, run: RunView) -> _NoisyPoint:
        return once(run, (self, "noisy"), lambda: _noisiest(run, self.particle))


def _noisiest(run: RunView, particle: int) -> _NoisyPoint:
    """Return the noisiest kept state of a particle, with the weights of all data points."""
    index = min(run.trajectory.kept_visits, key=lambda i: run.trajectory.levels[i].log_snr)
    particles = run.trajectory.series("x", index)
    assert particles is not None, "x exists at every kept visit"
    x0 = run.trajectory.data.x0.numpy().astype(np.float64)
    x, level = particles[particle].astype(np.float64), run.trajectory.levels[index]
    return _NoisyPoint(index, level, x, x0, posterior_weights(x, x0, level))


def posterior_weights(x: Array, x0: Array, t: Level) -> Array:
    """Return p(x_0 | x_t = x) of each data point, shape (n,), summing to 1; if σ_t = 0, the nearest has all of it.

    Args:
        x: Noisy point, shape (D,).
        x0: Data points, shape (n, D).
        t: Level of the noisy point.
    """
    squared = np.square(x - t.alpha * x0).sum(1)
    squared -= squared.min()
    weights = np.exp(-squared / (2 * t.sigma**2)) if t.sigma else (squared == 0).astype(float)
    return np.asarray(weights / weights.sum())


def partial_targets(noisy: _NoisyPoint, s: Level) -> Array:
    """Return E[x_s | x_t, x_0] for each x_0, shape (n, 2); x_t itself if s is no cleaner."""
    if s.t >= noisy.level.t:
        return np.broadcast_to(noisy.x, noisy.x0.shape)
    on_x, on_x0, _ = posterior(s, noisy.level)
    return on_x * noisy.x + on_x0 * noisy.x0


def _hues(run: RunView) -> NDArray[np.float32] | None:
    """Return the data's hues, else those of the particles that came from them, or None if there are none."""
    if run.trajectory.data.hue is not None:
        return run.trajectory.data.hue.numpy()
    if run.trajectory.hue is None or run.trajectory.origin is None:
        return None
    hue = np.full(len(run.trajectory.data.x0), 0.5, np.float32)
    hue[run.trajectory.origin] = run.trajectory.hue
    return hue


def _tip_label(tip: Array, start: Array, text: str, theme: Theme) -> marks.Text:
    """Return a label at a tip, on the side away from the start of its ray."""
    dx, dy = tip - start
    anchor: tuple[Literal["left", "center", "right"], Literal["bottom", "center", "top"]]
    if abs(dy) > abs(dx):
        anchor, offset = ("center", "bottom" if dy > 0 else "top"), (0.0, GAP if dy > 0 else -GAP)
    else:
        anchor, offset = ("left" if dx >= 0 else "right", "center"), (GAP if dx >= 0 else -GAP, 0.0)
    position, halo = (float(tip[0]), float(tip[1])), theme.color("background")
    return marks.Text(position, text, theme.color("ink"), SIZE, anchor=anchor, offset=offset, halo=halo)

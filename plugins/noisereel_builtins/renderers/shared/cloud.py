"""What the layers that show particles share: which visits to look at, robust limits, discs that suit their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.geometry import Box, Range
from noisereel.contracts.renderer import RenderContext, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series
from noisereel.support.errors import UsageError

from .chosen import spread

__all__ = ["VISITS", "crowding", "disc", "latest", "plane_extent", "reach", "sampled", "unrecorded"]

VISITS = 32
"""How many visits limits are taken from; a trajectory is smooth, so more would not change them."""
OUTSIDE = 0.0005
"""Share of the particles that may lie beyond each limit, so that the tails of many do not shrink the picture."""
STRAYS, FENCE = 0.02, 5.0
"""Largest share of strays, and how many interquartile ranges beyond the quartiles they begin: 7.4 σ of a Gaussian."""
UNUSUAL = 3.0
"""How many times farther out than most an untrained network's samples may be and still count for limits."""


def sampled(run: RunView, of: Series) -> Iterator[NDArray[np.float32]]:
    """A series at up to `VISITS` kept visits spread over the run, but those at which a network that learns is far off.

    Raises:
        UsageError: The run has no such series at any of them.
    """
    kept = run.trajectory.kept_visits
    found = [array for i in spread(len(kept), VISITS) if (array := run.trajectory.series(of, kept[i])) is not None]
    if not found:
        raise UsageError(f"of: run '{run.trajectory.name}' records no '{of}'; x is always there")
    yield from found if run.trajectory.training is None else _usual(found)


def _usual(arrays: Sequence[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Those whose values are about as large as most arrays'."""
    finite = [np.abs(a[np.isfinite(a)]) for a in arrays]
    sizes = np.array([np.median(a) if a.size else np.inf for a in finite])
    usual = sizes <= UNUSUAL * np.median(sizes)
    return (array for array, kept in zip(arrays, usual, strict=True) if kept)


def unrecorded(of: Series, run: RunInfo) -> str | None:
    """Why a run will have no such series, or None, also where that is not known before."""
    if of in ("x0", "eps") and not run.has_estimates:
        return f"of: run '{run.name}' asks no denoiser, so it records no '{of}'; x is always there"
    if of == "signal" and not run.from_data:
        return f"of: run '{run.name}' does not start from data, so it records no 'signal'; x is always there"
    return None


def latest(run: RunView, of: Series, index: int) -> NDArray[np.float32] | None:
    """A series at a visit; at the run's end, which leaves for nowhere and so has no estimate, the last one shown."""
    array = run.trajectory.series(of, index)
    if array is not None or of not in ("x0", "eps") or index < len(run.trajectory) - 1:
        return array
    earlier = [s for s in run.shown if s < index]
    return run.trajectory.series(of, earlier[-1]) if earlier else None


def reach(arrays: Iterable[NDArray[np.floating]]) -> Range | None:
    """Limits that hold all but a few stray values of every array, with a little room; None if nothing is finite."""
    finite = [a[np.isfinite(a)] for a in arrays]
    ends = [_ends(a) for a in finite if a.size]
    if not ends:
        return None
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    room = 0.04 * (high - low) or 1.0
    return float(low - room), float(high + room)


def _ends(values: NDArray[np.floating]) -> tuple[float, float]:
    """Where all values lie but the tails of many, and a few strays far from the rest."""
    low, quarter, other, high = np.quantile(values, (OUTSIDE, 0.25, 0.75, 1 - OUTSIDE))
    first, last = quarter - FENCE * (other - quarter), other + FENCE * (other - quarter)
    if quarter < other and not first <= low <= high <= last:
        near = values[(values >= first) & (values <= last)]
        if values.size - near.size <= max(1, STRAYS * values.size):
            low, high = np.quantile(near, (OUTSIDE, 1 - OUTSIDE))
    return float(low), float(high)


def plane_extent(run: RunView, of: Series) -> Box:
    """Limits that hold a series of 2-D points over the whole run, so that nothing jitters."""
    arrays = list(sampled(run, of))
    return Box(reach(a[:, 0] for a in arrays), reach(a[:, 1] for a in arrays))


def crowding(particles: int, ctx: RenderContext) -> float:
    """How crowded a panel is: 1 for 10,000 particles in 640 × 640 design pixels."""
    return particles / 10_000 * (640 / min(ctx.view.size)) ** 2


def disc(particles: int, ctx: RenderContext) -> tuple[float, float]:
    """Radius in design pixels and opacity of discs that suit their number and the panel."""
    crowd = crowding(particles, ctx)
    return min(1.7 * crowd**-0.17, 5.0), min(0.5 * crowd**-0.125, 0.9)

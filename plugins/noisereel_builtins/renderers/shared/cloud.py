"""Point clouds: robust limits of a series over a run, and sizes of discs that suit the number of particles."""

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

__all__ = ["LIMIT_VISITS", "crowding", "disc", "latest", "plane_extent", "reach", "sampled", "unrecorded"]

LIMIT_VISITS = 32
"""Number of visits that limits are computed from; a trajectory is smooth, so more would not change them."""
OUTSIDE = 0.0005
"""Fraction of the particles that may be beyond each limit, so that long tails do not shrink everything else."""
STRAYS, FENCE = 0.02, 5.0
"""Largest fraction of outliers, and their distance from the quartiles in interquartile ranges: 7.4 σ of a Gaussian."""
UNUSUAL = 3.0
"""Factor above the typical magnitude beyond which a visit does not affect limits: samples of an untrained network."""


def sampled(run: RunView, of: Series) -> Iterator[NDArray[np.float32]]:
    """Yield a series at up to `LIMIT_VISITS` kept visits spread over the run.

    If the run shows its denoiser in training, visits at which its samples are still far off are skipped.

    Raises:
        UsageError: The run has no such series at any of these visits.
    """
    kept = run.trajectory.kept_visits
    arrays = [a for i in spread(len(kept), LIMIT_VISITS) if (a := run.trajectory.series(of, kept[i])) is not None]
    if not arrays:
        raise UsageError(f"of: run '{run.trajectory.name}' records no '{of}'; x is always available")
    yield from arrays if run.trajectory.training is None else _typical(arrays)


def _typical(arrays: Sequence[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Return the arrays whose values are about as large as those of most others."""
    finite = [np.abs(a[np.isfinite(a)]) for a in arrays]
    sizes = np.array([np.median(a) if a.size else np.inf for a in finite])
    typical = sizes <= UNUSUAL * np.median(sizes)
    return (array for array, kept in zip(arrays, typical, strict=True) if kept)


def unrecorded(of: Series, run: RunInfo) -> str | None:
    """Return the reason why a run will have no such series, or None if it has one or this is not yet known."""
    if of in ("x0", "eps") and not run.has_estimates:
        return f"of: run '{run.name}' calls no denoiser, so it records no '{of}'; x is always available"
    if of == "signal" and not run.from_data:
        return f"of: run '{run.name}' does not start from data, so it records no 'signal'; x is always available"
    return None


def latest(run: RunView, of: Series, index: int) -> NDArray[np.float32] | None:
    """Return a series at a visit; at the end of the run, where no estimate is made, the last estimate shown."""
    array = run.trajectory.series(of, index)
    if array is not None or of not in ("x0", "eps") or index < len(run.trajectory) - 1:
        return array
    earlier = [s for s in run.shown if s < index]
    return run.trajectory.series(of, earlier[-1]) if earlier else None


def reach(arrays: Iterable[NDArray[np.floating]]) -> Range | None:
    """Return limits around all but a few outliers of every array, with a small margin; None if no value is finite."""
    finite = [a[np.isfinite(a)] for a in arrays]
    limits = [_limits(a) for a in finite if a.size]
    if not limits:
        return None
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    margin = 0.04 * (high - low) or 1.0
    return float(low - margin), float(high + margin)


def _limits(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return the range of the values without the outermost tails and without a few far outliers."""
    low, q1, q3, high = np.quantile(values, (OUTSIDE, 0.25, 0.75, 1 - OUTSIDE))
    first, last = q1 - FENCE * (q3 - q1), q3 + FENCE * (q3 - q1)
    if q1 < q3 and not first <= low <= high <= last:
        near = values[(values >= first) & (values <= last)]
        if values.size - near.size <= max(1, STRAYS * values.size):
            low, high = np.quantile(near, (OUTSIDE, 1 - OUTSIDE))
    return float(low), float(high)


def plane_extent(run: RunView, of: Series) -> Box:
    """Return limits that hold a series of 2-D points over the whole run, so that the axes do not jitter."""
    arrays = list(sampled(run, of))
    return Box(reach(a[:, 0] for a in arrays), reach(a[:, 1] for a in arrays))


def crowding(particles: int, ctx: RenderContext) -> float:
    """Return how crowded a panel is: 1 for 10,000 particles in 640 × 640 design pixels."""
    return particles / 10_000 * (640 / min(ctx.view.size)) ** 2


def disc(particles: int, ctx: RenderContext) -> tuple[float, float]:
    """Return a radius in design pixels and an opacity of discs that suit their number and the panel's size."""
    crowd = crowding(particles, ctx)
    return min(1.7 * crowd**-0.17, 5.0), min(0.5 * crowd**-0.125, 0.9)

"""What the layers that show particles share: which visits to look at, robust limits, discs that suit their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from noisereel.errors import UsageError
from noisereel.figure import Box, Look, Range
from noisereel.record import Record
from noisereel.renderer import Series
from noisereel.subject import Subject

from ._chosen import spread

__all__ = ["VISITS", "crowding", "disc", "latest", "plane_extent", "reach", "sampled", "unrecorded"]

VISITS = 32
"""How many visits limits are taken from; a trajectory is smooth, so more would not change them."""
OUTSIDE = 0.0005
"""Share of the particles that may lie beyond each limit, so that the tails of many do not shrink the picture."""
STRAYS, FENCE = 0.02, 5.0
"""Largest share of strays, and how many interquartile ranges beyond the quartiles they begin: 7.4 σ of a Gaussian."""
UNUSUAL = 3.0
"""How many times farther out than most an untrained network's samples may be and still count for limits."""


def sampled(record: Record, of: Series) -> Iterator[NDArray[np.float32]]:
    """A series at up to `VISITS` kept visits spread over the run, but those at which a network that learns is far off.

    Raises:
        UsageError: The run has no such series at any of them.
    """
    kept = record.kept_steps
    found = [array for i in spread(len(kept), VISITS) if (array := record.series(of, kept[i])) is not None]
    if not found:
        raise UsageError(f"of: run '{record.name}' records no '{of}'; x is always there")
    yield from found if record.training is None else _usual(found)


def _usual(arrays: Sequence[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Those whose values are about as large as most arrays'."""
    finite = [np.abs(a[np.isfinite(a)]) for a in arrays]
    sizes = np.array([np.median(a) if a.size else np.inf for a in finite])
    usual = sizes <= UNUSUAL * np.median(sizes)
    return (array for array, kept in zip(arrays, usual, strict=True) if kept)


def unrecorded(of: Series, subject: Subject) -> str | None:
    """Why a run will have no such series, or None, also where that is not known before."""
    if of in ("x0", "eps") and not subject.denoised:
        return f"of: run '{subject.name}' asks no denoiser, so it records no '{of}'; x is always there"
    if of == "signal" and not subject.from_data:
        return f"of: run '{subject.name}' does not start from data, so it records no 'signal'; x is always there"
    return None


def latest(record: Record, of: Series, step: int) -> NDArray[np.float32] | None:
    """A series at a visit; at the run's end, which leaves for nowhere and so has no estimate, the last one shown."""
    array = record.series(of, step)
    if array is not None or of not in ("x0", "eps") or step < len(record) - 1:
        return array
    earlier = [s for s in record.shown if s < step]
    return record.series(of, earlier[-1]) if earlier else None


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


def plane_extent(record: Record, of: Series) -> Box:
    """Limits that hold a series of 2-D points over the whole run, so that nothing jitters."""
    arrays = list(sampled(record, of))
    return Box(reach(a[:, 0] for a in arrays), reach(a[:, 1] for a in arrays))


def crowding(particles: int, look: Look) -> float:
    """How crowded a panel is: 1 for 10,000 particles in 640 × 640 design pixels."""
    return particles / 10_000 * (640 / min(look.size)) ** 2


def disc(particles: int, look: Look) -> tuple[float, float]:
    """Radius in design pixels and opacity of discs that suit their number and the panel."""
    crowd = crowding(particles, look)
    return min(1.7 * crowd**-0.17, 5.0), min(0.5 * crowd**-0.125, 0.9)

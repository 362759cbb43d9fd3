"""What the layers that show particles share: which visits to look at, robust limits, colours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from noisereel import marks
from noisereel.errors import UsageError
from noisereel.figure import Range
from noisereel.record import Record
from noisereel.renderer import Series
from noisereel.theme import THEMES, Theme

ROLES = tuple(THEMES["dark"].colors)
VISITS = 32
"""How many visits limits are taken from; a trajectory is smooth, so more would not change them."""
OUTSIDE = 0.0005
"""Share of the particles that may lie beyond each limit, so that one stray point does not shrink the picture."""


def _known_color(value: str) -> str:
    digits = value.removeprefix("#").lower()
    is_hex = value.startswith("#") and len(digits) == 6 and set(digits) <= set("0123456789abcdef")
    if not is_hex and value not in (*ROLES, "hue"):
        raise PydanticCustomError("color", f"must be hue, one of {', '.join(ROLES)}, or like #5AB0F2")
    return value


Paint = Annotated[str, AfterValidator(_known_color)]
"""``hue`` (each particle its own colour), a role of the theme, or a hex colour."""


def shades(paint: Paint, record: Record, theme: Theme) -> marks.Color:
    """The colour of a run's particles; blue where a hue is asked for and they have none."""
    if paint != "hue":
        return theme.color(paint)
    if record.hue is None:
        return theme.color("blue")
    own = None if record.origin is None else record.data.palette
    return marks.Shades(np.rint(record.hue * 255).astype(np.uint8), theme.gradient() if own is None else own.numpy())


def sampled(record: Record, of: Series) -> Iterator[NDArray[np.float32]]:
    """A series at up to `VISITS` kept visits spread over the run.

    Raises:
        UsageError: The run has no such series at any of them.
    """
    kept = [step for step in range(len(record)) if record.kept(step)]
    picked = np.unique(np.linspace(0, len(kept) - 1, VISITS).round().astype(int))
    found = [array for i in picked if (array := record.series(of, kept[i])) is not None]
    if not found:
        raise UsageError(f"of: run '{record.name}' records no '{of}'; x is always there")
    yield from found


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
    ends = [np.quantile(a, (OUTSIDE, 1 - OUTSIDE)) for a in finite if a.size]
    if not ends:
        return None
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    room = 0.04 * (high - low) or 1.0
    return float(low - room), float(high + room)

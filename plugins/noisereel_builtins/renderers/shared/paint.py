"""Colours of layers: one for all, or one for each particle by what tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from noisereel.contracts import marks
from noisereel.contracts.guides import Colorbar, Guide, Legend
from noisereel.contracts.renderer import RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.theme import ROLES, Theme
from noisereel.support.errors import suggest

from .memo import once

__all__ = ["Ink", "Paint", "ParticlePaint", "guide_of", "hex_of", "shades", "unpaintable"]

COORDINATES = ("x", "y", "z")
WAYS = ("hue", "label", "start", "speed", *COORDINATES)
NAMED = 12
"""With more classes than this, their names would fill the picture."""
STRAY = 0.02
"""Share of the particles beyond either end of a scale, so that a few do not take all the colours."""


def _known(value: str, ways: Sequence[str] = ()) -> str:
    digits = value.removeprefix("#").lower()
    is_hex = value.startswith("#") and len(digits) == 6 and set(digits) <= set("0123456789abcdef")
    if not is_hex and value not in (*ways, *ROLES):
        what = "".join(f"{way}, " for way in ways)
        hint = suggest(value, (*ways, *ROLES))
        near = f" ({hint})" if hint.startswith("did you mean") else ""
        raise PydanticCustomError("color", f"must be {what}one of {', '.join(ROLES)}, or like #5AB0F2{near}")
    return value


def _known_or_hue(value: str) -> str:
    return _known(value, ("hue",))


def _known_or_way(value: str) -> str:
    return _known(value, WAYS)


Ink = Annotated[str, AfterValidator(_known)]
"""A role of the theme or a hex colour."""

Paint = Annotated[str, AfterValidator(_known_or_hue)]
"""``hue``, a role of the theme, or a hex colour."""

ParticlePaint = Annotated[str, AfterValidator(_known_or_way)]
"""What tells particles apart (`WAYS`), a role of the theme, or a hex colour."""


def unpaintable(paint: str, run: RunInfo) -> str | None:
    """Why a run's particles cannot have these colours, or None."""
    if paint == "label" and (run.data.labels is None or not run.from_data):
        why = "has data without labels" if run.data.labels is None else "does not start from data"
        return f"cannot colour by label: run '{run.name}' {why}"
    if paint == "speed" and len(run.levels) < 2:
        return f"cannot colour by speed: run '{run.name}' visits one state only"
    needed = COORDINATES.index(paint) + 1 if paint in COORDINATES else 1 if paint == "start" else 0
    if needed and (len(run.event_shape) != 1 or run.event_shape[0] < needed):
        return f"cannot colour by {paint}: event shape {run.event_shape} has no such coordinate"
    return None


def shades(paint: str, run: RunView, theme: Theme, index: int) -> marks.Color:
    """The colour of a run's particles at a visit; blue where a hue is asked for and they have none."""
    if paint not in WAYS:
        return theme.color(paint)
    if paint == "hue":
        if run.trajectory.hue is None:
            return theme.color("blue")
        own = None if run.trajectory.origin is None else run.trajectory.data.palette
        return marks.Shades(_bytes(run.trajectory.hue), theme.gradient() if own is None else own.numpy())
    if paint == "speed":
        return marks.Shades(_bytes(speeds(run, index) / _fastest(run)), theme.gradient())
    values, low, high = _fixed(paint, run)
    return marks.Shades(_bytes((values - low) / (high - low)), theme.gradient())


def guide_of(paint: str, run: RunView, theme: Theme) -> Guide | None:
    """What the colours mean, where that is a number or a class."""
    palette = theme.gradient()
    if paint == "speed":
        return Colorbar(palette, 0.0, _fastest(run), "way per step")
    if paint in COORDINATES:
        _, low, high = _fixed(paint, run)
        return Colorbar(palette, low, high, f"${paint}$")
    if paint != "label":
        return None
    values, low, high = _fixed(paint, run)
    classes = np.unique(values)
    entries = [(f"{c:g}", hex_of(palette, (c - low) / (high - low))) for c in classes.tolist()]
    return Legend(tuple(entries)) if len(entries) <= NAMED else None


def hex_of(palette: NDArray[np.uint8], share: float) -> str:
    """The colour at a share of a palette, in [0, 1]."""
    return "#{:02X}{:02X}{:02X}".format(*palette[round((len(palette) - 1) * share)])


def speeds(run: RunView, index: int) -> NDArray[np.float64]:
    """How far each particle went in the step to a visit, shape (particles,); at first, in the step from there.

    Where visits between were not kept, it is the mean of the steps since the last kept one.
    """
    kept = run.trajectory.kept_visits
    here = max(1, int(np.searchsorted(kept, index)))
    one, other = kept[here - 1], kept[here]
    before, after = run.trajectory.series("x", one), run.trajectory.series("x", other)
    assert before is not None and after is not None, "x is there at every kept visit"
    way = (after.astype(np.float64) - before).reshape(len(after), -1)
    return np.asarray(np.linalg.norm(way, axis=1) / (other - one))


def _fastest(run: RunView) -> float:
    """What has the last colour in the whole run: the highest quantile of any visit shown."""

    def highest() -> float:
        shown = [index for index in run.shown if run.trajectory.kept(index)]
        tops = [np.quantile(speeds(run, index), 1 - STRAY) for index in shown]
        return max((float(top) for top in tops if np.isfinite(top)), default=0.0) or 1.0

    return once(run, "fastest", highest)


def _fixed(paint: str, run: RunView) -> tuple[NDArray[np.float64], float, float]:
    """What tells particles apart all along, shape (particles,), and what has the first and the last colour."""

    def found() -> tuple[NDArray[np.float64], float, float]:
        values = _values(paint, run)
        stray = 0.0 if paint == "label" else STRAY
        low, high = np.quantile(values[np.isfinite(values)], (stray, 1 - stray)) if len(values) else (0.0, 1.0)
        return values, float(low), float(high) if high > low else float(low) + 1.0

    return once(run, ("paint", paint), found)


def _values(paint: str, run: RunView) -> NDArray[np.float64]:
    if paint == "label":
        assert run.trajectory.data.labels is not None and run.trajectory.origin is not None, (
            "asked before the run was simulated"
        )
        return run.trajectory.data.labels.numpy()[run.trajectory.origin].astype(np.float64)
    levels, kept = run.trajectory.levels, run.trajectory.kept_visits
    first = run.trajectory.series("x", kept[0] if paint == "start" else max(kept, key=lambda i: levels[i].log_snr))
    assert first is not None, "x is there at every kept visit"
    if paint != "start":
        return first[:, COORDINATES.index(paint)].astype(np.float64)
    middle = first - first.mean(axis=0)
    return np.asarray(first[:, 0] if first.shape[1] == 1 else np.arctan2(middle[:, 1], middle[:, 0]), np.float64)


def _bytes(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(255 * np.clip(np.nan_to_num(shares), 0, 1)), np.uint8)

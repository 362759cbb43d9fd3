"""Colours of layers: one for all particles, or one per particle by one of its properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from noisereel.contracts import marks
from noisereel.contracts.guides import Colorbar, Guide, Legend
from noisereel.contracts.renderer import RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.theme import ROLES, Theme
from noisereel.support.errors import suggest
from noisereel.support.numbers import number_text

from .memo import once

__all__ = ["Ink", "Paint", "ParticlePaint", "guide_of", "hex_of", "shades", "unpaintable"]

COORDINATES = ("x", "y", "z")
PROPERTIES = ("hue", "label", "start", "speed", *COORDINATES)
"""Properties that particles can be coloured by."""
MAX_NAMED = 12
"""Maximum number of classes in a legend: the names of more would fill the panel."""
OUTLIERS = 0.02
"""Fraction of the particles beyond either end of a scale, so that a few do not take up most of the colours."""


def _valid(value: str, properties: Sequence[str] = ()) -> str:
    digits = value.removeprefix("#").lower()
    is_hex = value.startswith("#") and len(digits) == 6 and set(digits) <= set("0123456789abcdef")
    if not is_hex and value not in (*properties, *ROLES):
        choices = "".join(f"{name}, " for name in properties)
        hint = suggest(value, (*properties, *ROLES))
        suggestion = f" ({hint})" if hint.startswith("did you mean") else ""
        raise PydanticCustomError("color", f"must be {choices}one of {', '.join(ROLES)}, or like #5AB0F2{suggestion}")
    return value


def _valid_or_hue(value: str) -> str:
    return _valid(value, ("hue",))


def _valid_or_property(value: str) -> str:
    return _valid(value, PROPERTIES)


Ink = Annotated[str, AfterValidator(_valid), Field(description="A theme colour such as blue, or a hex colour.")]
"""One colour, with the description of fields of this type."""

Paint = Annotated[str, AfterValidator(_valid_or_hue)]
"""``hue``, a theme colour, or a hex colour; fields of this type describe what hue means for them."""

ParticlePaint = Annotated[
    str,
    AfterValidator(_valid_or_property),
    Field(
        description="Colour by hue (from the data, else from the angle of the first position), label, start (angle of "
        "the first position), speed (distance per step), x, y or z (coordinate in the cleanest state); or a theme "
        "colour such as blue, or a hex colour."
    ),
]
"""One of `PROPERTIES`, a theme colour, or a hex colour, with the description of fields of this type."""


def unpaintable(paint: str, run: RunInfo) -> str | None:
    """Return the reason why a run's particles cannot have these colours, or None."""
    if paint == "label" and (run.data.labels is None or not run.from_data):
        reason = "has data without labels" if run.data.labels is None else "does not start from data"
        return f"cannot colour by label: run '{run.name}' {reason}"
    if paint == "speed" and len(run.levels) < 2:
        return f"cannot colour by speed: run '{run.name}' visits one state only"
    needed = COORDINATES.index(paint) + 1 if paint in COORDINATES else 1 if paint == "start" else 0
    if needed and (len(run.event_shape) != 1 or run.event_shape[0] < needed):
        return f"cannot colour by {paint}: event shape {run.event_shape} has no such coordinate"
    return None


def shades(paint: str, run: RunView, theme: Theme, index: int) -> marks.Color:
    """Return the colours of a run's particles at a visit; blue for hue if the particles have none."""
    if paint not in PROPERTIES:
        return theme.color(paint)
    if paint == "hue":
        if run.trajectory.hue is None:
            return theme.color("blue")
        palette = None if run.trajectory.origin is None else run.trajectory.data.palette
        return marks.Shades(_bytes(run.trajectory.hue), theme.gradient() if palette is None else palette.numpy())
    if paint == "speed":
        return marks.Shades(_bytes(speeds(run, index) / _top_speed(run)), theme.gradient())
    values, low, high = _constant_values(paint, run)
    return marks.Shades(_bytes((values - low) / (high - low)), theme.gradient())


def guide_of(paint: str, run: RunView, theme: Theme) -> Guide | None:
    """Return the colour bar or legend of colours that mean a number or a class, or None."""
    palette = theme.gradient()
    if paint == "speed":
        return Colorbar(palette, 0.0, _top_speed(run), "distance per step")
    if paint in COORDINATES:
        _, low, high = _constant_values(paint, run)
        return Colorbar(palette, low, high, f"${paint}$")
    if paint != "label":
        return None
    values, low, high = _constant_values(paint, run)
    classes = np.unique(values)
    entries = [(number_text(c, "g"), hex_of(palette, (c - low) / (high - low))) for c in classes.tolist()]
    return Legend(tuple(entries)) if len(entries) <= MAX_NAMED else None


def hex_of(palette: NDArray[np.uint8], share: float) -> str:
    """Return the hex colour at a position in a palette, in [0, 1]."""
    return "#{:02X}{:02X}{:02X}".format(*palette[round((len(palette) - 1) * share)])


def speeds(run: RunView, index: int) -> NDArray[np.float64]:
    """Return the distance that each particle moved in the step to a visit, shape (particles,).

    At the first visit, it is the distance of the first step. If visits in between were not kept, it is the mean over
    the steps since the last kept one.
    """
    kept = run.trajectory.kept_visits
    row = max(1, int(np.searchsorted(kept, index)))
    first, last = kept[row - 1], kept[row]
    before, after = run.trajectory.series("x", first), run.trajectory.series("x", last)
    assert before is not None and after is not None, "x exists at every kept visit"
    moved = (after.astype(np.float64) - before).reshape(len(after), -1)
    return np.asarray(np.linalg.norm(moved, axis=1) / (last - first))


def _top_speed(run: RunView) -> float:
    """Return the speed that has the last colour in the whole run: the highest quantile over the visits shown."""

    def highest() -> float:
        shown = [index for index in run.shown if run.trajectory.kept(index)]
        tops = [np.quantile(speeds(run, index), 1 - OUTLIERS) for index in shown]
        return max((float(top) for top in tops if np.isfinite(top)), default=0.0) or 1.0

    return once(run, "fastest", highest)


def _constant_values(paint: str, run: RunView) -> tuple[NDArray[np.float64], float, float]:
    """Return a property that is constant over the run, shape (particles,), and its values at both ends of the scale."""

    def scaled() -> tuple[NDArray[np.float64], float, float]:
        values = _values(paint, run)
        beyond = 0.0 if paint == "label" else OUTLIERS
        low, high = np.quantile(values[np.isfinite(values)], (beyond, 1 - beyond)) if len(values) else (0.0, 1.0)
        return values, float(low), float(high) if high > low else float(low) + 1.0

    return once(run, ("paint", paint), scaled)


def _values(paint: str, run: RunView) -> NDArray[np.float64]:
    if paint == "label":
        assert run.trajectory.data.labels is not None and run.trajectory.origin is not None, (
            "called before the run was simulated"
        )
        return run.trajectory.data.labels.numpy()[run.trajectory.origin].astype(np.float64)
    levels, kept = run.trajectory.levels, run.trajectory.kept_visits
    first = run.trajectory.series("x", kept[0] if paint == "start" else max(kept, key=lambda i: levels[i].log_snr))
    assert first is not None, "x exists at every kept visit"
    if paint != "start":
        return first[:, COORDINATES.index(paint)].astype(np.float64)
    centred = first - first.mean(axis=0)
    return np.asarray(first[:, 0] if first.shape[1] == 1 else np.arctan2(centred[:, 1], centred[:, 0]), np.float64)


def _bytes(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(255 * np.clip(np.nan_to_num(shares), 0, 1)), np.uint8)

"""Insets: panels over a corner of another panel, on an opaque ground."""

from __future__ import annotations

from dataclasses import replace

from ..contracts.figure import HAIRLINE, Panel
from ..contracts.geometry import Rect
from ..support.errors import UsageError
from .placement import place
from .plan import Grid, InsetPlan, PanelPlan, Placed, Room

__all__ = ["lay_in"]

_MARGIN = 10.0
"""Distance from the edge of a host with axes or a picture to the ground, in design pixels; particles have no edge."""

_PADDING = 10.0
"""Distance from the edge of the ground to its content, in design pixels."""


def lay_in(frame: Room, host: Panel, plan: PanelPlan, inset: InsetPlan) -> Placed:
    """Place a panel in a corner of another one.

    Args:
        frame: The part of the frame that the grid fills.
        host: The other panel, in its place.
        plan: The panel.
        inset: Its place in the host.

    Raises:
        UsageError: There is too little room.
    """
    ground = _ground(host, inset)
    inner, stray = ground.without(_PADDING * frame.scale), ground.without(HAIRLINE * frame.scale)
    sides = (inner.left, inner.right), (inner.top, inner.bottom)
    room = Room((ground.width, ground.height), frame.scale, frame.theme, *sides, stray)
    try:
        (placed,) = place(room, [plan], Grid())
    except UsageError as error:
        size = f"{ground.width}×{ground.height} pixels"
        message = f"an inset of {size} has no room for a panel: make it or the film larger"
        raise UsageError(message) from error
    return replace(placed, panel=replace(placed.panel, ground=ground))


def _ground(host: Panel, inset: InsetPlan) -> Rect:
    """Return the part of the host that the inset covers."""
    rect = host.view.rect
    margin = 0 if host.space in ("plane", "volume") else round(_MARGIN * host.view.scale)
    width, height = (
        round(share * side) - 2 * margin for share, side in zip(inset.size, (rect.width, rect.height), strict=True)
    )
    up, across = inset.corner.split("-")
    left = rect.left + margin if across == "left" else rect.right - margin - width
    top = rect.top + margin if up == "top" else rect.bottom - margin - height
    return Rect(left, top, width, height)

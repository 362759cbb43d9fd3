"""Insets: panels placed over other panels, and their checks."""

from __future__ import annotations

from collections.abc import Sequence

from ..contracts.geometry import Corner
from ..support.errors import suggest
from .builder import Builder
from .nodes import Node
from .specs import PanelSpec

__all__ = ["check_insets"]


def check_insets(panels: Sequence[tuple[Node, PanelSpec]], builder: Builder) -> None:
    """Report insets whose panel is unknown, ambiguous or an inset itself, and insets that share a corner."""
    specs = [spec for _, spec in panels]
    taken: set[tuple[str, Corner]] = set()
    for node, spec in panels:
        if spec.inset is None:
            continue
        inset = node.child("inset") or node
        corner = spec.inset.panel, spec.inset.corner
        reason = _host_error(spec.inset.panel, specs)
        if reason is not None:
            builder.report(inset.child("panel") or inset, reason)
        elif corner in taken:
            builder.report(inset, f"another inset is already in the {corner[1]} corner of '{corner[0]}'")
        taken.add(corner)


def _host_error(host: str, specs: Sequence[PanelSpec]) -> str | None:
    """Return the reason why no inset can be placed over a panel of this name, or None."""
    hosts = [spec for spec in specs if spec.name == host]
    if not hosts:
        names = [spec.name for spec in specs if spec.name is not None and spec.inset is None]
        return f"no panel is named '{host}'; {suggest(host, names) if names else 'give the other panel a name'}"
    if len(hosts) > 1:
        return f"{len(hosts)} panels are named '{host}'; give them different names"
    return None if hosts[0].inset is None else f"'{host}' is itself an inset; choose a panel that is not"

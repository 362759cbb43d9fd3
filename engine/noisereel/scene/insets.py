"""Which panels lie in which others."""

from __future__ import annotations

from collections.abc import Sequence

from ..contracts.geometry import Corner
from ..support.errors import suggest
from .builder import Builder
from .nodes import Node
from .specs import PanelSpec

__all__ = ["check_insets"]


def check_insets(panels: Sequence[tuple[Node, PanelSpec]], builder: Builder) -> None:
    """Report insets whose host is unknown, not the only one of its name, or an inset itself; and two in one corner."""
    specs = [spec for _, spec in panels]
    taken: set[tuple[str, Corner]] = set()
    for node, spec in panels:
        if spec.inset is None:
            continue
        written = node.child("inset") or node
        corner = spec.inset.panel, spec.inset.corner
        fault = _fault(spec.inset.panel, specs)
        if fault is not None:
            builder.report(written.child("panel") or written, fault)
        elif corner in taken:
            builder.report(written, f"another inset lies in the {corner[1]} corner of '{corner[0]}'")
        taken.add(corner)


def _fault(host: str, specs: Sequence[PanelSpec]) -> str | None:
    """What is wrong with a panel of this name as a host."""
    named = [spec for spec in specs if spec.name == host]
    if not named:
        names = [spec.name for spec in specs if spec.name is not None and spec.inset is None]
        return f"no panel is named '{host}'; {suggest(host, names) if names else 'give the other panel a name'}"
    if len(named) > 1:
        return f"{len(named)} panels are named '{host}'; an inset lies in one"
    return None if named[0].inset is None else f"'{host}' is an inset itself; an inset lies in a panel of the grid"

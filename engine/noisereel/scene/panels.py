"""Panels of a scene: repeats and copies expanded, and checked against the runs that they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import cast

from ..contracts.probe import Metric
from ..contracts.renderer import Renderer
from ..registry.registry import Registry
from ..support.errors import suggest
from ..support.markup import plain
from ..support.template import CONSTANT, LIVE, Template, formula_fault
from .builder import Builder
from .insets import check_insets
from .nodes import Node, describe_value
from .runs import Runs, as_list
from .specs import PanelSpec

__all__ = ["build_panels", "check_title"]


def build_panels(root: Node, runs: Runs, registry: Registry, builder: Builder) -> list[tuple[Node, PanelSpec]]:
    """Build the panels, with the nodes that they come from; problems are reported to the builder."""
    items = root.child("panels")
    if items is None or items.value is None:
        return [(root, _default(name, runs)) for copies in runs.copies.values() for name in copies]
    if not items.list:
        builder.report(items, f"must be a list of at least one panel, got {describe_value(items)}")
    nodes = [_normal(node) for item in items.list or () for node in _expanded(item, runs, builder)]
    for node in nodes:
        _check(node, runs, registry, builder)
    built = [(node, builder.model(PanelSpec, node)) for node in nodes]
    panels = [(node, spec) for node, spec in built if spec is not None]
    if len(panels) == len(nodes):
        check_insets(panels, builder)
    return panels


def check_title(node: Node | None, run: str | None, runs: Runs, registry: Registry, builder: Builder) -> None:
    """Report problems with the live values of a text that belongs to a run."""
    if node is None or not isinstance(node.value, str):
        return
    try:
        template = Template(node.value)
    except ValueError as error:
        builder.report(node, str(error))
        return
    fields = runs.fields.get(runs.original(run)) if run in runs.names else None
    if fields is None:
        return
    numbers = [name for metric in fields.metrics for name in metric.gives]
    numbers += [] if fields.training is None else ["trained"]
    reason = _unmeasured(template, numbers, registry) or template.fault(numbers)
    if reason is not None:
        builder.report(node, reason)


def _unmeasured(template: Template, numbers: list[str], registry: Registry) -> str | None:
    """Return what to add to a run if its text names a metric that it does not measure, or None."""
    for name in template.names:
        if name not in (*LIVE, *CONSTANT, *numbers) and (metric := _metric_of(name, registry)):
            return f"'{{{name}}}' is not measured; add 'metrics: [{metric}]' to the run"
    return None


def _metric_of(name: str, registry: Registry) -> str | None:
    """Return the name of the metric that gives a value, or None."""
    metrics = [(metric, cast("type[Metric]", registry.get("metric", metric))) for metric in registry.names("metric")]
    return next((metric for metric, cls in metrics if name in cls.gives), None)


def _default(name: str, runs: Runs) -> PanelSpec:
    """Return a run's panel in a scene without panels."""
    several = sum(map(len, runs.copies.values())) > 1
    return PanelSpec(run=name, name=name, title=_escaped(name) if several else None)


def _escaped(name: str) -> str:
    return plain(name).replace("{", "{{").replace("}", "}}")


def _expanded(item: Node, runs: Runs, builder: Builder) -> Iterator[Node]:
    """Yield a panel once for each repeat and each copy of its run."""
    if item.map is None:
        builder.report(item, f"must be a mapping such as {{run: NAME, layers: [NAME]}}, got {describe_value(item)}")
        return
    for node in _repeated(item, builder):
        yield from _for_each_copy(node, runs, builder)


def _repeated(item: Node, builder: Builder) -> Iterator[Node]:
    entries = dict(item.map or {})
    repeat = entries.pop("repeat", None)
    if repeat is None:
        yield item
        return
    loops = repeat.map or {}
    if not loops or not set(loops) <= {"at", "run"} or not all(values.list for values in loops.values()):
        builder.report(repeat, "must be {at: [T, …]}, {run: [NAME, …]}, or both; the first is the outer loop")
    elif conflicts := [key for key in loops if key in entries]:
        builder.report(entries[conflicts[0]], "is also set by 'repeat'; remove one of them")
    else:
        combinations = product(*(values.list or () for values in loops.values()))
        changes = [dict(zip(loops, values, strict=True)) for values in combinations]
        yield from _numbered(replace(item, value=entries), changes)


def _for_each_copy(item: Node, runs: Runs, builder: Builder) -> Iterator[Node]:
    node = item.child("run")
    if node is None and len(runs.copies) == 1:
        node = Node(next(iter(runs.copies)), item.place, item.key, item.path)
    if node is None:
        if runs.copies:
            names = ", ".join(runs.copies)
            builder.report(item, f"is missing; add 'run: NAME', NAME being one of {names}", path=f"{item.path}.run")
        return
    if not isinstance(node.value, str):
        yield item  # validation of the panel reports what a run must be
    elif node.value in runs.names:
        copies = runs.copies.get(node.value, (node.value,))
        yield from _numbered(item, [{"run": replace(node, value=copy)} for copy in copies])
    elif runs.copies:
        builder.report(node, f"unknown run '{node.value}'; {suggest(node.value, runs.names)}")


def _numbered(item: Node, changes: list[dict[str, Node]]) -> Iterator[Node]:
    """Yield the panel with each change; if there are several, number its name and that of its inset's host."""
    for i, change in enumerate(changes):
        node = replace(item, value={**(item.map or {}), **change})
        for path in (("name",), ("inset", "panel")) if len(changes) > 1 else ():
            node = _with_number(node, path, i + 1)
        yield node


def _with_number(node: Node, path: tuple[str, ...], number: int) -> Node:
    """Return the node with a number appended to the text at the end of a path, if there is one."""
    if not path:
        return replace(node, value=f"{node.value}.{number}") if isinstance(node.value, str) else node
    child = node.child(path[0])
    if child is None:
        return node
    return replace(node, value={**(node.map or {}), path[0]: _with_number(child, path[1:], number)})


def _normal(item: Node) -> Node:
    entries = {key: child for key, child in (item.map or {}).items() if child.value is not None}
    if "layers" in entries:
        entries["layers"] = as_list(entries["layers"])
    return replace(item, value=entries)


def _check(item: Node, runs: Runs, registry: Registry, builder: Builder) -> None:
    """Report problems of a panel as a whole: a time beyond the run, layers with different axes, unknown live values."""
    run, at, layers = item.child("run"), item.child("at"), item.child("layers")
    name = str(run.value) if run is not None else ""
    for key in ("title", "caption"):
        check_title(item.child(key), name, runs, registry, builder)
    for key in ("x_label", "y_label"):
        label = item.child(key)
        if label is not None and isinstance(label.value, str) and (reason := formula_fault(label.value)):
            builder.report(label, reason)
    original = runs.original(name) if name in runs.names else ""
    fields = runs.fields.get(original)
    if fields and at is not None and isinstance(at.value, (int, float)) and at.value > fields.schedule.T:
        builder.report(
            at, f"must be between 0 and {fields.schedule.T:g}, the end of run '{original}', got {describe_value(at)}"
        )
    spaces: dict[str, str] = {}
    for node in (layers.list or ()) if layers is not None else ():
        layer = cast("Renderer | None", builder.plugin(node, "renderer"))
        if layer is not None and layer.space != "any":
            spaces.setdefault(layer.space, registry.name_of(layer))
        if len(spaces) > 1:
            (first, first_layer), (second, second_layer) = [*spaces.items()][:2]
            message = (
                f"'{second_layer}' draws on {second} axes, '{first_layer}' on {first} axes: put them in separate panels"
            )
            builder.report(node, message)
            return

"""A scene's runs: defaults merged in, plugins built, copies made, and the runs that start from one another resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import cast

from ..contracts.denoiser import Denoiser
from ..contracts.sampler import Sampler
from ..registry.registry import Registry
from ..support.errors import suggest
from .builder import ABSENT, Builder
from .nodes import Node, describe_value
from .specs import RunFields, RunSpec, StartAt

__all__ = ["RUN_KEYS", "Runs", "as_list", "build_runs", "refuse_unknown"]

RUN_KEYS = tuple(RunFields.model_fields)
"""What a run may say; at the top level of a scene, the defaults of every run."""

_REQUIRED = tuple(key for key, info in RunFields.model_fields.items() if info.is_required())


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a scene, as far as they could be built.

    Attributes:
        nodes: By name, with the scene's defaults.
        fields: What each says; None where something is wrong with it.
        copies: Names of each run's copies; its own name where it has none.
        specs: The finished runs, by name of the copy.
    """

    nodes: Mapping[str, Node]
    fields: Mapping[str, RunFields | None]
    copies: Mapping[str, tuple[str, ...]]
    specs: dict[str, RunSpec] = field(default_factory=dict)

    def original(self, name: str) -> str:
        """The run that this is a copy of."""
        return next(run for run, copies in self.copies.items() if name == run or name in copies)

    @property
    def names(self) -> list[str]:
        """Every name that a run can be called by."""
        return list(dict.fromkeys(name for run, copies in self.copies.items() for name in (run, *copies)))


def build_runs(root: Node, registry: Registry, builder: Builder) -> Runs:
    """Build all runs of a scene; what is wrong is reported to the builder."""
    nodes = {name: _normal(node) for name, node in _merged(root, builder)}
    nodes = _without_absent(nodes, root, registry, builder)
    _check_defaults(root, builder)
    fields = {name: builder.model(RunFields, node) for name, node in nodes.items()}
    copies = {name: _copy_names(name, each.copies if each else 1) for name, each in fields.items()}
    runs = Runs(nodes, fields, copies)
    for name in nodes:
        _check_needs(nodes[name], registry, builder)
        _check_end(name, runs, builder)
        runs.specs.update((spec.name, spec) for spec in _specs(name, runs, builder))
    _refuse_circles(runs, builder)
    return runs


def refuse_unknown(
    node: Node, known: Sequence[str], builder: Builder, elsewhere: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Report the keys that mean nothing here.

    Args:
        node: A mapping.
        known: Keys that it may have.
        builder: Is told.
        elsewhere: What to write for keys that have their place somewhere else.
    """
    for key, child in (node.map or {}).items():
        if key not in known:
            hint = f"write '{elsewhere[key]}'" if key in elsewhere else suggest(key, known)
            builder.report(child, f"unknown key '{key}'; {hint}", place=child.key)


def as_list(node: Node) -> Node:
    """A list as it is; one thing as a list of it."""
    return node if node.list is not None else replace(node, value=(node,))


def _merged(root: Node, builder: Builder) -> Iterator[tuple[str, Node]]:
    """Each run's node, the scene's defaults filled in."""
    defaults = {key: child for key, child in (root.map or {}).items() if key in RUN_KEYS}
    runs = root.child("runs")
    if runs is None:
        yield "run", replace(root, value=defaults)
        return
    if not runs.map:
        builder.report(runs, f"must be runs by name, {{NAME: {{…}}}}, got {describe_value(runs)}")
    for name, node in (runs.map or {}).items():
        if not name or "." in name:
            builder.report(node, f"a run cannot be named '{name}': names hold no dots", place=node.key)
        elif node.value is not None and node.map is None:
            builder.report(node, f"must be a mapping such as {{sampler: NAME}}, got {describe_value(node)}")
        else:
            refuse_unknown(node, RUN_KEYS, builder)
            own = {key: child for key, child in (node.map or {}).items() if key in RUN_KEYS}
            yield name, replace(node, value={**defaults, **own})


def _normal(node: Node) -> Node:
    """The same run with lists where one thing may stand alone, and without empty values that mean a default."""
    entries = {key: child for key, child in (node.map or {}).items() if child.value is not None or key in _REQUIRED}
    for key in {"sampler", "metrics"} & entries.keys():
        entries[key] = as_list(entries[key])
    return replace(node, value=entries)


def _without_absent(nodes: Mapping[str, Node], root: Node, registry: Registry, builder: Builder) -> dict[str, Node]:
    """Report what runs lack, once if all of them lack it, and mark it as reported."""
    found = {name: dict(node.map or {}) for name, node in nodes.items()}
    unknown = [key for key in root.map or {} if key not in RUN_KEYS]
    for key in _REQUIRED:
        lacking = [name for name, entries in found.items() if _is_absent(entries.get(key))]
        at_root = [root] if lacking and len(lacking) == len(nodes) else None
        is_misspelt = at_root and any(get_close_matches(other, RUN_KEYS, 1) == [key] for other in unknown)
        for node in [] if is_misspelt else at_root or [nodes[name] for name in lacking]:
            path = f"{node.path}.{key}".lstrip(".")
            builder.report(node, f"is missing; {_advice(key, registry.names(key))}", path=path, place=node.key)
        for name in lacking:
            found[name][key] = Node((ABSENT,), nodes[name].place) if key == "sampler" else ABSENT
    return {name: replace(nodes[name], value=entries) for name, entries in found.items()}


def _check_defaults(root: Node, builder: Builder) -> None:
    """Report what is wrong with the scene's defaults even where every run has a value of its own."""
    entries = {key: child for key, child in (root.map or {}).items() if key in RUN_KEYS}
    written = {key: child for key, child in entries.items() if not (key in _REQUIRED and _is_absent(child))}
    missing = {key: Node((ABSENT,), root.place) if key == "sampler" else ABSENT for key in _REQUIRED}
    builder.model(RunFields, _normal(replace(root, value={**missing, **written})))


def _is_absent(node: Node | None) -> bool:
    return (
        node is None or node.value is None or (node.list is not None and [n.value for n in node.list] in ([], [None]))
    )


def _advice(key: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"add '{key}: {names[0]}'"
    return f"add '{key}: NAME', NAME being one of {', '.join(names)}" if names else f"no {key} is installed"


def _copy_names(name: str, copies: int) -> tuple[str, ...]:
    return (name,) if copies == 1 else tuple(f"{name}.{i + 1}" for i in range(copies))


def _check_needs(node: Node, registry: Registry, builder: Builder) -> None:
    """Report samplers whose needs the run does not meet."""
    start = node.child("start")
    samplers = node.child("sampler")
    for item in samplers.list or () if samplers is not None else ():
        sampler = cast("Sampler | None", builder.plugin(item, "sampler"))
        if sampler is None:
            continue
        who = f"'{registry.name_of(sampler)}'"
        if "denoiser" in sampler.needs and node.child("denoiser") is None:
            builder.report(item, f"{who} needs a denoiser; {_advice('denoiser', registry.names('denoiser'))}")
        if "data" in sampler.needs and start is not None and start.value == "prior":
            builder.report(start, f"must not be 'prior': the sampler {who} starts from data")
    _check_learning(node, registry, builder)


def _check_learning(node: Node, registry: Registry, builder: Builder) -> None:
    """Report what asks for a denoiser that learns, where there is none."""
    named = node.child("denoiser")
    denoiser = None if named is None else cast("Denoiser | None", builder.plugin(named, "denoiser"))
    for key in ("training", "pairs"):
        asked = node.child(key)
        if asked is not None and denoiser is not None and denoiser.training_steps is None:
            builder.report(asked, f"needs a denoiser that is trained; '{registry.name_of(denoiser)}' is not")
        elif asked is not None and named is None:
            builder.report(asked, "needs a denoiser that is trained; the run has none")


def _check_end(name: str, runs: Runs, builder: Builder) -> None:
    """Report a state to show over training that is beyond the run."""
    fields, at = runs.fields[name], (runs.nodes[name].child("training") or ABSENT).child("at")
    if at is not None and fields is not None and fields.training and fields.training.at > fields.schedule.T:
        builder.report(at, _beyond(fields, name, fields.training.at))


def _beyond(fields: RunFields, name: str, at: float) -> str:
    return f"must be between 0 and {fields.schedule.T:g}, the end of run '{name}', got {at:g}"


def _specs(name: str, runs: Runs, builder: Builder) -> Iterator[RunSpec]:
    """A run's copies, each starting from its own copy of another run where that has as many."""
    fields = runs.fields[name]
    if fields is None:
        return
    for i, copy in enumerate(runs.copies[name]):
        start = fields.start
        if isinstance(start, StartAt):
            start = _resolved(start, name, i, runs, builder)
            if start is None:
                return
        if fields.pairs is not None and fields.pairs not in runs.copies:
            node = runs.nodes[name].child("pairs")
            assert node is not None
            builder.report(node, f"unknown run '{fields.pairs}'; {suggest(fields.pairs, [*runs.copies])}")
            return
        yield RunSpec(**{**dict(fields), "start": start, "name": copy, "copy_index": i})


def _resolved(start: StartAt, name: str, copy: int, runs: Runs, builder: Builder) -> StartAt | None:
    """The start with the name of one copy of the other run; None if it names no run, or a time beyond its schedule."""
    node = runs.nodes[name].child("start")
    assert node is not None
    if start.run not in runs.names:
        builder.report(node.child("run") or node, f"unknown run '{start.run}'; {suggest(start.run, runs.names)}")
        return None
    copies = runs.copies.get(start.run, (start.run,))
    if len(copies) not in (1, len(runs.copies[name])):
        message = f"run '{start.run}' has {len(copies)} copies; name one of them, such as '{copies[0]}'"
        builder.report(node.child("run") or node, message)
        return None
    fields = runs.fields[runs.original(start.run)]
    if fields is not None and start.at > fields.schedule.T:
        builder.report(node.child("at") or node, _beyond(fields, start.run, start.at))
        return None
    return start.model_copy(update={"run": copies[copy] if len(copies) > 1 else copies[0]})


def _refuse_circles(runs: Runs, builder: Builder) -> None:
    """Report runs that build on one another in a circle, at the first of them."""
    found: set[frozenset[str]] = set()
    for name, spec in runs.specs.items():
        circle = _way_back(name, name, runs, ())
        if circle is None or frozenset(circle) in found:
            continue
        found.add(frozenset(circle))
        node = runs.nodes[runs.original(name)]
        key = "start" if spec.start_run is not None and spec.start_run.run == circle[1] else "pairs"
        verb = "start" if key == "start" else "learn"
        builder.report(node.child(key) or node, f"runs {verb} from one another in a circle: {' from '.join(circle)}")


def _way_back(at: str, to: str, runs: Runs, passed: tuple[str, ...]) -> tuple[str, ...] | None:
    """The runs from one to another that it builds on, if it does."""
    for other in runs.specs[at].depends_on if at in runs.specs else ():
        if other == to:
            return (*passed, at, to)
        if other not in (*passed, at) and (found := _way_back(other, to, runs, (*passed, at))) is not None:
            return found
    return None

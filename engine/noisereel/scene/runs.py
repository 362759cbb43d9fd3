"""Runs of a scene: defaults merged in, plugins built, copies made, references between runs resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import cast

from ..contracts.calls import call
from ..contracts.denoiser import Denoiser
from ..contracts.sampler import Sampler
from ..registry.registry import Registry
from ..support.errors import suggest
from .builder import ABSENT, Builder
from .nodes import Node, describe_value
from .specs import RunFields, RunSpec, StartAt

__all__ = ["RUN_KEYS", "Runs", "as_list", "build_runs", "refuse_unknown"]

RUN_KEYS = tuple(RunFields.model_fields)
"""Keys of a run; at the top level of a scene, they set the defaults of all runs."""

_REQUIRED = tuple(key for key, info in RunFields.model_fields.items() if info.is_required())


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a scene that could be built.

    Attributes:
        nodes: Node of each run, with the scene's defaults.
        fields: Settings of each run; None if it has problems.
        copies: Names of each run's copies; its own name if there is only one.
        specs: The finished runs, by the name of the copy.
    """

    nodes: Mapping[str, Node]
    fields: Mapping[str, RunFields | None]
    copies: Mapping[str, tuple[str, ...]]
    specs: dict[str, RunSpec] = field(default_factory=dict)

    def original(self, name: str) -> str:
        """Return the name of the run that this is a copy of."""
        return next(run for run, copies in self.copies.items() if name == run or name in copies)

    @property
    def names(self) -> list[str]:
        """All names of runs and of their copies."""
        return list(dict.fromkeys(name for run, copies in self.copies.items() for name in (run, *copies)))


def build_runs(root: Node, registry: Registry, builder: Builder) -> Runs:
    """Build all runs of a scene; problems are reported to the builder."""
    nodes = {name: _normal(node) for name, node in _merged(root, builder)}
    nodes = _mark_missing(nodes, root, registry, builder)
    _check_defaults(root, builder)
    fields = {name: builder.model(RunFields, node) for name, node in nodes.items()}
    copies = {name: _copy_names(name, own.copies if own else 1) for name, own in fields.items()}
    runs = Runs(nodes, fields, copies)
    for name in nodes:
        _check_needs(nodes[name], registry, builder)
        _check_end(name, runs, builder)
        runs.specs.update((spec.name, spec) for spec in _specs(name, runs, builder))
    _refuse_cycles(runs, builder)
    return runs


def refuse_unknown(
    node: Node, known: Sequence[str], builder: Builder, elsewhere: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Report the unknown keys of a mapping.

    Args:
        node: A mapping.
        known: Allowed keys.
        builder: Collects the problems.
        elsewhere: What to write instead, for keys that belong somewhere else.
    """
    for key, child in (node.map or {}).items():
        if key not in known:
            hint = f"write '{elsewhere[key]}'" if key in elsewhere else suggest(key, known)
            builder.report(child, f"unknown key '{key}'; {hint}", place=child.key)


def as_list(node: Node) -> Node:
    """Return a list unchanged, anything else as a list of one item."""
    return node if node.list is not None else replace(node, value=(node,))


def _merged(root: Node, builder: Builder) -> Iterator[tuple[str, Node]]:
    """Yield each run's name and node, with the scene's defaults filled in."""
    defaults = {key: child for key, child in (root.map or {}).items() if key in RUN_KEYS}
    runs = root.child("runs")
    if runs is None:
        yield "run", replace(root, value=defaults)
        return
    if not runs.map:
        builder.report(runs, f"must be a mapping of runs, {{NAME: {{…}}}}, got {describe_value(runs)}")
    for name, node in (runs.map or {}).items():
        if not name or "." in name:
            message = f"a run cannot be named '{name}': names must not be empty or contain dots"
            builder.report(node, message, place=node.key)
        elif node.value is not None and node.map is None:
            builder.report(node, f"must be a mapping such as {{sampler: NAME}}, got {describe_value(node)}")
        else:
            refuse_unknown(node, RUN_KEYS, builder)
            own = {key: child for key, child in (node.map or {}).items() if key in RUN_KEYS}
            yield name, replace(node, value={**defaults, **own})


def _normal(node: Node) -> Node:
    """Return the run with single samplers and metrics as lists, and without empty values, which mean the default."""
    entries = {key: child for key, child in (node.map or {}).items() if child.value is not None or key in _REQUIRED}
    for key in {"sampler", "metrics"} & entries.keys():
        entries[key] = as_list(entries[key])
    return replace(node, value=entries)


def _mark_missing(nodes: Mapping[str, Node], root: Node, registry: Registry, builder: Builder) -> dict[str, Node]:
    """Report missing keys, once if all runs lack them, and mark them as reported."""
    values = {name: dict(node.map or {}) for name, node in nodes.items()}
    unknown = [key for key in root.map or {} if key not in RUN_KEYS]
    for key in _REQUIRED:
        lacking = [name for name, entries in values.items() if _is_absent(entries.get(key))]
        at_root = [root] if lacking and len(lacking) == len(nodes) else None
        is_misspelt = at_root and any(get_close_matches(name, RUN_KEYS, 1) == [key] for name in unknown)
        for node in [] if is_misspelt else at_root or [nodes[name] for name in lacking]:
            path = f"{node.path}.{key}".lstrip(".")
            builder.report(node, f"is missing; {_advice(key, registry.names(key))}", path=path, place=node.key)
        for name in lacking:
            values[name][key] = Node((ABSENT,), nodes[name].place) if key == "sampler" else ABSENT
    return {name: replace(nodes[name], value=entries) for name, entries in values.items()}


def _check_defaults(root: Node, builder: Builder) -> None:
    """Report problems of the scene's defaults, even those that every run overrides."""
    entries = {key: child for key, child in (root.map or {}).items() if key in RUN_KEYS}
    present = {key: child for key, child in entries.items() if not (key in _REQUIRED and _is_absent(child))}
    missing = {key: Node((ABSENT,), root.place) if key == "sampler" else ABSENT for key in _REQUIRED}
    builder.model(RunFields, _normal(replace(root, value={**missing, **present})))


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
        name = f"'{registry.name_of(sampler)}'"
        if "denoiser" in sampler.needs and node.child("denoiser") is None:
            builder.report(item, f"{name} needs a denoiser; {_advice('denoiser', registry.names('denoiser'))}")
        if "data" in sampler.needs and start is not None and start.value == "prior":
            builder.report(start, f"must not be 'prior': the sampler {name} starts from data")
    _check_training(node, registry, builder)


def _check_training(node: Node, registry: Registry, builder: Builder) -> None:
    """Report settings that need a trained denoiser if the run has none."""
    denoiser_node = node.child("denoiser")
    denoiser = None
    if denoiser_node is not None:
        denoiser = cast("Denoiser | None", builder.plugin(denoiser_node, "denoiser"))
    for key in ("training", "pairs"):
        setting = node.child(key)
        if setting is not None and denoiser is not None and _steps(denoiser) is None:
            builder.report(setting, f"needs a denoiser that is trained; '{registry.name_of(denoiser)}' is not")
        elif setting is not None and denoiser_node is None:
            builder.report(setting, "needs a denoiser that is trained; the run has none")


def _steps(denoiser: Denoiser) -> int | None:
    steps: int | None = call(denoiser, "training_steps", returns=(int, type(None)))
    return steps


def _check_end(name: str, runs: Runs, builder: Builder) -> None:
    """Report a time shown over training that is beyond the end of the run."""
    fields, at = runs.fields[name], (runs.nodes[name].child("training") or ABSENT).child("at")
    if at is not None and fields is not None and fields.training and fields.training.at > fields.schedule.T:
        builder.report(at, _beyond_end(fields, name, fields.training.at))


def _beyond_end(fields: RunFields, name: str, at: float) -> str:
    return f"must be between 0 and {fields.schedule.T:g}, the end of run '{name}', got {at:g}"


def _specs(name: str, runs: Runs, builder: Builder) -> Iterator[RunSpec]:
    """Yield a run's copies; if it starts from a run with equally many copies, each starts from its own."""
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
    """Return the start with the name of one copy of the other run; None if the run or the time does not exist."""
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
        builder.report(node.child("at") or node, _beyond_end(fields, start.run, start.at))
        return None
    return start.model_copy(update={"run": copies[copy] if len(copies) > 1 else copies[0]})


def _refuse_cycles(runs: Runs, builder: Builder) -> None:
    """Report runs that depend on one another in a cycle, at the first of them."""
    reported: set[frozenset[str]] = set()
    for name, spec in runs.specs.items():
        cycle = _path_between(name, name, runs, ())
        if cycle is None or frozenset(cycle) in reported:
            continue
        reported.add(frozenset(cycle))
        node = runs.nodes[runs.original(name)]
        key = "start" if spec.start_run is not None and spec.start_run.run == cycle[1] else "pairs"
        verb = "start" if key == "start" else "learn"
        builder.report(node.child(key) or node, f"runs {verb} from one another in a cycle: {' from '.join(cycle)}")


def _path_between(name: str, end: str, runs: Runs, visited: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the chain of dependencies from one run to another, or None if there is none."""
    visited = (*visited, name)
    for dependency in runs.specs[name].depends_on if name in runs.specs else ():
        if dependency == end:
            return (*visited, end)
        if dependency not in visited and (path := _path_between(dependency, end, runs, visited)) is not None:
            return path
    return None

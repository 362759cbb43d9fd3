"""Loading: YAML or Python values → nodes → defaults, shorthands and overrides → a frozen `SceneSpec`.

All problems of a scene are collected before any is reported; each has its position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from ..contracts.plugin import Plugin
from ..contracts.theme import THEMES, Theme
from ..registry.registry import Registry
from ..support.errors import Problem, SceneError, UsageError, suggest
from ..support.files import is_file, is_folder, read_bytes
from .builder import Builder
from .nodes import Node, Place, describe_value, with_paths
from .overrides import Override, override
from .panels import build_panels, check_title
from .plugin_specs import PluginSpecs
from .python_nodes import python_node, scene_text
from .runs import RUN_KEYS, Runs, build_runs, refuse_unknown
from .specs import FilmSettings, Layout, PanelSpec, SceneDocument, SceneHeader, SceneSpec, leading
from .theme_file import find_theme
from .yaml_nodes import MAX_LENGTH, parse

__all__ = ["SCENE_KEYS", "build_plugin", "changed", "find_scene", "load_scene", "parse_scene", "scene_from"]

SCENE_KEYS = (*SceneHeader.model_fields, "runs", "panels", *RUN_KEYS)
"""Keys of a scene."""

_MAX_BYTES = 4 * MAX_LENGTH  # UTF-8 takes up to four for a character

_ELSEWHERE = {
    **{key: f"panels: [{{{key}: …}}]" for key in PanelSpec.model_fields},
    **{key: f"film: {{{key}: …}}" for key in FilmSettings.model_fields},
}
"""Keys that users try at the top level, and where they belong."""


def find_scene(name: str | Path, registry: Registry) -> Path:
    """Return the file of a scene, given its path or its bare name from the gallery.

    Raises:
        UsageError: There is no such scene; the message suggests the closest name.
    """
    path = Path(name)
    if path.suffix or is_file(path) or len(path.parts) != 1:
        return path
    gallery = registry.scenes()
    if str(name) not in gallery:
        if is_folder(path):
            raise UsageError(f"'{path}' is a folder, not a scene file")
        raise UsageError(f"unknown scene '{name}'; {suggest(str(name), [*gallery])}")
    return gallery[str(name)]


def load_scene(name: str | Path, registry: Registry, overrides: Sequence[Override] = ()) -> SceneSpec:
    """Load a scene by path or by bare name.

    Raises:
        UsageError: There is no such file.
        SceneError: The scene is wrong; the error holds every problem found.
    """
    path = find_scene(name, registry)
    return parse_scene(_read(path), str(path), path.parent, registry, overrides)


def _read(path: Path) -> str:
    try:
        return read_bytes(path, _MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"no scene file '{path}'{_nearby(path)}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not a scene file: byte {error.start} is not UTF-8 text") from None
    except ValueError as error:
        message = f"'{path}' is a folder, not a scene file" if is_folder(path) else f"{error}"
        raise UsageError(message) from None
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}") from error


def _nearby(path: Path) -> str:
    """Return a suggestion of a scene with a similar name, not counting suffixes, in the same folder; or nothing."""
    files = {file.stem: file for file in sorted(path.parent.glob("*.y*ml"))} if is_folder(path.parent) else {}
    near = get_close_matches(path.stem, files, n=1, cutoff=0.7)
    return f"; did you mean '{files[near[0]]}'?" if near else ""


def parse_scene(
    text: str, name: str, folder: Path, registry: Registry, overrides: Sequence[Override] = ()
) -> SceneSpec:
    """Build a scene from a file's text.

    Args:
        text: YAML.
        name: Name of the file in errors.
        folder: Folder that relative paths start from.
        registry: Registry of plugins.
        overrides: Values to change, applied in order.

    Raises:
        SceneError: The scene is wrong; the error holds every problem found.
    """
    return _built(SceneDocument(text, name, folder, parse(text, name), registry, tuple(overrides)))


def scene_from(
    values: Mapping[str, object], name: str, folder: Path, registry: Registry, overrides: Sequence[Override] = ()
) -> SceneSpec:
    """Build a scene from Python values: the keys of a scene file, with plugins, arrays and functions among the values.

    Args:
        values: The values by key.
        name: Name of the scene in errors.
        folder: Folder that relative paths start from.
        registry: Registry of plugins.
        overrides: Values to change, applied in order.

    Raises:
        SceneError: The scene is wrong; the error holds every problem found.
    """
    root = python_node(values, Place(name))
    text = scene_text(root, PluginSpecs(registry))
    return _built(SceneDocument(text, name, folder, root, registry, tuple(overrides)))


def changed(scene: SceneSpec, overrides: Sequence[Override]) -> SceneSpec:
    """Build a scene again, with more values changed.

    Raises:
        SceneError: The changed scene is wrong; the error holds every problem found.
    """
    document = scene.document
    return _built(replace(document, overrides=(*document.overrides, *overrides)))


def build_plugin(value: object, kind: str, registry: Registry) -> Plugin:
    """Build a plugin from its name, ``{name: parameters}`` or an instance, alone.

    Args:
        value: The value.
        kind: Kind of the plugin; also its name in errors.
        registry: Registry of plugins.

    Raises:
        SceneError: It is not a plugin of this kind, or its parameters are wrong.
    """
    builder = Builder(registry)
    plugin = builder.plugin(with_paths(python_node(value, Place(kind))), kind)
    if plugin is None:
        raise SceneError(builder.problems)
    return plugin


def _built(document: SceneDocument) -> SceneSpec:
    """Build the scene of a document, with its overrides."""
    registry, root = document.registry, document.root
    builder = Builder(registry)
    if root.value is None:
        builder.report(root, "is empty; a scene needs at least a dataset, a schedule and a sampler")
        raise SceneError(builder.problems)
    if root.map is None:
        builder.report(root, f"must be a mapping such as 'dataset: NAME', got {describe_value(root)}")
        raise SceneError(builder.problems)
    return _scene(with_paths(_overridden(root, document.overrides, registry)), document, registry, builder)


def _overridden(root: Node, overrides: Sequence[Override], registry: Registry) -> Node:
    problems: list[Problem] = []
    for change in overrides:
        try:
            root = override(root, change, registry)
        except SceneError as error:
            problems += error.problems
    if problems:
        raise SceneError(problems)
    return root


def _scene(root: Node, document: SceneDocument, registry: Registry, builder: Builder) -> SceneSpec:
    """Build the scene that the nodes describe.

    Raises:
        SceneError: Something is wrong with it.
    """
    entries = root.map or {}
    refuse_unknown(root, SCENE_KEYS, builder, _ELSEWHERE)
    values = {
        key: child for key, child in entries.items() if key in SceneHeader.model_fields and child.value is not None
    }
    header = builder.model(SceneHeader, replace(root, value=values))
    runs = build_runs(root, registry, builder)
    panels = build_panels(root, runs, registry, builder)
    specs = tuple(spec for _, spec in panels)
    lead = leading(specs).run if specs else None
    for key in ("title", "subtitle", "caption"):
        check_title(entries.get(key), lead, runs, registry, builder)
    if header is not None and not builder.problems:
        _check_layout(header.layout, specs, root, builder)
    theme = _theme(root, document.folder, builder)
    if builder.problems or header is None or theme is None:
        raise SceneError(builder.problems)
    places = dict(_places(root, runs, [node for node, _ in panels]))
    return SceneSpec(
        **dict(header), runs=runs.specs, panels=specs, theme=theme, document=replace(document, places=places)
    )


def _theme(root: Node, folder: Path, builder: Builder) -> Theme | None:
    film = root.child("film")
    node = film.child("theme") if film is not None else None
    return THEMES["dark"] if node is None else find_theme(node, folder, builder)


def _check_layout(layout: Layout, panels: Sequence[PanelSpec], root: Node, builder: Builder) -> None:
    try:
        layout.cells(panels)
    except ValueError as error:
        builder.report(root.child("layout") or root, str(error))


def _places(root: Node, runs: Runs, panels: Sequence[Node]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the place of each value of the finished scene, for problems found after loading."""
    owners = [(f"runs.{copy}", runs.nodes[name]) for name, copies in runs.copies.items() for copy in copies]
    owners += [(f"panels.{i}", node) for i, node in enumerate(panels)]
    owners += [(key, child) for key, child in (root.map or {}).items() if key in SceneHeader.model_fields]
    for path, node in owners:
        yield from _places_in(path, node)


def _places_in(path: str, node: Node) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the places of a value and of everything inside it."""
    yield path, (str(node.place), node.path)
    for key, child in [*(node.map or {}).items(), *enumerate(node.list or ())]:
        yield from _places_in(f"{path}.{key}", child)

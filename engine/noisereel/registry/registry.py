"""The registry: plugins by kind and name, imported only when a scene or a user names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from operator import itemgetter
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

import pluggy

from ..support.errors import NoisereelError, PluginError, UsageError, describe_error, plugin_errors, suggest
from ..support.files import is_file
from . import hookspecs
from .registration import Entry, collect, collect_folder, imported, load_file

if TYPE_CHECKING:
    from ..contracts.plugin import Plugin

__all__ = ["KINDS", "Registry", "load_registry"]

KINDS: Mapping[str, str] = {
    "dataset": "noisereel.contracts.dataset:Dataset",
    "schedule": "noisereel.contracts.schedule:Schedule",
    "spacing": "noisereel.contracts.schedule:Spacing",
    "denoiser": "noisereel.contracts.denoiser:Denoiser",
    "sampler": "noisereel.contracts.sampler:Sampler",
    "metric": "noisereel.contracts.probe:Metric",
    "renderer": "noisereel.contracts.renderer:Renderer",
    "writer": "noisereel.contracts.writer:Writer",
}
"""Each kind of plugin and its base class, as a string so that listing names imports none of them."""


def load_registry(plugin_files: Sequence[Path] = (), *, strict: bool = False) -> Registry:
    """Find the plugins of all installed packages and of the given files.

    Args:
        plugin_files: Python files to load as plugins.
        strict: Whether a broken plugin is an error instead of a warning.

    Raises:
        UsageError: A file does not exist.
        PluginError: Two plugins register the same name, or, if ``strict``, one is broken.
    """
    registry = Registry(strict=strict)
    for name, entry in _installed():
        registry.add(name, entry.load)
    for path in plugin_files:
        registry.add_file(Path(path))
    registry.warn_of_unknown_hooks()
    return registry


def _installed() -> Iterator[tuple[str, EntryPoint]]:
    """Yield entry points with readable names: the distribution's, and the entry's if a distribution has several."""
    unique = {(_distribution(entry), entry.name): entry for entry in entry_points(group=hookspecs.GROUP)}
    packages = [package for package, _ in unique]
    for (package, name), entry in sorted(unique.items(), key=lambda item: item[0]):
        yield package if packages.count(package) == 1 else f"{package}:{name}", entry


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.module


class Registry:
    """The available plugins.

    Attributes:
        strict: Whether a broken plugin is an error instead of a warning.
        warnings: One line for each plugin that is broken or misspells a hook.
        files: Plugin files loaded by path.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.warnings: list[str] = []
        self.files: tuple[Path, ...] = ()
        self._manager = pluggy.PluginManager(hookspecs.GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        self._classes: dict[type[Plugin], str] = {}
        self._folders: list[tuple[Path, str]] = []

    @classmethod
    def from_plugins(cls, plugins: Mapping[str, object], *, strict: bool = False) -> Registry:
        """Return a registry of the given plugin modules (or other objects with hooks) by readable name."""
        registry = cls(strict=strict)
        for name, plugin in plugins.items():
            registry.add(name, partial(_identity, plugin))
        registry.warn_of_unknown_hooks()
        return registry

    # Loading

    def add(self, name: str, load: Callable[[], object]) -> None:
        """Load one plugin and register everything in it; if any of it fails, nothing is registered.

        Raises:
            PluginError: It registers a name that is already registered, or, if ``strict``, it is broken.
        """
        plugin: object = None
        try:
            plugin = load()
            self._manager.register(plugin, name)
            entries = [*self._registrations(plugin, name)]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, too: a plugin must not end the program
            if plugin is not None and self._manager.get_plugin(name) is plugin:
                self._manager.unregister(plugin)
            self._broken(name, error)
            return
        for kind, key, entry in entries:
            self._put(kind, key, entry)

    def add_file(self, path: Path) -> None:
        """Load a Python file as a plugin.

        Raises:
            UsageError: The file does not exist.
            PluginError: As for `add`.
        """
        if not is_file(path):
            raise UsageError(f"no plugin file '{path}'")
        if path.resolve() in self.files:
            return
        self.files = (*self.files, path.resolve())
        for name, plugin in self._manager.list_name_plugin():
            if _is_from(plugin, path.resolve()):  # installed, too: the named file wins
                self._remove(name)
        strict = self.strict
        try:
            self.strict = True  # who names a file needs it
            self.add(str(path), partial(load_file, path.resolve()))
        finally:
            self.strict = strict

    def _remove(self, name: str) -> None:
        self._manager.unregister(name=name)
        for kind, entries in self._entries.items():
            self._entries[kind] = {key: entry for key, entry in entries.items() if entry.package != name}
        self._folders = [(folder, package) for folder, package in self._folders if package != name]

    def register_commands(self, cli: Any) -> None:
        """Let every plugin add its commands to the command line."""
        for name, plugin in self._manager.list_name_plugin():
            try:
                self._hook_of(plugin, "register_commands")(cli=cli)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._broken(name, error)

    def warn_of_unknown_hooks(self) -> None:
        """Warn of plugins that implement a hook that does not exist, or implement one without marking it."""
        known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), f"{hookspecs.GROUP}_spec")]
        for name, plugin in self._manager.list_name_plugin():
            for caller in self._manager.get_hookcallers(plugin) or ():
                if not caller.has_spec():
                    self._warn(f"plugin '{name}': unknown hook '{caller.name}'; {suggest(caller.name, known)}")
            for hook in known:
                function = getattr(plugin, hook, None)
                is_own = getattr(function, "__module__", "") == getattr(plugin, "__name__", None)
                if is_own and not _is_marked(function):
                    self._warn(f"plugin '{name}': '{hook}' is never called without @hookimpl above it")

    def _registrations(self, plugin: object, package: str) -> Iterator[tuple[str, str, Entry]]:
        """Yield everything that one plugin registers, as (kind, name, entry); folders of scenes have kind "scenes"."""
        entries: list[tuple[str, str, Entry]] = []
        for kind in KINDS:
            self._hook_of(plugin, f"register_{kind}s")(register=partial(collect, entries, package, kind))
        self._hook_of(plugin, "register_scenes")(register=partial(collect_folder, entries, package))
        yield from entries

    def _hook_of(self, plugin: object, hook: str) -> Callable[..., Any]:
        """Return a caller of the hook for this one plugin."""
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        return self._manager.subset_hook_caller(hook, others)

    def _put(self, kind: str, name: str, entry: Entry) -> None:
        if kind == "scenes":
            self._folders.append((Path(name), entry.package))
            return
        if existing := self._entries[kind].get(name):
            raise PluginError(_duplicate(kind, name, existing.package, entry.package))
        self._entries[kind][name] = entry
        if not isinstance(entry.target, str):
            self._classes.setdefault(entry.target, name)

    def _broken(self, name: str, error: BaseException) -> None:
        if self.strict:
            raise PluginError(f"plugin '{name}' cannot be loaded: {_reason(error)}") from error
        message = f"plugin '{name}' is skipped: {_reason(error)}"
        self.warnings.append(message)

    def _warn(self, message: str) -> None:
        if self.strict:
            raise PluginError(message)
        self.warnings.append(message)

    # Queries

    @property
    def hooks(self) -> Any:
        """pluggy's relay: ``registry.hooks.run_finished(run=…, trajectory=…)`` calls every implementation."""
        return self._manager.hook

    def observer_in(self, error: BaseException, hook: str) -> str:
        """Return the plugin whose implementation of a hook an exception passed through."""
        codes = {
            getattr(impl.function, "__code__", None): impl.plugin_name
            for impl in getattr(self.hooks, hook).get_hookimpls()
        }
        for frame, _ in walk_tb(error.__traceback__):
            if frame.f_code in codes:
                return f"plugin '{codes[frame.f_code]}'"
        return "an observer"

    def has_observers(self, hook: str) -> bool:
        """Return whether any plugin implements a hook."""
        return bool(getattr(self.hooks, hook).get_hookimpls())

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind of plugin."""
        return tuple(KINDS)

    @property
    def packages(self) -> tuple[str, ...]:
        """Readable names of the plugins that were loaded."""
        return tuple(name for name, _ in self._manager.list_name_plugin())

    @staticmethod
    def base(kind: str) -> type[Plugin]:
        """Return the base class of a kind."""
        cls: type[Plugin] = imported(KINDS[kind])
        return cls

    def names(self, kind: str) -> tuple[str, ...]:
        """Return all names of a kind, sorted."""
        return tuple(sorted(self._entries[kind]))

    def package(self, kind: str, name: str) -> str:
        """Return the package that registered a name.

        Raises:
            UsageError: The name is not registered.
        """
        return self._entry(kind, name).package

    def get(self, kind: str, name: str) -> type[Plugin]:
        """Return the class registered under a name, importing it if necessary.

        Raises:
            UsageError: The name is not registered.
            PluginError: The class cannot be imported, or is not a plugin of this kind.
        """
        entry = self._entry(kind, name)
        try:
            cls = imported(entry.target) if isinstance(entry.target, str) else entry.target
        except (NoisereelError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise PluginError(f"{kind} '{name}' of '{entry.package}' cannot be loaded: {_reason(error)}") from error
        if fault := _fault(cls, kind):
            raise PluginError(f"{kind} '{name}' of '{entry.package}' {fault}")
        self._classes.setdefault(cls, name)
        return cls

    def create(self, kind: str, name: str) -> Plugin:
        """Return a plugin with its default parameters.

        Raises:
            UsageError: The name is not registered.
            PluginError: The class cannot be imported or created without parameters, or is not a plugin of this kind.
        """
        cls = self.get(kind, name)
        with plugin_errors(f"{kind} '{name}' cannot be created without parameters"):
            try:
                return cls()
            except ValueError as error:  # pydantic's message has several lines
                raise ValueError(" ".join(str(error).split("\n")[1:3])) from error

    def _entry(self, kind: str, name: str) -> Entry:
        if name not in self._entries[kind]:
            raise UsageError(f"unknown {kind} '{name}'; {suggest(name, self.names(kind))}")
        return self._entries[kind][name]

    def default_renderers(self, event_shape: tuple[int, ...]) -> tuple[str, ...]:
        """Return the renderer that shows an event shape by default; empty if none is registered for it.

        Of several, it is the one whose pattern fixes the most sizes; of these, the first registered.
        """
        fitting = [
            (pattern.count(None), name)
            for name, entry in self._entries["renderer"].items()
            for pattern in entry.default_for
            if len(pattern) == len(event_shape)
            and all(size in (None, n) for size, n in zip(pattern, event_shape, strict=True))
        ]
        return (min(fitting, key=itemgetter(0))[1],) if fitting else ()

    def name_of(self, plugin: Plugin | type[Plugin]) -> str:
        """Return the name a plugin is registered under; for others ``module:Class``, or ``Class`` in a script."""
        cls = plugin if isinstance(plugin, type) else type(plugin)
        where = f"{cls.__module__}:{cls.__qualname__}"
        if cls not in self._classes:
            for name, entry in self._entries.get(cls.kind, {}).items():
                if entry.target == where:
                    return name
        return self._classes.get(cls, cls.__qualname__ if cls.__module__ == "__main__" else where)

    def scenes(self) -> Mapping[str, Path]:
        """Return the gallery: every scene file in a registered folder, by bare name.

        Raises:
            PluginError: Two folders hold a scene of the same name.
        """
        scenes: dict[str, tuple[Path, str]] = {}
        for folder, package in self._folders:
            for path in sorted(folder.glob("*.yaml")):
                if path.stem in scenes:
                    raise PluginError(_duplicate("scene", path.stem, scenes[path.stem][1], package))
                scenes[path.stem] = (path, package)
        return {name: path for name, (path, _) in sorted(scenes.items())}


def _is_from(plugin: object, path: Path) -> bool:
    """Return whether an installed plugin is a module of this file: the same file, or a copy under its import name."""
    file = getattr(plugin, "__file__", None)
    if file is not None and Path(file).resolve() == path:
        return True
    spec = getattr(plugin, "__spec__", None)  # None for objects with hooks; files named before have another name
    parts = path.parent.parts if path.stem == "__init__" else (*path.parent.parts, path.stem)
    names = tuple(spec.name.split(".")) if spec is not None else ()
    return bool(names) and parts[-len(names) :] == names


def _is_marked(function: object) -> bool:
    return hasattr(function, f"{hookspecs.GROUP}_impl")


def _identity(plugin: object) -> object:
    return plugin


def _fault(cls: Any, kind: str) -> str | None:
    """Return the reason why this is not a plugin of the kind, or None."""
    base = Registry.base(kind)
    if not (isinstance(cls, type) and issubclass(cls, base)):
        return f"is not a subclass of noisereel.{base.__name__}"
    unset = {name for name in base.__class_vars__ if not hasattr(cls, name)}
    if missing := sorted(unset | getattr(cls, "__abstractmethods__", frozenset())):
        return f"lacks {', '.join(missing)}"
    return None


def _duplicate(kind: str, name: str, first: str, second: str) -> str:
    packages = f"twice by '{first}'" if first == second else f"by both '{first}' and '{second}'"
    return f"{kind} '{name}' is registered {packages}; names must be unique: uninstall or rename one"


def _reason(error: BaseException) -> str:
    """Return an error on one line, with its type unless it is meant for users."""
    if isinstance(error, NoisereelError):
        return str(error)
    return describe_error(error)

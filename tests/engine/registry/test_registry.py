"""The registry: plugins from files, packages and strings, broken plugins, and default renderers."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from noisereel.registry.hookspecs import hookimpl
from noisereel.registry.registration import load_file
from noisereel.registry.registry import KINDS, Registry, load_registry
from noisereel.scene import PluginSpecs
from noisereel.support.errors import PluginError, UsageError

PLUGINS = Path(__file__).parents[1] / "scene_plugins.py"


def plugin_file(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text("from noisereel import hookimpl\n" + dedent(text))
    return path


def of_files(*paths: Path, strict: bool = False) -> Registry:
    registry = Registry(strict=strict)
    for path in paths:
        registry.add_file(path)
    registry.warn_of_unknown_hooks()
    return registry


def module(**hooks: Callable[..., None]) -> ModuleType:
    """Return a plugin module with these hooks."""
    plugin = ModuleType("made")
    for name, hook in hooks.items():
        setattr(plugin, name, hookimpl(hook))
    return plugin


def registers(**tables: dict[str, str]) -> ModuleType:
    """Return a plugin module that registers these names; the keywords are kinds."""

    def hook(table: dict[str, str]) -> Callable[..., None]:
        def register_all(register: Callable[[str, str], None]) -> None:
            for name, target in table.items():
                register(name, target)

        return register_all

    return module(**{f"register_{kind}s": hook(table) for kind, table in tables.items()})


def test_names_packages_and_classes_of_a_plugin_file() -> None:
    registry = of_files(PLUGINS)
    assert registry.warnings == []
    assert registry.names("sampler") == ("down", "up")
    assert registry.package("sampler", "down") == str(PLUGINS)
    down = registry.get("sampler", "down")
    assert down.__name__ == "Down"
    assert registry.name_of(down) == registry.name_of(down()) == "down"
    assert registry.files == (PLUGINS.resolve(),)


def test_every_kind_has_its_hook_and_its_base() -> None:
    registry = Registry()
    for kind in KINDS:
        assert getattr(registry.hooks, f"register_{kind}s").has_spec()
        assert registry.names(kind) == ()
    assert registry.kinds == tuple(KINDS)


def test_a_string_is_imported_only_when_needed() -> None:
    registry = Registry.from_plugins({"far": registers(dataset={"far": "a_module_that_is_not_there:Far"})})
    assert registry.names("dataset") == ("far",)
    with pytest.raises(PluginError) as error:
        registry.get("dataset", "far")
    assert str(error.value) == (
        "dataset 'far' of 'far' cannot be loaded: ModuleNotFoundError: No module named 'a_module_that_is_not_there'"
    )


def test_the_error_of_a_missing_extra_passes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needs_extra.py").write_text(
        "from noisereel.support.errors import UsageError\nraise UsageError('run pip install \"noisereel[slides]\"')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry.from_plugins({"far": registers(writer={"deck": "needs_extra:Deck"})})
    with pytest.raises(UsageError) as error:
        registry.get("writer", "deck")
    assert str(error.value) == 'run pip install "noisereel[slides]"'


def test_an_unknown_name_suggests_the_nearest() -> None:
    registry = of_files(PLUGINS)
    with pytest.raises(UsageError) as error:
        registry.get("sampler", "dwon")
    assert str(error.value) == "unknown sampler 'dwon'; did you mean 'down'?"
    with pytest.raises(UsageError) as error:
        registry.package("writer", "gif")
    assert str(error.value) == "unknown writer 'gif'; none is known"


def test_classes_that_are_not_plugins_of_their_kind_are_refused() -> None:
    abstract = "noisereel.contracts.schedule:Schedule"
    registry = Registry.from_plugins(
        {
            "far": registers(
                dataset={"path": "pathlib:Path", "down": "noisereel.contracts.sampler:Sampler"},
                schedule={"none": abstract},
            )
        }
    )
    with pytest.raises(PluginError) as error:
        registry.get("dataset", "path")
    assert str(error.value) == "dataset 'path' of 'far' is not a subclass of noisereel.Dataset"
    with pytest.raises(PluginError) as error:
        registry.get("dataset", "down")
    assert str(error.value) == "dataset 'down' of 'far' is not a subclass of noisereel.Dataset"
    with pytest.raises(PluginError) as error:
        registry.get("schedule", "none")
    assert str(error.value) == "schedule 'none' of 'far' lacks T, at"


def test_settings_of_the_class_are_required(tmp_path: Path) -> None:
    text = """
        from noisereel import Metric, Renderer

        class Mean(Metric):
            def measure(self, state, ctx):
                return {"mean": state.x.mean()}

        class Dots(Renderer):
            def marks(self, run, moment, ctx):
                return []

        @hookimpl
        def register_metrics(register):
            register("mean", Mean)

        @hookimpl
        def register_renderers(register):
            register("dots", Dots)
    """
    file = plugin_file(tmp_path, text)
    registry = of_files(file)
    with pytest.raises(PluginError) as error:
        registry.get("metric", "mean")
    assert str(error.value) == f"metric 'mean' of '{file}' lacks gives"
    with pytest.raises(PluginError) as error:
        registry.get("renderer", "dots")
    assert str(error.value) == f"renderer 'dots' of '{file}' lacks space"


def test_a_duplicate_names_both_packages() -> None:
    one, two = registers(dataset={"roll": "a:A"}), registers(dataset={"roll": "b:B"})
    with pytest.raises(PluginError) as error:
        Registry.from_plugins({"first": one, "second": two})
    assert str(error.value) == (
        "dataset 'roll' is registered by both 'first' and 'second'; names must be unique: uninstall or rename one"
    )


def test_kinds_can_share_a_name() -> None:
    registry = Registry.from_plugins({"p": registers(dataset={"image": "a:A"}, renderer={"image": "b:B"})})
    assert registry.names("dataset") == registry.names("renderer") == ("image",)


@pytest.mark.parametrize("name", ["SwissRoll", "swiss_roll", "-roll", "roll-", "", "a b"])
def test_names_are_kebab_case(name: str) -> None:
    registry = Registry.from_plugins({"p": registers(dataset={name: "a:A"})})
    assert registry.warnings == [
        f"plugin 'p' is skipped: ValueError: dataset '{name}': names are kebab-case, such as 'swiss-roll'"
    ]
    assert registry.names("dataset") == ()


def test_a_plugin_that_raises_is_skipped_whole_and_the_others_stay(tmp_path: Path) -> None:
    broken = plugin_file(
        tmp_path,
        """
        @hookimpl
        def register_datasets(register):
            register("half", "a:A")

        @hookimpl
        def register_samplers(register):
            raise RuntimeError("out of\\n order")

        @hookimpl
        def timestep(run, state):
            raise AssertionError("never called")
        """,
    )
    registry = Registry()
    registry.add("broken", partial(load_file, broken))
    registry.add_file(PLUGINS)
    assert registry.warnings == ["plugin 'broken' is skipped: RuntimeError: out of order"]
    assert registry.names("dataset") == ("dot",)
    assert not registry.has_observers("timestep")
    with pytest.raises(PluginError) as error:
        of_files(broken, strict=True)
    assert str(error.value) == f"plugin '{broken}' cannot be loaded: RuntimeError: out of order"


def test_a_file_that_cannot_be_imported_is_an_error(tmp_path: Path) -> None:
    broken = plugin_file(tmp_path, "import nothing_of_that_name", "unimportable.py")
    with pytest.raises(PluginError) as error:
        of_files(broken)
    reason = "ModuleNotFoundError: No module named 'nothing_of_that_name'"
    assert str(error.value) == f"plugin '{broken}' cannot be loaded: {reason}"
    assert not any(name.startswith("unimportable") for name in sys.modules)


def test_a_hook_with_wrong_arguments_is_one_line(tmp_path: Path) -> None:
    broken = plugin_file(tmp_path, "@hookimpl\ndef timestep(run, stat): ...")
    with pytest.raises(PluginError) as error:
        of_files(broken)
    assert str(error.value).startswith(f"plugin '{broken}' cannot be loaded: PluginValidationError: ")
    assert "stat" in str(error.value)


@pytest.mark.parametrize("body", ["raise SystemExit(3)", "class Rude(BaseException): ...\nraise Rude"])
def test_a_plugin_cannot_end_the_program(tmp_path: Path, body: str) -> None:
    broken = plugin_file(tmp_path, body)
    registry = Registry()
    registry.add("broken", partial(load_file, broken))
    assert len(registry.warnings) == 1 and registry.warnings[0].startswith("plugin 'broken' is skipped: ")
    with pytest.raises(PluginError):
        of_files(broken)


def test_a_named_file_replaces_the_installed_plugin(tmp_path: Path) -> None:
    body = """
    @hookimpl
    def register_datasets(register):
        register("mine", "a:A")

    @hookimpl
    def timestep(run, state): ...
    """
    file = plugin_file(tmp_path, body, "installed_one.py")
    (tmp_path / "copy").mkdir()
    copied = plugin_file(tmp_path, body, "copy/installed_one.py")
    for named in (file, copied):
        registry = Registry()
        registry.add("installed", partial(_imported_from, tmp_path, "installed_one"))
        registry.add_file(named)
        assert registry.package("dataset", "mine") == str(named)
        assert len(registry.hooks.timestep.get_hookimpls()) == 1


def _imported_from(folder: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_misspelled_hook_is_a_warning_that_names_it(tmp_path: Path) -> None:
    file = plugin_file(
        tmp_path,
        """
        @hookimpl
        def register_dataset(register): ...

        @hookimpl
        def register_schedules(register):
            register("flat", "a:A")
        """,
    )
    registry = of_files(file)
    assert registry.warnings == [f"plugin '{file}': unknown hook 'register_dataset'; did you mean 'register_datasets'?"]
    assert registry.names("schedule") == ("flat",)
    with pytest.raises(PluginError):
        of_files(file, strict=True)


def test_a_hook_without_its_mark_is_a_warning(tmp_path: Path) -> None:
    hooks = "def register_datasets(register): ...\n@hookimpl\ndef register_schedules(register): ...\n"
    (tmp_path / "mine.py").write_text(f"from noisereel import hookimpl\n{hooks}")
    message = f"plugin '{tmp_path / 'mine.py'}': 'register_datasets' is never called without @hookimpl above it"
    assert load_registry([tmp_path / "mine.py"]).warnings == [message]


def test_a_missing_plugin_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        load_registry([tmp_path / "none.py"])
    assert str(error.value) == f"no plugin file '{tmp_path / 'none.py'}'"


def test_a_file_given_twice_is_loaded_once(tmp_path: Path) -> None:
    file = plugin_file(tmp_path, "@hookimpl\ndef register_datasets(register): register('a', 'a:A')")
    registry = load_registry([file, tmp_path / "." / "mine.py"])
    assert registry.files == (file.resolve(),)


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = [
        plugin_file(tmp_path / name, f"@hookimpl\ndef register_datasets(register): register('{name}', 'm:{name}')")
        for name in "ab"
    ]
    assert of_files(*files).names("dataset") == ("a", "b")


def test_observers_and_commands_are_called(tmp_path: Path) -> None:
    calls: list[object] = []

    class Listener:
        @hookimpl
        def timestep(self, run, state):
            calls.append((run, state))

        @hookimpl
        def register_commands(self, cli):
            calls.append(cli)

    class Broken:
        @hookimpl
        def register_commands(self, cli):
            raise ValueError("no")

    registry = Registry.from_plugins({"listener": Listener(), "broken": Broken()})
    assert registry.has_observers("timestep")
    assert not registry.has_observers("run_finished")
    registry.hooks.timestep(run="run", state="state")
    registry.register_commands("cli")
    assert calls == [("run", "state"), "cli"]
    assert registry.warnings == ["plugin 'broken' is skipped: ValueError: no"]


def test_the_gallery_lists_scenes_by_bare_name(tmp_path: Path) -> None:
    (tmp_path / "roll.yaml").write_text("")
    (tmp_path / "notes.txt").write_text("")
    folder = module(register_scenes=lambda register: register(tmp_path))
    assert Registry.from_plugins({"p": folder}).scenes() == {"roll": tmp_path / "roll.yaml"}
    twice = Registry.from_plugins({"p": folder, "q": module(register_scenes=lambda register: register(str(tmp_path)))})
    with pytest.raises(PluginError) as error:
        twice.scenes()
    assert str(error.value) == (
        "scene 'roll' is registered by both 'p' and 'q'; names must be unique: uninstall or rename one"
    )


def test_a_folder_of_scenes_must_exist(tmp_path: Path) -> None:
    missing = module(register_scenes=lambda register: register(tmp_path / "none"))
    registry = Registry.from_plugins({"p": missing})
    assert registry.warnings == [
        f"plugin 'p' is skipped: ValueError: scene folder '{tmp_path / 'none'}' does not exist"
    ]


def test_a_spec_consists_of_plain_values() -> None:
    registry = of_files(PLUGINS)
    guess, mixed = registry.get("denoiser", "guess"), registry.get("denoiser", "mixed")
    down, even = registry.get("sampler", "down"), registry.get("spacing", "even")
    assert PluginSpecs(registry).to_spec(mixed(parts=(guess(), mixed(parts=())))) == {
        "mixed": {"parts": [{"guess": {}}, {"mixed": {"parts": []}}]}
    }
    assert PluginSpecs(registry).to_spec(down(spacing=even(), steps=3)) == {
        "down": {"steps": 3, "spacing": {"even": {"last": "zero"}}, "eta": 0.0}
    }


def test_an_unregistered_plugin_is_named_by_its_class() -> None:
    registry = of_files(PLUGINS)
    down = registry.get("sampler", "down")
    assert Registry().name_of(down) == f"{down.__module__}:Down"


def test_a_class_registered_as_a_string_has_its_name_before_the_registry_imports_it() -> None:
    import noisereel_builtins
    from noisereel_builtins.samplers.ancestral.ddim import DDIM

    assert Registry.from_plugins({"b": noisereel_builtins}).name_of(DDIM) == "ddim"


def test_entry_points_are_found_and_a_broken_one_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "noisereel_far-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noisereel-far\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[noisereel]\ngood = far_good\nbad = far_bad\n")
    plugin_file(tmp_path, "@hookimpl\ndef register_datasets(register): register('far', 'a:A')", "far_good.py")
    (tmp_path / "far_bad.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    assert any(entry.value == "far_good" for entry in metadata.entry_points(group="noisereel"))
    registry = load_registry()
    assert registry.package("dataset", "far") == "noisereel-far:good"
    assert "plugin 'noisereel-far:bad' is skipped: ZeroDivisionError: division by zero" in registry.warnings


def test_the_registry_imports_nothing_heavy() -> None:
    code = """
        import sys
        import noisereel, noisereel.support.errors, noisereel.registry.hookspecs, noisereel.registry, noisereel_builtins
        registry = noisereel.registry.Registry.from_plugins({"noisereel": noisereel_builtins})
        assert registry.names("sampler") and registry.scenes()
        print([name for name in ("torch", "matplotlib", "numpy", "pydantic", "ruamel.yaml") if name in sys.modules])
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, env=environment)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_every_builtin_is_a_plugin_of_its_kind() -> None:
    import noisereel_builtins

    registry = Registry.from_plugins({"noisereel": noisereel_builtins})
    assert registry.warnings == []
    for kind in registry.kinds:
        for name in registry.names(kind):
            assert registry.get(kind, name).kind == kind


def test_default_renderers_are_known_without_importing_them() -> None:
    class Package:
        @hookimpl
        def register_renderers(self, register: Any) -> None:
            register("any-image", "nowhere:Image", default_for=[(None, None), (None, None, 3)])
            register("pair", "nowhere:Pair", default_for=[(2,)])
            register("other-pair", "nowhere:Other", default_for=[(2,)])
            register("tiny-image", "nowhere:Tiny", default_for=[(8, 8)])
            register("no-default", "nowhere:NoDefault")

    registry = Registry.from_plugins({"package": Package()}, strict=True)
    default_renderers = {
        event_shape: registry.default_renderers(event_shape)
        for event_shape in [(2,), (8, 8), (8, 9), (4, 4, 3), (4, 4, 4), (1,), ()]
    }
    assert default_renderers == {
        (2,): ("pair",),
        (8, 8): ("tiny-image",),
        (8, 9): ("any-image",),
        (4, 4, 3): ("any-image",),
        (4, 4, 4): (),
        (1,): (),
        (): (),
    }


def test_only_renderers_can_be_defaults() -> None:
    class Package:
        @hookimpl
        def register_metrics(self, register: Any) -> None:
            register("m", "nowhere:M", default_for=[(2,)])

    with pytest.raises(PluginError, match="metric 'm': only renderers can be the default for event shapes"):
        Registry.from_plugins({"package": Package()}, strict=True)

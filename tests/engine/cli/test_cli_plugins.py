"""The command line and plugins: lists and descriptions of plugins, and errors of broken ones."""

from __future__ import annotations

import re

import pytest


def test_a_plugin_file_that_cannot_be_loaded_is_an_error(noisereel, scene, plugin):
    broken = plugin("raise RuntimeError('no')\n")
    for command in (["validate", scene()], ["plugins", "list"], ["render", scene(), "-o", "a.gif"]):
        done = noisereel(*command, "--plugin", broken)
        assert done == (1, "", f"plugin '{broken}' cannot be loaded: RuntimeError: no\n")


COMMANDS = """
import click, sys
@hookimpl
def register_commands(cli):
    @cli.command("{name}")
    @click.argument("word")
    def shout(word):
        if word == "exit":
            sys.exit(3)
        if word == "wrong":
            raise click.UsageError("not that")
        click.echo(word.upper() if word != "fail" else 1 / 0)
"""


def test_commands_of_a_plugin_file(noisereel, plugin):
    from noisereel.cli.main import cli

    file = plugin(COMMANDS.replace("{name}", "shout-1"))
    try:
        assert noisereel("--plugin", file, "shout-1", "hello") == (0, "HELLO\n", "")
        assert "shout-1" in noisereel("--plugin", file, "--help").out
        assert noisereel("--plugin", file, "shout-1", "exit").code == 3
        assert noisereel("--plugin", file, "shout-1", "wrong").code == 2
        failed = (1, "", "command 'shout-1': ZeroDivisionError: division by zero\n")
        assert noisereel("--plugin", file, "shout-1", "fail") == failed
        assert noisereel("--plugin", file, "plugins", "list").code == 0
    finally:
        cli.commands.pop("shout-1", None)


def test_plugins_of_one_kind_are_listed_with_their_summaries(noisereel, plugin):
    file = plugin(
        """
class Mine(Spacing):
    '''Evenly.

    More of it.'''
    def times(self, schedule, steps, start): ...

@hookimpl
def register_spacings(register):
    register("mine", Mine)
"""
    )
    lines = noisereel("plugins", "list", "spacing", "--plugin", file).out.splitlines()
    assert lines[0] == "spacing:"
    assert f"  mine       Evenly. ({file})" in lines
    assert all(line.startswith("  ") for line in lines[1:])
    wrong = noisereel("plugins", "list", "spacign")
    assert wrong == (2, "", "no kind of plugin is called 'spacign'; did you mean 'spacing'?\n")
    message = "'spacing' is a kind of plugin: 'noisereel plugins list spacing' lists them all\n"
    assert noisereel("plugins", "show", "spacing") == (2, "", message)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("torch.zeros(3, 2)", "dataset Mine (load): must return noisereel.Data, not Tensor"),
        ("1 / 0", "dataset Mine (load): ZeroDivisionError: division by zero"),
        (
            "Data([[1.0, 2.0]])",
            "Data: x0 must be a tensor of floats of shape (n, D), (n, H, W) or (n, H, W, 3), not a value of type list",
        ),
        (
            "Data(torch.zeros(3))",
            "Data: x0 must be a tensor of floats of shape (n, D), (n, H, W) or (n, H, W, 3), not float32 of shape (3,)",
        ),
        (
            "Data(torch.zeros(3, 2), hue=torch.zeros(2))",
            "Data: hue must be a tensor of shape (3,), one per sample, not float32 of shape (2,)",
        ),
    ],
)
def test_a_wrong_result_of_a_users_data_set_is_one_line(noisereel, plugin, scene, result, message):
    file = plugin(
        f"""
import torch

class Mine(Dataset):
    def load(self, ctx):
        return {result}

@hookimpl
def register_datasets(register):
    register("mine", Mine)
"""
    )
    done = noisereel("validate", scene(dataset="mine"), "--plugin", file)
    assert done.code and done.err.endswith(f"{message}\n") and done.err.count("\n") == 1


def test_a_metric_that_breaks_its_promise_is_one_line(noisereel, plugin, scene):
    file = plugin(
        """
class Mine(Metric):
    gives = ("a", "b")
    def measure(self, state, ctx):
        return {"b": 1.0, "c": 2.0}

@hookimpl
def register_metrics(register):
    register("mine", Mine)
"""
    )
    done = noisereel("still", scene("metrics: [mine]\npanels: [{title: '{a}'}]\n"), "--plugin", file)
    assert done.code == 1
    assert done.err.endswith(": 'gives' promises a, 'measure' gave b, c\n") and done.err.startswith("metric Mine (run ")


class TestPlugins:
    def test_every_kind_and_name_is_listed_with_its_package(self, noisereel):
        done = noisereel("plugins")
        assert done == noisereel("plugins", "list")
        assert {"dataset:", "sampler:", "writer:"} <= {*done.out.splitlines()}
        assert re.search(r"^  swiss-roll +noisereel$", done.out, re.MULTILINE)

    def test_a_plugin_is_shown_with_its_parameters(self, noisereel):
        done = noisereel("plugins", "show", "ddim")
        assert done.code == 0
        assert done.out.startswith("ddim  (sampler, from noisereel)\n\n  ")
        assert "eta" in done.out and "at least 0, at most 1\n" in done.out

    def test_a_name_of_several_kinds_shows_them_all(self, noisereel):
        done = noisereel("plugins", "show", "image")
        assert "image  (dataset, from noisereel)" in done.out and "image  (renderer, from noisereel)" in done.out
        assert "dataset" not in noisereel("plugins", "show", "renderer/image").out

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("swis-roll", "no plugin is called 'swis-roll'; did you mean 'swiss-roll'?"),
            ("sampler/ddmi", "unknown sampler 'ddmi'; did you mean 'ddpm'?"),
            ("samplr/ddim", "no kind of plugin is called 'samplr'; did you mean 'sampler'?"),
        ],
    )
    def test_unknown_plugins(self, noisereel, name, message):
        assert noisereel("plugins", "show", name) == (2, "", f"{message}\n")

    def test_every_plugin_can_be_shown(self, noisereel):
        from noisereel.registry.registry import load_registry

        registry = load_registry()
        for kind in registry.kinds:
            for name in registry.names(kind):
                done = noisereel("plugins", "show", f"{kind}/{name}")
                assert done.out.startswith(f"{name}  ({kind}, from noisereel)\n\n"), done
                assert not re.search(r"``|typing|<class|e\+|PydanticUndefined| $", done.out, re.MULTILINE), done.out

    def test_commands_of_plugins_are_added_to_the_program(self, noisereel, plugin, monkeypatch):
        from types import ModuleType

        from noisereel.registry import hookspecs
        from noisereel.registry.registry import Registry

        @hookspecs.hookimpl
        def register_commands(cli):
            cli.command("shout")(lambda: print("HELLO"))

        loud = ModuleType("loud")
        loud.register_commands = register_commands
        registry = Registry.from_plugins({"loud": loud})
        monkeypatch.setattr("noisereel.registry.load_registry", lambda *_, **__: registry)
        try:
            assert noisereel("shout") == (0, "HELLO\n", "")
        finally:
            from noisereel.cli.main import cli

            cli.commands.pop("shout", None)

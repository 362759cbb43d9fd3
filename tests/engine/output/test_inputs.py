"""Outputs never replace what a scene reads, and stay in their folder."""

from __future__ import annotations

import os

import pytest
from PIL import Image

THEME = "extends: dark\n"


@pytest.fixture
def film(scene, tmp_path):
    """Write a scene that reads a picture and a theme, named like outputs."""
    Image.new("L", (8, 8), 255).save(tmp_path / "logo.png")
    return scene("", dataset="{image: logo.png}", film="{frames: 2, hold: 0, size: [96, 72]}")


@pytest.mark.parametrize(
    "name", ["logo.png", "./logo.png", "sub/../logo.png", "link.png", "hard.png", "{tmp}/logo.png"]
)
@pytest.mark.parametrize("command", ["still", "render"])
def test_inputs_are_not_replaced(noisereel, film, tmp_path, name, command):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.png").symlink_to("logo.png")
    os.link(tmp_path / "logo.png", tmp_path / "hard.png")
    before = (tmp_path / "logo.png").read_bytes()
    name = name.replace("{tmp}", str(tmp_path))
    done = noisereel(command, film, "-o", name, "--set", "film.frames=1")
    assert done == (
        2,
        "",
        f"{os.path.normpath(name) if name[0] == '.' else name}: is read by the scene; write to another file\n",
    )
    assert (tmp_path / "logo.png").read_bytes() == before


def test_numbered_outputs_do_not_replace_inputs(noisereel, scene, tmp_path):
    Image.new("L", (8, 8), 255).save(tmp_path / "0001.png")
    done = noisereel("render", scene(dataset="{image: 0001.png}"), "-o", "{frame:04d}.png")
    assert done == (2, "", "0001.png: is read by the scene; write to another file\n")


def test_pictures_of_a_folder_are_not_replaced(noisereel, scene, tmp_path):
    (tmp_path / "all").mkdir()
    for name in "ab":
        Image.new("L", (8, 8), 255).save(tmp_path / "all" / f"{name}.png")
    done = noisereel("still", scene(dataset="{images: all}"), "-o", "all/a.png")
    assert done == (2, "", "all/a.png: is read by the scene; write to another file\n")


def test_plugin_files_are_not_replaced(noisereel, scene, tmp_path, plugin):
    file = plugin(
        """
from contextlib import contextmanager
from noisereel.contracts.writer import Writer
class Odd(Writer):
    @contextmanager
    def open(self, ctx):
        raise AssertionError
        yield
@hookimpl
def register_writers(register):
    register("py", Odd)
    register("yaml", Odd)
"""
    )
    for name in ("mine.py", "scene.yaml"):
        done = noisereel("render", scene(), "-o", name, "--plugin", file)
        assert done == (2, "", f"{name}: is read by the scene; write to another file\n")


@pytest.mark.parametrize("field", ["{frame:/>5}", "{step:/<9}", "{t:/^7}", "{frame:\\>5}"])
def test_numbered_outputs_stay_in_their_folder(noisereel, scene, field):
    done = noisereel("render", scene(), "-o", f"a{field}.png")
    assert done == (2, "", f"a{field}.png: '{field}' must not contain '/' or '\\'\n")


@pytest.mark.parametrize("length", [249, 255])
def test_long_names(noisereel, scene, tmp_path, length):
    name = "x" * (length - 4) + ".gif"
    assert noisereel("render", scene(), "-o", name).code == 0
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["x" * 252 + ".gif", "ü" * 130 + ".gif"])
def test_names_that_are_too_long(noisereel, scene, name):
    assert noisereel("render", scene(), "-o", name) == (1, "", f"cannot write {name}: File name too long\n")


@pytest.mark.skipif(os.name == "nt", reason="a working directory cannot be removed on Windows")
def test_a_working_directory_that_is_gone(noisereel, scene, tmp_path, monkeypatch):
    path = scene()
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    done = noisereel("render", path, "-o", "a.gif")
    assert done.code == 1 and done.err.count("\n") == 1


def test_too_many_panels_are_reported_with_a_position(noisereel, scene):
    panels = ", ".join(["{layers: [{curve: alpha_bar}]}"] * 400)
    path = scene(f"panels: [{panels}]\n", film="{frames: 2, size: [320, 240]}")
    done = noisereel("validate", path)
    assert done.code == 2 and done.err.startswith(f"{path}:4:") and "have no room for " in done.err

"""Scene, theme, style and plugin files that are pipes, devices, too large, or that would run on."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="uses pipes and devices of POSIX systems")
SPECIAL = ["pipe", "/dev/zero", "link", "folder", "large"]


def special(folder, kind, suffix):
    path = folder / f"odd{suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(10**10)
    else:
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("role", ["scene", "theme.yaml", "theme.mplstyle", "plugin"])
def test_they_are_refused_in_one_line(noisereel, scene, tmp_path, kind, role):
    path = special(tmp_path, kind, {"scene": ".yaml", "plugin": ".py"}.get(role, role[5:]))
    if role == "plugin" and kind == "large":
        pytest.skip("Python reads its own files")
    if role == "scene":
        done = noisereel("validate", path)
    elif role == "plugin":
        done = noisereel("validate", scene(), "--plugin", path)
    else:
        done = noisereel("validate", scene(film=f"{{theme: {path.name}}}"))
    assert done.code == 2 and done.err.count("\n") == 1 and path.name in done.err


@pytest.mark.parametrize(
    "cycle",
    ["cycler('color', ['r']) * 10000000", "9**9**9", "[1] * 10**10", "cycler('color', ['r'] * 10**9)",
     "cycler('color', 'rgb') * cycler('lw', [1]) * cycler('ls', ['-'])", "cycler(color=[c for c in 'rgb'])",
     "(lambda: 1)()", "(" * 300 + ")" * 300],
)  # fmt: skip
def test_a_style_is_not_evaluated_as_code(noisereel, scene, tmp_path, cycle):
    (tmp_path / "a.mplstyle").write_text(f"axes.prop_cycle: {cycle}\n")
    done = noisereel("validate", scene(film="{theme: a.mplstyle}"))
    assert done.code == 2
    assert done.err.endswith("axes.prop_cycle must be cycler(…), or two of them added or multiplied\n")


@pytest.mark.parametrize("cycle", ["cycler('color', ['1B66AB', 'r'])", "cycler(color='rgb') + cycler(lw=[1, 2, 3])"])
def test_usual_styles_pass(noisereel, scene, tmp_path, cycle):
    (tmp_path / "a.mplstyle").write_text(f"axes.prop_cycle: {cycle}\n")
    assert noisereel("validate", scene(film="{theme: a.mplstyle}")).code == 0


@pytest.mark.parametrize("value", ["{a: b}", "[a, b]", "1", "null", "true", ".nan"])
@pytest.mark.parametrize("key", ["extends", "font", "background", "amber"])
def test_wrong_types_in_a_theme_are_described(noisereel, scene, tmp_path, key, value):
    (tmp_path / "a.yaml").write_text(f"{key}: {value}\n")
    done = noisereel("validate", scene(film="{theme: a.yaml}"))
    assert done.code == 2 and "a.yaml:1:" in done.err and done.err.count("\n") == 1
    assert "Node(" not in done.err

"""The shipped packages: the wheel, and a third party's package installed with it in a new environment.

The quick tests share this environment's dependencies; the slow test installs everything from constraints.txt.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image, ImageSequence

import noisereel

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "tests" / "example_package"
SCENE = EXAMPLE / "lissajous.yaml"
GALLERY = sorted(path.stem for path in (ROOT / "scenes").glob("*.yaml"))
SMALL = ["--size", "160x120", "--set", "film.frames=6", "--set", "particles=200", "--quiet"]

Noisereel = Callable[..., str]

pytestmark = pytest.mark.xdist_group("package")  # one worker builds the wheels, once


def run(*command: str | Path, cwd: Path, home: Path) -> str:
    """Run a command with nothing of this environment on Python's path; return its standard output.

    ``home`` replaces the user's folders, so that their caches are neither read nor written.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PYTHONNOUSERSITE": "1"}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build the two wheels; return them by distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    run(*build, "--wheel-dir", folder, ROOT, EXAMPLE, cwd=folder, home=folder)
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}


def environment(folder: Path, wheels: list[Path]) -> Noisereel:
    """Create an environment with these wheels that shares this one's dependencies; return its ``noisereel`` command.

    The command runs in an empty folder next to the environment.
    """
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder, home=folder).strip()
    )
    (site / "shared.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", *wheels, cwd=folder, home=folder)
    return command(folder)


def command(folder: Path) -> Noisereel:
    """Return the ``noisereel`` command of the environment in a folder, run in an empty folder next to it."""
    empty = folder / "empty"
    empty.mkdir()
    return lambda *args: run(folder / "env" / "bin" / "noisereel", *args, cwd=empty, home=folder)


@pytest.fixture(scope="module")
def installed(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Noisereel:
    """Install noisereel together with the example package."""
    return environment(tmp_path_factory.mktemp("installed"), [*wheels.values()])


@pytest.fixture(scope="module")
def alone(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Noisereel:
    """Install noisereel without the example package."""
    return environment(tmp_path_factory.mktemp("alone"), [wheels["noisereel"]])


def frames(path: Path) -> np.ndarray:
    """Return all frames of a film, shape (frames, H, W, 3)."""
    with Image.open(path) as film:
        return np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)])


def assert_shows_the_example(path: Path) -> None:
    film = frames(path)
    assert film.shape[1:] == (120, 160, 3)
    assert len(film) >= 6
    assert np.abs(film[0].astype(int) - film[-1]).max() > 50, "nothing moves"


def test_the_wheel_holds_both_packages_the_gallery_the_data_and_the_licences(wheels: dict[str, Path]) -> None:
    names = ZipFile(wheels["noisereel"]).namelist()
    info = f"noisereel-{noisereel.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"noisereel", "noisereel_builtins", info}
    assert sorted(Path(name).stem for name in names if name.startswith("noisereel_builtins/scenes/")) == GALLERY
    for name in ("noisereel/py.typed", "noisereel_builtins/py.typed", "noisereel_builtins/data/datasaurus.csv"):
        assert name in names
    for name in ("LICENSE", "NOTICE"):
        assert f"{info}/licenses/{name}" in names


def test_the_source_distribution_is_complete(wheels: dict[str, Path], tmp_path: Path) -> None:
    # `build` builds the wheel from the source distribution, not from the checkout.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path, home=tmp_path)
    rebuilt = tmp_path / wheels["noisereel"].name
    assert ZipFile(rebuilt).namelist() == ZipFile(wheels["noisereel"]).namelist()


def test_the_data_files_match_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text()
    for path in sorted((ROOT / "plugins" / "noisereel_builtins" / "data").iterdir()):
        entry = re.search(rf"^{re.escape(path.name)}$.*?sha256 (\w+)", notice, re.MULTILINE | re.DOTALL)
        assert entry is not None, f"NOTICE does not mention {path.name}"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry[1]


def test_constraints_pin_every_dependency() -> None:
    pins = re.findall(r"^([\w.-]+)==[\w.]+$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}
    assert {name.lower().replace("_", "-") for name in names} <= {pin.lower().replace("_", "-") for pin in pins}


def test_the_gallery_is_found_in_the_wheel(installed: Noisereel) -> None:
    listed = installed("scenes", "list").split()
    assert GALLERY
    assert set(GALLERY) <= set(listed)


def test_the_packages_plugins_are_listed_with_the_built_in_ones(installed: Noisereel) -> None:
    listed = installed("plugins", "list").split()
    assert {"lissajous", "rings", "swiss-roll", "points"} <= set(listed)


def test_a_package_renders_from_its_entry_point(installed: Noisereel, tmp_path: Path) -> None:
    installed("render", SCENE, "-o", tmp_path / "film.gif", *SMALL)
    assert_shows_the_example(tmp_path / "film.gif")


def test_a_module_renders_without_being_installed(alone: Noisereel, installed: Noisereel, tmp_path: Path) -> None:
    alone("render", SCENE, "-o", tmp_path / "file.gif", "--plugin", EXAMPLE / "noisereel_example.py", *SMALL)
    installed("render", SCENE, "-o", tmp_path / "entry.gif", *SMALL)
    np.testing.assert_array_equal(frames(tmp_path / "file.gif"), frames(tmp_path / "entry.gif"))


@pytest.mark.slow
def test_everything_installs_from_the_constraints(wheels: dict[str, Path], tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True, with_pip=True)
    pip = [tmp_path / "env" / "bin" / "python", "-m", "pip"]
    # With the user's home, pip finds its cache and configuration; a new one would download everything again.
    home = Path.home()
    constraints = ROOT / "constraints.txt"
    run(*pip, "install", "--quiet", "--constraint", constraints, *wheels.values(), cwd=tmp_path, home=home)
    run(*pip, "check", cwd=tmp_path, home=home)
    fresh = command(tmp_path)
    assert set(GALLERY) <= set(fresh("scenes", "list").split())
    fresh("render", SCENE, "-o", tmp_path / "film.gif", *SMALL)
    assert_shows_the_example(tmp_path / "film.gif")

"""User documentation: its scenes and plugins run unchanged, and its lists are complete."""

from __future__ import annotations

import csv
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from documents import run_page
from noisereel.cli.main import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SMALL = ["--size", "160x120", "--set", "film.frames=4", "--quiet", "--no-cache"]


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced code blocks of a page in one language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def noisereel(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(cli, [*map(str, arguments)])
    assert result.exit_code == 0, f"{result.output}{result.exception!r}"
    return result


def render(scene: str, folder: Path, *arguments: str | Path) -> None:
    """Render a scene from its text at a small size, and check that the film has several frames."""
    (folder / "scene.yaml").write_text(scene, encoding="utf-8")
    noisereel("render", folder / "scene.yaml", "-o", folder / "film.gif", *SMALL, *arguments)
    with Image.open(folder / "film.gif") as film:
        assert film.n_frames >= 4


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_page(page, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("```ruby\nputs 1\n```", "blocks in 'ruby' are not run by any test"),
        ("```\n1\n```", "blocks in '' are not run by any test"),
        ("```python\n1 / 0\n```", "division by zero"),
        ("```python\n@hookimpl\ndef register_datasets(register): ...\n```", "name 'hookimpl' is not defined"),
        ("```toml\n[project\n```", "Expected"),
        ("```yaml\nfilm: {size: 1:2}\n```", "film.size"),
        ("```yaml\nextends: light\nblue: 3\n```", "must be a hex colour"),
        ("    noisereel still swiss-roll-forward --when 3", "No such option"),
        ("    noisereel render nothing.yaml", "nothing.yaml"),
        ("    make nothing", "nothing"),
        ("    pip install another-project", "another-project"),
        ("    curl example.org", "no test runs the command 'curl'"),
    ],
)
def test_a_block_that_does_not_run_is_found(
    block: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\nHere:\n\n{block}\n", encoding="utf-8")
    with pytest.raises(Exception) as caught:
        run_page(page, tmp_path, monkeypatch)
    assert message in str(caught.value)
    assert f"page.md:{6 if block.startswith('`') else 5}" in "".join(caught.value.__notes__)


def test_the_denoiser_shown_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISEREEL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "shallow.py").write_text(blocks("docs/plugins.md", "python")[1], encoding="utf-8")
    scene = """\
dataset: {two-moons: {n: 500}}
schedule: {cosine: {steps: 20}}
denoiser: {shallow: {steps: 400, held_out: 0.2}}
sampler: ddim
"""
    (tmp_path / "s.yaml").write_text(scene, encoding="utf-8")
    losses = []
    for steps in (1, 400):
        more = ["--set", f"denoiser.shallow.steps={steps}", "--plugin", tmp_path / "shallow.py"]
        output = noisereel("train", tmp_path / "s.yaml", *more).output
        losses.append(float(re.search(r"loss ([\d.]+)", output)[1]))  # type: ignore[index]
    assert losses[1] < losses[0] - 0.05  # most of the loss is irreducible
    render(scene, tmp_path, "--plugin", tmp_path / "shallow.py")


def test_every_part_of_the_engine_has_its_place_on_the_map() -> None:
    parts = {path.name for path in (ROOT / "engine/noisereel").glob("[!_]*") if path.suffix == ".py" or path.is_dir()}
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert {"simulation", "learning"} <= parts
    assert [part for part in sorted(parts) if part not in page] == []


def test_every_hook_has_its_place_on_the_plugins_page() -> None:
    from noisereel.registry import hookspecs

    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, "noisereel_spec")]
    page = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
    assert hooks
    assert [hook for hook in hooks if f"`{hook}" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_gallery_page_describes_every_scene_once() -> None:
    from noisereel.registry.registry import load_registry

    described = re.findall(r"^\*\*`(.+?)`\*\*: ", (ROOT / "docs/gallery.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(described) == sorted(load_registry().scenes())


# The examples at the end of docs/plugins.md, each used as the page says.


def example(language: str, containing: str) -> str:
    """Return the only block of the page on plugins that contains a text."""
    (block,) = (block for block in blocks("docs/plugins.md", language) if containing in block)
    return block


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that saves the plugin that contains a text to a file."""

    def save(containing: str, name: str) -> Path:
        (tmp_path / name).write_text(example("python", containing), encoding="utf-8")
        return tmp_path / name

    return save


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the temporary folder the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def series_of(scene: str, folder: Path, *plugins: Path) -> dict[str, np.ndarray]:
    """Simulate a scene from its text, and return what the writer of the page saves: times and particles of each run."""
    npz = folder / "npz.py"
    npz.write_text(example("python", "class Npz"), encoding="utf-8")
    (folder / "series.yaml").write_text(scene, encoding="utf-8")
    options = [option for plugin in [npz, *plugins] for option in ("--plugin", plugin)]
    noisereel("render", folder / "series.yaml", "-o", folder / "series.npz", "--no-cache", "--quiet", *options)
    with np.load(folder / "series.npz") as arrays:
        return dict(arrays)


def test_the_schedule_shown_renders(saved: Callable[..., Path], tmp_path: Path) -> None:
    plugin = saved("class Laplace", "laplace.py")
    render(example("yaml", "laplace"), tmp_path, "--plugin", plugin)
    shown = noisereel("plugins", "show", "laplace", "--plugin", plugin).output
    assert "λ_t = μ − b·sgn(½ − u)·ln(1 − 2|½ − u|),   u = t/T" in shown


def test_the_schedule_shown_has_log_snrs_of_a_laplace_distribution(saved: Callable[..., Path]) -> None:
    from noisereel.contracts.schedule import check_schedule

    schedule = runpy.run_path(str(saved("class Laplace", "laplace.py")))["Laplace"](steps=1000, mu=0.7, b=0.4)
    assert check_schedule(schedule) is None
    levels = [schedule.at(float(t)) for t in range(1001)]
    assert (levels[0].alpha, levels[0].sigma) == (1, 0) and (levels[-1].alpha, levels[-1].sigma) == (0, 1)
    assert [level.alpha**2 + level.sigma**2 for level in levels] == pytest.approx([1] * 1001, rel=1e-12)
    draws = np.random.default_rng(0).laplace(0.7, 0.4, 200_000)
    assert [level.log_snr for level in levels[50:-50]] == pytest.approx(
        np.quantile(draws, np.linspace(0.95, 0.05, 901)), abs=0.03
    )
    assert schedule.time_of(schedule.at(3.0).log_snr) == pytest.approx(3)
    assert schedule.at(1e-40).alpha == 1
    with pytest.raises(ValueError, match=r"^t = 1001 is outside \[0, 1000\]$"):
        schedule.at(1001.0)


def test_the_sampler_shown_renders(saved: Callable[..., Path], tmp_path: Path) -> None:
    render(example("yaml", "clipped-ddim"), tmp_path, "--plugin", saved("class ClippedDDIM", "clipped_ddim.py"))


def test_the_sampler_shown_clips_and_otherwise_agrees_with_ddim(saved: Callable[..., Path], tmp_path: Path) -> None:
    plugin = saved("class ClippedDDIM", "clipped_ddim.py")
    series = series_of(example("yaml", "clipped-ddim"), tmp_path, plugin)
    assert series["plain.x"].shape == series["clipped.x"].shape == (26, 1000, 2)
    assert np.abs(series["clipped.x"][-1]).max() <= 1.5 < np.abs(series["plain.x"][-1]).max() - 0.5
    never = example("yaml", "clipped-ddim").replace("limit: 1.5", "limit: 1e9")
    series = series_of(never, tmp_path, plugin)
    np.testing.assert_allclose(series["clipped.x"], series["plain.x"], atol=1e-4)


def test_the_writer_shown_saves_every_visit_of_every_run(saved: Callable[..., Path], here: Path) -> None:
    noisereel(
        *("render", "ddpm-vs-ddim", "--plugin", saved("class Npz", "npz.py"), "-o", "runs.npz", "-o", "film.gif"),
        *SMALL,
        *("--set", "particles=30"),
    )
    with np.load("runs.npz") as arrays:
        assert sorted(arrays) == ["ddim.t", "ddim.x", "ddpm.t", "ddpm.x"]
        visits, particles, _ = arrays["ddim.x"].shape
        assert (particles, arrays["ddim.t"].shape) == (30, (visits,))
        assert arrays["ddim.t"][-1] == 0 and (np.diff(arrays["ddim.t"]) < 0).all()
        assert np.array_equal(arrays["ddpm.x"][0], arrays["ddim.x"][0])  # the scene's runs start from the same noise
        assert not np.array_equal(arrays["ddpm.x"][-1], arrays["ddim.x"][-1])
    with Image.open("film.gif") as film:
        assert film.n_frames >= 4
    assert sorted(path.name for path in here.iterdir()) == ["film.gif", "npz.py", "runs.npz"]


def test_the_observer_shown_records_every_visit(saved: Callable[..., Path], here: Path) -> None:
    scene = example("yaml", "clipped-ddim")
    plugins = saved("class ClippedDDIM", "clipped_ddim.py"), saved("def timestep", "spread.py")
    series = series_of(scene, here, *plugins)
    for run in ("plain", "clipped"):
        with Path(f"{run}-spread.csv").open(encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        assert header == ["t", "calls", "std of x", "std of x0"]
        assert [float(row[0]) for row in rows] == [*series[f"{run}.t"]]
        assert [int(row[1]) for row in rows] == [*range(1, 26), 25]
        assert [float(row[2]) for row in rows] == pytest.approx(series[f"{run}.x"].std(axis=(1, 2), ddof=1), rel=1e-3)
        assert [row[3] == "" for row in rows] == [False] * 25 + [True]


def test_the_observer_shown_writes_nothing_for_cached_runs(
    saved: Callable[..., Path], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOISEREEL_CACHE", str(here / "cache"))
    (here / "s.yaml").write_text("dataset: {circles: {n: 50}}\nschedule: {cosine: {steps: 5}}\nsampler: forward\n")
    again = ("still", "s.yaml", "-o", "a.png", "--quiet", "--plugin", saved("def timestep", "spread.py"))
    noisereel(*again)
    (table,) = here.glob("*-spread.csv")
    table.unlink()
    noisereel(*again)
    assert [*here.glob("*-spread.csv")] == []


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """Return a function that makes a module the only installed plugin besides the built-ins; remove its commands."""
    import noisereel_builtins
    from noisereel.registry import Registry

    before = {*cli.commands}

    def install(name: str, names: dict[str, Any]) -> None:
        module = ModuleType(name)
        vars(module).update(names)
        registry = Registry.from_plugins({"noisereel": noisereel_builtins, name: module}, strict=True)
        monkeypatch.setattr("noisereel.registry.load_registry", lambda *_, **__: registry)

    yield install
    for name in {*cli.commands} - before:
        del cli.commands[name]


def test_the_command_shown_prints_levels(
    saved: Callable[..., Path], here: Path, installed: Callable[[str, dict[str, Any]], None]
) -> None:
    installed("levels", runpy.run_path(str(saved("def register_commands", "levels.py"))))
    scene = "dataset: circles\nschedule: {rectified-flow: {steps: 10}}\nsampler: forward\nruns: {a: {}, b: {}}\n"
    (here / "two.yaml").write_text(scene, encoding="utf-8")
    table = """\
       t   alpha   sigma  log-SNR
       0  1.0000  0.0000      inf
       5  0.5000  0.5000     0.00
      10  0.0000  1.0000     -inf
"""
    assert noisereel("levels", "two.yaml", "--rows", "2").output == f"a\n{table}b\n{table}"
    assert "Print the noise levels of the runs of SCENE." in noisereel("--help").output
    assert CliRunner().invoke(cli, ["levels", "nowhere.yaml"]).exit_code != 0


def test_the_package_shown_for_the_command_registers_its_module() -> None:
    import tomllib

    project = tomllib.loads(example("toml", "noisereel-levels"))["project"]
    assert project["entry-points"] == {"noisereel": {"levels": "levels"}}

"""User documentation: its scenes and plugins run unchanged, and its lists are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from noisereel.cli.main import cli

ROOT = Path(__file__).parents[1]
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


@pytest.mark.parametrize("scene", blocks("README.md", "yaml"), ids=["shortest", "two runs", "learning"])
def test_the_readmes_scenes_render(scene: str, tmp_path: Path) -> None:
    render(scene, tmp_path)


@pytest.mark.parametrize("scene", blocks("docs/scenes.md", "yaml"))
def test_the_scenes_of_the_page_on_scenes_render(scene: str, tmp_path: Path) -> None:
    render(scene, tmp_path)


@pytest.mark.parametrize(
    ("page", "name", "scene"),
    [
        ("README.md", "wave", blocks("README.md", "yaml")[0].replace("swiss-roll", "wave")),
        ("docs/plugins.md", "halo", blocks("docs/plugins.md", "yaml")[0]),
    ],
    ids=["README", "plugins"],
)
def test_the_plugins_shown_render(page: str, name: str, scene: str, tmp_path: Path) -> None:
    plugin = tmp_path / f"{name}.py"
    plugin.write_text(blocks(page, "python")[0], encoding="utf-8")
    render(scene, tmp_path, "--plugin", plugin)
    assert "Number of points." in noisereel("plugins", "show", name, "--plugin", plugin).output


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


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_gallery_page_describes_every_scene_once() -> None:
    from noisereel.registry.registry import load_registry

    described = re.findall(r"^\*\*`(.+?)`\*\*: ", (ROOT / "docs/gallery.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(described) == sorted(load_registry().scenes())

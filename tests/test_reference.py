"""The generated pages match what they describe."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = runpy.run_path(str(DOCS / "make_reference.py"))["PAGES"]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    message = f"docs/{name} is out of date: run python docs/make_reference.py"
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), message


@pytest.mark.parametrize("name", PAGES)
def test_links_within_a_generated_page_lead_to_headings(name: str) -> None:
    text = PAGES[name]()
    headings = [re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in re.findall("^##+ (.*)", text, re.M)]
    anchors = {f"{each}-{n}" if (n := headings[:i].count(each)) else each for i, each in enumerate(headings)}
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links
    assert links <= anchors


def test_every_key_of_a_scene_is_described() -> None:
    from noisereel.scene import specs

    parts = [specs.SceneHeader, specs.RunFields, specs.PanelSpec, specs.FilmSettings, specs.Layout, specs.SlowMotion]
    keys = {key for part in parts for key in part.model_fields} | {"runs", "panels", "repeat"}
    assert keys <= set(re.findall(r"^\| `(\w+)`", PAGES["keys.md"](), re.MULTILINE))


def test_every_flag_of_a_command_is_described() -> None:
    from noisereel.cli.main import cli

    text = PAGES["commands.md"]()
    for command in ("render", "still", "train", "validate"):
        section = text.partition(f"\n## {command}\n")[2].partition("\n## ")[0]
        assert [
            flag for option in cli.commands[command].params for flag in option.opts if flag not in section.lower()
        ] == []
    assert "| `-o, --output FILE` | renders/SCENE.gif |" in text
    assert "| `-j, --workers N` | 1 | Number of drawing processes (1 to 64). |" in text


def test_every_public_name_and_field_is_described() -> None:
    import noisereel

    text = PAGES["api.md"]()
    headings = re.findall("^### (.*)", text, re.M)
    assert [name for name in noisereel.__all__ if name not in headings and name != "__version__"] == []
    for field in ("log_snr", "next_aux: Mapping[str, Tensor]", "palette: Tensor | None = None", "first_row: int = 0"):
        assert f"`{field}" in text
    assert "object at 0x" not in text

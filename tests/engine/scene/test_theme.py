"""Themes: colours that stay distinct to colour-blind readers and in grey prints, and custom themes."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from noisereel.canvas.glyphs import Glyphs
from noisereel.contracts.geometry import Box
from noisereel.contracts.theme import THEMES, Theme, rgb
from noisereel.layout import FrameText, Line, PanelPlan, lay_out
from noisereel.registry.registry import Registry
from noisereel.scene import Override, parse_scene
from noisereel.support.errors import SceneError
from noisereel.support.typeset import font, measure

STOPS = ("blue", "violet", "rose", "amber")

# Machado, Oliveira and Fernandes 2009, table 1 at severity 1, for linear RGB
SEEN_BY = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "all": np.eye(3).tolist(),
}
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def lab(color: str, matrix: list[list[float]]) -> np.ndarray:
    """Return the CIELAB (D65) values of a hex colour, seen with a colour-vision matrix."""
    c = np.array(rgb(color)) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(matrix @ linear, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("vision", SEEN_BY)
def test_the_colours_of_a_gradient_differ_to_everybody(theme: Theme, vision: str) -> None:
    # A difference of 2.3 is just noticeable.
    seen = [lab(theme.color(role), SEEN_BY[vision]) for role in STOPS]
    assert np.linalg.norm(seen[0] - seen[-1]) > 75
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 8


def test_paper_keeps_its_order_in_grey() -> None:
    grey = [lab("#{:02X}{:02X}{:02X}".format(*color), SEEN_BY["all"])[0] for color in THEMES["paper"].gradient(64)]
    assert all(b > a for a, b in pairwise(grey)) and grey[-1] - grey[0] > 25


def test_paper_is_set_in_a_serif_face_formulas_too() -> None:
    assert THEMES["paper"].font == "DejaVu Serif"
    assert font(10, family="DejaVu Serif").get_math_fontfamily() == "dejavuserif"
    assert measure("serif", 10, family="DejaVu Serif") != measure("serif", 10)


def test_layout_measures_text_in_the_font_of_the_theme() -> None:
    words = "A title that is wider in one face than in another, and too wide for the frame in either"
    plane = PanelPlan("plane", Box((0, 1), (0, 1)))
    for name in ("light", "paper"):
        figure = lay_out((640, 480), THEMES[name], [plane], text=FrameText(title=Line(words)))
        slot = figure.slots[0]
        width = measure(words, slot.size, True, figure.theme.font).width * figure.scale
        assert 0.9 * (640 - 2 * slot.x) < width <= 640 - 2 * slot.x


def test_letters_that_a_family_lacks_come_from_dejavu_sans() -> None:
    stix, sans = Glyphs("STIXGeneral", 1), Glyphs("DejaVu Sans", 1)
    snowman = "☃"
    np.testing.assert_array_equal(stix.line(snowman, 20).mask, sans.line(snowman, 20).mask)
    assert stix.line("a", 20).mask.shape != sans.line("a", 20).mask.shape
    assert measure(snowman, 20, family="STIXGeneral") == measure(snowman, 20)


# Custom themes

SCENE = "dataset: dot\nschedule: ramp\nsampler: up\nfilm: {theme: mine.yaml}\n"


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry(strict=True)
    registry.add_file(Path(__file__).parents[1] / "scene_plugins.py")
    return registry


def themed(folder: Path, registry: Registry, text: str | None, scene: str = SCENE) -> Theme:
    if text is not None:
        (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return parse_scene(scene, "s.yaml", folder, registry).theme


def messages(folder: Path, registry: Registry, text: str | None, scene: str = SCENE) -> list[str]:
    with pytest.raises(SceneError) as error:
        themed(folder, registry, text, scene)
    return str(error.value).replace(f"{folder}/", "").split("\n")


def test_a_file_changes_a_built_in_theme(tmp_path: Path, registry: Registry) -> None:
    theme = themed(tmp_path, registry, "extends: light\nfont: STIXGeneral\nblue: '#0a0B0c'\n")
    assert (theme.name, theme.font) == ("mine", "STIXGeneral")
    assert theme.colors == {**THEMES["light"].colors, "blue": "#0a0B0c"}
    assert themed(tmp_path, registry, "{}").colors == THEMES["dark"].colors
    assert themed(tmp_path, registry, "extends: paper").font == "DejaVu Serif"


def test_the_path_in_an_option_is_relative_to_the_current_folder(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "current").mkdir()
    (tmp_path / "current" / "mine.yml").write_text("ink: '#ABCDEF'")
    monkeypatch.chdir(tmp_path / "current")
    scene = parse_scene(SCENE, "s.yaml", tmp_path, registry, [Override("--theme", "film.theme", "mine.yml")])
    assert scene.theme.color("ink") == "#ABCDEF"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "blu: '#000000'",
            "mine.yaml:1:1: blu: unknown key 'blu'; did you mean 'blue'?",
        ),
        (
            "extends: lihgt",
            "mine.yaml:1:10: extends: unknown theme 'lihgt'; did you mean 'light'?",
        ),
        (
            "blue: #5AB0F2",
            'mine.yaml:1:14: blue: must be a hex colour in quotes, such as "#5AB0F2", got nothing',
        ),
        (
            "ink: '#12345'",
            "mine.yaml:1:6: ink: must be a hex colour in quotes, such as \"#5AB0F2\", got text '#12345'",
        ),
        (
            "font: DejaVu Serf",
            "mine.yaml:1:7: font: no font 'DejaVu Serf' is installed; did you mean 'DejaVu Serif'?",
        ),
        (
            "font: Wingbats of Doom",
            "mine.yaml:1:7: font: no font 'Wingbats of Doom' is installed; matplotlib includes DejaVu Sans,"
            " DejaVu Serif and STIXGeneral",
        ),
        ("- dark", "mine.yaml:1:1: must be a mapping such as 'extends: dark', got a list of 1"),
        ("ink: '#12", "mine.yaml:1:6: a quote is never closed"),
        (None, "s.yaml:4:15: film.theme: 'mine.yaml' cannot be read: No such file or directory"),
    ],
)
def test_errors_in_a_file_are_reported_with_their_location(
    tmp_path: Path, registry: Registry, text: str | None, error: str
) -> None:
    assert messages(tmp_path, registry, text) == [error]


def test_all_errors_are_reported_at_once_including_those_of_the_scene(tmp_path: Path, registry: Registry) -> None:
    lines = messages(tmp_path, registry, "ink: red\nrosy: 1\n", SCENE + "sed: 3\n")
    assert lines == [
        "mine.yaml:1:6: ink: must be a hex colour in quotes, such as \"#5AB0F2\", got text 'red'",
        "mine.yaml:2:1: rosy: unknown key 'rosy'; did you mean 'rose'?",
        "s.yaml:5:1: sed: unknown key 'sed'; did you mean 'seed'?",
    ]


def test_a_theme_must_be_text(tmp_path: Path, registry: Registry) -> None:
    lines = messages(tmp_path, registry, None, SCENE.replace("mine.yaml", "3"))
    assert lines == ["s.yaml:4:15: film.theme: must be text, got 3"]


STYLE = """
axes.facecolor: 102030
figure.facecolor: red
text.color: white
xtick.color: "0.5"
axes.grid: True
grid.color: white
grid.alpha: 0.5
axes.prop_cycle: cycler("color", ["tab:blue", "#aabbcc", "g"])
font.family: serif
font.serif: No Such Serif, STIXGeneral
lines.linewidth: 3
"""


def styled(folder: Path, registry: Registry, style: str) -> Theme:
    (folder / "mine.mplstyle").write_text(style, encoding="utf-8")
    return parse_scene(SCENE.replace("yaml", "mplstyle"), "s.yaml", folder, registry).theme


def test_a_matplotlib_style_is_a_theme(tmp_path: Path, registry: Registry) -> None:
    theme = styled(tmp_path, registry, STYLE)
    assert (theme.name, theme.font) == ("mine", "STIXGeneral")
    assert dict(theme.colors) == {
        "background": "#102030",
        "ink": "#ffffff",
        "muted": "#808080",
        "faint": "#889098",  # halfway from the background to white
        "blue": "#1f77b4",
        "violet": "#aabbcc",
        "rose": "#008000",
        "amber": THEMES["dark"].colors["amber"],
    }


def test_colours_that_a_style_omits_suit_its_background(tmp_path: Path, registry: Registry) -> None:
    bright, dark = (styled(tmp_path, registry, f"axes.facecolor: {c}\ngrid.color: r\n") for c in ("white", "black"))
    assert {**bright.colors, "background": 0} == {**THEMES["light"].colors, "background": 0}
    assert {**dark.colors, "background": 0} == {**THEMES["dark"].colors, "background": 0}
    assert styled(tmp_path, registry, "").colors == THEMES["light"].colors


@pytest.mark.parametrize(
    "name", ["ggplot", "dark_background", "Solarize_Light2", "seaborn-v0_8-whitegrid", "grayscale"]
)
def test_matplotlibs_own_styles_are_themes(name: str, tmp_path: Path, registry: Registry) -> None:
    path = Path(matplotlib.get_data_path(), "stylelib", f"{name}.mplstyle")
    theme = styled(tmp_path, registry, path.read_text())
    assert theme.color("background") != theme.color("ink")


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("text.color: blu", "is not a matplotlib style: Key text.color: 'blu' does not look like a color arg"),
        ("font.family: Comic", "font.family: none of Comic is installed"),
    ],
)
def test_errors_in_a_style_are_reported(style: str, message: str, tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(SceneError) as error:
        styled(tmp_path, registry, style)
    assert str(error.value) == f"s.yaml:4:15: film.theme: '{tmp_path / 'mine.mplstyle'}': {message}"

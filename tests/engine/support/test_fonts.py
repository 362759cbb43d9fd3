"""Fonts: letters that the family lacks come from another installed font, or are named in a warning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from noisereel.canvas.glyphs import Glyphs
from noisereel.canvas.raster import RasterCanvas
from noisereel.canvas.vector import draw_vector
from noisereel.contracts.dataset import LoadContext
from noisereel.contracts.figure import Drawing
from noisereel.contracts.geometry import Box
from noisereel.contracts.marks import Text
from noisereel.contracts.theme import THEMES
from noisereel.layout import FrameText, Line, PanelPlan, lay_out
from noisereel.registry import load_registry
from noisereel.scene.load import parse_scene
from noisereel.simulation.lint import lint
from noisereel.simulation.plan import plan_runs
from noisereel.support import fonts
from noisereel.support.fonts import SANS, families, family_with, missing_letters
from noisereel.support.noise import LoadDraw
from noisereel.support.typeset import DPI, measure
from noisereel_builtins.datasets.shapes.text import Text as TextData

REGISTRY = load_registry()
CONTEXT = LoadContext(Path(), LoadDraw(0))
SCENE = """\
title: {title}
subtitle: {subtitle}
caption: {caption}
dataset: {{two-moons: {{n: 40}}}}
schedule: {{linear: {{steps: 100}}}}
sampler: forward
runs: {{{run}: {{}}}}
panels: [{{title: {panel}, x_label: {label}, layers: [points, {{text: {layer}}}]}}]
"""
LETTERS = ["日", "한", "क", "🎉", "\u0e01"]


@pytest.fixture
def squares(tmp_path: Path) -> Iterator[str]:
    """Install a font whose only letter, 日, is a square of one em; return its family."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 1000), (1000, 1000), (1000, 0)):
        pen.lineTo(corner)
    pen.closePath()
    glyphs = {".notdef": TTGlyphPen(None).glyph(), "sun": pen.glyph()}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([*glyphs])
    builder.setupCharacterMap({ord("日"): "sun"})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({".notdef": (500, 0), "sun": (1000, 0)})
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "squares.ttf")
    before = list(fontManager.ttflist)
    fontManager.addfont(tmp_path / "squares.ttf")
    forget()
    yield "Squares"
    fontManager.ttflist[:] = before
    fontManager._findfont_cached.cache_clear()
    forget()


def forget() -> None:
    for cached in (fonts._has, fonts._other_family, fonts._installed):
        cached.cache_clear()


def test_an_installed_font_is_used_for_letters_that_the_family_lacks(squares: str) -> None:
    if "日" in {letter for letter in LETTERS if family_with(letter) not in (SANS, squares)}:
        pytest.skip("this machine has another font for it")
    assert family_with("日") == squares
    assert families("a日b") == [SANS, squares]
    assert missing_letters("a日b") is None
    em = 72 * DPI / 72
    assert measure("日日", 72.0).width == pytest.approx(2 * em, rel=0.02)
    line = Glyphs(SANS, 1.0).line("日", 72.0)
    assert line.advance == pytest.approx(em, rel=0.01)
    assert line.mask.mean() > 0.95


def test_both_canvases_draw_letters_of_other_fonts(squares: str) -> None:
    light = THEMES["light"]
    text = FrameText(title=Line("日日日"), subtitle=Line("日", live=True))
    figure = lay_out((320, 240), light, [PanelPlan("plane", Box((0, 1), (0, 1)))], text=text)
    mark = Text((0.5, 0.5), "日", light.color("ink"), 40.0, anchor=("center", "center"), halo=light.color("background"))
    drawing = Drawing(figure, ((mark,),), ("日",), 0.0)
    raster = RasterCanvas(figure).draw(drawing)[..., :3].astype(int)
    page = draw_vector(drawing)
    page.canvas.draw()
    vector = np.asarray(page.canvas.buffer_rgba())[..., :3].astype(int)
    dark = [(frame.sum(axis=2) < 300).sum() for frame in (raster, vector)]
    assert dark[0] > 500 and dark[0] == pytest.approx(dark[1], rel=0.06)


def test_words_as_data_use_installed_fonts_too(squares: str) -> None:
    x = TextData(text="日", n=2000, bold=False).load(CONTEXT).x0
    assert x.abs().max() <= 2
    assert x.std(0).numpy() == pytest.approx(4 / 12**0.5, rel=0.05)  # evenly over a square


def test_words_as_data_without_a_font_are_refused() -> None:
    if family_with("क") != SANS:
        pytest.skip("this machine has a font for it")
    with pytest.raises(
        ValueError, match="^no installed font has 'क'; use other letters, or install a font that has them$"
    ):
        TextData(text="aक").load(CONTEXT)


@pytest.mark.parametrize("key", ["title", "subtitle", "caption", "panel", "label", "layer", "run"])
def test_every_text_of_a_scene_is_checked(key: str) -> None:
    if family_with("क") != SANS:
        pytest.skip("this machine has a font for it")
    texts = {
        name: "aक" if name == key else "a"
        for name in ("title", "subtitle", "caption", "panel", "label", "layer", "run")
    }
    scene = parse_scene(SCENE.format(**texts), "scene.yaml", Path(), REGISTRY)
    (warning,) = lint(scene, plan_runs(scene))
    assert warning.message == "no installed font has 'क'; use other letters, or install a font that has them"


@pytest.mark.parametrize("letter", LETTERS)
def test_letters_without_a_font_are_named(letter: str) -> None:
    if fonts.family_with(letter) != fonts.SANS:
        pytest.skip("this machine has a font for it")
    message = f"no installed font has '{letter}'; use other letters, or install a font that has them"
    assert missing_letters(f"t = 5 {letter}{letter}") == message
    assert missing_letters(f"$x$\n{letter}") == message
    assert (
        missing_letters(f"$x$ {letter}") == f"no font for formulas has '{letter}'; use them in a line without a formula"
    )

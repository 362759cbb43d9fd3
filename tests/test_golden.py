"""Golden frames: a small picture of every kind of layer, as somebody has looked at it.

A layer that is meant to look otherwise gets a new picture by ``pytest tests/test_golden.py --update-golden``: look at
it before it is committed. A mismatch leaves expected, drawn and difference beside each other in renders/golden/.
"""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from noisereel.cli.main import cli
from noisereel.registry.registry import load_registry

GOLDEN = Path(__file__).with_name("golden")
LEFT = Path(__file__).parents[1] / "renders" / "golden"
TOLERANCE = 32
"""How far a channel may be off, of 255: sums of colours round differently on other machines."""
MISMATCHES = 0.003
"""Share of the pixels that may be off by more: edges of particles that moved by a rounding."""

PLANE = "dataset: {swiss-roll: {n: 300}}\ndenoiser: empirical\nparticles: 80\nsampler: ddim\nmetrics: [std]\n"
LINE = "dataset: {mixture: {means: [-1, 1.5], weights: [1, 2], stds: [0.3, 0.5]}}\nsampler: forward\nparticles: 500\n"
HILLS = "dataset: {mixture: {means: [[-1, 0], [1, 0.5]], weights: [0.3, 0.7], stds: [0.5, 0.4]}}\nsampler: forward\n"
DIGITS = "dataset: digits\ndenoiser: empirical\nsampler: ddim\nstart: marginal\nparticles: 12\n"
SCENES = {
    "contours": (HILLS + "particles: 800\n", "contours"),
    "curve": (PLANE, "{curve: [std, signal]}"),
    "data": (PLANE, "data"),
    "density": (LINE, "{density: {histogram: true}}"),
    "difference": (DIGITS, "difference"),
    "direction": (PLANE, "points, direction"),
    "embedding": (DIGITS.replace("12", "40").replace("ddim", "{ddim: {steps: 3}}"), "{embedding: 20}"),
    "field": (PLANE, "field"),
    "heatmap": (HILLS, "heatmap"),
    "histogram": (LINE, "histogram"),
    "image": (DIGITS, "image"),
    "image-grid": (DIGITS, "image-grid"),
    "noise": (PLANE.replace("ddim", "ddpm"), "points, noise"),
    "paths": (PLANE, "{paths: 20}"),
    "points": (PLANE, "points"),
    "ridge": (LINE, "ridge"),
    "river": (LINE, "{river: 12}"),
    "scatter-3d": (PLANE.replace("n: 300", "n: 300, dims: 3"), "scatter-3d"),
    "schedules": (PLANE, "{schedules: {beside: [{cosine: {steps: 20}}]}}"),
    "surface": (HILLS, "{surface: {x: [-3, 3], y: [-3, 3]}}"),
    "targets": (PLANE, "targets"),
    "text": (PLANE, "points, {text: {words: 't = {t}', at: [0, 0]}}"),
    "trails": (PLANE, "trails"),
}
"""A scene and its layers for each renderer."""


def test_every_layer_has_its_picture():
    assert sorted(SCENES) == sorted(load_registry().names("renderer"))


@pytest.mark.parametrize("name", SCENES)
def test_a_layer_looks_as_it_did(name, tmp_path, request):
    scene, layers = SCENES[name]
    file, drawn = tmp_path / "scene.yaml", tmp_path / "drawn.png"
    panels = f"schedule: {{linear: {{steps: 20}}}}\npanels: [{{layers: [{layers}]}}]\nfilm: {{time_bar: false}}\n"
    file.write_text(scene + panels, encoding="utf-8")
    arguments = ["still", str(file), "--at", "6", "-o", str(drawn), "--size", "240x160", "--no-cache", "--quiet"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, "")
    golden = GOLDEN / f"{name}.png"
    ours = pixels(drawn)
    if request.config.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        Image.fromarray(ours.astype(np.uint8)).save(golden, optimize=True)
    off = np.abs(ours - pixels(golden))
    share = (off > TOLERANCE).any(-1).mean()
    if share > MISMATCHES:
        LEFT.mkdir(parents=True, exist_ok=True)
        beside = np.concatenate([pixels(golden), ours, np.minimum(255, 4 * off)], axis=1)
        Image.fromarray(beside.astype(np.uint8)).save(LEFT / f"{name}.png")
        pytest.fail(f"{share:.1%} of the pixels differ: expected, drawn, difference in {LEFT / f'{name}.png'}")


def pixels(file):
    """The picture's RGB values, shape (H, W, 3)."""
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)

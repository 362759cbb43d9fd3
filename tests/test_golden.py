"""Golden frames: a small reviewed picture of every kind of layer.

If a layer is meant to change, update its picture with ``pytest tests/test_golden.py --update-golden -k NAME``, and look
at it before you commit it. A mismatch leaves expected, drawn and difference side by side in renders/golden/.
"""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from noisereel.cli.main import cli
from noisereel.registry.registry import load_registry
from noisereel_builtins.renderers.plane.embedding import TSNE

GOLDEN = Path(__file__).with_name("golden")
COMPARISONS = Path(__file__).parents[1] / "renders" / "golden"
TOLERANCE = 32
"""Largest accepted difference of a channel, of 255: sums of colours round differently on other machines."""
MISMATCHES = 0.003
"""Largest accepted share of pixels that differ by more: edges of particles moved by rounding."""

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
    "embedding": (
        DIGITS.replace("12", "40").replace("ddim", "{ddim: {steps: 3}}"),
        "{embedding: {perplexity: 20, picture: 60}}",
    ),
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


def test_every_layer_has_a_picture():
    assert sorted(SCENES) == sorted(load_registry().names("renderer"))


def spiral(trace, states, ctx):
    """Yield fixed positions, dense in the middle, that turn from state to state."""
    for visit, state in enumerate(states):
        radius = np.arange(1, len(state.x) + 1) / len(state.x)
        angle = 40 * radius + visit
        yield {"xy": radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)}


@pytest.fixture(autouse=True)
def fixed_embedding(monkeypatch):
    """Replace t-SNE, whose layout depends on the processor's vector instructions; see test_embedding.py for it."""
    monkeypatch.setattr(TSNE, "follow", spiral)


@pytest.mark.parametrize("name", SCENES)
def test_a_layer_matches_its_picture(name, tmp_path, request):
    scene, layers = SCENES[name]
    file, output = tmp_path / "scene.yaml", tmp_path / "drawn.png"
    panels = f"schedule: {{linear: {{steps: 20}}}}\npanels: [{{layers: [{layers}]}}]\nfilm: {{time_bar: false}}\n"
    file.write_text(scene + panels, encoding="utf-8")
    arguments = ["still", str(file), "--at", "6", "-o", str(output), "--size", "240x160", "--no-cache", "--quiet"]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert (result.exit_code, result.output) == (0, "")
    golden = GOLDEN / f"{name}.png"
    drawn = pixels(output)
    if request.config.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        Image.fromarray(drawn.astype(np.uint8)).save(golden, optimize=True)
    expected = pixels(golden)
    difference = np.abs(drawn - expected)
    share = (difference > TOLERANCE).any(-1).mean()
    if share > MISMATCHES:
        COMPARISONS.mkdir(parents=True, exist_ok=True)
        comparison = COMPARISONS / f"{name}.png"
        pictures = np.concatenate([expected, drawn, np.minimum(255, 4 * difference)], axis=1)
        Image.fromarray(pictures.astype(np.uint8)).save(comparison)
        pytest.fail(f"{share:.1%} of the pixels differ: expected, drawn and difference are in {comparison}")


def pixels(file):
    """Return the RGB values of a picture file, shape (H, W, 3)."""
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)

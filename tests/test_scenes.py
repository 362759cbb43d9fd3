"""The gallery: every scene is short and renders in every film format, and the scenes of samplers show correct values.

`test_scene_numbers` and `test_learned_scenes` check the other scenes.
"""

import math
from xml.etree import ElementTree

import av
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from noisereel.canvas import vector
from noisereel.cli.main import cli
from noisereel.contracts.guides import Colorbar
from noisereel.contracts.marks import Image as ImageMark
from noisereel.contracts.schedule import posterior
from noisereel.registry.registry import load_registry
from noisereel.scene import load_scene
from noisereel_builtins.renderers.plane.field import FieldGrid

FEW_STEPS = {
    "digits-guidance": [f"runs.w{w}.denoiser.guided.of.unet" for w in (0, 1, 3, 7)],
    "digits-reverse": ["denoiser.guided.of.unet"],
    "exact-vs-learned": ["runs.learned.denoiser.mlp"],
    "mlp-four-attempts": [f"runs.{run}.denoiser.mlp" for run in ("one", "two", "three", "four")],
    "mlp-training": ["denoiser.mlp"],
    "prediction-types": [f"runs.{run}.denoiser.mlp" for run in ("noise", "data", "v", "velocity")],
    "rectified-flow": ["denoiser.mlp"],
}
"""Denoisers that are trained for a few steps only."""

SMALLER = {
    "digits-guidance": {"particles": 10},
    "digits-reverse": {"particles": 10},
    "digits-tsne": {"particles": 40},
    "image-jump-grid": {"dataset.photo.size": 64},
    "image-step-grid": {"dataset.photo.size": 32},
    "mandrill-forward": {"dataset.mandrill.size": 64},
    "mlp-training": {"particles": 200},
}
"""Sizes that can be smaller in tests."""

SCENES = sorted(load_registry().scenes())


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def frames(path):
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_short_and_has_a_description_and_a_title(registry, name):
    lines = registry.scenes()[name].read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) <= 30
    assert load_scene(name, registry).title


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_renders_small(name, tmp_path):
    settings = {"film.frames": 4, "film.hold": 0, **SMALLER.get(name, {})}
    settings |= {f"{path}.steps": 20 for path in FEW_STEPS.get(name, [])}
    changes = [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    files = [tmp_path / "film.gif", tmp_path / "film.mp4"]
    arguments = ["render", name, "--size", "320x180", "--no-cache", "--quiet", *changes]
    done = CliRunner().invoke(cli, [*arguments, "-o", str(files[0]), "-o", str(files[1])], catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, "")
    for file in files:
        first, *_, last = shown = frames(file)
        assert len(shown) == 4
        assert first.shape == (180, 320, 3)
        # Enough pixels change to be visible, but not all: titles and background stay.
        assert 0.002 < (np.abs(first.astype(int) - last) > 40).any(-1).mean() < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_stills_are_vector_except_for_pictures(name, tmp_path, monkeypatch):
    """SVG and PDF hold one picture for each image mark and each colour bar."""
    drawings, save = [], vector.save

    def watched(drawing, *arguments):
        drawings.append(drawing)
        save(drawing, *arguments)

    monkeypatch.setattr(vector, "save", watched)
    settings = {"film.frames": 4, **SMALLER.get(name, {})}
    changes = [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    svg, pdf = tmp_path / "a.svg", tmp_path / "a.pdf"
    done = CliRunner().invoke(cli, ["still", name, "--quiet", "-o", str(svg), "-o", str(pdf), *changes])
    assert (done.exit_code, done.output) == (0, "")
    drawing = drawings[0]
    pictures = 0
    for panel, marks in zip(drawing.figure.panels, drawing.marks, strict=True):
        pictures += sum(isinstance(mark, ImageMark) for mark in (*panel.backdrop, *marks))
        pictures += sum(isinstance(guide, Colorbar) for guide in panel.guides)
    assert svg.read_text().count("<image") == pictures
    masks = pdf.read_bytes().count(b"/SMask")  # the alpha channel of a picture is another picture
    assert pdf.read_bytes().count(b"/Subtype /Image") == pictures + masks


def test_the_swiss_roll_ends_as_a_gaussian(runs_of):
    (run,) = runs_of("swiss-roll-forward").values()
    first, last = run.scalars(0), run.scalars(len(run.trajectory) - 1)
    gaussian = run.metrics[0].reference(run.trajectory.particles, run.trajectory.event_shape)["Gaussian"]
    assert last["entropy"] == pytest.approx(gaussian, abs=0.02)
    assert first["entropy"] < 7
    assert last["std"] == pytest.approx(1, abs=0.02)
    for index in run.shown[::15]:
        values = run.scalars(index)
        assert values["kl"] == pytest.approx(10 - values["entropy"], abs=1e-9)


def test_the_random_walk_adds_its_variance(runs_of):
    (run,) = runs_of("s-curve-random-walk").values()
    assert [level.t for level in run.trajectory.levels] == list(range(50))
    start = run.scalars(0)["std"] ** 2
    for index in run.shown:
        assert run.scalars(index)["std"] ** 2 == pytest.approx(start + index, rel=0.05)
    entropy = [run.scalars(index)["entropy"] for index in run.shown]
    assert (entropy[0], entropy[-1]) == pytest.approx((5.0, 12.7), abs=0.1)
    assert np.diff(entropy).min() > -0.01  # it rises, up to the sampling error of 10,000 particles


@pytest.mark.parametrize("name", ["apart", "close"])
def test_the_mixtures_density_matches_their_particles(runs_of, name):
    run = runs_of("mixture-1d")[name]
    x = torch.linspace(-16, 16, 4001, dtype=torch.float64)
    for index in (0, 100, 300, 1000):
        index = min(run.shown, key=lambda shown: abs(shown - index))
        density = run.trajectory.data.density(x[:, None], run.trajectory.levels[index])
        assert float(torch.trapezoid(density, x)) == pytest.approx(1, abs=1e-6)
        expected = torch.cumulative_trapezoid(density, x).numpy()
        particles = np.sort(run.trajectory.series("x", index)[:, 0])
        cdf = np.searchsorted(particles, x[1:].numpy()) / len(particles)
        # Kolmogorov: the largest gap exceeds 1.95/√n once in a thousand times.
        assert np.abs(cdf - expected).max() < 1.95 / math.sqrt(len(particles))


def test_the_mandrills_pixels_follow_the_schedule(runs_of):
    (run,) = runs_of("mandrill-forward", dataset__mandrill__size=64).values()
    clean = run.trajectory.series("x", 0)
    for index in run.shown[1::10]:
        level, x = run.trajectory.levels[index], run.trajectory.series("x", index)
        residual = (x - level.alpha * clean) / level.sigma
        assert residual.mean() == pytest.approx(0, abs=5 / 64)
        assert residual.std() == pytest.approx(1, abs=5 / 64 / math.sqrt(2))
        assert run.scalars(index)["std"] ** 2 == pytest.approx(
            (level.alpha * clean.std()) ** 2 + level.sigma**2, abs=0.12
        )


def test_the_datasaurus_keeps_half_of_its_signal(runs_of):
    (run,) = runs_of("datasaurus-forward").values()
    assert [level.t for level in run.trajectory.levels] == list(range(51))
    assert [run.trajectory.levels[t].alpha for t in (25, 50)] == pytest.approx([0.86, 0.53], abs=0.005)
    assert_array_equal(np.bincount(run.trajectory.origin), np.full(142, 6))
    for t in (6, 12, 25, 50):
        level = run.trajectory.levels[t]
        residual = (run.trajectory.series("x", t) - level.alpha * run.trajectory.series("x", 0)) / level.sigma
        assert residual.mean() == pytest.approx(0, abs=5 / math.sqrt(residual.size))
        assert residual.std() == pytest.approx(1, abs=5 / math.sqrt(2 * residual.size))


def test_the_drift_is_the_exact_posterior_mean(runs_of):
    (run,) = runs_of("datasaurus-drift").values()
    grid = FieldGrid(of="drift", x=(-3.0, 3.0), y=(-2.5, 2.5), shape=(9, 11))
    data = run.trajectory.data.x0.numpy().astype(np.float64)
    for t in (1, 10, 25, 50):
        level, q = run.trajectory.levels[t], posterior(run.trajectory.levels[t - 1], run.trajectory.levels[t])
        x = grid.points().astype(np.float64)
        distance = ((x[:, None] - level.alpha * data) ** 2).sum(-1)
        weight = np.exp((distance.min(1, keepdims=True) - distance) / (2 * level.sigma**2))
        mean = q.on_x * x + q.on_x0 * (weight @ data) / weight.sum(1, keepdims=True)
        assert_allclose(run.value(grid, t)["vector"], mean - x, atol=2e-5)


def test_ddpm_and_ddim_go_from_the_same_noise_to_the_data(runs_of):
    runs = runs_of("ddpm-vs-ddim")
    ddpm, ddim = runs["ddpm"], runs["ddim"]
    assert_array_equal(ddpm.trajectory.series("x", 0), ddim.trajectory.series("x", 0))
    assert np.abs(ddpm.trajectory.series("x", 25) - ddim.trajectory.series("x", 25)).max() > 0.5
    data = ddpm.trajectory.data.x0.numpy()
    for run in runs.values():
        assert [level.t for level in run.trajectory.levels] == list(range(50, -1, -1))
        distance = np.linalg.norm(run.trajectory.series("x", 50)[:, None] - data, axis=-1).min(1)
        assert np.median(distance) < 0.02
    assert all(ddim.trajectory.series("noise", index) is None for index in ddim.shown)


def test_stills_of_the_datasaurus_as_a_row_and_as_one_file_per_visit(tmp_path):
    """Render five times side by side, and each of the 51 visits as an SVG."""
    row, files = tmp_path / "row.png", tmp_path / "{step:03d}.svg"
    small = ["--no-cache", "--quiet", "--size", "1280x360"]
    for arguments in (
        ["still", "datasaurus-forward", "--at", "0,6,12,25,50", "-o", str(row), *small],
        ["render", "datasaurus-forward", "-o", str(files), *small],
    ):
        done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert (done.exit_code, done.output) == (0, "")
    with Image.open(row) as picture:
        pixels = np.asarray(picture.convert("L")).astype(int)
    # At first, each point holds six particles; then they spread, and more pixels are lit.
    first, *others = ((part[140:] > 60).sum() for part in np.array_split(pixels, 5, axis=1))
    assert 5 < first / 142 < min(others) / 284
    drawings = sorted(tmp_path.glob("*.svg"))
    assert [file.name for file in drawings] == [f"{index:03d}.svg" for index in range(51)]
    for file in drawings:
        root = ElementTree.parse(file).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(root.iter("{http://www.w3.org/2000/svg}use"))) > 852  # a vector disc for every particle

"""The gallery: every scene is short, renders small in every film format, and shows the numbers that it should."""

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
"""Networks that are hardly trained in quick tests."""

SMALLER = {
    "digits-guidance": {"particles": 10},
    "digits-reverse": {"particles": 10},
    "digits-tsne": {"particles": 40},
    "image-jump-grid": {"dataset.photo.size": 64},
    "image-step-grid": {"dataset.photo.size": 32},
    "mandrill-forward": {"dataset.mandrill.size": 64},
    "mlp-training": {"particles": 200},
}
"""What else may be smaller in tests, where its size is not what the scene is about."""

SCENES = sorted(load_registry().scenes())


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def frames(path):
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_short_and_says_what_it_shows(registry, name):
    lines = registry.scenes()[name].read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) <= 30
    assert load_scene(name, registry).title


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_renders_small(name, tmp_path):
    settings = {"film.frames": 4, "film.hold": 0, **SMALLER.get(name, {})}
    settings |= {f"{path}.steps": 20 for path in FEW_STEPS.get(name, [])}
    given = [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    files = [tmp_path / "film.gif", tmp_path / "film.mp4"]
    arguments = ["render", name, "--size", "320x180", "--no-cache", "--quiet", *given]
    done = CliRunner().invoke(cli, [*arguments, "-o", str(files[0]), "-o", str(files[1])], catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, "")
    for file in files:
        first, *_, last = shown = frames(file)
        assert len(shown) == 4
        assert first.shape == (180, 320, 3)
        # Enough changes to be seen, and not everything: titles and background stay.
        assert 0.002 < (np.abs(first.astype(int) - last) > 40).any(-1).mean() < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_stills_stay_vector_but_for_pictures(name, tmp_path, monkeypatch):
    """SVG and PDF hold as many pictures as there are image marks and the ramps of colour bars."""
    drawings, save = [], vector.save

    def seen(drawing, *arguments):
        drawings.append(drawing)
        save(drawing, *arguments)

    monkeypatch.setattr(vector, "save", seen)
    settings = {"film.frames": 4, **SMALLER.get(name, {})}
    given = [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    svg, pdf = tmp_path / "a.svg", tmp_path / "a.pdf"
    done = CliRunner().invoke(cli, ["still", name, "--quiet", "-o", str(svg), "-o", str(pdf), *given])
    assert (done.exit_code, done.output) == (0, "")
    drawing = drawings[0]
    pictures = 0
    for panel, marks in zip(drawing.figure.panels, drawing.marks, strict=True):
        pictures += sum(isinstance(mark, ImageMark) for mark in (*panel.backdrop, *marks))
        pictures += sum(isinstance(guide, Colorbar) for guide in panel.guides)
    assert svg.read_text().count("<image") == pictures
    masks = pdf.read_bytes().count(b"/SMask")  # the alpha of a picture is a picture of its own
    assert pdf.read_bytes().count(b"/Subtype /Image") == pictures + masks


def test_the_swiss_roll_ends_as_a_gaussian(records):
    (record,) = records("swiss-roll-forward").values()
    first, last = record.scalars(0), record.scalars(len(record.trajectory) - 1)
    gaussian = record.metrics[0].reference(record.trajectory.particles, record.trajectory.event_shape)["Gaussian"]
    assert last["entropy"] == pytest.approx(gaussian, abs=0.02)
    assert first["entropy"] < 7
    assert last["std"] == pytest.approx(1, abs=0.02)
    for step in record.shown[::15]:
        values = record.scalars(step)
        assert values["kl"] == pytest.approx(10 - values["entropy"], abs=1e-9)


def test_the_random_walk_adds_its_variance(records):
    (record,) = records("s-curve-random-walk").values()
    assert [level.t for level in record.trajectory.levels] == list(range(50))
    start = record.scalars(0)["std"] ** 2
    for step in record.shown:
        assert record.scalars(step)["std"] ** 2 == pytest.approx(start + step, rel=0.05)
    entropy = [record.scalars(step)["entropy"] for step in record.shown]
    assert (entropy[0], entropy[-1]) == pytest.approx((5.0, 12.7), abs=0.1)
    assert np.diff(entropy).min() > -0.01  # it rises, but for what 10,000 particles leave to chance


@pytest.mark.parametrize("name", ["apart", "close"])
def test_the_mixtures_density_is_their_particles(records, name):
    record = records("mixture-1d")[name]
    x = torch.linspace(-16, 16, 4001, dtype=torch.float64)
    for step in (0, 100, 300, 1000):
        step = min(record.shown, key=lambda shown: abs(shown - step))
        density = record.trajectory.data.density(x[:, None], record.trajectory.levels[step])
        assert float(torch.trapezoid(density, x)) == pytest.approx(1, abs=1e-6)
        below = torch.cumulative_trapezoid(density, x).numpy()
        particles = np.sort(record.trajectory.series("x", step)[:, 0])
        share = np.searchsorted(particles, x[1:].numpy()) / len(particles)
        # Kolmogorov: the largest gap exceeds 1.95/√n once in a thousand times.
        assert np.abs(share - below).max() < 1.95 / math.sqrt(len(particles))


def test_the_mandrills_pixels_follow_the_schedule(records):
    (record,) = records("mandrill-forward", dataset__mandrill__size=64).values()
    clean = record.trajectory.series("x", 0)
    for step in record.shown[1::10]:
        level, x = record.trajectory.levels[step], record.trajectory.series("x", step)
        residual = (x - level.alpha * clean) / level.sigma
        assert residual.mean() == pytest.approx(0, abs=5 / 64)
        assert residual.std() == pytest.approx(1, abs=5 / 64 / math.sqrt(2))
        assert record.scalars(step)["std"] ** 2 == pytest.approx(
            (level.alpha * clean.std()) ** 2 + level.sigma**2, abs=0.12
        )


def test_the_datasaurus_keeps_half_of_its_signal(records):
    (record,) = records("datasaurus-forward").values()
    assert [level.t for level in record.trajectory.levels] == list(range(51))
    assert [record.trajectory.levels[t].alpha for t in (25, 50)] == pytest.approx([0.86, 0.53], abs=0.005)
    assert_array_equal(np.bincount(record.trajectory.origin), np.full(142, 6))
    for t in (6, 12, 25, 50):
        level = record.trajectory.levels[t]
        residual = (record.trajectory.series("x", t) - level.alpha * record.trajectory.series("x", 0)) / level.sigma
        assert residual.mean() == pytest.approx(0, abs=5 / math.sqrt(residual.size))
        assert residual.std() == pytest.approx(1, abs=5 / math.sqrt(2 * residual.size))


def test_the_drift_is_the_exact_posterior_mean(records):
    (record,) = records("datasaurus-drift").values()
    grid = FieldGrid(of="drift", x=(-3.0, 3.0), y=(-2.5, 2.5), shape=(9, 11))
    data = record.trajectory.data.x0.numpy().astype(np.float64)
    for t in (1, 10, 25, 50):
        level, q = record.trajectory.levels[t], posterior(record.trajectory.levels[t - 1], record.trajectory.levels[t])
        x = grid.points().astype(np.float64)
        distance = ((x[:, None] - level.alpha * data) ** 2).sum(-1)
        weight = np.exp((distance.min(1, keepdims=True) - distance) / (2 * level.sigma**2))
        mean = q.on_x * x + q.on_x0 * (weight @ data) / weight.sum(1, keepdims=True)
        assert_allclose(record.value(grid, t)["vector"], mean - x, atol=2e-5)


def test_ddpm_and_ddim_go_from_one_noise_to_the_data(records):
    both = records("ddpm-vs-ddim")
    ddpm, ddim = both["ddpm"], both["ddim"]
    assert_array_equal(ddpm.trajectory.series("x", 0), ddim.trajectory.series("x", 0))
    assert np.abs(ddpm.trajectory.series("x", 25) - ddim.trajectory.series("x", 25)).max() > 0.5
    data = ddpm.trajectory.data.x0.numpy()
    for record in both.values():
        assert [level.t for level in record.trajectory.levels] == list(range(50, -1, -1))
        distance = np.linalg.norm(record.trajectory.series("x", 50)[:, None] - data, axis=-1).min(1)
        assert np.median(distance) < 0.02
    assert all(ddim.trajectory.series("noise", step) is None for step in ddim.shown)


def test_the_dinosaurs_stills_are_a_row_and_a_file_a_step(tmp_path):
    """Five times beside each other, and every one of the 51 states as an SVG of its own."""
    row, files = tmp_path / "row.png", tmp_path / "{step:03d}.svg"
    small = ["--no-cache", "--quiet", "--size", "1280x360"]
    for arguments in (
        ["still", "datasaurus-forward", "--at", "0,6,12,25,50", "-o", str(row), *small],
        ["render", "datasaurus-forward", "-o", str(files), *small],
    ):
        done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert (done.exit_code, done.output) == (0, "")
    with Image.open(row) as picture:
        found = np.asarray(picture.convert("L")).astype(int)
    # Six particles lie on each point at first; then they come apart, and more pixels are lit.
    first, *others = ((part[140:] > 60).sum() for part in np.array_split(found, 5, axis=1))
    assert 5 < first / 142 < min(others) / 284
    drawings = sorted(tmp_path.glob("*.svg"))
    assert [each.name for each in drawings] == [f"{step:03d}.svg" for step in range(51)]
    for each in drawings:
        root = ElementTree.parse(each).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(root.iter("{http://www.w3.org/2000/svg}use"))) > 852  # a vector disc for every particle

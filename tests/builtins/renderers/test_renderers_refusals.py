"""Runs that built-in layers refuse before anything is simulated, with one clear line each."""

from pathlib import Path

import pytest
import torch
from recording import normal, run_info

from noisereel.api import validate
from noisereel.contracts.denoiser import DenoiserContext
from noisereel.registry.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.support.errors import SceneError
from noisereel_builtins.denoisers.empirical import Empirical
from noisereel_builtins.denoisers.mlp import Mlp
from noisereel_builtins.renderers.graph.histogram import Histogram
from noisereel_builtins.renderers.graph.ridge import Ridge
from noisereel_builtins.renderers.graph.river import River
from noisereel_builtins.renderers.image.difference import Difference
from noisereel_builtins.renderers.image.image import Image
from noisereel_builtins.renderers.image.image_grid import ImageGrid
from noisereel_builtins.renderers.plane.contours import Contours
from noisereel_builtins.renderers.plane.direction import Direction
from noisereel_builtins.renderers.plane.field import Field
from noisereel_builtins.renderers.plane.heatmap import Heatmap
from noisereel_builtins.renderers.plane.paths import Paths
from noisereel_builtins.renderers.plane.points import Points
from noisereel_builtins.renderers.plane.targets import Targets
from noisereel_builtins.renderers.plane.trails import Trails
from noisereel_builtins.renderers.volume.scatter_3d import Scatter3D
from noisereel_builtins.renderers.volume.surface import Surface
from noisereel_builtins.schedules.linear import Linear

PLANE, PICTURES = run_info(2), run_info(8, 8)
UNKNOWN = "source: the density of run 'run' is not known exactly; use 'particles'"
NO_X0 = "of: run 'run' calls no denoiser, so it records no 'x0'; x is always available"


@pytest.mark.parametrize(
    ("layer", "run", "message"),
    [
        (Trails(), PICTURES, "shows points in the plane, event shape (2,), not (8, 8)"),
        (Image(), PLANE, "shows images, event shape (H, W) or (H, W, 3), not (2,)"),
        (Image(index=4), PICTURES, "index: must be below 4, the number of particles of run 'run', got 4"),
        (ImageGrid(columns=4, rows=2), PICTURES, "shows 2 × 4 images, but run 'run' has only 4 particles"),
        (Difference(index=4), PICTURES, "index: must be below 4, the number of particles of run 'run', got 4"),
        (
            Difference(),
            run_info(8, 8, from_data=False),
            "against: run 'run' does not start from data; choose a series instead",
        ),
        (Difference(against="x0"), PICTURES, NO_X0),
        (Points(of="x0"), PLANE, NO_X0),
        (Paths(of="eps"), PLANE, NO_X0.replace("x0", "eps")),
        (Heatmap(of="x0"), PLANE, NO_X0),
        (Scatter3D(of="x0"), run_info(3), NO_X0),
        (
            Points(of="signal"),
            run_info(2, from_data=False),
            "of: run 'run' does not start from data, so it records no 'signal'; x is always available",
        ),
        (Histogram(axis=2), PLANE, "shows coordinate 2 of points, event shape (D,) with D > 2, not (2,)"),
        (Histogram(axis=0), PICTURES, "shows coordinate 0 of points, event shape (D,) with D > 0, not (8, 8)"),
        (Field(), PLANE, "needs a denoiser, but run 'run' has none"),
        (
            Field(minus=Mlp(labelled=True)),
            run_info(
                2, denoiser=Empirical(), context=DenoiserContext(PLANE.data, Linear(), torch.device("cpu"), Path())
            ),
            "minus: 'labelled' needs data with labels",
        ),
        (Direction(), PLANE, NO_X0.replace("x0", "eps")),
        (Contours(source="exact"), PLANE, UNKNOWN),
        (Surface(source="exact"), PLANE, UNKNOWN),
        (River(source="exact"), PLANE, UNKNOWN),
        (Ridge(source="exact"), PLANE, UNKNOWN),
        (River(color="label"), PLANE, "cannot colour by label: run 'run' has data without labels"),
        (Targets(particle=4), PLANE, "particle: must be below 4, the number of particles, got 4"),
    ],
)
def test_runs_that_cannot_be_shown(layer, run, message):
    assert layer.check(run) == message


@pytest.mark.parametrize(
    ("layer", "run"),
    [
        (Image(index=3), PICTURES),
        (ImageGrid(columns=2, rows=2), PICTURES),
        (Difference(against="x0"), run_info(8, 8, from_data=False, has_estimates=True)),
        (Points(of="x0"), run_info(2, has_estimates=True)),
        (Points(of="noise"), PLANE),
        (Histogram(), PICTURES),
        (Field(), run_info(2, denoiser=Empirical())),
        (Contours(source="exact"), run_info(2, density=normal)),
        (Targets(particle=3), PLANE),
    ],
)
def test_runs_that_can_be_shown(layer, run):
    assert layer.check(run) is None


SCENE = """\
dataset: {swiss-roll: {n: 20}}
schedule: cosine
sampler: forward
runs: {roll: {}, still: {dataset: {two-moons: {n: 9}}}}
panels:
  - {run: roll, layers: [points, {points: {color: label}}]}
  - {run: still, layers: [{targets: {particle: 9}}]}
"""


def test_all_problems_of_a_scene_are_reported_with_their_places(tmp_path):
    registry = load_registry()
    scene = parse_scene(SCENE, "scene.yaml", tmp_path, registry)
    with pytest.raises(SceneError) as error:
        validate(scene, registry=registry)
    assert str(error.value).splitlines() == [
        "scene.yaml:6:34: panels.0.layers.1: points cannot colour by label: run 'roll' has data without labels",
        "scene.yaml:7:27: panels.1.layers.0: targets particle: must be below 9, the number of particles, got 9",
    ]

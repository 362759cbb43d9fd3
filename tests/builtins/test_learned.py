"""The built-in denoisers that learn, and what scenes do with them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from noisereel.api import validate
from noisereel.contracts.dataset import Data
from noisereel.contracts.denoiser import DenoiserContext, TrainingContext
from noisereel.film.visits import shown_visits
from noisereel.learning import load_weights, read_facts, save_weights
from noisereel.registry.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.simulation.data import load_all
from noisereel.simulation.plan import plan_runs
from noisereel.simulation.recording import run_key
from noisereel.simulation.simulate import bound_runs, simulate, train_denoisers
from noisereel.support.errors import SceneError
from noisereel_builtins.datasets.images.digits import Digits
from noisereel_builtins.denoisers.guided import Guided
from noisereel_builtins.denoisers.mlp import Mlp
from noisereel_builtins.denoisers.unet import Unet
from noisereel_builtins.schedules.linear import Linear
from simulating import bound, context, simulated

SCENE = """\
dataset: {two-moons: {n: 500}}
schedule: {linear: {steps: 20}}
denoiser: {mlp: {width: 32, depth: 1, steps: 60, predicts: v}}
sampler: ddim
particles: 50
"""


@pytest.fixture(scope="module")
def registry():
    return load_registry()


@pytest.fixture
def records(registry, tmp_path):
    """The records of a scene's runs; what is trained is kept between calls."""

    def go(text):
        scene = parse_scene(text, "s.yaml", tmp_path, registry)
        return simulated(scene, context(registry, tmp_path / "scratch", tmp_path / "cache"))

    return go


def problems(registry, text):
    """What is wrong with a scene, before anything is simulated."""
    try:
        scene = parse_scene(text, "s.yaml", Path(), registry)
        plan_runs(scene)
        load_all(scene, registry)
    except SceneError as error:
        return str(error).splitlines()
    return []


class TestOverTraining:
    def test_each_visit_is_the_run_with_the_weights_of_that_moment(self, records):
        runs = "runs: {plain: {}, learning: {training: {snapshots: 5}}, midway: {training: {snapshots: 5, at: 7}}}\n"
        found = records(SCENE + runs)
        plain, learning, midway = (found[name].trajectory for name in ("plain", "learning", "midway"))
        assert learning.times == midway.times == (0, 4, 15, 34, 60)
        assert [level.t for level in learning.levels] == [0.0] * 5
        assert [level.t for level in midway.levels] == [7.0] * 5
        # With all its training it is the plain run; before any, the samples are others.
        assert_array_equal(learning.series("x", 4), plain.series("x", 20))
        assert_array_equal(midway.series("x", 4), plain.series("x", 13))
        assert np.abs(learning.series("x", 0) - plain.series("x", 20)).max() > 0.1

    def test_probes_see_the_model_of_that_moment(self, records, registry, tmp_path):
        from noisereel_builtins.renderers.plane.field import VECTORS, FieldGrid

        text = SCENE + "training: {snapshots: 3, at: 7}\n"
        record = records(text)["run"]
        grid = FieldGrid(of="drift", x=(-2.0, 2.0), y=(-1.0, 1.0), shape=(3, 4))
        first, last = (record.value(grid, step)["vector"] for step in (0, 2))
        assert np.abs(first - last).max() > 0.005
        run = bound(parse_scene(text, "s.yaml", tmp_path, registry), registry, tmp_path, tmp_path / "cache")
        level, x = record.trajectory.levels[2], torch.tensor(grid.points())
        drift = VECTORS["drift"](x, level, run.measure_context(2).model, run.spec.schedule)
        assert_allclose(last, drift.numpy(), atol=1e-5)

    def test_the_loss_is_that_of_the_steps_since_the_moment_before(self, records):
        record = records(SCENE + "training: {snapshots: 4}\nmetrics: [loss]\n")["run"]
        losses = [record.scalars(step)["loss"] for step in range(4)]
        assert np.isnan(losses[0]) and losses[1] > losses[3] > 0

    def test_its_time_is_training_steps(self, tmp_path, monkeypatch):
        from click.testing import CliRunner

        from noisereel.cli.main import cli

        monkeypatch.setenv("NOISEREEL_CACHE", str(tmp_path / "cache"))
        panel = 'panels: [{title: "after {trained} steps", layers: [points, data]}, {layers: [{curve: loss}]}]\n'
        film = "metrics: [loss]\nfilm: {frames: 4, hold: 0, size: [320, 180]}\n"
        (tmp_path / "s.yaml").write_text(SCENE + "training: {snapshots: 4}\n" + panel + film)
        done = CliRunner().invoke(cli, ["still", str(tmp_path / "s.yaml"), "--at", "30", "-o", str(tmp_path / "a.svg")])
        assert done.exit_code == 0, done.output
        assert "30" in done.output and "27" in done.output  # which moment is shown for it
        text = (tmp_path / "a.svg").read_text()
        assert "after 27 steps" in text and "training step 27" in text and "60 steps" in text


class TestPairs:
    SCENE = (
        SCENE.replace("linear", "rectified-flow")
        .replace("ddim", "flow-euler")
        .replace("predicts: v", "predicts: velocity")
    )

    def test_a_denoiser_learns_from_the_ends_of_another_run(self, records, registry, tmp_path):
        """Reflow: what it is trained on are the noise and the samples of the first run, row by row."""
        from noisereel.contracts.denoiser import Pairs

        found = records(self.SCENE + "runs: {first: {}, second: {pairs: first}}\n")
        scene = parse_scene(self.SCENE + "runs: {first: {}, second: {pairs: first}}\n", "s", tmp_path, registry)
        plans, data = plan_runs(scene), load_all(scene, registry)
        ctx = context(registry, tmp_path / "scratch", tmp_path / "cache")
        done = simulate(scene, plans, data, shown_visits(scene, plans), ctx)
        contexts = {run.spec.name: run.context for run in bound_runs(scene, plans, data, done, ctx)}
        assert contexts["first"].pairs is None
        pairs = contexts["second"].pairs
        assert isinstance(pairs, Pairs)
        assert_array_equal(pairs.eps, found["first"].trajectory.series("x", 0))
        assert_array_equal(pairs.x0, found["first"].trajectory.series("x", 20))
        examples = Mlp(predicts="velocity", batch=64)._examples(contexts["second"])
        batch = next(examples.steps(0))
        rows = {tuple(np.round(row, 4)) for row in (pairs.eps - pairs.x0).numpy()}
        assert {tuple(np.round(row, 4)) for row in batch.target.numpy()} <= rows
        assert (
            np.abs(found["second"].trajectory.series("x", 20) - found["first"].trajectory.series("x", 20)).max() > 1e-3
        )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "denoiser: empirical\ntraining: {snapshots: 3}\n",
            "7:11: training: needs a denoiser that is trained; 'empirical' is not",
        ),
        ("training: {snapshots: 1}\n", "6:23: training.snapshots: must be between 2 and 1,000, got 1"),
        (
            "runs: {a: {pairs: b}, b: {pairs: a}}\n",
            "6:19: runs.a.pairs: runs learn from one another in a circle: a from b from a",
        ),
        ("runs: {a: {pairs: c}, b: {}}\n", "6:19: runs.a.pairs: unknown run 'c'; known: a, b"),
        (
            "runs: {a: {pairs: b}, b: {sampler: forward}}\n",
            "6:19: runs.a.pairs: run 'b' must go from pure noise at t = T to t = 0 to give pairs of noise and data",
        ),
        (
            'panels: [{title: "{trained}"}]\n',
            "6:18: panels.0.title: unknown name '{trained}'; known: T, alpha, calls, "
            "log_snr, particles, run, sigma, step, t",
        ),
        (
            "denoiser: {mlp: {patience: 3}}\n",
            "3:17: denoiser.mlp: 'patience' needs samples to measure on: give 'held_out' a share, such as 0.1",
        ),
        (
            "dataset: digits\n",
            "3:11: denoiser: the mlp denoiser is for points, event shape (D,), not (8, 8); unet is for images",
        ),
        (
            "denoiser: unet\n",
            "3:11: denoiser: the unet denoiser is for images from 8×8 to 64×64, not for event shape (2,)",
        ),
        (
            "denoiser: {unet: {patch: 3}}\ndataset: digits\n",
            "3:11: denoiser: patch: 3 does not divide images of 8 × 8 pixels",
        ),
        (
            "schedule: {zero-terminal-snr: linear}\ndenoiser: {mlp: {predicts: eps}}\n",
            "3:11: denoiser: 'predicts: eps' says nothing of x_0 at t = T, where this schedule leaves no signal: "
            "use v or velocity",
        ),
    ],
)
def test_what_cannot_be_learned_is_said_before_anything_is(registry, more, said):
    lines = SCENE.splitlines(keepends=True)
    for key in ("denoiser", "dataset", "schedule"):
        if f"{key}:" in more.split("runs:")[0]:
            given = next(line for line in more.splitlines(keepends=True) if line.startswith(f"{key}:"))
            index = next(i for i, line in enumerate(lines) if line.startswith(f"{key}:"))
            lines[index], more = given, more.replace(given, "")
    (line,) = problems(registry, "".join(lines) + more)
    assert line.partition(": ")[2] == said.partition(": ")[2]


@pytest.mark.parametrize(
    ("denoiser", "said"),
    [
        ("{mlp: {held_out: 0.001}}", None),  # of how many pairs is not known yet
        ("{mlp: {labelled: true}}", "'labelled' needs labels"),
        ("{guided: {of: mlp, label: 1}}", "the guided denoiser needs labels"),
    ],
)
def test_pairs_have_no_labels(registry, denoiser, said):
    text = f"""\
dataset: {{mixture: {{preset: eight, n: 100}}}}
schedule: {{rectified-flow: {{steps: 4}}}}
sampler: flow-euler
runs: {{first: {{denoiser: empirical}}, second: {{pairs: first, denoiser: {denoiser}}}}}
"""
    expected = (
        [] if said is None else [f"s.yaml:4:71: runs.second.denoiser: {said}, and pairs of noise and samples have none"]
    )
    assert problems(registry, text) == expected


def test_what_does_not_fit_is_said_of_all_runs_together(registry):
    text = SCENE + "runs: {a: {denoiser: unet}, b: {}, c: {denoiser: {mlp: {labelled: true}}, dataset: swiss-roll}}\n"
    found = [line.partition(": ")[2].partition(":")[0] for line in problems(registry, text)]
    assert found == ["runs.a.denoiser", "runs.c.denoiser"]


def test_the_state_that_is_shown_over_training_must_be_one_of_the_run(registry):
    said = "s.yaml:6:16: training.at: must be between 0 and 20, the end of run 'run', got 21"
    assert problems(registry, SCENE + "training: {at: 21}\n") == [said]
    assert problems(registry, SCENE + "training: {at: 20}\n") == []


def test_there_is_no_loss_where_no_training_is_shown(registry):
    scene = parse_scene(SCENE + "metrics: [std, loss]\n", "s.yaml", Path(), registry)
    with pytest.raises(SceneError) as error:
        validate(scene, registry=registry)
    assert str(error.value) == "s.yaml:6:10: metrics: there is a loss only in a run with 'training: {…}'"
    validate(
        parse_scene(SCENE + "metrics: [loss]\ntraining: {snapshots: 3}\n", "s.yaml", Path(), registry),
        registry=registry,
    )


class TestPretrained:
    @pytest.fixture
    def trained(self, tmp_path, monkeypatch):
        from click.testing import CliRunner

        from noisereel.cli.main import cli

        monkeypatch.setenv("NOISEREEL_CACHE", str(tmp_path / "cache"))
        (tmp_path / "s.yaml").write_text(SCENE)
        file = tmp_path / "w.safetensors"
        done = CliRunner().invoke(cli, ["train", str(tmp_path / "s.yaml"), "-o", str(file), "--quiet"])
        assert (done.exit_code, done.output) == (0, "")
        return file

    def with_(self, **changed):
        lines = {line.split(":")[0]: line for line in SCENE.splitlines()}
        given = {"denoiser": "{pretrained: w.safetensors}", **changed}
        return "\n".join(f"{key}: {given[key]}" if key in given else line for key, line in lines.items()) + "\n"

    def test_it_is_the_denoiser_that_was_trained(self, trained, records):
        again, before = records(self.with_())["run"], records(SCENE)["run"]
        assert_array_equal(again.trajectory.series("x", 20), before.trajectory.series("x", 20))

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            (
                {"schedule": "{linear: {steps: 30}}"},
                "w.safetensors was trained under schedule.linear.steps: 20, but here it is 30",
            ),
            ({"schedule": "cosine"}, "w.safetensors was trained under schedule: linear, but here it is cosine"),
            ({"denoiser": "{pretrained: no.safetensors}"}, "no.safetensors: cannot be read: No such file or directory"),
            ({"dataset": "digits"}, "w.safetensors was trained on event shape (2,), the data here has (8, 8)"),
        ],
    )
    def test_another_schedule_or_shape_is_refused(self, trained, registry, changed, said):
        scene = parse_scene(self.with_(**changed), "s.yaml", trained.parent, registry)
        with pytest.raises(SceneError) as error:
            load_all(scene, registry)
        assert str(error.value).removeprefix("s.yaml:3:11: denoiser: ").removeprefix(f"{trained.parent}/") == said

    def test_a_file_that_says_too_little_is_refused(self, trained, registry):
        from safetensors.torch import load_file, save_file

        from noisereel.learning import read_facts

        facts = read_facts(trained)
        del facts["schedule"]
        save_file(load_file(trained), trained, {"noisereel": json.dumps(facts)})
        scene = parse_scene(self.with_(), "s.yaml", trained.parent, registry)
        with pytest.raises(SceneError) as error:
            load_all(scene, registry)
        said = "w.safetensors: does not say its schedule; write it with noisereel train"
        assert str(error.value) == f"s.yaml:3:11: denoiser: {said}"

    def test_other_weights_are_another_run_also_within_a_denoiser(self, trained, registry):
        text = self.with_(denoiser="{blend: [{pretrained: w.safetensors}, empirical]}")
        scene = parse_scene(text, "s.yaml", trained.parent, registry)

        def key():
            return run_key(bound(scene, registry, trained.parent), (), trained.parent, None)

        before = key()
        assert key() == before
        facts = read_facts(trained)
        save_weights(trained, load_weights(trained), {**facts, "loss": 0.0})
        assert key() != before

    def test_another_network_is_refused(self, trained, registry):
        from safetensors.torch import load_file, save_file

        from noisereel.learning import read_facts

        facts = read_facts(trained)
        facts["denoiser"]["mlp"]["width"] = 64
        save_file(load_file(trained), trained, {"noisereel": json.dumps(facts)})
        scene = parse_scene(self.with_(), "s.yaml", trained.parent, registry)
        ctx = bound(scene, registry, trained.parent).context
        with pytest.raises(Exception, match=r"belongs to another network: '.*' has shape \(32"):
            scene.runs["run"].denoiser.bind(ctx)


class TestDiffusers:
    """The adapter against diffusers' own pipeline, on a tiny network made here."""

    @staticmethod
    def saved(folder, **scheduler):
        from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

        torch.manual_seed(0)
        unet = UNet2DModel(
            sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8, 16),
            norm_num_groups=4, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        )  # fmt: skip
        kind = {"num_train_timesteps": 40, "beta_end": 0.3, "timestep_spacing": "trailing", **scheduler}
        pipeline = DDIMPipeline(unet, DDIMScheduler(**kind))
        pipeline.save_pretrained(folder, safe_serialization=True)
        return pipeline

    SCENE = """\
dataset: digits
schedule: {linear: {steps: 40, beta_start: 0.0001, beta_end: 0.3}}
denoiser: {diffusers: model}
sampler: {ddim: {steps: 40}}
particles: 3
"""

    @pytest.mark.parametrize(
        "scheduler",
        [
            {"clip_sample": False},
            {"clip_sample": True},
            {"prediction_type": "v_prediction"},
            {"prediction_type": "sample"},
        ],
    )
    def test_samples_are_the_pipelines(self, tmp_path, records, scheduler):
        pipeline = self.saved(tmp_path / "model", **scheduler)
        record = records(self.SCENE)["run"]
        pipeline.scheduler.set_timesteps(40)
        x = torch.tensor(record.trajectory.series("x", 0))[:, None]
        for step, i in enumerate(pipeline.scheduler.timesteps):
            with torch.no_grad():
                x = pipeline.scheduler.step(pipeline.unet(x, i).sample, i, x, use_clipped_model_output=True).prev_sample
            assert_allclose(record.trajectory.series("x", step + 1), x[:, 0], atol=1e-5 * max(1, float(x.abs().max())))

    def test_what_does_not_fit_is_said(self, tmp_path, registry):
        def said(text):
            scene = parse_scene(text, "s.yaml", tmp_path, registry)
            with pytest.raises(SceneError) as error:
                load_all(scene, registry)
            return str(error.value).removeprefix("s.yaml:3:11: denoiser: ")

        no = "model: holds no unet/config.json; name the folder of a pipeline that diffusers has saved"
        assert said(self.SCENE) == no
        self.saved(tmp_path / "model")
        schedule = "schedule: {linear: {steps: 40, beta_start: 0.0001, beta_end: 0.3}}"
        other = f"model was trained under another schedule: write '{schedule}'"
        assert said(self.SCENE.replace("beta_end: 0.3", "beta_end: 0.2")) == other
        points = said(self.SCENE.replace("digits", "two-moons"))
        assert points == "model: the network takes images of 1 channels, the data has event shape (2,)"


@pytest.mark.slow
def test_the_perceptron_learns_one_gaussian_to_its_posterior_mean(tmp_path):
    """The closed form is linear in x_t; the root mean square error is below 0.04, for deviations of 0.3 and 1.2."""
    std, noise = torch.tensor([0.3, 1.2]), torch.randn(4000, 2, generator=torch.Generator().manual_seed(4))
    x0 = torch.tensor([0.8, -0.5]) + std * torch.randn(4000, 2, generator=torch.Generator().manual_seed(3))
    schedule = Linear(steps=50)
    model = Mlp(steps=1000).bind(
        DenoiserContext(Data(x0), schedule, torch.device("cpu"), training=TrainingContext(cache=tmp_path))
    )
    mean, variance = x0.mean(0), x0.var(0)
    for t in (1.0, 5.0, 10.0, 20.0, 35.0, 50.0):
        level = schedule.at(t)
        x = level.alpha * x0 + level.sigma * noise
        gain = level.alpha * variance / (level.alpha**2 * variance + level.sigma**2)
        exact = mean + gain * (x - level.alpha * mean)
        assert float((model(x, level) - exact).square().mean().sqrt()) < 0.04


@pytest.mark.parametrize("net", [Mlp(steps=2), Unet(steps=2, channels=8)])
def test_guidance_of_a_network_for_each_class_by_fewer_particles_than_classes(tmp_path, net):
    from noisereel.contracts.dataset import LoadContext
    from noisereel.support.noise import LoadDraw

    digits = Digits(classes=(0, 1, 2)).load(LoadContext(Path(), LoadDraw(0)))
    data = digits if isinstance(net, Unet) else Data(digits.x0.flatten(1)[:, 20:22], digits.labels)
    ctx = DenoiserContext(data, Linear(steps=20), torch.device("cpu"), training=TrainingContext(cache=tmp_path))
    x, level = data.x0[:1], Linear(steps=20).at(10.0)
    zeros = Data(data.x0[data.labels == 0], data.labels[data.labels == 0])
    alone, of_class = (net.bind(each)(x, level) for each in (ctx, replace(ctx, data=zeros)))
    assert_allclose(Guided(of=net, w=3.0).bind(ctx)(x, level), alone + 3 * (of_class - alone), atol=1e-5)


def test_guidance_of_one_network_that_heeds_labels(tmp_path):
    """D_∅ + w·(D_c − D_∅), both from the same network: asked without a label, and with it."""
    from noisereel.contracts.dataset import LoadContext
    from noisereel.support.noise import LoadDraw

    data = Digits().load(LoadContext(Path(), LoadDraw(0)))
    ctx = DenoiserContext(data, Linear(steps=20), torch.device("cpu"), training=TrainingContext(cache=tmp_path))
    net = Unet(labelled=True, steps=3, channels=8, warm_up=0, learning_rate=0.05, batch=16)
    model, level = net.bind(ctx), Linear(steps=20).at(10.0)
    x = data.x0[:4] + 0.3
    alone, told = model(x, level), model(x, level, torch.full((4,), 7))
    assert float((alone - told).abs().max()) > 1e-4
    for w in (0.0, 1.0, 3.0):
        guided = Guided(of=net, label=7, w=w).bind(ctx)
        assert_allclose(guided(x, level), alone + w * (told - alone), atol=1e-5)
    assert len(list(tmp_path.iterdir())) == 1  # one network for all


@pytest.mark.parametrize(
    ("denoiser", "trained"),
    [
        ("{blend: [empirical, {mlp: {steps: 4}}]}", 1),
        ("{guided: {of: {mlp: {steps: 4}}, label: 1}}", 2),
        ("{guided: {of: {mlp: {steps: 4, labelled: true}}, label: 1}}", 1),
        ("{guided: {of: {blend: [{mlp: {steps: 4, labelled: true}}, gaussian]}, label: 1}}", 1),
    ],
)
def test_training_leaves_nothing_for_later(registry, tmp_path, denoiser, trained):
    text = f"""\
dataset: {{mixture: {{preset: five, n: 100}}}}
schedule: {{linear: {{steps: 4, beta_end: 0.9}}}}
denoiser: {denoiser}
sampler: ddim
particles: 4
"""
    scene = parse_scene(text, "s.yaml", tmp_path, registry)
    plans, data, ctx = plan_runs(scene), load_all(scene, registry), context(registry, tmp_path, tmp_path / "cache")
    shown = shown_visits(scene, plans)
    ((_, file),) = train_denoisers(scene, plans, data, shown, ctx)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("weights.safetensors")}
    assert file in made and len(made) == trained
    simulate(scene, plans, data, shown, ctx)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("weights.safetensors")} == made

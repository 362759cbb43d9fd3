"""Built-in trained denoisers, alone and in scenes."""

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
def runs_of(registry, tmp_path):
    """Return a function that simulates the runs of a scene; trained weights are cached between calls."""

    def simulate_text(text):
        scene = parse_scene(text, "s.yaml", tmp_path, registry)
        return simulated(scene, context(registry, tmp_path / "scratch", tmp_path / "cache"))

    return simulate_text


def problems(registry, text):
    """Return the problems of a scene that are found before anything is simulated, one per line."""
    try:
        scene = parse_scene(text, "s.yaml", Path(), registry)
        plan_runs(scene)
        load_all(scene, registry)
    except SceneError as error:
        return str(error).splitlines()
    return []


class TestOverTraining:
    def test_each_visit_is_the_run_with_the_weights_of_that_moment(self, runs_of):
        text = "runs: {plain: {}, learning: {training: {snapshots: 5}}, midway: {training: {snapshots: 5, at: 7}}}\n"
        runs = runs_of(SCENE + text)
        plain, learning, midway = (runs[name].trajectory for name in ("plain", "learning", "midway"))
        assert learning.times == midway.times == (0, 4, 15, 34, 60)
        assert [level.t for level in learning.levels] == [0.0] * 5
        assert [level.t for level in midway.levels] == [7.0] * 5
        # Fully trained, it equals the plain run; untrained, the samples differ.
        assert_array_equal(learning.series("x", 4), plain.series("x", 20))
        assert_array_equal(midway.series("x", 4), plain.series("x", 13))
        assert np.abs(learning.series("x", 0) - plain.series("x", 20)).max() > 0.1

    def test_probes_see_the_model_of_that_moment(self, runs_of, registry, tmp_path):
        from noisereel_builtins.renderers.plane.field import VECTORS, FieldGrid

        text = SCENE + "training: {snapshots: 3, at: 7}\n"
        run = runs_of(text)["run"]
        grid = FieldGrid(of="drift", x=(-2.0, 2.0), y=(-1.0, 1.0), shape=(3, 4))
        first, last = (run.value(grid, index)["vector"] for index in (0, 2))
        assert np.abs(first - last).max() > 0.005
        bound_run = bound(parse_scene(text, "s.yaml", tmp_path, registry), registry, tmp_path, tmp_path / "cache")
        level, x = run.trajectory.levels[2], torch.tensor(grid.points())
        drift = VECTORS["drift"](x, level, bound_run.measure_context(2).model, bound_run.spec.schedule)
        assert_allclose(last, drift.numpy(), atol=1e-5)

    def test_the_loss_is_the_mean_since_the_previous_snapshot(self, runs_of):
        run = runs_of(SCENE + "training: {snapshots: 4}\nmetrics: [loss]\n")["run"]
        losses = [run.scalars(index)["loss"] for index in range(4)]
        assert np.isnan(losses[0]) and losses[1] > losses[3] > 0

    def test_its_axis_is_training_steps(self, tmp_path, monkeypatch):
        from click.testing import CliRunner

        from noisereel.cli.main import cli

        monkeypatch.setenv("NOISEREEL_CACHE", str(tmp_path / "cache"))
        panel = 'panels: [{title: "after {trained} steps", layers: [points, data]}, {layers: [{curve: loss}]}]\n'
        film = "metrics: [loss]\nfilm: {frames: 4, hold: 0, size: [320, 180]}\n"
        (tmp_path / "s.yaml").write_text(SCENE + "training: {snapshots: 4}\n" + panel + film)
        done = CliRunner().invoke(cli, ["still", str(tmp_path / "s.yaml"), "--at", "30", "-o", str(tmp_path / "a.svg")])
        assert done.exit_code == 0, done.output
        assert "30" in done.output and "27" in done.output  # the nearest snapshot is named
        text = (tmp_path / "a.svg").read_text()
        assert "after 27 steps" in text and "training step 27" in text and "60 steps" in text


class TestPairs:
    SCENE = (
        SCENE.replace("linear", "rectified-flow")
        .replace("ddim", "flow-euler")
        .replace("predicts: v", "predicts: velocity")
    )

    def test_a_denoiser_learns_from_the_ends_of_another_run(self, runs_of, registry, tmp_path):
        """Reflow: it is trained on the noise and the samples of the first run, row by row."""
        from noisereel.contracts.denoiser import Pairs

        text = self.SCENE + "runs: {first: {}, second: {pairs: first}}\n"
        first, second = (run.trajectory for run in runs_of(text).values())
        scene = parse_scene(text, "s", tmp_path, registry)
        plans, data = plan_runs(scene), load_all(scene, registry)
        ctx = context(registry, tmp_path / "scratch", tmp_path / "cache")
        done = simulate(scene, plans, data, shown_visits(scene, plans), ctx)
        contexts = {run.spec.name: run.context for run in bound_runs(scene, plans, data, done, ctx)}
        assert contexts["first"].pairs is None
        pairs = contexts["second"].pairs
        assert isinstance(pairs, Pairs)
        assert_array_equal(pairs.eps, first.series("x", 0))
        assert_array_equal(pairs.x0, first.series("x", 20))
        examples = Mlp(predicts="velocity", batch=64)._examples(contexts["second"])
        batch = next(examples.steps(0))
        rows = {tuple(np.round(row, 4)) for row in (pairs.eps - pairs.x0).numpy()}
        assert {tuple(np.round(row, 4)) for row in batch.target.numpy()} <= rows
        assert np.abs(second.series("x", 20) - first.series("x", 20)).max() > 1e-3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            "denoiser: empirical\ntraining: {snapshots: 3}\n",
            "7:11: training: needs a denoiser that is trained; 'empirical' is not",
        ),
        ("training: {snapshots: 1}\n", "6:23: training.snapshots: must be between 2 and 1,000, got 1"),
        (
            "runs: {a: {pairs: b}, b: {pairs: a}}\n",
            "6:19: runs.a.pairs: runs learn from one another in a cycle: a from b from a",
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
            "3:17: denoiser.mlp: 'patience' needs held-out samples: set 'held_out' to a share such as 0.1",
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
            "3:11: denoiser: 'predicts: eps' gives no x_0 at t = T, where this schedule leaves no signal: "
            "use v or velocity",
        ),
    ],
)
def test_impossible_training_is_reported_before_anything_is_trained(registry, changes, message):
    lines = SCENE.splitlines(keepends=True)
    for key in ("denoiser", "dataset", "schedule"):
        if f"{key}:" in changes.split("runs:")[0]:
            changed = next(line for line in changes.splitlines(keepends=True) if line.startswith(f"{key}:"))
            index = next(i for i, line in enumerate(lines) if line.startswith(f"{key}:"))
            lines[index], changes = changed, changes.replace(changed, "")
    (line,) = problems(registry, "".join(lines) + changes)
    assert line.partition(": ")[2] == message.partition(": ")[2]


@pytest.mark.parametrize(
    ("denoiser", "message"),
    [
        ("{mlp: {held_out: 0.001}}", None),  # the number of pairs is not known yet
        ("{mlp: {labelled: true}}", "'labelled' needs labels"),
        ("{guided: {of: mlp, label: 1}}", "the guided denoiser needs labels"),
    ],
)
def test_pairs_have_no_labels(registry, denoiser, message):
    text = f"""\
dataset: {{mixture: {{preset: eight, n: 100}}}}
schedule: {{rectified-flow: {{steps: 4}}}}
sampler: flow-euler
runs: {{first: {{denoiser: empirical}}, second: {{pairs: first, denoiser: {denoiser}}}}}
"""
    expected = (
        []
        if message is None
        else [f"s.yaml:4:71: runs.second.denoiser: {message}, but pairs of noise and samples have none"]
    )
    assert problems(registry, text) == expected


def test_misfits_of_all_runs_are_reported_together(registry):
    text = SCENE + "runs: {a: {denoiser: unet}, b: {}, c: {denoiser: {mlp: {labelled: true}}, dataset: swiss-roll}}\n"
    places = [line.partition(": ")[2].partition(":")[0] for line in problems(registry, text)]
    assert places == ["runs.a.denoiser", "runs.c.denoiser"]


def test_the_time_shown_over_training_must_be_within_the_run(registry):
    message = "s.yaml:6:16: training.at: must be between 0 and 20, the end of run 'run', got 21"
    assert problems(registry, SCENE + "training: {at: 21}\n") == [message]
    assert problems(registry, SCENE + "training: {at: 20}\n") == []


def test_a_run_that_shows_no_training_has_no_loss(registry):
    scene = parse_scene(SCENE + "metrics: [std, loss]\n", "s.yaml", Path(), registry)
    with pytest.raises(SceneError) as error:
        validate(scene, registry=registry)
    assert str(error.value) == "s.yaml:6:10: metrics: loss needs a run with 'training: {…}'"
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

    def scene_text(self, **changes):
        lines = {line.split(":")[0]: line for line in SCENE.splitlines()}
        changes = {"denoiser": "{pretrained: w.safetensors}", **changes}
        return "\n".join(f"{key}: {changes[key]}" if key in changes else line for key, line in lines.items()) + "\n"

    def test_it_is_the_denoiser_that_was_trained(self, trained, runs_of):
        loaded, original = runs_of(self.scene_text())["run"], runs_of(SCENE)["run"]
        assert_array_equal(loaded.trajectory.series("x", 20), original.trajectory.series("x", 20))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"schedule": "{linear: {steps: 30}}"},
                "w.safetensors was trained with schedule.linear.steps: 20, but here it is 30",
            ),
            ({"schedule": "cosine"}, "w.safetensors was trained with schedule: linear, but here it is cosine"),
            ({"denoiser": "{pretrained: no.safetensors}"}, "no.safetensors: cannot be read: No such file or directory"),
            ({"dataset": "digits"}, "w.safetensors was trained on event shape (2,), but the data has (8, 8)"),
        ],
    )
    def test_another_schedule_or_shape_is_refused(self, trained, registry, changes, message):
        scene = parse_scene(self.scene_text(**changes), "s.yaml", trained.parent, registry)
        with pytest.raises(SceneError) as error:
            load_all(scene, registry)
        assert str(error.value).removeprefix("s.yaml:3:11: denoiser: ").removeprefix(f"{trained.parent}/") == message

    def test_labels_that_the_network_does_not_know_are_refused(self, trained, registry):
        """Label 2 of a network of 2 classes would mean no label."""
        from safetensors.torch import load_file, save_file

        save_file(load_file(trained), trained, {"noisereel": json.dumps(read_facts(trained) | {"classes": 2})})
        text = self.scene_text(dataset="{mixture: {preset: five, n: 50}}")
        with pytest.raises(SceneError) as error:
            load_all(parse_scene(text, "s.yaml", trained.parent, registry), registry)
        message = "w.safetensors was trained on 2 classes, but the data has the label 4"
        assert str(error.value) == f"s.yaml:3:11: denoiser: {message}"

    def test_a_file_without_its_schedule_is_refused(self, trained, registry):
        from safetensors.torch import load_file, save_file

        from noisereel.learning import read_facts

        facts = read_facts(trained)
        del facts["schedule"]
        save_file(load_file(trained), trained, {"noisereel": json.dumps(facts)})
        scene = parse_scene(self.scene_text(), "s.yaml", trained.parent, registry)
        with pytest.raises(SceneError) as error:
            load_all(scene, registry)
        message = "w.safetensors: its metadata has no 'schedule'; write it with noisereel train"
        assert str(error.value) == f"s.yaml:3:11: denoiser: {message}"

    def test_other_weights_are_another_run_even_inside_a_blend(self, trained, registry):
        text = self.scene_text(denoiser="{blend: [{pretrained: w.safetensors}, empirical]}")
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
        scene = parse_scene(self.scene_text(), "s.yaml", trained.parent, registry)
        ctx = bound(scene, registry, trained.parent).context
        with pytest.raises(Exception, match=r"belongs to another network: '.*' has shape \(32"):
            scene.runs["run"].denoiser.bind(ctx)


class TestDiffusers:
    """The adapter against diffusers' own pipeline, with a tiny network."""

    @staticmethod
    def saved(folder, **scheduler):
        from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

        torch.manual_seed(0)
        unet = UNet2DModel(
            sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8, 16),
            norm_num_groups=4, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        )  # fmt: skip
        config = {"num_train_timesteps": 40, "beta_end": 0.3, "timestep_spacing": "trailing", **scheduler}
        pipeline = DDIMPipeline(unet, DDIMScheduler(**config))
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
    def test_samples_equal_the_pipelines(self, tmp_path, runs_of, scheduler):
        pipeline = self.saved(tmp_path / "model", **scheduler)
        run = runs_of(self.SCENE)["run"]
        pipeline.scheduler.set_timesteps(40)
        x = torch.tensor(run.trajectory.series("x", 0))[:, None]
        for step, i in enumerate(pipeline.scheduler.timesteps):
            with torch.no_grad():
                x = pipeline.scheduler.step(pipeline.unet(x, i).sample, i, x, use_clipped_model_output=True).prev_sample
            assert_allclose(run.trajectory.series("x", step + 1), x[:, 0], atol=1e-5 * max(1, float(x.abs().max())))

    def test_misfits_are_reported(self, tmp_path, registry):
        def message(text):
            scene = parse_scene(text, "s.yaml", tmp_path, registry)
            with pytest.raises(SceneError) as error:
                load_all(scene, registry)
            return str(error.value).removeprefix("s.yaml:3:11: denoiser: ")

        no_model = "model: contains no unet/config.json; give the folder of a pipeline saved by diffusers"
        assert message(self.SCENE) == no_model
        self.saved(tmp_path / "model")
        schedule = "schedule: {linear: {steps: 40, beta_start: 0.0001, beta_end: 0.3}}"
        mismatch = f"model was trained with another schedule: write '{schedule}'"
        assert message(self.SCENE.replace("beta_end: 0.3", "beta_end: 0.2")) == mismatch
        odd = "the network needs images whose sides are multiples of 2, but the data has event shape (9, 8)"
        pictures = torch.zeros(4, 9, 8).tolist()
        assert message(self.SCENE.replace("dataset: digits", f"dataset: {{array: {pictures}}}")) == f"model: {odd}"
        wrong_shape = message(self.SCENE.replace("digits", "two-moons"))
        assert wrong_shape == "model: the network needs images with 1 channel, but the data has event shape (2,)"

    @pytest.mark.parametrize(
        ("part", "changes", "message"),
        [
            (
                "unet",
                {"num_class_embeds": 10},
                "unet: num_class_embeds 10 is not supported; supported: null",
            ),
            (
                "unet",
                {"class_embed_type": "timestep"},
                'unet: class_embed_type "timestep" is not supported; supported: null',
            ),
            (
                "unet",
                {"time_embedding_type": "fourier"},
                'unet: time_embedding_type "fourier" is not supported; supported: "positional", "learned"',
            ),
            (
                "unet",
                {"_class_name": "UNet2DConditionModel"},
                "its network is a UNet2DConditionModel; only a UNet2DModel is supported",
            ),
            (
                "unet",
                {"out_channels": 2},
                "unet: out_channels must equal in_channels: a learned variance is not supported",
            ),
            (
                "scheduler",
                {"thresholding": True},
                "scheduler: thresholding true is not supported; supported: false, null",
            ),
            (
                "scheduler",
                {"prediction_type": "flow_prediction"},
                'scheduler: prediction_type "flow_prediction" is not supported; '
                'supported: "epsilon", "sample", "v_prediction"',
            ),
            (
                "scheduler",
                {"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": True},
                "scheduler: use_flow_sigmas true is not supported; supported: false, null",
            ),
            (
                "scheduler",
                {"_class_name": "EulerDiscreteScheduler", "timestep_type": "continuous"},
                'scheduler: timestep_type "continuous" is not supported; supported: "discrete"',
            ),
            (
                "scheduler",
                {"_class_name": "DDPMScheduler", "variance_type": "learned_range"},
                'scheduler: variance_type "learned_range" is not supported; supported: "fixed_small", '
                '"fixed_small_log", "fixed_large", "fixed_large_log", null',
            ),
            (
                "scheduler",
                {"_class_name": "FlowMatchEulerDiscreteScheduler"},
                "its scheduler is a FlowMatchEulerDiscreteScheduler, which is not supported; supported: DDPM, ",
            ),
        ],
        ids=lambda value: next(reversed(value)) if isinstance(value, dict) else "",
    )
    def test_what_is_not_supported_is_refused_by_name(self, tmp_path, registry, part, changes, message):
        self.saved(tmp_path / "model")
        file = tmp_path / "model" / part / ("config.json" if part == "unet" else "scheduler_config.json")
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
        with pytest.raises(SceneError) as error:
            load_all(parse_scene(self.SCENE, "s.yaml", tmp_path, registry), registry)
        assert str(error.value).startswith(f"s.yaml:3:11: denoiser: model: {message}")

    def test_an_omitted_setting_has_its_schedulers_default(self, tmp_path, runs_of):
        """DDPM clips unless it is told not to; the clipped estimates are at most 1."""
        self.saved(tmp_path / "model")
        file = tmp_path / "model/scheduler/scheduler_config.json"
        file.write_text(json.dumps({"_class_name": "DDPMScheduler", "num_train_timesteps": 40, "beta_end": 0.3}))
        x0 = runs_of(self.SCENE)["run"].trajectory.series("x0", 0)
        assert abs(x0).max() == 1


@pytest.mark.slow
def test_the_mlp_learns_the_posterior_mean_of_a_gaussian(tmp_path):
    """Compare with the closed form, linear in x_t: RMS error below 0.04, for standard deviations of 0.3 and 1.2."""
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
def test_guidance_by_a_network_for_each_class_of_fewer_particles_than_classes(tmp_path, net):
    from noisereel.contracts.dataset import LoadContext
    from noisereel.support.noise import LoadDraw

    digits = Digits(classes=(0, 1, 2)).load(LoadContext(Path(), LoadDraw(0)))
    data = digits if isinstance(net, Unet) else Data(digits.x0.flatten(1)[:, 20:22], digits.labels)
    ctx = DenoiserContext(data, Linear(steps=20), torch.device("cpu"), training=TrainingContext(cache=tmp_path))
    x, level = data.x0[:1], Linear(steps=20).at(10.0)
    zeros = Data(data.x0[data.labels == 0], data.labels[data.labels == 0])
    unconditional, conditional = (net.bind(c)(x, level) for c in (ctx, replace(ctx, data=zeros)))
    expected = unconditional + 3 * (conditional - unconditional)
    assert_allclose(Guided(of=net, w=3.0).bind(ctx)(x, level), expected, atol=1e-5)


def test_guidance_by_one_network_that_uses_labels(tmp_path):
    """Check D_∅ + w·(D_c − D_∅), both from the same network, called without a label and with one."""
    from noisereel.contracts.dataset import LoadContext
    from noisereel.support.noise import LoadDraw

    data = Digits().load(LoadContext(Path(), LoadDraw(0)))
    ctx = DenoiserContext(data, Linear(steps=20), torch.device("cpu"), training=TrainingContext(cache=tmp_path))
    net = Unet(labelled=True, steps=3, channels=8, warm_up=0, learning_rate=0.05, batch=16)
    model, level = net.bind(ctx), Linear(steps=20).at(10.0)
    x = data.x0[:4] + 0.3
    unconditional, conditional = model(x, level), model(x, level, torch.full((4,), 7))
    assert float((unconditional - conditional).abs().max()) > 1e-4
    for w in (0.0, 1.0, 3.0):
        guided = Guided(of=net, label=7, w=w).bind(ctx)
        assert_allclose(guided(x, level), unconditional + w * (conditional - unconditional), atol=1e-5)
    assert len(list(tmp_path.iterdir())) == 1  # all share one network


@pytest.mark.parametrize(
    ("denoiser", "trained"),
    [
        ("{blend: [empirical, {mlp: {steps: 4}}]}", 1),
        ("{guided: {of: {mlp: {steps: 4}}, label: 1}}", 2),
        ("{guided: {of: {mlp: {steps: 4, labelled: true}}, label: 1}}", 1),
        ("{guided: {of: {blend: [{mlp: {steps: 4, labelled: true}}, gaussian]}, label: 1}}", 1),
    ],
)
def test_training_leaves_nothing_to_train_in_the_simulation(registry, tmp_path, denoiser, trained):
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
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("weights.safetensors")}
    assert file in before and len(before) == trained
    simulate(scene, plans, data, shown, ctx)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("weights.safetensors")} == before

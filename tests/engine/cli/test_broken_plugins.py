"""Plugins of every kind, each of whose methods raises or gives nonsense: one line that names the plugin and method."""

from __future__ import annotations

import pytest

BASE = """
import torch
from contextlib import contextmanager
from pathlib import Path
from noisereel.contracts.guides import Legend
from noisereel.contracts.writer import Writer
from noisereel.contracts.schedule import Level
from noisereel.contracts.dataset import Data

class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no message")

class Rude(BaseException):
    pass

def bad(how):
    if how == "raise": raise RuntimeError("no")
    if how == "exit": raise SystemExit(7)
    if how == "rude": raise Rude("no")
    if how == "silent": raise Silent
    if how == "escape": raise RuntimeError("\\x1b[31mred\\nline")
    if how == "file": raise FileNotFoundError(2, "No such file or directory", "gone")
    values = {"none": None, "number": 3.5, "text": "abc", "tensor": torch.zeros(3), "list": [object()]}
    return values.get(how, object())

class MyDataset(Dataset):
    def load(self, ctx):
        return Data(torch.randn(20, 2, generator=torch.Generator().manual_seed(0)))

class MySchedule(Schedule):
    @property
    def T(self):
        return 10.0
    def at(self, t):
        return Level(t, 1 - t / 11, (1 - (1 - t / 11) ** 2) ** 0.5)

class MySpacing(Spacing):
    def times(self, schedule, steps, start):
        return tuple(start * (steps - i) / steps for i in range(steps + 1))

class MyDenoiser(Denoiser):
    def bind(self, ctx):
        return lambda x, level, labels=None: 0.5 * x

class MySampler(Sampler):
    def step(self, x, t, s, ctx, carry):
        x0 = ctx.model(x, t)
        return Step(s.alpha * x0, x0)

class MyMetric(Metric):
    gives = ("mine",)
    def measure(self, state, ctx):
        return {"mine": 1.0}

class MyRenderer(Renderer):
    space = "plane"
    def marks(self, run, moment, ctx):
        return [Points(run.trajectory.array("x", moment.index), color=ctx.theme.color("ink"))]

class MyWriter(Writer):
    @contextmanager
    def open(self, ctx):
        class Sink:
            def write(self, frame): pass
        ctx.path.write_bytes(b"x")
        yield Sink()
"""

HOOKS = "\n".join(
    f"@hookimpl\ndef register_{kind}s(register):\n    register('{name}', My{kind.title()})\n"
    for kind, name in [(k, f"my-{k}") for k in
                       ("dataset", "schedule", "spacing", "denoiser", "sampler", "metric", "renderer")]
    + [("writer", "mine")]
)  # fmt: skip

SCENE = """\
dataset: my-dataset
schedule: my-schedule
denoiser: my-denoiser
sampler: {my-sampler: {steps: 4, spacing: my-spacing}}
metrics: [my-metric]
particles: 10
panels: [{title: "{mine}", layers: [my-renderer, {curve: mine}]}]
film: {frames: 3, hold: 0, size: [160, 120]}
"""

METHODS = {
    "Dataset": ["load", "layers", "inputs", "lint"],
    "Schedule": ["T", "at", "prior_std", "lint", "inputs"],
    "Spacing": ["times", "lint"],
    "Denoiser": ["bind", "check", "training_steps", "inputs", "model"],
    "Sampler": ["step", "path", "check", "aux_names"],
    "Metric": ["measure", "check", "unit_of", "reference"],
    "Renderer": ["marks", "backdrop", "guide", "extent", "check", "probes"],
    "Writer": ["open", "rate_warning"],
}
OPTIONS = {"layers": ("--set", "panels=null"), "training_steps": ("--set", "training={at: 0}")}
PROPERTIES = ("T", "aux_names", "training_steps")
RAISED = ("raise", "rude", "escape", "file")
GIVEN = ("number", "text", "tensor", "object", "list")


def broken(kind: str, method: str, how: str) -> str:
    """Return the plugins of all kinds with one broken method."""
    if method == "model":
        return f"{BASE}\nMyDenoiser.bind = lambda self, ctx: lambda x, level, labels=None: bad({how!r})\n{HOOKS}"
    made = f"def {method}(self, *args):\n    return bad({how!r})\n"
    made += f"My{kind}.{method} = {'property(' + method + ')' if method in PROPERTIES else method}\n"
    made += f"My{kind}.__abstractmethods__ = frozenset()\n"
    return f"{BASE}\n{made}\n{HOOKS}"


@pytest.fixture
def scene_file(tmp_path):
    panels = SCENE.replace("[my-renderer, {curve: mine}]}]", "[my-renderer]}, {layers: [{curve: mine}]}]")
    (tmp_path / "s.yaml").write_text(panels)
    return "s.yaml"


def test_they_work(noisereel, plugin, scene_file):
    done = noisereel("render", scene_file, "-o", "a.gif", "-o", "b.mine", "--plugin", plugin(BASE + HOOKS))
    assert (done.code, done.err) == (0, ""), done


@pytest.mark.parametrize(
    "how", ["exit", "silent", "none", *(pytest.param(how, marks=pytest.mark.slow) for how in (*RAISED, *GIVEN))]
)
@pytest.mark.parametrize(("kind", "method"), [(k, m) for k, methods in METHODS.items() for m in methods])
def test_every_method(noisereel, plugin, scene_file, kind, method, how):
    file = plugin(broken(kind, method, how))
    done = noisereel("render", scene_file, "-o", "a.gif", "-o", "b.mine", "--plugin", file, *OPTIONS.get(method, ()))
    assert "\x1b" not in done.err and "Traceback" not in done.err
    if how in ("none", *GIVEN) and done.code == 0:
        return  # a value that does no harm
    assert done.code in (1, 2), done
    assert done.err.count("\n") == 1 + done.err.count("warning: "), done.err
    assert f"My{kind}" in done.err or f"my-{kind.lower()}" in done.err or "s.yaml:" in done.err, done.err
    if how == "silent":
        assert "Silent" in done.err

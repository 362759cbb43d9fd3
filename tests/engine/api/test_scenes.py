"""Scenes in Python: the same as their files, and what only Python can express."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import noisereel as nr
from noisereel_builtins.datasets import TwoMoons
from noisereel_builtins.denoisers import Gaussian
from noisereel_builtins.samplers import DDIM, Forward
from noisereel_builtins.schedules import Cosine, ZeroTerminalSNR

TEXT = """\
dataset: {two-moons: {n: 60}}
schedule: {cosine: {steps: 8}}
denoiser: gaussian
sampler: {ddim: {eta: 0.5}}
film: {frames: 5, size: [160, 120]}
"""
VALUES: dict[str, Any] = {
    "dataset": {"two-moons": {"n": 60}},
    "schedule": {"cosine": {"steps": 8}},
    "denoiser": "gaussian",
    "sampler": {"ddim": {"eta": 0.5}},
    "film": {"frames": 5, "size": (160, 120)},
}
OBJECTS: dict[str, Any] = {
    "dataset": TwoMoons(n=60),
    "schedule": Cosine(steps=8),
    "denoiser": Gaussian(),
    "sampler": DDIM(eta=0.5),
    "film": {"frames": np.int64(5), "size": np.array([160, 120])},
}
A_DATASET = "must be the name of a dataset, a Dataset or an array of samples"
A_DENOISER = "must be the name of a denoiser, a Denoiser or a function (x, level) -> x0"
SHAPES = "must be an array of shape (n, D), (n, H, W) or (n, H, W, 3)"
NOT_FINITE = "the array contains NaN or infinite values (in float32)"
MASKED = "is a masked array: fill it, or leave out what is masked"
FORWARD: dict[str, Any] = {"schedule": {"cosine": {"steps": 4}}, "sampler": "forward"}


def runs(scene: nr.Scene) -> dict[str, nr.RunResult]:
    return nr.simulate(scene, cache=False)


class Blob(nr.Dataset):
    """A class that is registered nowhere."""

    n: int = 10

    def load(self, ctx: nr.LoadContext) -> nr.Data:
        return nr.Data(ctx.draw.normal(self.n, 2))


class Unhashable(Blob):
    """A plugin with a field that cannot be hashed."""

    rows: list[float] = [1.0, 2.0]  # noqa: RUF012


class TestTheWaysToWriteAScene:
    @pytest.fixture
    def expected(self) -> np.ndarray:
        return runs(nr.load(TEXT))["run"].x

    def test_a_file(self, tmp_path: Path, expected: np.ndarray) -> None:
        file = tmp_path / "s.yaml"
        file.write_text(TEXT)
        for name in (file, str(file)):
            scene = nr.load(name)
            assert isinstance(scene, nr.Scene)
            assert (runs(scene)["run"].x == expected).all()

    @pytest.mark.parametrize("values", [VALUES, OBJECTS], ids=["names", "objects"])
    def test_values(self, values: dict[str, Any], expected: np.ndarray) -> None:
        for scene in (nr.load(values), nr.Scene(**values)):
            assert scene.film.size == (160, 120) and scene.film.frames == 5
            assert (runs(scene)["run"].x == expected).all()

    def test_a_name_of_the_gallery(self) -> None:
        assert nr.load("swiss-roll-forward").title == "A swiss roll dissolves"

    def test_several_runs_and_panels(self) -> None:
        scene = nr.Scene(
            dataset=TwoMoons(n=20),
            schedule=Cosine(steps=4),
            runs={"there": {"sampler": Forward()}, "back": {"sampler": [DDIM()], "denoiser": Gaussian()}},
            panels=[{"run": "there", "layers": ["points"]}, {"run": "back"}],
        )
        assert [*runs(scene)] == ["there", "back"]
        assert [panel.run for panel in scene.panels] == ["there", "back"]

    def test_a_plugin_inside_another(self) -> None:
        inner = ZeroTerminalSNR(of=Cosine(steps=8))
        assert inner.T == 8  # which computes what equality must ignore
        scene = nr.Scene(dataset=Blob(), schedule={"zero-terminal-snr": {"of": Cosine(steps=8)}}, sampler="forward")
        assert scene.runs["run"].schedule == inner

    def test_its_text_is_a_scene_file_with_the_same_runs(self, expected: np.ndarray) -> None:
        text = nr.Scene(**OBJECTS).document.given["scene"]
        assert (runs(nr.load(text))["run"].x == expected).all()


class TestOverrides:
    def test_values_and_plugins(self) -> None:
        scene = nr.load(TEXT, {"film.frames": 7, "schedule.steps": 4, "dataset": Blob(n=3)})
        assert scene.film.frames == 7
        assert runs(scene)["run"].x.shape == (5, 3, 2)

    def test_a_loaded_scene_is_changed(self) -> None:
        scene = nr.load(TEXT, {"film.frames": 7})
        other = nr.load(scene, {"film.fps": 10})
        assert (other.film.frames, other.film.fps, scene.film.fps) == (7, 10, 25)

    @pytest.mark.parametrize(
        ("overrides", "message"),
        [
            ({"film.frame": 3}, "overrides: film.frame: unknown key 'frame'; did you mean 'frames'?"),
            ({"film.frames": "3"}, "overrides: film.frames: must be a whole number, got text '3'"),
            ({"runs.two.seed": 1}, "overrides: runs.two: unknown run 'two'; none is known"),
            ({"dataset.m": 1}, "overrides: dataset.two-moons.m: unknown key 'm'; known: n, noise"),
            ({"dataset": DDIM()}, f"overrides: dataset: {A_DATASET}, got the sampler DDIM"),
        ],
    )
    def test_wrong_ones(self, overrides: dict[str, Any], message: str) -> None:
        with pytest.raises(nr.SceneError) as error:
            nr.load(TEXT, overrides)
        assert str(error.value) == message

    def test_nothing_is_set_inside_an_object(self) -> None:
        scene = nr.Scene(dataset=Blob(), **FORWARD)
        with pytest.raises(nr.SceneError) as error:
            nr.load(scene, {"dataset.n": 3})
        assert str(error.value) == "overrides: dataset: is a Blob; nothing can be set inside it"

    def test_no_mapping(self) -> None:
        with pytest.raises(
            nr.UsageError, match=r'^overrides: write them as a mapping from paths to values, such as {"f'
        ):
            nr.load(TEXT, "film.frames=3")  # type: ignore[arg-type]


class TestObjects:
    def test_a_class_that_is_not_registered(self) -> None:
        assert runs(nr.Scene(dataset=Blob(n=4), **FORWARD))["run"].x.shape == (5, 4, 2)

    def test_a_plugin_that_cannot_be_hashed(self, tmp_path: Path) -> None:
        scene = nr.Scene(dataset=Unhashable(n=4), film={"frames": 2, "size": [64, 64]}, **FORWARD)
        assert nr.simulate(scene, cache=tmp_path)["run"].x.shape == (5, 4, 2)
        assert nr.render(scene, tmp_path / "a.gif") == (tmp_path / "a.gif",)

    @pytest.mark.parametrize(
        "kind",
        ["big-endian", "unmasked", "read-only", "strided", "numpy", "float64", "torch", "integers", "needs grad"],
    )
    def test_an_array_is_a_data_set(self, kind: str) -> None:
        array = np.arange(12, dtype=np.float32).reshape(6, 2)
        given: Any = {
            "numpy": array,
            "big-endian": array.astype(">f4"),
            "unmasked": np.ma.array(array),
            "read-only": np.broadcast_to(array, array.shape),
            "strided": np.repeat(array, 2, axis=0)[::2],
            "float64": array.astype(np.float64),
            "torch": torch.from_numpy(array.copy()),
            "integers": array.astype(np.int32),
            "needs grad": torch.from_numpy(array.copy()).requires_grad_(),
        }[kind]
        x = runs(nr.Scene(dataset=given, **FORWARD))["run"].x
        assert (x[0] == array).all() and x.dtype == np.float32

    def test_an_array_is_copied(self) -> None:
        array = np.zeros((6, 2))
        scene = nr.Scene(dataset=array, **FORWARD)
        array += 1
        assert (runs(scene)["run"].x[0] == 0).all()

    def test_labels_are_copied_too(self) -> None:
        labels = torch.zeros(3, dtype=torch.int32)
        scene = nr.Scene(dataset=nr.Data(torch.zeros(3, 2), labels=labels), **FORWARD)
        labels += 1
        found = runs(scene)["run"].labels
        assert found is not None and found.dtype == np.int64 and (found == 0).all()

    def test_an_array_too_large_for_memory(self) -> None:
        with pytest.raises(nr.SceneError, match=r"^scene: dataset: .*array"):
            nr.Scene(dataset=np.broadcast_to(np.float32(1), (10**10, 50)), **FORWARD)

    def test_bytes_are_images(self) -> None:
        pixels = np.array([[[0, 255], [51, 204]]], np.uint8)
        x = runs(nr.Scene(dataset=pixels, **FORWARD))["run"].x
        assert x[0, 0] == pytest.approx(np.array([[-1, 1], [-0.6, 0.6]]))

    def test_data_keep_their_labels(self) -> None:
        data = nr.Data(torch.zeros(4, 2), labels=torch.tensor([0, 1, 1, 0]))
        labels = runs(nr.Scene(dataset=data, **FORWARD))["run"].labels
        assert labels is not None and labels.tolist() == [0, 1, 1, 0]

    def test_a_function_is_a_denoiser(self) -> None:
        # of N(0, I): E[x_0 | x_t] = α·x/(α² + σ²)
        scene = nr.Scene(
            dataset=np.zeros((1, 2)),
            schedule=Cosine(steps=20),
            sampler=DDIM(),
            particles=50,
            denoiser=lambda x, level: x * level.alpha / (level.alpha**2 + level.sigma**2),
        )
        run = runs(scene)["run"]
        # The exact solution of the probability-flow ODE keeps each particle where it is.
        assert run.x[-1] == pytest.approx(run.x[0], rel=0.1)

    def test_a_function_with_labels_and_a_module(self) -> None:
        class Half(torch.nn.Module):
            def forward(self, x: torch.Tensor, level: nr.Level, labels: torch.Tensor | None = None) -> torch.Tensor:
                return x * 0.5

        scene = nr.Scene(dataset=np.ones((3, 2)), schedule=Cosine(steps=4), sampler="ddim", denoiser=Half())
        run = runs(scene)["run"]
        assert run.x0 is not None and (run.x0[0] == run.x[0] * np.float32(0.5)).all()

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"dataset": DDIM()}, f"scene: dataset: {A_DATASET}, got the sampler DDIM"),
            (
                {"dataset": TwoMoons},
                f"scene: dataset: {A_DATASET}, got the class TwoMoons (an instance is TwoMoons(…))",
            ),
            ({"dataset": np.zeros(5)}, f"scene: dataset: {SHAPES}, got (5,): for numbers on a line, use x[:, None]"),
            ({"dataset": np.zeros((0, 2))}, f"scene: dataset: {SHAPES}, got (0, 2)"),
            (
                {"dataset": torch.zeros(5, 3, 8, 8)},
                f"scene: dataset: {SHAPES}, got (5, 3, 8, 8): put the channels last, x.transpose(0, 2, 3, 1)",
            ),
            ({"dataset": np.array([[1, np.nan]])}, f"scene: dataset: {NOT_FINITE}"),
            ({"dataset": np.array([[1e300]])}, f"scene: dataset: {NOT_FINITE}"),
            ({"dataset": np.array([["a"]])}, "scene: dataset: must be an array of numbers, got one of dtype <U1"),
            ({"dataset": np.array([[True]])}, "scene: dataset: must be an array of numbers, got one of dtype bool"),
            (
                {"dataset": torch.zeros(2, 2, device="meta")},
                "scene: dataset: cannot be copied from device meta: Cannot copy out of meta tensor; no data!",
            ),
            ({"dataset": np.ma.array([[1.0, 2.0]], mask=[[0, 1]])}, f"scene: dataset: {MASKED}"),
            (
                {"dataset": torch.zeros(3, 2).to_sparse()},
                "scene: dataset: must be a dense array, got a sparse or nested tensor",
            ),
            ({"sampler": Blob()}, "scene: sampler: must be the name of a sampler or a Sampler, got the dataset Blob"),
            ({"denoiser": Blob()}, f"scene: denoiser: {A_DENOISER}, got the dataset Blob"),
            ({"denoiser": 3}, "scene: denoiser: must name a denoiser, as NAME or {NAME: {parameters}}, got 3"),
            ({"film": {"frames": DDIM()}}, "scene: film.frames: must be a plain value, got a DDIM"),
            ({"film": {1: 2}}, "scene: keys must be text, got an int: 1"),
            (
                {"panels": [{"layers": [DDIM()]}]},
                "scene: panels.0.layers.0: must be the name of a renderer or a Renderer, got the sampler DDIM",
            ),
            ({"schedul": "linear"}, "scene: schedul: unknown key 'schedul'; did you mean 'schedule'?"),
        ],
    )
    def test_wrong_ones(self, values: dict[str, Any], message: str) -> None:
        with pytest.raises(nr.SceneError) as error:
            nr.Scene(**{"dataset": "two-moons", **FORWARD, **values})
        assert str(error.value) == message

    def test_a_scene_that_contains_itself(self) -> None:
        film: dict[str, Any] = {}
        film["film"] = film
        with pytest.raises(nr.SceneError, match="^scene: is nested more than 40 levels deep$"):
            nr.load(film)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "load takes a file, a name from the gallery, a mapping, or lines of text; got nothing"),
        (None, "load takes a file, a name from the gallery, a mapping, or lines of text; got nothing"),
        (3, "load takes a file, a name from the gallery, a mapping, or lines of text; got an int"),
        (".", "'.' is a folder, not a scene file"),
        (Path(), "'.' is a folder, not a scene file"),
        ("no-such.yaml", "no scene file 'no-such.yaml'"),
        ("swiss-roll-forwards", "unknown scene 'swiss-roll-forwards'; did you mean 'swiss-roll-forward'?"),
        ("Dear all,\nhello", "scene:1:1: must be a mapping such as 'dataset: NAME', got text 'Dear all, hello'"),
        ("\n", "scene:1:1: is empty; a scene needs at least a dataset, a schedule and a sampler"),
        ("a: [\n", "scene:2:1: a value or a closing bracket is missing at the end"),
    ],
)
def test_what_is_no_scene(given: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nr.NoisereelError) as error:
        nr.load(given)
    assert str(error.value) == message


def test_a_folder_is_no_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("films").mkdir()
    for name in ("films", Path("films"), tmp_path):
        with pytest.raises(nr.UsageError, match="is a folder, not a scene file$"):
            nr.load(name)


def test_missing_parts_are_named() -> None:
    with pytest.raises(nr.SceneError) as error:
        nr.Scene()
    places = [problem.path for problem in error.value.problems]
    assert places == ["dataset", "schedule", "sampler"]


@pytest.mark.parametrize("function", [nr.render, nr.still, nr.frame, nr.simulate, nr.validate, nr.train])
def test_functions_need_a_scene(function: Any) -> None:
    with pytest.raises(nr.UsageError) as error:
        function("moons.yaml")
    message = "needs a Scene, got text 'moons.yaml'; noisereel.load(…) makes one of a file, a mapping or text"
    assert str(error.value) == message


def test_help_shows_the_keys_of_a_scene() -> None:
    import inspect

    names = [*inspect.signature(nr.Scene).parameters]
    assert {"dataset", "schedule", "sampler", "runs", "panels", "film", "registry"} <= {*names}
    assert str(nr.load(TEXT)) == "Scene(runs: run; 1 panel, 5 frames)"


def test_copies() -> None:
    import copy

    scene = nr.Scene(dataset=np.zeros((3, 2)), **FORWARD)
    for other in (copy.copy(scene), copy.deepcopy(scene)):
        assert other is not scene and other == scene
    assert scene != nr.Scene(dataset=np.zeros((3, 2)), **FORWARD)  # arrays are equal only if they are the same
